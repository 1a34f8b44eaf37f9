"""The workitems app."""

from __future__ import annotations

from django.apps import AppConfig


class WorkItemsConfig(AppConfig):
    """Registers this app's consumers, sources, describers and guarded tables."""

    name = "workitems"
