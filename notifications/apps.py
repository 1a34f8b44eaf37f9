"""The notifications app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ledger.dispatch.registry import register_consumer, register_source


class NotificationsConfig(AppConfig):
    """Registers who is told of what, what is due to be sent, and the page with its count."""

    name = "notifications"
    verbose_name = _("Notifications")

    @override
    def ready(self) -> None:
        """Register. Models are loaded only now."""
        from notifications.actions.sending import SOURCE  # noqa: PLC0415  -- needs loaded models
        from notifications.consumers import DELIVER  # noqa: PLC0415  -- needs loaded models
        from notifications.selectors import unread_count  # noqa: PLC0415  -- needs loaded models
        from web import nav  # noqa: PLC0415  -- needs loaded models

        register_consumer(DELIVER)
        register_source(SOURCE)
        nav.register(
            nav.NavEntry(
                key="notifications",
                label=_("Notifications"),
                icon="bell",
                url_name="notifications:list",
                order=60,
                count=unread_count,
            )
        )
