"""The public shapes of an execution and of a capability (DESIGN §8)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from typing import Any

from executions.registry import Capability
from executions.selectors import Shown
from ledger.clock import rfc3339


def represent(shown: Shown) -> dict[str, Any]:
    """Return one execution. `decisions` and `approvals` are empty: nothing asks for them yet."""
    row = shown.execution
    return {
        "id": str(row.id),
        "capability": row.capability,
        "status": str(row.status),
        "compensation_state": row.compensation_state,
        "version": row.version,
        "mode": row.mode,
        "reason": row.reason,
        "input": row.input,
        "output": row.output,
        "before": row.before,
        "after": row.after,
        "error": row.error,
        "state_version": row.state_version or None,
        "idempotency_key": row.idempotency_key,
        "attempts": row.attempts,
        "requested_by": shown.username(row.requested_by_id),
        "decisions": [],
        "approvals": [],
        "undoes": _subject(row.undoes_type, row.undoes_id),
        "compensations": [_subject(type_, id_) for type_, id_ in shown.compensations],
        "compensation": _compensation(shown),
        "reversibility": row.reversibility,
        "compensation_policy": row.policy,
        "case": None if row.case_id is None else str(row.case_id),
        "binding": row.binding or None,
        "completion_seq": row.completion_seq,
        "created_at": rfc3339(row.created_at),
        "started_at": _moment(row.started_at),
        "ended_at": _moment(row.ended_at),
        "available_actions": shown.actions,
    }


def _compensation(shown: Shown) -> dict[str, Any] | None:
    """Return why this execution undoes something; people are usernames."""
    block = shown.execution.compensation
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


def represent_capability(found: Capability) -> dict[str, Any]:
    """Return one capability."""
    return {
        "name": found.name,
        "description": found.description,
        "input_schema": dict(found.input_schema),
        "output_schema": dict(found.output_schema),
        "reversibility": found.reversibility,
        "undone_by": found.undone_by,
        "simulates": found.simulates,
        "retry": dataclasses.asdict(found.retry),
    }


def _subject(type_: str, id_: uuid.UUID | None) -> dict[str, str] | None:
    return None if id_ is None else {"type": type_, "id": str(id_)}


def _moment(value: dt.datetime | None) -> str | None:
    return None if value is None else rfc3339(value)
