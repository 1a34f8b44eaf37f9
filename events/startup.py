"""What this app tells the others when the program starts."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.roles import ADMIN_SITE_ROLES
from events import words
from events.actions import EVENT
from events.api.event_json import InboundEventSchema, represent_events
from events.models import InboundEvent
from events.personal import TABLES
from ledger.erasure.personal_data import declare
from verbs import subject
from verbs.subject import Subject
from web import nav

INBOUND_EVENT = Subject(
    subject_type=EVENT,
    model=InboundEvent,
    route="events/<uuid:id>",
    shape=represent_events,
    schema=InboundEventSchema,
    versioned=None,
)


def register() -> None:
    """Register events as a kind of thing, their words, and their page for those who look after
    the organisation."""
    declare(*TABLES)
    subject.register(INBOUND_EVENT)
    words.register()
    nav.register(
        nav.NavEntry(
            "events", _("Events"), "radio", "events:list", order=55, roles=ADMIN_SITE_ROLES
        )
    )
