"""Reads of inbound events. Every function runs in the caller's tenant scope."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from django.db.models import QuerySet

from events.models import InboundEvent
from ledger.errors import NotFound

#: What lists can be narrowed by.
FILTERS = ("type", "source", "subject")


def events(tenant_id: uuid.UUID, asked: Mapping[str, str]) -> QuerySet[InboundEvent]:
    """Return the tenant's events; `asked` narrows them by `FILTERS`, exactly."""
    wanted = {name: asked[name] for name in FILTERS if asked.get(name)}
    return InboundEvent.objects.filter(tenant_id=tenant_id, **wanted)


def event(tenant_id: uuid.UUID, id_: uuid.UUID) -> InboundEvent:
    """Return one. Raises NotFound."""
    found = InboundEvent.objects.filter(tenant_id=tenant_id, id=id_).first()
    if found is None:
        raise NotFound
    return found


def event_of(tenant_id: uuid.UUID, entry_id: uuid.UUID) -> InboundEvent | None:
    """Return the event that an entry announces, if it announces one."""
    return InboundEvent.objects.filter(tenant_id=tenant_id, entry_id=entry_id).first()
