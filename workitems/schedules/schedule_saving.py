"""Adding a schedule, changing it, and ending it: verbs of those who look after templates.

What its items will say is checked as if one were made now, and each moment checks it again: who is
named may have gone since.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from django.utils.translation import gettext as _
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from accounts.actions import ZONES, lock_tenant, note_on_tenant
from ledger.clock import now
from ledger.errors import Conflict, Invalid, NotFound
from verbs import catalogue
from verbs.input import Id, Input, Name, Nothing, read
from verbs.operation import operation
from verbs.shell import VerbContext
from verbs.subject import Locked
from workitems.actions.item_contents import Create, new_item_of
from workitems.actions.item_templates import Instantiate, merged, said_of
from workitems.models import WorkItemTemplate
from workitems.schedules.cron_times import LONGEST, CronError, check_cron, next_moment
from workitems.schedules.schedule_tables import Schedule

SCHEDULE = "schedule"
#: That run at once in one tenant.
MOST = 200
_AT_THE_LIST: dict[str, Any] = {
    "page": False,
    "no_button": "The page of schedules has a form for it.",
}


def _cron(text: str) -> str:
    try:
        check_cron(text)
    except CronError as wrong:
        raise PydanticCustomError("unsupported", "{message}", {"message": str(wrong)}) from None
    return " ".join(text.split())


def _zone(name: str) -> str:
    if name not in ZONES:
        message = _("no time zone is called %(name)r") % {"name": name}
        raise PydanticCustomError("unknown", "{message}", {"message": message})
    return name


_Cron = Annotated[str, Field(max_length=LONGEST), AfterValidator(_cron)]
_Zone = Annotated[str, Field(max_length=100), AfterValidator(_zone)]


class NewSchedule(Input):
    """At which moments items are made of a template, and what they say instead of it."""

    name: Name
    template: Id
    cron: _Cron
    zone: _Zone
    values: Instantiate | None = None


class ScheduleChanges(Input):
    """What is to be otherwise; what is left out, or null, stays. `active` false: it rests."""

    name: Name | None = None
    template: Id | None = None
    cron: _Cron | None = None
    zone: _Zone | None = None
    values: Instantiate | None = None
    active: bool | None = None


def _locked(tenant_id: uuid.UUID, schedule_id: uuid.UUID) -> Locked:
    """Lock the tenant, which has the entries about its schedules, and then the schedule."""
    lock_tenant(tenant_id)
    rows = Schedule.objects.select_for_update(of=("self",)).select_related("template")
    found = rows.filter(tenant_id=tenant_id, id=schedule_id, ended_at__isnull=True).first()
    if found is None:
        raise NotFound
    return Locked(found)


@catalogue.verb(
    SCHEDULE, operation("create", None, None, "operator"), action="schedule_added",
    given=NewSchedule, creates=True, status=201, again_on="workitems_schedule_once",
    **_AT_THE_LIST,
)  # fmt: skip
def add_schedule(_row: None, given: NewSchedule, context: VerbContext) -> Schedule:
    """Make items of a template at the moments of a cron expression."""
    tenant_id, creator = context.call.by.tenant_id, context.authority.actor_id
    row = Schedule(
        tenant_id=tenant_id, name=given.name, cron=given.cron, zone=given.zone,
        values=_values(given.values), created_by_id=creator, created_at=now(),
    )  # fmt: skip
    row.template = _template(tenant_id, given.template)
    _check(row)
    lock_tenant(tenant_id)
    live = Schedule.objects.filter(tenant_id=tenant_id, ended_at__isnull=True)
    if live.filter(name=row.name).exists():
        raise _taken()
    if live.count() >= MOST:
        said = _("There are %(n)d schedules: end one first.") % {"n": MOST}
        raise Conflict(said, code="too_many")
    row.due_at = next_moment(row.cron, row.zone, now())
    row.save(force_insert=True)
    _note(row, "schedule_added", context, _shown(row))
    return row


@catalogue.verb(
    SCHEDULE, operation("edit", None, None, "operator"), action="schedule_changed",
    given=ScheduleChanges, method="PATCH", locked=_locked, again_on="workitems_schedule_once",
    page=False, no_button="It has a page of its own, filled in with what it says.",
)  # fmt: skip
def edit_schedule(row: Schedule, given: ScheduleChanges, context: VerbContext) -> Schedule:
    """Change when it makes items, and what they say; or let it rest."""
    before = _shown(row)
    for name in ("name", "cron", "zone", "active"):
        said = getattr(given, name)
        if said is not None:
            setattr(row, name, said)
    if given.values is not None:
        row.values = _values(given.values)
    if given.template is not None:
        row.template = _template(row.tenant_id, given.template)
    after = _shown(row)
    if after == before:
        return row
    _check(row)
    others = Schedule.objects.filter(tenant_id=row.tenant_id, ended_at__isnull=True)
    if others.filter(name=row.name).exclude(id=row.id).exists():
        raise _taken()
    # What was missed while it rested is not made up for.
    row.due_at = next_moment(row.cron, row.zone, now())
    row.leased_until = row.lease_token = row.troubled_since = None
    row.version += 1
    row.save()
    _note(row, "schedule_changed", context, {"from": before, "to": after})
    return row


@catalogue.verb(
    SCHEDULE, operation("end", None, None, "operator"), action="schedule_ended", method="DELETE",
    locked=_locked,
)  # fmt: skip
def end_schedule(row: Schedule, _given: Nothing, context: VerbContext) -> Schedule:
    """Make no more items. What was made stays."""
    row.ended_at = now()
    row.version += 1
    row.save(update_fields=["ended_at", "version"])
    _note(row, "schedule_ended", context, {})
    return row


def new_body(row: Schedule) -> Create:
    """Return what an item says that a schedule makes now. Raises Invalid."""
    return read(Create, merged(row.template.content, row.values))


def _check(row: Schedule) -> None:
    """Raise Invalid where no item could be made, of what the schedule says beside its template."""
    try:
        new_item_of(new_body(row), row.tenant_id, row.created_by_id)
    except Invalid as refused:
        errors = [
            dataclasses.replace(each, pointer=f"/values{each.pointer}") for each in refused.errors
        ]
        said = _("No task could be made so: %(why)s") % {"why": refused.in_words}
        raise Invalid(said, errors=errors) from None


def _template(tenant_id: uuid.UUID, id_: str) -> WorkItemTemplate:
    row = WorkItemTemplate.objects.filter(tenant_id=tenant_id, id=id_).first()
    if row is None or row.ended_at is not None:
        message = _("was ended") if row else _("there is no such template here")
        raise Invalid.field("/template", message, code="unknown")
    return row


def _values(given: Instantiate | None) -> dict[str, Any]:
    return {} if given is None else said_of(given)


def _shown(row: Schedule) -> dict[str, Any]:
    """Return what a schedule says, as its entries keep it."""
    return {
        "template": str(row.template), "cron": row.cron, "zone": row.zone,
        "values": row.values, "active": row.active, "name": row.name,
    }  # fmt: skip


def _note(row: Schedule, action: str, context: VerbContext, said: Mapping[str, Any]) -> None:
    payloads: dict[str, object] = {
        "schedule": row.name,
        **({"content": dict(said)} if said else {}),
    }
    note_on_tenant(row.tenant_id, action, by=context.by, payloads=payloads)


def _taken() -> Invalid:
    return Invalid.field("/name", _("Another schedule has this name."), code="name_taken")
