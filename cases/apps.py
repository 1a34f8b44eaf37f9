"""The cases app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class CasesConfig(AppConfig):
    """Registers the engine, cases as something that is rolled back, and their navigation."""

    name = "cases"
    verbose_name = _("Cases and their kinds")

    @override
    def ready(self) -> None:
        """Register once all models are loaded; they may not be imported before."""
        import_module("cases.startup").register()
