"""The accounts app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class AccountsConfig(AppConfig):
    """Says how people and the tenant are called."""

    name = "accounts"
    verbose_name = _("People")

    @override
    def ready(self) -> None:
        """Register the describers."""
        from accounts.http import describers, subjects  # noqa: PLC0415  -- needs loaded models

        describers.register("actor", subjects.describe_actors)
        describers.register("tenant", subjects.describe_tenants)
