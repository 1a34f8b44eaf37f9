"""The audit app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class AuditConfig(AppConfig):
    """Registers where entries and the ledger of a subject have their pages, and the navigation."""

    name = "audit"
    verbose_name = _("Audit")

    @override
    def ready(self) -> None:
        """Register once all models are loaded; they may not be imported before."""
        import_module("audit.startup").register()
