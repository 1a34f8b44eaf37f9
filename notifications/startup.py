"""What this app tells the others when the program starts."""

from __future__ import annotations

import dataclasses

from django.utils.translation import gettext_lazy as _

from ledger.dispatch.consumer_registry import Consumer, register_consumer, register_source
from notifications import watched, words
from notifications.actions.sending import SOURCE
from notifications.actions.telling import handle
from notifications.api.delivery_json import NotificationSchema, notifications
from notifications.events import CONSUMER, TOLD, concerns_somebody
from notifications.subject import DELIVERY
from verbs import subject
from web import live, nav

# What the API adds: the domain's own module does not know it.
SHOWN = dataclasses.replace(
    DELIVERY,
    shape=lambda rows, _authority: notifications(rows),
    schema=NotificationSchema,
)

# A message that cannot be made out holds nothing: the work goes on without it.
DELIVER = Consumer(
    name=CONSUMER,
    wants=TOLD.__contains__,
    handle=handle,
    matters=concerns_somebody,
    queue="notify",
)


def register() -> None:
    """Register who is told of what, what is due to be sent, and the page with its count."""
    subject.register(SHOWN)
    register_consumer(DELIVER)
    register_source(SOURCE)
    words.register()
    live.register(*watched.PAGES)
    live.register_counted("notifications", watched.unread)
    page, label = "notifications:list", _("Notifications")
    nav.register(nav.NavEntry("notifications", label, "bell", page, order=60))
