"""The ledger app: entries, heads, outbox, the recording door, dispatch. No HTTP, no admin."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class LedgerConfig(AppConfig):
    """Registers sealing and anchoring; upper apps register their consumers, sources and guards."""

    name = "ledger"
    verbose_name = _("Ledger")

    @override
    def ready(self) -> None:
        """Register once all models are loaded; they may not be imported before."""
        import_module("ledger.tree.sources").register()
        personal = import_module("ledger.personal")
        import_module("ledger.erasure.personal_data").declare(*personal.TABLES)
