"""What happens when a deadline is missed: people are told, it goes to others, gets more time, or
ends.

WS-HumanTask 1.1 §4.6. The row of a deadline falls due; whoever leases it locks the item and then
finds out whether there is anything to do: what was taken, begun or done in time has removed its
row, or has met the deadline. So a person and a deadline at once end in one order, and each step is
taken once, however many look. Steps are taken until one gives time or ends the item; when the last
time that was given is over, the item is escalated. An undo task that ends here faults what it
undoes, like any other ending of it.
"""

from __future__ import annotations

import datetime as dt
import functools
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction

from accounts.acting import ActingUser, authority_of, system_of
from compensation.lifecycle import CompensationState
from json_values.moments import NotAMoment
from ledger.clock import now, rfc3339
from ledger.dispatch.lease_table import Due, LeaseTable
from ledger.ids import new_token
from ledger.record import record
from ledger.tenancy import set_tenant
from verbs.call import Call
from verbs.locking_first import First, locking_first
from verbs.move import Moves, change_of
from verbs.shell import VerbContext
from verbs.subject import subject_of
from workitems.actions.candidates import replace_candidates
from workitems.deadlines import (
    COMPLETION,
    changed,
    forget_deadlines,
    later_by,
    limits_of,
    still_counts,
)
from workitems.delegations import ENDED, answer_delegation
from workitems.lifecycle import NOT_HELD, Kind, OfferedTo, Status
from workitems.models import Deadline, WorkItem
from workitems.plain_due import DUE, WAITS_SECONDS
from workitems.working_time import NeverOpen

ITEM = WorkItem.subject_type
#: The deadlines of items, as rows that fall due.
DEADLINES = LeaseTable("workitems_deadline", "id")
_LEASE_SECONDS = 10.0
_EXHAUSTED: Mapping[str, Any] = {"do": "escalate"}
_ENDS = ("expire", "escalate")


def miss_due(tenant_id: uuid.UUID, deadline_id: uuid.UUID) -> bool:
    """See to a deadline that has come; whether there was one to see to.

    The lease is committed first, and tells after the item's lock whether the row is still the one
    that was due: whatever meets or moves a deadline has removed it under that lock.
    """
    due = Due(tenant_id, deadline_id, new_token())
    with transaction.atomic(durable=True):
        set_tenant(tenant_id, flush=False)
        if not DEADLINES.take(due, _LEASE_SECONDS):
            return False
    return locking_first(functools.partial(_see_to, due))


def _see_to(due: Due, first: First) -> bool:
    tenant_id = due.tenant_id
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        first()
        row = Deadline.objects.filter(tenant_id=tenant_id, id=due.id, lease_token=due.token).first()
        if row is None:
            return False
        locked = subject_of(ITEM).lock(tenant_id, row.item_id)
        if not DEADLINES.is_ours(due):
            return False
        row.item = locked.row
        if row.name == DUE:
            _see_to_late(row)
        elif row.item.status in NOT_HELD and still_counts(row.name, row.item):
            _Missed(row, system_of(tenant_id), locked.others).see_to()
        else:
            row.delete()
    return True


def _see_to_late(row: Deadline) -> None:
    """Tell people once that a locked item is late which nobody wants anything else to follow from.
    It says nothing new about the item, whose version stays: nobody's form is out of date."""
    item = row.item
    if item.status == Status.SUSPENDED:
        DEADLINES.put_back(item.tenant_id, row.id, WAITS_SECONDS)
        return
    row.delete()
    if item.status in NOT_HELD:
        said = {"title": item.title, "deadline": DUE}
        if item.assignee_id is not None:
            said["had_it"] = str(item.assignee_id)
        by = authority_of(system_of(item.tenant_id)).ref()
        record(change_of(item, "deadline_missed", before=str(item.status), by=by, payloads=said))


class _Missed:
    """One missed deadline of a locked item, and what is done about it."""

    def __init__(self, row: Deadline, system: ActingUser, others: Any) -> None:
        self.row = row
        self.item: WorkItem = row.item
        self.name = row.name
        self.context = VerbContext(authority_of(system), Call(system), others)
        self.moves = Moves()
        self.until: dt.datetime | None = None

    def see_to(self) -> None:
        """Take steps until one gives time or ends the item, and record them."""
        for step in self._visit():
            _STEPS[step["do"]](self, step)
        self.moves.record()
        self._rearm()

    def _visit(self) -> list[Mapping[str, Any]]:
        """Return the steps that are taken now, and note that they are. When the last time that was
        given is over, or what would give time cannot, the item is escalated."""
        steps, taken = self._limit["breach"], self._limit["step"]
        now_due: list[Mapping[str, Any]] = []
        for step in steps[taken:]:
            taken += 1
            now_due.append(step)
            if "by" in step:
                self.until = self._time_given(step)
            if step["do"] in _ENDS or self.until is not None:
                break
        else:
            if any("by" in step for step in steps):
                now_due.append(_EXHAUSTED)
        due_at = rfc3339(self.until) if self.until else None
        changed(self.item, self.name, step=taken, missed_at=rfc3339(now()), due_at=due_at)
        # A step that gives no time after all is not taken; people hear of an end, or once of a
        # deadline, and not of both.
        acts = [step for step in now_due if "by" not in step or self.until is not None]
        told = [step for step in acts if step["do"] == "notify"][:1]
        others = [step for step in acts if step["do"] != "notify"]
        return others if others and others[-1]["do"] in _ENDS else [*told, *others]

    def _time_given(self, step: Mapping[str, Any]) -> dt.datetime | None:
        try:
            return later_by(self.item, self._limit, step["by"])
        except (NeverOpen, NotAMoment, OverflowError):
            return None

    @property
    def _limit(self) -> Mapping[str, Any]:
        return limits_of(self.item)[self.name]

    def _rearm(self) -> None:
        rows = Deadline.objects.filter(tenant_id=self.item.tenant_id, id=self.row.id)
        if self.until is None:
            rows.delete()
        else:
            rows.update(due_at=self.until, leased_until=None, lease_token=None, troubled_since=None)

    def _gives(self) -> list[str]:
        """Return the columns that more time changes."""
        if self.name != COMPLETION:
            return ["deadlines"]
        self.item.due_at = self.until
        return ["deadlines", "due_at"]

    def _said(self, **more: Any) -> dict[str, Any]:
        return {"title": self.item.title, "deadline": self.name, **more}

    def _notify(self, _step: Mapping[str, Any]) -> None:
        had_it = self.item.assignee_id
        said = self._said(**({"had_it": str(had_it)} if had_it else {}))
        self._changed("deadline_missed", str(self.item.status), ["deadlines"], said)

    def _reassign(self, step: Mapping[str, Any]) -> None:
        item, before = self.item, str(self.item.status)
        had_it, item.assignee_id = item.assignee_id, None
        item.offered_to, item.forwarded, item.people_missing = OfferedTo.NAMED, True, []
        answer_delegation(item, ENDED)
        replace_candidates(item, [], step["groups"])
        fields = ["assignee", "offered_to", "forwarded", "people_missing", "delegations"]
        fields += self._gives()
        item.pass_on()
        said = self._said(candidate_groups=list(step["groups"]))
        if had_it is not None:
            said["previous"] = str(had_it)
        self._changed("deadline_reassigned", before, fields, said)

    def _extend(self, _step: Mapping[str, Any]) -> None:
        fields = self._gives()
        said = self._said(until=rfc3339(self.until) if self.until else "")
        self._changed("deadline_extended", str(self.item.status), fields, said)

    def _expire(self, _step: Mapping[str, Any]) -> None:
        self._end("expired", self.item.expire)

    def _escalate(self, _step: Mapping[str, Any]) -> None:
        self._end("escalated", self.item.escalate)

    def _end(self, action: str, end: Callable[[], None]) -> None:
        item, before = self.item, str(self.item.status)
        item.ended_at, item.ended_reason = now(), _WHY[self.name]
        answer_delegation(item, ENDED)
        forget_deadlines(item)
        if item.kind == Kind.COMPENSATION:
            item.compensation_state = CompensationState.COMPENSATION_FAULTED
        end()
        fields = ["ended_at", "ended_reason", "compensation_state", "delegations", "deadlines"]
        said = self._said(reason=item.ended_reason)
        self._changed(action, before, fields, said)

    def _changed(
        self, action: str, before: str, fields: list[str], said: Mapping[str, Any]
    ) -> None:
        entry = self.moves.change(
            self.item, action, before=before, by=self.context.by, fields=fields, payloads=said
        )
        subject_of(ITEM).consequence(self.item, entry, self.context, self.moves)


_WHY = {
    "claim": "Nobody took it in time.",
    "start": "Nobody began in time.",
    "completion": "It was not done in time.",
}
_STEPS: Mapping[str, Callable[[_Missed, Mapping[str, Any]], None]] = {
    "notify": _Missed._notify,  # noqa: SLF001  -- the table of this class
    "reassign": _Missed._reassign,  # noqa: SLF001
    "extend": _Missed._extend,  # noqa: SLF001
    "expire": _Missed._expire,  # noqa: SLF001
    "escalate": _Missed._escalate,  # noqa: SLF001
}
