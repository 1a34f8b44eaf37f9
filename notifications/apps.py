"""The notifications app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override


class NotificationsConfig(AppConfig):
    """Registers who is told of what, what is due to be sent, and the page with its count."""

    name = "notifications"
    verbose_name = _("Notifications")

    @override
    def ready(self) -> None:
        """Register once all models are loaded; they may not be imported before."""
        import_module("notifications.startup").register()
