"""The notifications app."""

from __future__ import annotations

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Registers this app's consumers, sources, describers and guarded tables."""

    name = "notifications"
