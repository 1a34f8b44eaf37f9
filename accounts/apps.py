"""The accounts app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Who there is: users, actors, tenants, memberships, tokens."""

    name = "accounts"
    verbose_name = _("People")
