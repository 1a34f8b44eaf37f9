"""Who may do what with a work item, and why not: one answer for verbs, API and buttons.

`available_actions` lists every built operation with the reason it is denied. It asks in the order
in which a verb refuses: right first, then state.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Mapping

from accounts.acting import Authority
from compensation.policy import CompensationPolicy
from ledger.clock import now
from workitems.lifecycle import BY_NAME, OPERATIONS, Kind, Operation, Status
from workitems.models import WorkItem
from workitems.runs import Standing


@dataclasses.dataclass(frozen=True, slots=True)
class Action:
    """One operation as it stands for one person. `reason` is a code, empty when allowed."""

    action: str
    allowed: bool
    reason: str = ""


def is_candidate(item: WorkItem, authority: Authority) -> bool:
    """Whether the acting user may take `item`: named, or in a named group, or nobody was named.

    Excluded actors never may (WS-HumanTask 1.1 §3.2, excluded owners). An undo task for which
    nobody could be named is an operator's, not everybody's.
    """
    if str(authority.actor_id) in item.excluded:
        return False
    users = {row.actor_id for row in item.candidate_users.all()}
    groups = {row.name for row in item.candidate_groups.all()}
    if not users and not groups:
        return item.kind != Kind.COMPENSATION or authority.is_operator
    return authority.actor_id in users or not authority.groups.isdisjoint(groups)


def available_actions(
    item: WorkItem,
    authority: Authority,
    *,
    case: Standing = Standing(),
    managed_by: uuid.UUID | None = None,
    requested_by: uuid.UUID | None = None,
    undo_started: bool = False,
) -> list[Action]:
    """Return every built operation on `item` for this person.

    `case` says how the item's case stands; `managed_by` the run that owns the item's undo,
    `requested_by` who asked for that undo, `undo_started` whether it can no longer be withdrawn.
    """
    found = []
    for operation in OPERATIONS:
        if not operation.built or operation.who == "system":
            continue
        reason = _right(operation, item, authority, requested_by) or _state(
            operation, item, case, managed_by, undo_started=undo_started
        )
        found.append(Action(operation.name, not reason, reason))
    return found


def by_name(actions: list[Action]) -> Mapping[str, Action]:
    """Return the actions by name, for templates and tests."""
    return {action.action: action for action in actions}


def _right(
    operation: Operation, item: WorkItem, authority: Authority, requested_by: uuid.UUID | None
) -> str:
    who = operation.who.split()
    if "operator" in who and authority.is_operator:
        return ""
    if "assignee" in who and item.assignee_id == authority.actor_id:
        return ""
    if "requester" in who and requested_by == authority.actor_id:
        return ""
    if "candidate" in who and (item.status == Status.PENDING or operation.name == "claim"):
        return "" if is_candidate(item, authority) else "not_candidate"
    if "original_actor" in who and item.completed_by_id == authority.actor_id:
        said = CompensationPolicy.from_json(item.policy).effective()
        return "" if said.self_undo else "self_undo_not_allowed"
    return "not_assignee" if "assignee" in who else "not_operator"


def _state(
    operation: Operation,
    item: WorkItem,
    case: Standing,
    managed_by: uuid.UUID | None,
    *,
    undo_started: bool,
) -> str:
    if operation.name == "compensate":
        return _compensable(item, case)
    if item.status not in operation.sources:
        return "wrong_state"
    if operation.compensation and managed_by is not None:
        return "managed_by_run"
    if operation.name == "withdraw" and undo_started:
        return "undo_started"
    return ""


def _compensable(item: WorkItem, case: Standing) -> str:
    if item.kind == Kind.COMPENSATION:
        return "not_compensable"
    if item.status == Status.COMPENSATED:
        return "already_compensated"
    if item.status not in BY_NAME["compensate"].sources:
        return "wrong_state"
    if case.closed:
        return "case_closed"
    if case.live_run is not None:
        return "run_live"
    closes = window_ends(item)
    return "window_closed" if closes is not None and now() > closes else ""


def window_ends(item: WorkItem) -> dt.datetime | None:
    """Return until when the item may be undone; None means without limit."""
    window = CompensationPolicy.from_json(item.policy).effective().window
    return None if window is None or item.completed_at is None else item.completed_at + window
