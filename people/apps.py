"""The people app: members, roles and groups, substitutes and tokens as people manage them."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class PeopleConfig(AppConfig):
    """Says how people and the tenant are called, and what is done to them."""

    name = "people"
    verbose_name = _("People")

    @override
    def ready(self) -> None:
        """Register once all models are loaded; they may not be imported before."""
        import_module("people.startup").register()
