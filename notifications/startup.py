"""What this app tells the others when the program starts."""

from __future__ import annotations

import dataclasses

from django.utils.translation import gettext_lazy as _

from ledger.dispatch.consumer_registry import Consumer, register_consumer, register_source
from ledger.erasure.personal_data import declare, declare_outside
from ledger.erasure.retention import declare_kept
from notifications import watched, words
from notifications.actions.sending import SOURCE
from notifications.actions.telling import handle
from notifications.api.delivery_json import NotificationSchema, notifications
from notifications.events import CONSUMER, TOLD, concerns_somebody
from notifications.lifecycle import DUE
from notifications.mail_log import MAILS
from notifications.personal import TABLES
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

# The words of a message are made when it is sent: from what the news has, or what caused that. One
# that was given up is not sent any more.
_UNSENT = f"d.status IN ({', '.join(repr(str(each)) for each in sorted(DUE))})"
_YET_TO_BE_SENT = f"""
(EXISTS (SELECT 1 FROM notifications_delivery d
         WHERE d.tenant_id = e.tenant_id AND d.event_id = e.id AND {_UNSENT})
 OR EXISTS (SELECT 1 FROM ledger_ledgerentry n
            JOIN notifications_delivery d ON d.tenant_id = n.tenant_id AND d.event_id = n.id
            WHERE n.tenant_id = e.tenant_id AND n.caused_by_id = e.id AND {_UNSENT}))
"""  # noqa: S608  -- own words


def register() -> None:
    """Register who is told of what, what is due to be sent, and the page with its count."""
    declare(*TABLES)
    declare_outside(MAILS)
    declare_kept(_YET_TO_BE_SENT)
    subject.register(SHOWN)
    register_consumer(DELIVER)
    register_source(SOURCE)
    words.register()
    live.register(*watched.PAGES)
    live.register_counted("notifications", watched.unread)
    page, label = "notifications:list", _("Notifications")
    nav.register(nav.NavEntry("notifications", label, "bell", page, order=60))
