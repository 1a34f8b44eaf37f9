"""The config app: commands, Celery, and what it tells workers after a commit; and the admin."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from typing_extensions import override

from ledger.dispatch.hints import set_publisher


class ConfigConfig(AppConfig):
    """Lets commits tell workers of the work they leave."""

    name = "config"

    @override
    def ready(self) -> None:
        """Give the dispatcher its publisher, and the menu what `config.urls` serves. Without a
        broker there is no publisher, and Celery is not loaded."""
        if settings.REDIS_URL or settings.AMENDS_BROKER_URL:
            set_publisher(import_module("config.publishing").publisher)
        menu = import_module("config.menu")
        menu.register()


class AmendsAdminConfig(AdminConfig):
    """The Django admin: stock, themed, entered by role in the session's tenant."""

    default_site = "config.admin_desk.AmendsAdminSite"
