"""Schedules, read: those of a tenant that have not ended."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet
from django.urls import reverse

from ledger.errors import NotFound
from verbs.subject import Description, Named, Subject
from workitems.schedules.schedule_saving import SCHEDULE
from workitems.schedules.schedule_tables import Schedule


def live_schedules(tenant_id: uuid.UUID) -> QuerySet[Schedule]:
    """Return them with their templates."""
    rows = Schedule.objects.filter(tenant_id=tenant_id, ended_at__isnull=True)
    return rows.select_related("template")


def live_schedule(tenant_id: uuid.UUID, id_: uuid.UUID) -> Schedule:
    """Return one. Raises NotFound."""
    row = live_schedules(tenant_id).filter(id=id_).first()
    if row is None:
        raise NotFound
    return row


def _called(_id: uuid.UUID, name: str) -> Description:
    return Description(name, reverse("workitems:schedules"), icon="clock")


SCHEDULE_SUBJECT = Subject(
    subject_type=SCHEDULE,
    model=Schedule,
    rank=91,
    route="schedules/<uuid:id>",
    named=Named(Schedule, ("name",), _called),
)
