"""The executions app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from typing_extensions import override

from ledger.dispatch.registry import register_source


class ExecutionsConfig(AppConfig):
    """Registers this app's source of due rows and its part in undoing; loads every capability."""

    name = "executions"

    @override
    def ready(self) -> None:
        """Register. Models are loaded only now."""
        from executions.actions import undoing  # noqa: PLC0415  -- needs loaded models
        from executions.running import SOURCE  # noqa: PLC0415  -- needs loaded models

        register_source(SOURCE)
        undoing.register()
        autodiscover_modules("capabilities")
