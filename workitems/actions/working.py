"""Working on an item: claim, release, assign, start, stop, complete, reject, cancel.

Ending an undo task settles its original in the same transaction; see
`compensation.actions`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction

from accounts.acting import ActingUser, Authority, authority_of
from accounts.selectors import active_actors
from compensation import actions as compensation
from compensation.counters import next_completion
from compensation.lifecycle import CompensationState
from compensation.planning import UNDONE_OUTCOMES
from compensation.regulatory_basis import required_reason
from ledger import failpoints
from ledger.clock import now
from ledger.errors import Invalid, NotPermitted
from ledger.record import Recorded
from ledger.tenancy import set_tenant
from workitems.actions.door import (
    Asked,
    check_input,
    check_state,
    check_version,
    lock_item,
    save_and_record,
)
from workitems.lifecycle import Kind, Status
from workitems.models import WorkItem
from workitems.permissions import is_candidate
from workitems.resolution import check_completion

Remember = Callable[[WorkItem], None]
failpoints.declare("workitem.locked", "workitem.saved", "workitem.settled", "workitem.committed")


def claim(
    item_id: uuid.UUID,
    *,
    acting_user: ActingUser,
    asked: Asked = Asked(),
    remember: Remember | None = None,
) -> WorkItem:
    """Take an item from the pool (WS-HumanTask 1.1 `claim`): PENDING → ASSIGNED.

    Raises NotFound, NotPermitted (no candidate, or excluded), Stale, IllegalState.
    """

    def change(item: WorkItem, authority: Authority) -> tuple[str, list[str], dict[str, Any]]:
        item.claim()
        item.assignee_id = authority.actor_id
        return "claimed", ["assignee"], {}

    return _simple(
        item_id,
        "claim",
        _require_candidate,
        change,
        acting_user=acting_user,
        asked=asked,
        remember=remember,
    )


def release(
    item_id: uuid.UUID,
    *,
    acting_user: ActingUser,
    asked: Asked = Asked(),
    remember: Remember | None = None,
) -> WorkItem:
    """Give an item back to the pool: ASSIGNED or IN_PROGRESS → PENDING. Assignee or operator."""

    def change(item: WorkItem, _authority: Authority) -> tuple[str, list[str], dict[str, Any]]:
        item.release()
        item.assignee_id = None
        return "released", ["assignee"], {}

    return _simple(
        item_id,
        "release",
        _require_owner,
        change,
        acting_user=acting_user,
        asked=asked,
        remember=remember,
    )


def assign(
    item_id: uuid.UUID,
    *,
    assignee: uuid.UUID | None,
    acting_user: ActingUser,
    asked: Asked = Asked(),
    remember: Remember | None = None,
) -> WorkItem:
    """Give an open item to somebody: any open status → ASSIGNED. Operator.

    Raises Invalid when the assignee is no active member, or excluded from this item.
    """

    def change(item: WorkItem, _authority: Authority) -> tuple[str, list[str], dict[str, Any]]:
        if assignee is None or assignee not in active_actors([assignee]):
            raise Invalid.field("/assignee", "must be an active member of this organisation")
        if str(assignee) in item.excluded:
            raise Invalid.field("/assignee", "is excluded from this item", code="excluded")
        item.assign()
        item.assignee_id = assignee
        return "assigned", ["assignee"], {"assignee": str(assignee)}

    return _simple(
        item_id,
        "assign",
        _require_operator,
        change,
        acting_user=acting_user,
        asked=asked,
        remember=remember,
    )


def start(
    item_id: uuid.UUID,
    *,
    acting_user: ActingUser,
    asked: Asked = Asked(),
    remember: Remember | None = None,
) -> WorkItem:
    """Begin work: ASSIGNED → IN_PROGRESS by the assignee; from the pool by a candidate, claiming
    it.
    """

    def allowed(item: WorkItem, authority: Authority) -> None:
        if item.status == Status.PENDING:
            _require_candidate(item, authority)
        else:
            _require_assignee(item, authority)

    def change(item: WorkItem, authority: Authority) -> tuple[str, list[str], dict[str, Any]]:
        item.start()
        item.assignee_id = authority.actor_id
        item.started_at = item.started_at or now()
        return "started", ["assignee", "started_at"], {}

    return _simple(
        item_id, "start", allowed, change, acting_user=acting_user, asked=asked, remember=remember
    )


def stop(
    item_id: uuid.UUID,
    *,
    acting_user: ActingUser,
    asked: Asked = Asked(),
    remember: Remember | None = None,
) -> WorkItem:
    """Pause work: IN_PROGRESS → ASSIGNED. Assignee."""

    def change(item: WorkItem, _authority: Authority) -> tuple[str, list[str], dict[str, Any]]:
        item.stop()
        return "stopped", [], {}

    return _simple(
        item_id,
        "stop",
        _require_assignee,
        change,
        acting_user=acting_user,
        asked=asked,
        remember=remember,
    )


def complete(
    item_id: uuid.UUID,
    *,
    outcome: str | None = None,
    resolution: Any = None,
    acting_user: ActingUser,
    asked: Asked = Asked(),
    remember: Remember | None = None,
) -> WorkItem:
    """Finish an item: IN_PROGRESS → COMPLETED. Assignee.

    The outcome must be permitted and the resolution match the item's schema, else Invalid with JSON
    pointers. In a case the completion number is drawn here and becomes part of the entry: that
    number, not a time, is the order in which the case is unwound.
    """

    def change(item: WorkItem, authority: Authority) -> tuple[str, list[str], dict[str, Any]]:
        check_completion(
            outcome,
            resolution,
            permitted=item.permitted_outcomes,
            schema=item.resolution_schema,
        )
        item.complete()
        item.outcome, item.resolution = outcome, resolution
        item.completed_at = item.ended_at = now()
        item.completed_by_id = authority.actor_id
        fields = ["outcome", "resolution", "completed_at", "ended_at", "completed_by"]
        if item.kind == Kind.COMPENSATION:
            item.compensation_state = (
                CompensationState.COMPENSATED
                if outcome in UNDONE_OUTCOMES
                else CompensationState.COMPENSATION_FAULTED
            )
            fields.append("compensation_state")
        elif item.case_id is not None:
            item.completion_seq = next_completion(item.case_id, item.tenant_id)
            fields.append("completion_seq")
        return "completed", fields, {"outcome": outcome, "resolution": resolution}

    return _simple(
        item_id,
        "complete",
        _require_assignee,
        change,
        acting_user=acting_user,
        asked=asked,
        remember=remember,
    )


def reject(
    item_id: uuid.UUID,
    *,
    reason: str,
    acting_user: ActingUser,
    asked: Asked = Asked(),
    remember: Remember | None = None,
) -> WorkItem:
    """Refuse an item for good, with a reason: ASSIGNED or IN_PROGRESS → REJECTED. Assignee."""

    def change(item: WorkItem, _authority: Authority) -> tuple[str, list[str], dict[str, Any]]:
        why = required_reason(reason)
        item.reject()
        return _ended(item, "rejected", why)

    return _simple(
        item_id,
        "reject",
        _require_assignee,
        change,
        acting_user=acting_user,
        asked=asked,
        remember=remember,
    )


def cancel(
    item_id: uuid.UUID,
    *,
    reason: str,
    acting_user: ActingUser,
    asked: Asked = Asked(),
    remember: Remember | None = None,
) -> WorkItem:
    """Call an open item off, with a reason: any open status → CANCELLED. Operator."""

    def change(item: WorkItem, _authority: Authority) -> tuple[str, list[str], dict[str, Any]]:
        why = required_reason(reason)
        item.cancel()
        return _ended(item, "cancelled", why)

    return _simple(
        item_id,
        "cancel",
        _require_operator,
        change,
        acting_user=acting_user,
        asked=asked,
        remember=remember,
    )


def _ended(item: WorkItem, action: str, reason: str) -> tuple[str, list[str], dict[str, Any]]:
    item.ended_at, item.ended_reason = now(), reason
    if item.kind == Kind.COMPENSATION:
        item.compensation_state = CompensationState.COMPENSATION_FAULTED
    return action, ["ended_at", "ended_reason", "compensation_state"], {"reason": reason}


def _simple(
    item_id: uuid.UUID,
    operation: str,
    allowed: Callable[[WorkItem, Authority], None],
    change: Callable[[WorkItem, Authority], tuple[str, list[str], dict[str, Any]]],
    *,
    acting_user: ActingUser,
    asked: Asked,
    remember: Remember | None,
) -> WorkItem:
    """Run one verb: lock, who may, version, state, input, change, save, record, settle, remember.

    `change` applies the FSM method and returns the action, the changed fields and the payloads.
    """
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        item, original = lock_item(item_id)
        failpoints.reach("workitem.locked")
        authority = authority_of(acting_user)
        allowed(item, authority)
        check_version(item, asked)
        check_state(item, operation)
        check_input(asked)
        before = str(item.status)
        action, fields, payloads = change(item, authority)
        entry = save_and_record(
            item, action, before=before, by=authority.ref(), fields=fields, payloads=payloads
        )
        failpoints.reach("workitem.saved")
        _settle(item, original, authority, entry)
        failpoints.reach("workitem.settled")
        if remember is not None:
            remember(item)
    failpoints.reach("workitem.committed")
    return item


def _settle(item: WorkItem, original: Any, authority: Authority, entry: Recorded) -> None:
    """Draw the consequence for the original when an undo task has just ended."""
    if item.kind != Kind.COMPENSATION or item.ended_at is None:
        return
    undone = item.status == Status.COMPLETED and item.outcome in UNDONE_OUTCOMES
    said = item.outcome or str(item.status)
    note = item.ended_reason
    if not undone and isinstance(item.resolution, dict):
        note = str(item.resolution.get("note", ""))
    compensation.settle_undo(
        item,
        original,
        undone=undone,
        error="" if undone else f"The undo task ended {said}." + (f" {note}" if note else ""),
        by=authority.ref(),
        caused_by=entry.ref,
    )


def _require_assignee(item: WorkItem, authority: Authority) -> None:
    # A state in which nobody holds the item is a conflict of state, reported by the next check.
    if item.assignee_id is not None and item.assignee_id != authority.actor_id:
        raise NotPermitted("Only the person it is assigned to may do this.")
    if item.assignee_id is None and not is_candidate(item, authority):
        raise NotPermitted("Only the person it is assigned to may do this.")


def _require_owner(item: WorkItem, authority: Authority) -> None:
    if not authority.is_operator:
        _require_assignee(item, authority)


def _require_operator(_item: WorkItem, authority: Authority) -> None:
    if not authority.is_operator:
        raise NotPermitted("Only an operator may do this.")


def _require_candidate(item: WorkItem, authority: Authority) -> None:
    if not is_candidate(item, authority):
        raise NotPermitted("Only a candidate of this item may take it.")
