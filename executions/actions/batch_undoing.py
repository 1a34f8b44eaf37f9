"""What a batch is to undoing: a whole, whose calls are rolled back as one (`WholeSubject`).

All functions run in the run's transaction, with the batch locked. What is undone is the reverse of
what was done, by the order of completion, as of a case: there is one machinery.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.db.models import OuterRef, Subquery

from compensation.actions import whole_moves
from compensation.errors import AlreadyCompensated
from compensation.locking import lock_rows
from compensation.planning import Part
from compensation.selectors import live_runs
from compensation.subject import Cause, Standing, part_of, read_rows
from executions.actions.batch_changes import save_batch
from executions.actions.batch_stopping import refuse_while_stopped
from executions.lifecycle import BatchStatus
from executions.models import Batch, Execution
from ledger.clock import now
from ledger.errors import Refusal


def standings(tenant_id: uuid.UUID, batch_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Standing]:
    """Return how these batches stand in the way of undoing one of their calls, in one query."""
    live = live_runs(tenant_id).filter(root_id=OuterRef("id")).values("id")[:1]
    rows = Batch.objects.filter(tenant_id=tenant_id, id__in=list(batch_ids))
    found = rows.annotate(live=Subquery(live)).only("status", "stopped_since")
    return {row.id: Standing(live_run=row.live, held_up=refuse_while_stopped(row)) for row in found}


def barred(batch: Batch) -> Refusal | None:
    """Return why nothing of a batch may be undone: it is undone as a whole."""
    if batch.status == BatchStatus.COMPENSATED:
        return AlreadyCompensated(extra={"current_status": str(batch.status)})
    return None


def parts(batch: Batch, *, lock: bool) -> list[Part]:
    """Return the calls of a batch, their rows locked or as committed now."""
    calls = Execution.objects.filter(
        tenant_id=batch.tenant_id, batch_id=batch.id, batch_position__isnull=False
    )
    refs = [(Execution.subject_type, id_) for id_ in calls.values_list("id", flat=True)]
    rows = (lock_rows if lock else read_rows)(batch.tenant_id, refs)
    return [part_in_batch(row) for row in rows.values()]


def part(_batch: Batch, row: Any) -> Part | None:
    """Return one call of a batch; None for what is none (an undo)."""
    return None if row.batch_position is None else part_in_batch(row)


def part_in_batch(row: Execution) -> Part:
    """Return one call. What nobody declared is not undone by guesswork. Two calls of one capability
    are told apart by their place, from 1."""
    position = 0 if row.batch_position is None else row.batch_position
    return part_of(row, None, name=row.capability, aliases=(str(position + 1),))


faulted = functools.partial(whole_moves.faulted, save_batch)
goes_on = functools.partial(whole_moves.goes_on, save_batch)


def started(batch: Batch, run: Any, _rows: Mapping[uuid.UUID, Any], *, cause: Cause) -> None:
    """Turn the batch COMPENSATING. Nothing of it is open: it has ended."""
    whole_moves.started(save_batch, batch, run, cause=cause)


def ended(batch: Batch, run: Any, *, partial: bool, bare: bool, cause: Cause) -> None:  # noqa: ARG001  -- every whole is told
    """Its run is over: bring the batch where it belongs (DESIGN §6, Ends)."""
    step: Callable[[], object] = batch.settle_partially if partial else batch.settle_compensated
    also: dict[str, Any] = {"prior_status": "", "ended_at": now()}
    if not partial and run.plan.scope["kind"] != "whole":
        # Where it was, and ended when it had ended.
        step = batch.settle_back
        del also["ended_at"]
    save_batch(
        batch, "rollback_settled", cause=cause, step=step, also=also,
        compensation={"run": str(run.id)},
    )  # fmt: skip
