"""What one turn of a run is decided on: each row read once, locked in the one order.

The whole is locked first (of a run without one: its only original); that keeps the steps as they
are. So they are looked at before the originals are locked, and those before the run.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Collection
from typing import Any

from django.db.models import QuerySet

from compensation.actions.run_entries import LockedStep
from compensation.actions.run_verbs import lock_run
from compensation.lifecycle import LIVE_RUNS, StepStatus
from compensation.locking import rows_before
from compensation.models import CompensationAttempt, CompensationRun, CompensationStep
from compensation.subject import Cause, WholeSubject, whole_subject
from verbs.row_reading import literal, read, read_behind
from verbs.subject import Ref

BUSY = frozenset({StepStatus.RUNNING, StepStatus.WAITING, StepStatus.FAILED})
#: So many go on side by side: what one transaction starts, and what people are asked at once.
MOST_BESIDE = 10
_FOLLOWS = (StepStatus.RUNNING, StepStatus.FAILED)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A locked run with the steps that matter now: those under way, and the next in line.

    `rows` are the locked originals of these steps, `pieces` how the whole keeps them, both by id.
    """

    whole: Any | None
    run: CompensationRun
    steps: list[CompensationStep]
    rows: dict[uuid.UUID, Any]
    pieces: dict[uuid.UUID, Any]
    cause: Cause

    @property
    def kind(self) -> WholeSubject | None:
        """The kind of its whole, if it has one."""
        return None if self.whole is None else whole_subject(self.run.whole_type)

    @property
    def is_busy(self) -> bool:
        """Whether a step is under way that the next in line waits for."""
        return bool(under_way(self.steps)) and self.next is None

    @property
    def next(self) -> CompensationStep | None:
        """The step that may start, if one may."""
        return startable(self.steps)

    def at(self, step: CompensationStep) -> LockedStep:
        """Return one of its steps with all that moves with it."""
        return LockedStep(
            whole=self.whole, row=self.rows.get(step.original_id), run=self.run, step=step,
            cause=self.cause, before=str(self.run.status),
        )  # fmt: skip

    def tell_below(self, step: CompensationStep) -> None:
        """Let the whole show how far the undo of one below it is, as that is by now."""
        kind, below = self.kind, whole_subject(step.original_type)
        if kind is not None and below is not None:
            row = below.read_one(self.run.tenant_id, step.original_id)
            piece = kind.pieces(self.whole, [row.id])().get(row.id)
            kind.heard(self.whole, piece, row, None, cause=self.cause)

    def tell_piece(self, row: Any, attempt: CompensationAttempt | None) -> None:
        """Let the whole show how far the undo of one of its pieces is."""
        kind = self.kind
        if kind is not None:
            kind.heard(self.whole, self.pieces.get(row.id), row, attempt, cause=self.cause)


def under_way(steps: Collection[CompensationStep]) -> list[CompensationStep]:
    """Return those of steps that have begun and are not settled, and that others wait for."""
    return [
        step
        for step in steps
        if step.status in BUSY and not (step.status == StepStatus.FAILED and step.lets_go_on)
    ]


def startable(steps: Collection[CompensationStep]) -> CompensationStep | None:
    """Return the first in line of these steps, unless it has to wait for one that is under way.

    Side by side with it go those alone that declare the same `undo_order`, so many at a time; none
    starts beside one that has failed, nor beside another time of its own: what a step did twice is
    undone one time after the other.
    """
    planned = [step for step in steps if step.status == StepStatus.PLANNED]
    first = min(planned, key=lambda each: each.place, default=None)
    if first is None:
        return None
    busy = under_way(steps)
    room = first.undo_order is not None and len(busy) < MOST_BESIDE
    beside = room and all(
        step.undo_order == first.undo_order
        and step.status != StepStatus.FAILED
        and step.original_name != first.original_name
        for step in busy
    )
    return first if beside or not busy else None


def steps_in(run: CompensationRun) -> QuerySet[CompensationStep]:
    """Return every step of a run."""
    return CompensationStep.objects.filter(tenant_id=run.tenant_id, run_id=run.id)


def steps_of(tenant_id: uuid.UUID, run_id: uuid.UUID) -> list[CompensationStep]:
    """Return the steps of a run that are under way, and the next in line."""
    return read(CompensationStep, _relevant("%(run)s"), {"tenant": tenant_id, "run": run_id})


def steps_beside(
    tenant_id: uuid.UUID, original_id: uuid.UUID
) -> Callable[[], list[CompensationStep]]:
    """Read the same of the live run in which the undo of an original is under way: right behind the
    next statement, the lock that keeps them as they are."""
    given = {"tenant": tenant_id, "original": original_id}
    return read_behind(CompensationStep, _relevant(_RUN_BESIDE), given)


_RUN_BESIDE = f"""(
    SELECT u.run_id FROM compensation_compensationstep u
    JOIN compensation_compensationrun l ON l.tenant_id = u.tenant_id AND l.id = u.run_id
    WHERE u.tenant_id = %(tenant)s AND u.original_id = %(original)s
      AND u.status IN ({literal(_FOLLOWS)}) AND l.status IN ({literal(LIVE_RUNS)})
    ORDER BY u.id LIMIT 1)"""  # noqa: S608  -- own words


def _relevant(run: str) -> str:
    """Return the condition of both, `run` being the run's id as SQL."""
    return f"""r.tenant_id = %(tenant)s AND r.run_id = {run} AND (
    r.status IN ({literal(BUSY)}) OR r.id = (
        SELECT p.id FROM compensation_compensationstep p
        WHERE p.tenant_id = %(tenant)s AND p.run_id = {run} AND p.status = '{StepStatus.PLANNED}'
        ORDER BY p.undo_order, p.completion_seq DESC NULLS LAST, p.n LIMIT 1))"""  # noqa: S608  -- own words


def refs_of(steps: Collection[CompensationStep]) -> list[Ref]:
    """Return the originals of steps, as far as they are pieces of work: what is a whole of its own
    is locked when its run begins."""
    return [
        (step.original_type, step.original_id)
        for step in steps
        if whole_subject(step.original_type) is None
    ]


def turn_of(
    tenant_id: uuid.UUID,
    run_id: uuid.UUID,
    whole: Any | None,
    rows: dict[uuid.UUID, Any],
    *,
    cause: Cause,
) -> Turn | None:
    """Read and lock what the next turn of a run is about; `whole` is locked, or the only original.

    `rows` are originals that are locked already. No other is touched than that of the step that may
    start.
    """
    steps = steps_of(tenant_id, run_id)
    first = startable(steps)
    wanted = [] if first is None or first.original_id in rows else refs_of([first])
    others = rows_before(tenant_id, wanted)
    kind = None if whole is None else whole_subject(whole.subject_type)
    ids = [*rows, *(id_ for _type, id_ in wanted)]
    kept = None if kind is None or not ids else kind.pieces(whole, ids)
    run = lock_run(tenant_id, run_id)
    rows, pieces = rows | others(), {} if kept is None else dict(kept())
    if run is None:
        return None
    return Turn(whole=whole, run=run, steps=steps, rows=rows, pieces=pieces, cause=cause)
