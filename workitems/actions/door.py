"""The shared steps of every work item verb: lock, check, save and record."""

from __future__ import annotations

import dataclasses
import functools
import uuid
from collections.abc import Collection
from typing import Any

from compensation.actions import kind_of
from executions.rows import Execution
from ledger.errors import Invalid, NotFound, Stale
from ledger.record import ActorRef, Change, EntryRef, Recorded, record, take_head
from ledger.selectors import latest_ref
from workitems.errors import IllegalState
from workitems.lifecycle import BY_NAME, Kind
from workitems.models import WorkItem


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What a caller brings to every verb besides the verb's own input.

    `expected_version` comes from If-Match. `invalid` is what was wrong with a body that could not
    be read: it is raised at the step where input is checked, after permission and state.
    """

    expected_version: int | None = None
    invalid: Invalid | None = None


def lock_items(ids: Collection[uuid.UUID]) -> list[WorkItem]:
    """Lock work items in id order, the one order in which everybody locks them."""
    rows = WorkItem.objects.select_for_update(of=("self",)).filter(id__in=list(ids))
    return list(rows.order_by("id"))


@functools.cache
def _locking_sql() -> str:
    """Return the locked read as text, built once: composing it by the ORM costs more than running
    it.
    """
    columns = ", ".join(f"w.{field.column}" for field in WorkItem._meta.concrete_fields)
    return (
        f"SELECT {columns}, h.seq AS head_seq, h.hash AS head_hash FROM workitems_workitem w"  # noqa: S608  -- column names of the model
        " JOIN ledger_ledgerhead h ON h.tenant_id = w.tenant_id"
        " AND h.subject_type = 'work_item' AND h.subject_id = w.id"
        " WHERE w.id = %s OR w.id = (SELECT undoes_id FROM workitems_workitem"
        " WHERE id = %s AND undoes_type = 'work_item')"
        " ORDER BY w.id FOR UPDATE OF w, h"
    )


def lock_item(item_id: uuid.UUID) -> tuple[WorkItem, Any | None]:
    """Lock an item and, when it undoes something, the original; raise NotFound when absent.

    The ends of their chains come with the same statement: both rows of a pair are locked, because a
    row that was only joined would be as old as the snapshot once the lock had been waited for.
    One statement locks an undo task together with the work item it reverses, in id order. That
    closes the race with withdrawing, which locks the same two. Executions come after work items in
    the lock order, so an execution it reverses is locked by a second statement.
    """
    rows = {row.id: row for row in WorkItem.objects.raw(_locking_sql(), [item_id, item_id])}
    item = rows.get(item_id)
    if item is None:
        raise NotFound
    if item.undoes_id is None:
        return item, None
    if item.undoes_type == Execution.subject_type:
        return item, kind_of(Execution.subject_type).lock(item.undoes_id)
    return item, rows.get(item.undoes_id)


def check_version(item: WorkItem, asked: Asked) -> None:
    """Raise Stale when the caller saw another version."""
    if asked.expected_version is not None and asked.expected_version != item.version:
        raise Stale(
            f"You saw version {asked.expected_version}; it is at version {item.version} now.",
            extra={"current_version": item.version, "current_status": item.status},
        )


def check_state(item: WorkItem, operation: str) -> None:
    """Raise IllegalState unless the lifecycle table allows `operation` from the item's status."""
    allowed = BY_NAME[operation].sources
    if item.status not in allowed:
        raise IllegalState(
            f"{operation} is possible from {', '.join(sorted(allowed))}, not from {item.status}.",
            extra={"current_status": item.status},
        )


def check_input(asked: Asked) -> None:
    """Raise what was wrong with the body, now that permission and state are known to be right."""
    if asked.invalid is not None:
        raise asked.invalid


def save_and_record(
    item: WorkItem,
    action: str,
    *,
    before: str,
    by: ActorRef,
    fields: Collection[str] = (),
    payloads: dict[str, Any] | None = None,
    caused_by: EntryRef | None = None,
) -> Recorded:
    """Save what an FSM method changed and append the entry that belongs to it.

    The entry of an undo task's life names the completion it reverses as its `original`.
    """
    item.version += 1
    item.save(update_fields=["status", "version", *fields])
    return record(
        Change(
            tenant_id=item.tenant_id,
            subject_type=item.subject_type,
            subject_id=item.id,
            version=item.version,
            action=action,
            actor=by,
            from_status=before,
            to_status=str(item.status),
            kind="COMPENSATION" if item.kind == Kind.COMPENSATION else "TRANSITION",
            caused_by=caused_by,
            original=finished_entry(item),
            case_id=item.case_id,
            completion_seq=item.completion_seq if action == "completed" else None,
            compensation=compensation_envelope(item),
            payloads=payloads or {},
            head=take_head(item),
        )
    )


def finished_entry(item: WorkItem) -> EntryRef | None:
    """Return the link to the entry that finished what `item` undoes; None for ordinary work."""
    if item.undoes_id is None:
        return None
    kind = kind_of(item.undoes_type)
    return latest_ref(kind.subject_type, item.undoes_id, actions=[kind.finished])


def compensation_envelope(item: WorkItem) -> dict[str, Any] | None:
    """Return the non-personal part of an undo task's compensation block, for the entry's bytes."""
    block = item.compensation
    if block is None:
        return None
    return {
        "mode": block["mode"],
        "strategy": block["strategy"],
        "regulatory_basis": [basis["code"] for basis in block["regulatory_basis"]],
        "run": block["run"],
        "step": block.get("step"),
        "attempt": block["attempt"],
    }
