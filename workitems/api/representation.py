"""The public shape of a work item (DESIGN §8). People are usernames, groups are names."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from accounts.acting import Authority
from executions import selectors as execution_selectors
from executions.api import representation as executions_representation
from ledger.clock import rfc3339
from workitems import selectors
from workitems.actions.compensating import Compensation
from workitems.permissions import Action
from workitems.rows import Priority, WorkItem
from workitems.selectors import Shown

WORK_ITEM = WorkItem.subject_type


def represent(shown: Shown) -> dict[str, Any]:
    """Return one work item with every member of the public shape."""
    item = shown.item
    return {
        "id": str(item.id),
        "kind": item.kind,
        "title": item.title,
        "status": str(item.status),
        "compensation_state": item.compensation_state,
        "version": item.version,
        "priority": Priority(item.priority).name,
        "assignee": shown.username(item.assignee_id),
        "candidate_users": sorted(
            name
            for row in item.candidate_users.all()
            if (name := shown.username(row.actor_id)) is not None
        ),
        "candidate_groups": sorted(row.name for row in item.candidate_groups.all()),
        "payload": item.payload,
        "outcome": item.outcome,
        "resolution": item.resolution,
        "permitted_outcomes": item.permitted_outcomes,
        "resolution_schema": item.resolution_schema,
        "case": _text(item.case_id),
        "binding": item.binding or None,
        "compensates": _text(item.compensates_id),
        "undoes": _link(item.undoes_type, item.undoes_id),
        **_undone_by(shown.attempts),
        "compensation": _block(shown),
        "compensation_policy": item.policy,
        "reversibility": item.reversibility,
        "tainted": item.tainted,
        "created_by": shown.username(item.created_by_id),
        "created_at": rfc3339(item.created_at),
        "due_at": _moment(item.due_at),
        "started_at": _moment(item.started_at),
        "completed_at": _moment(item.completed_at),
        "completed_by": shown.username(item.completed_by_id),
        "ended_reason": item.ended_reason or None,
        "available_actions": actions(shown.actions),
    }


def represent_many(items: Sequence[WorkItem], authority: Authority) -> list[dict[str, Any]]:
    """Return the shapes of `items`, as `authority` sees them: a constant number of queries."""
    return [represent(shown) for shown in selectors.show(items, authority)]


def actions(found: Sequence[Action]) -> list[dict[str, Any]]:
    """Return `available_actions`; `reason` is null where the action is allowed."""
    return [
        {"action": each.action, "allowed": each.allowed, "reason": each.reason or None}
        for each in found
    ]


def represent_compensation(answer: Compensation, authority: Authority) -> dict[str, Any]:
    """Return `{original, compensation}`: the item, and the work item or execution undoing it."""
    attempt = answer.attempt
    items = [answer.original]
    if attempt.compensation_type == WORK_ITEM:
        items.append(selectors.get(attempt.compensation_id))
        original, undo = represent_many(items, authority)
        return {"original": original, "compensation": {"type": WORK_ITEM, **undo}}
    [original] = represent_many(items, authority)
    [undo_run] = execution_selectors.show(
        [execution_selectors.get(attempt.compensation_id)], authority
    )
    shape = executions_representation.represent(undo_run)
    return {"original": original, "compensation": {"type": attempt.compensation_type, **shape}}


def _undone_by(attempts: Sequence[Any]) -> dict[str, Any]:
    return {
        "compensated_by": [
            str(each.compensation_id) for each in attempts if each.compensation_type == WORK_ITEM
        ],
        "compensations": [
            {"type": each.compensation_type, "id": str(each.compensation_id)} for each in attempts
        ],
    }


def _block(shown: Shown) -> dict[str, Any] | None:
    """Return why an undo task exists, with usernames in place of actors."""
    block = shown.item.compensation
    if block is None:
        return None
    snapshot = dict(block["original_snapshot"])
    for name in ("completed_by", "requested_by"):
        if name in snapshot:
            snapshot[name] = shown.username(snapshot[name])
    return {
        **block,
        "requested_by": shown.username(block["requested_by"]),
        "original_snapshot": snapshot,
    }


def _link(subject_type: str, subject_id: uuid.UUID | None) -> dict[str, str] | None:
    return None if subject_id is None else {"type": subject_type, "id": str(subject_id)}


def _text(value: uuid.UUID | None) -> str | None:
    return None if value is None else str(value)


def _moment(value: Any) -> str | None:
    return None if value is None else rfc3339(value)
