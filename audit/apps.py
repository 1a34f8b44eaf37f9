"""The audit app."""

from __future__ import annotations

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Registers this app's consumers, sources, describers and guarded tables."""

    name = "audit"
