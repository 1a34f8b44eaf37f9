"""The ledger entry of one change of one execution. Inside the caller's transaction, row locked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compensation import actions as compensation
from executions.models import Execution
from ledger import selectors
from ledger.record import ActorRef, Change, EntryRef, Recorded, record


def note(
    execution: Execution,
    action: str,
    *,
    by: ActorRef,
    from_status: str = "",
    caused_by: EntryRef | None = None,
    completion_seq: int | None = None,
    payloads: Mapping[str, Any] | None = None,
) -> Recorded:
    """Record `action` on the row as it now is. `from_status` is empty for its first entry.

    Entries of a compensating execution say how it undoes and name the entry that finished the
    original.
    """
    return record(
        Change(
            tenant_id=execution.tenant_id,
            subject_type=Execution.subject_type,
            subject_id=execution.id,
            version=execution.version,
            action=action,
            actor=by,
            from_status=from_status,
            to_status=str(execution.status),
            kind="TRANSITION" if execution.undoes_id is None else "COMPENSATION",
            opens=not from_status,
            caused_by=caused_by,
            original=_original(execution),
            case_id=execution.case_id,
            completion_seq=completion_seq,
            compensation=_envelope(execution.compensation),
            payloads=payloads or {},
        )
    )


def last_entry(execution: Execution) -> EntryRef | None:
    """Return the link to the newest entry of `execution`: what led to the next one."""
    return selectors.latest_ref(Execution.subject_type, execution.id)


def _original(execution: Execution) -> EntryRef | None:
    if execution.undoes_id is None:
        return None
    finished = compensation.kind_of(execution.undoes_type).finished
    return selectors.latest_ref(execution.undoes_type, execution.undoes_id, actions=[finished])


def _envelope(block: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Keep what may be in an entry's bytes: no free text, no snapshot."""
    if block is None:
        return None
    kept = {name: block.get(name) for name in ("mode", "strategy", "run", "step", "attempt")}
    codes = [basis["code"] for basis in block.get("regulatory_basis") or ()]
    return {**kept, "regulatory_basis": codes}
