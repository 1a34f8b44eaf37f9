"""The workitems app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class WorkItemsConfig(AppConfig):
    """Registers work items as something that can be undone, and the human way of undoing."""

    name = "workitems"

    def ready(self) -> None:
        """Register once all models are loaded; they may not be imported before."""
        import_module("workitems.startup").register()
