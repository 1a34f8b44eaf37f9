"""The config app: commands, Celery, and the poke it gives to the dispatcher; and the admin."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from typing_extensions import override

from ledger.dispatch.wakeup import set_poke


class ConfigConfig(AppConfig):
    """Installs the doorbell."""

    name = "config"

    @override
    def ready(self) -> None:
        """Give the dispatcher its bell. Without Redis there is none, and Celery is not loaded."""
        if settings.REDIS_URL:
            from config.celery import doorbell  # noqa: PLC0415  -- see above

            set_poke(doorbell.ring)


class AmendsAdminConfig(AdminConfig):
    """The Django admin: stock, themed, entered by role in the session's tenant."""

    default_site = "config.admin_desk.AmendsAdminSite"
