"""Saving what changed about a batch, with its entry: in the caller's transaction, batch locked."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from compensation.locking import lock_many
from compensation.subject import Cause
from executions.models import Batch
from ledger.record import Recorded
from verbs.move import sharing


def lock_batch(tenant_id: uuid.UUID, batch_id: uuid.UUID) -> Batch | None:
    """Lock a batch, and only it."""
    found = lock_many(Batch, Batch.subject_type, tenant_id, [batch_id])
    batch: Batch | None = found[0] if found else None
    return batch


def save_batch(
    batch: Batch,
    action: str,
    *,
    cause: Cause,
    step: Callable[[], object] | None = None,
    also: Mapping[str, Any] | None = None,
    payloads: Mapping[str, Any] | None = None,
    **said: Any,
) -> Recorded:
    """Save a batch one version on, after its FSM method `step`, which may need the old values of
    the columns that are `also` set; with what the cause gathers, or at once."""
    before = str(batch.status)
    if step is not None:
        step()
    changed = dict(also or {})
    for column, value in changed.items():
        setattr(batch, column, value)
    with sharing(cause.moves) as own:
        return own.change(
            batch, action, before=before, by=cause.by, fields=changed, caused_by=cause.entry,
            payloads=payloads, **said,
        )  # fmt: skip
