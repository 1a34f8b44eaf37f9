"""What happens when the moment of a schedule comes: one item is made, and the next moment set, in
one transaction; so each moment makes one, however many workers look.

Of moments that were missed, because nobody worked, only the last is made up for. Where no item can
be made, because somebody whom it names has gone or the template was ended, that is recorded and the
operators are told, and the next moment comes all the same.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import uuid

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.acting import authority_of, system_of
from accounts.actions import lock_tenant, note_on_tenant
from ledger.clock import now, rfc3339
from ledger.dispatch.lease_table import Due, LeaseTable
from ledger.errors import Conflict, Refusal
from ledger.ids import new_token
from ledger.tenancy import set_tenant
from verbs.answered_outside import answered_outside
from workitems.actions.instances import open_instances
from workitems.actions.item_contents import new_item_of
from workitems.actions.item_templates import made_from
from workitems.schedules.cron_times import CronError, last_moment, next_moment
from workitems.schedules.schedule_saving import new_body
from workitems.schedules.schedule_tables import RUNS, Schedule

#: The moments of schedules, as rows that fall due.
SCHEDULES = LeaseTable("workitems_schedule", "id", waiting=RUNS)
_LEASE_SECONDS = 10.0
# What a moment writes.
_SETTLED = "due_at leased_until lease_token troubled_since last_at last_item last_problem".split()


def make_due(tenant_id: uuid.UUID, schedule_id: uuid.UUID) -> bool:
    """See to a schedule whose moment has come; whether there was one to see to."""
    due = Due(tenant_id, schedule_id, new_token())
    with transaction.atomic(durable=True):
        set_tenant(tenant_id, flush=False)
        if not SCHEDULES.take(due, _LEASE_SECONDS):
            return False
    try:
        return answered_outside(functools.partial(_made, due))
    except Refusal as refused:
        return _noted(due, refused)


def _made(due: Due) -> bool:
    with transaction.atomic(durable=True):
        set_tenant(due.tenant_id)
        row = _ours(due)
        if row is None:
            return False
        if row.template.ended_at is not None:
            raise Conflict(
                _("%(template)s was ended.") % {"template": row.template}, code="template_ended"
            )
        moment = _moment(row)
        said = new_body(row)
        new = new_item_of(said, row.tenant_id, row.created_by_id)
        by = authority_of(system_of(row.tenant_id)).ref()
        made = dataclasses.replace(
            new,
            template=made_from(row.template),
            schedule={"name": row.name, "moment": rfc3339(moment)},
        )
        item = open_instances(made, said.group, by=by)
        _settle(row, moment, item_id=item.id)
    return True


def _noted(due: Due, refused: Refusal) -> bool:
    """Record that a moment made nothing, and why, after all of it was rolled back."""
    with transaction.atomic(durable=True):
        set_tenant(due.tenant_id)
        # The order in which those who change a schedule lock.
        lock_tenant(due.tenant_id)
        row = _ours(due)
        if row is None:
            return False
        why = refused.in_words
        moment = _moment(row)
        by = authority_of(system_of(row.tenant_id)).ref()
        said: dict[str, object] = {"title": row.name, "reason": why, "moment": rfc3339(moment)}
        note_on_tenant(row.tenant_id, "schedule_failed", by=by, payloads=said)
        _settle(row, moment, problem=why)
    return True


def _ours(due: Due) -> Schedule | None:
    if not SCHEDULES.is_ours(due):
        return None
    rows = Schedule.objects.select_related("template")
    return rows.get(tenant_id=due.tenant_id, id=due.id)


def _moment(row: Schedule) -> dt.datetime:
    """Return the moment that is made up for: the one that was due, or the last since."""
    try:
        return max(row.due_at, last_moment(row.cron, row.zone, now()))
    except CronError:
        return row.due_at


def _settle(
    row: Schedule, moment: dt.datetime, *, item_id: uuid.UUID | None = None, problem: str = ""
) -> None:
    row.due_at = next_moment(row.cron, row.zone, max(moment, now()))
    row.leased_until = row.lease_token = row.troubled_since = None
    row.last_at, row.last_item_id, row.last_problem = moment, item_id or row.last_item_id, problem
    row.save(update_fields=_SETTLED)
