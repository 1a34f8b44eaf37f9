"""What the engine should have heard and never did.

News is a task of the outbox, written with what it is about, and nothing loses it but somebody who
deletes it, or a database that was put back in part. Then a step would be open for ever. So each
tenant has a row that falls due: whoever leases it looks through what was recorded since
(`recent_news`), keeps where it was, and has the engine told again of what is lost. That hears it in
the lane of the case, like any news; if it was to hear it anyway, or has by then, nothing follows.

What was lost of longer ago shows in what is open: once a day open steps are compared with their
work, and the entries of open cases with their tasks (`unheard_cases`), so many at a time in the
order of the indexes that know the open ones.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from typing import Any, Final

from django.db import transaction

from cases.actions.ended_work import tell_of_ended
from cases.actions.recent_news import tell_of_recent
from cases.actions.unheard_cases import tell_of_next
from cases.lifecycle import OPEN_ITEMS
from cases.models import MissedNewsCheck
from ledger.clock import now
from ledger.dispatch.consumer_registry import Source
from ledger.dispatch.lease_table import Due, LeaseTable
from ledger.ids import new_token
from ledger.statements import fetched
from ledger.tenancy import set_tenant
from verbs.row_reading import literal

log = logging.getLogger(__name__)
CHECKS = LeaseTable("cases_missednewscheck", "id")
_LEASE_SECONDS: Final = 60.0
#: So many open steps are compared at once.
AT_ONCE: Final = 500
#: How long it is before the next ones are, and before it begins again after the last, in seconds.
#: None where what was recorded is not looked through yet.
_PAUSE: Final = 5.0
_ROUND: Final = 300.0
#: How old an entry is before it is not looked at again.
_SETTLED: Final = dt.timedelta(minutes=10)
#: How often all that is open is looked at; the entries since are looked through again then.
_WHOLE: Final = dt.timedelta(days=1)
_KINDS: Final = {
    "ends": "ends of work", "cases": "changes of cases", "events": "events from outside",
}  # fmt: skip
_FIRST_ID: Final = uuid.UUID(int=0)
_NEXT: Final = f"""
SELECT p.case_id, p.binding, p.type, p.target_id FROM cases_planitem p
WHERE p.tenant_id = %s AND (p.case_id, p.binding) > (%s, %s) AND p.status IN ({literal(OPEN_ITEMS)})
ORDER BY p.case_id, p.binding LIMIT %s
"""  # noqa: S608  -- own words


def check_due(tenant_id: uuid.UUID, id_: uuid.UUID) -> bool:
    """Look for lost news of a tenant, some at a time; whether it was time to.

    The lease is committed first. Nothing is locked: what ends meanwhile has its own news.
    """
    due = Due(tenant_id, id_, new_token())
    with transaction.atomic(durable=True):
        set_tenant(tenant_id, flush=False)
        if not CHECKS.take(due, _LEASE_SECONDS):
            return False
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        row = MissedNewsCheck.objects.filter(tenant_id=tenant_id, id=id_).first()
        if row is not None and CHECKS.is_ours(due):
            _see_to_next(row)
    return True


SOURCE = Source("case_missed_news", CHECKS, check_due, short=True)


def _see_to_next(row: MissedNewsCheck) -> None:
    """Look through what was recorded lately, on every turn; beside that what was recorded on the
    day before the last look at all that is open, and, once a day, all that is. Whoever is behind
    goes on at once: else what is recorded meanwhile may be more than what is looked through."""
    behind = _see_to_recent(row)
    if row.replay_at is not None:
        behind = _see_to_replay(row, row.replay_at) or behind
    under_way = row.case_id is not None or row.definition_id is not None
    left = (under_way or now() >= row.whole_due_at) and _see_to_open(row)
    pause = _PAUSE if left else _ROUND
    CHECKS.put_back(row.tenant_id, row.id, 0 if behind else pause)


def _see_to_open(row: MissedNewsCheck) -> bool:
    """Look at the next of what is open: steps, and after the last of them cases; whether there are
    more."""
    if row.definition_id is None:
        after = row.case_id or _FIRST_ID, row.binding
        found = fetched(_NEXT, [row.tenant_id, *after, AT_ONCE])
        _say(row, ends=tell_of_ended(row.tenant_id, found))
        if len(found) == AT_ONCE:
            _keep(row, case_id=found[-1][0], binding=found[-1][1])
            return True
        row.definition_id = row.case_id = _FIRST_ID
    told, place = tell_of_next(row.tenant_id, (row.definition_id, row.case_id or _FIRST_ID))
    _say(row, cases=told)
    if place is not None:
        _keep(row, definition_id=place[0], case_id=place[1], binding="")
        return True
    if row.replay_at is None:
        # From the end of the last one on: nothing is between the two.
        _keep(row, replay_at=row.whole_due_at - _WHOLE, replay_id=None)
    _keep(row, definition_id=None, case_id=None, binding="", whole_due_at=now() + _WHOLE)
    return False


def _see_to_recent(row: MissedNewsCheck) -> bool:
    """Look through the next of what was recorded; whether there is more.

    What is younger than `_SETTLED` is looked through again: it may lose its task yet, and an entry
    bears the time at which it was made, which is before others see it."""
    place = _told_of(row, row.recent_at, row.recent_id)
    if place is not None:
        _keep(row, recent_at=place[0], recent_id=place[1])
        return True
    _keep(row, recent_at=now() - _SETTLED, recent_id=None)
    return False


def _see_to_replay(row: MissedNewsCheck, at: dt.datetime) -> bool:
    """Look through the next of what was recorded on the day before; whether there is more: what
    comes after it is looked through as what was recorded lately."""
    place = _told_of(row, at, row.replay_id)
    if place is not None and place[0] < row.recent_at:
        _keep(row, replay_at=place[0], replay_id=place[1])
        return True
    _keep(row, replay_at=None, replay_id=None)
    return False


def _told_of(
    row: MissedNewsCheck, at: dt.datetime, id_: uuid.UUID | None
) -> tuple[dt.datetime, uuid.UUID] | None:
    """Have what is lost told of the next entries; where these end, None where nothing follows."""
    told = tell_of_recent(row.tenant_id, at, id_ or _FIRST_ID)
    _say(row, ends=told.ends, cases=told.cases, events=told.events)
    return told.place


def _say(row: MissedNewsCheck, **told: int) -> None:
    for kind, count in told.items():
        if count:
            log.error(
                "the engine had not heard of %d %s in tenant %s", count, _KINDS[kind], row.tenant_id
            )


def _keep(row: MissedNewsCheck, **place: Any) -> None:
    """Keep where one has been."""
    for name, value in place.items():
        setattr(row, name, value)
    MissedNewsCheck.objects.filter(tenant_id=row.tenant_id, id=row.id).update(**place)
