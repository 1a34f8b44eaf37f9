"""The audit app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class AuditConfig(AppConfig):
    """Registers where entries and the ledger of a subject have their pages, and the navigation."""

    name = "audit"
    verbose_name = _("Audit")

    @override
    def ready(self) -> None:
        """Register. Models are loaded only now."""
        from audit import describing  # noqa: PLC0415  -- needs loaded models
        from web import nav  # noqa: PLC0415  -- needs loaded models

        describing.register()
        nav.register(
            nav.NavEntry(
                key="ledger",
                label=_("Ledger"),
                icon="book-open",
                url_name="audit:entries",
                order=50,
                rule=True,
            )
        )
