"""The compensation app: everything about undoing, whatever is undone."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class CompensationConfig(AppConfig):
    """Policies, attempts, the order of completion."""

    name = "compensation"
    verbose_name = _("Rollbacks")

    @override
    def ready(self) -> None:
        """Register. Models are loaded only now."""
        from compensation import startup  # noqa: PLC0415  -- needs loaded models

        startup.register()
