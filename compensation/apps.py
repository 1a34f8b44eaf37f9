"""The compensation app: everything about undoing, whatever is undone."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CompensationConfig(AppConfig):
    """Policies, attempts, the order of completion."""

    name = "compensation"
    verbose_name = _("Undoing")
