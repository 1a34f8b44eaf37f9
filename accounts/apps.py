"""The accounts app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class AccountsConfig(AppConfig):
    """Who there is: users, actors, tenants, memberships, tokens."""

    name = "accounts"
    verbose_name = _("People")

    @override
    def ready(self) -> None:
        """Say what the tables of people keep, who knows whose a token is, and what the check of the
        ledger asks of keys."""
        personal = import_module("accounts.personal")
        import_module("ledger.erasure.personal_data").declare(*personal.TABLES)
        erasing = import_module("accounts.actions.erasing_identity")
        import_module("ledger.erasure.identity").register(erasing.IDENTITIES)
        keys = import_module("accounts.keys_as_recorded")
        check = import_module("ledger.verify").register_check
        check("accounts_signaturekey", keys.KEYS_AS_RECORDED)
