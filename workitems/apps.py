"""The workitems app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class WorkItemsConfig(AppConfig):
    """Registers work items as something that can be undone, and the human way of undoing."""

    name = "workitems"
    verbose_name = _("Work items")

    @override
    def ready(self) -> None:
        """Register once all models are loaded; they may not be imported before."""
        import_module("workitems.startup").register()
