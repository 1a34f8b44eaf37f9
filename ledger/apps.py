"""The ledger app: entries, heads, outbox, the recording door, dispatch. No HTTP, no admin."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LedgerConfig(AppConfig):
    """Registers nothing: upper apps register their consumers, sources and guards here."""

    name = "ledger"
    verbose_name = _("Ledger")
