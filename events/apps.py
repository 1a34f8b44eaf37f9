"""The events app: CloudEvents from outside."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class EventsConfig(AppConfig):
    """Registers inbound events, and the verb that takes one in."""

    name = "events"
    verbose_name = _("Events")

    @override
    def ready(self) -> None:
        """Register once all models are loaded; they may not be imported before."""
        import_module("events.startup").register()
