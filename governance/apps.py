"""The governance app: what must be agreed before a verb happens."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class GovernanceConfig(AppConfig):
    """Approvals, of whatever kind of thing."""

    name = "governance"
    verbose_name = _("Approvals")

    @override
    def ready(self) -> None:
        """Register. Models are loaded only now."""
        from governance import startup  # noqa: PLC0415  -- needs loaded models

        startup.register()
