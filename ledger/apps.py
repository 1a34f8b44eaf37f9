"""The ledger app: entries, heads, outbox, the recording door, dispatch. No HTTP, no admin."""

from __future__ import annotations

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """Registers nothing: upper apps register their consumers, sources and guards here."""

    name = "ledger"
