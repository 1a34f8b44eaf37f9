"""The executions app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class ExecutionsConfig(AppConfig):
    """Registers this app's source of due rows and its part in undoing; loads every capability."""

    name = "executions"
    verbose_name = _("Automatic steps")

    @override
    def ready(self) -> None:
        """Register once all models are loaded; they may not be imported before."""
        import_module("executions.startup").register()
