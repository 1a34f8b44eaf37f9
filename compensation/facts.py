"""What the rules about undoing must know beside a row: its newest undo, and what it belongs to."""

from __future__ import annotations

import dataclasses
import functools
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from compensation.lifecycle import LIVE_RUNS, AttemptOutcome
from compensation.models import CompensationAttempt, CompensationRun
from compensation.selectors import attempts_of
from compensation.subject import Standing, WholeSubject, read_rows, undoable, whole_of
from compensation.ways import refusal_of
from ledger.errors import Refusal
from verbs.row_reading import literal, read

_LIVE = f"r.tenant_id = %s AND r.status IN ({literal(LIVE_RUNS)}) AND r.parent_run_id IS NULL"


@dataclasses.dataclass(frozen=True)
class UndoFacts:
    """Facts about one row, each read when it is first asked for, or in bulk before."""

    row: Any

    @functools.cached_property
    def attempts(self) -> Sequence[CompensationAttempt]:
        """Every attempt at undoing it, oldest first."""
        return attempts_of([self.row])

    @property
    def last(self) -> CompensationAttempt | None:
        """The newest attempt at undoing it."""
        return self.attempts[-1] if self.attempts else None

    @functools.cached_property
    def standing(self) -> Standing | None:
        """How its whole stands; None for loose work."""
        return standings([self.row]).get(self.row.id)

    @functools.cached_property
    def unfit(self) -> Refusal | None:
        """Why its undo could not be opened as its policy says."""
        return unfits([self.row]).get(self.row.id)

    @functools.cached_property
    def started(self) -> bool:
        """Whether somebody has begun the open undo, so that it can no longer be withdrawn."""
        return self.last is not None and bool(_begun([self.last]))


def undo_facts(rows: Sequence[Any]) -> dict[uuid.UUID, UndoFacts]:
    """Return facts by row: for one row read when asked for, for many in a constant number of
    queries."""
    found = {row.id: UndoFacts(row) for row in rows}
    if len(rows) <= 1:
        return found
    attempts: dict[uuid.UUID, list[CompensationAttempt]] = {}
    for each in attempts_of(rows):
        attempts.setdefault(each.original_id, []).append(each)
    stand, unfit = standings(rows), unfits(rows)
    begun = _begun([tries[-1] for tries in attempts.values()])
    for id_, facts in found.items():
        tries = attempts.get(id_, [])
        tried = tries[-1] if tries else None
        # Where `cached_property` keeps what it has read.
        facts.__dict__.update(
            attempts=tries,
            standing=stand.get(id_),
            started=tried is not None and tried.compensation_id in begun,
            unfit=unfit.get(id_),
        )
    return found


def standings(rows: Sequence[Any]) -> dict[uuid.UUID, Standing]:
    """Return how the whole of each row stands: one query for each kind of whole."""
    wholes: dict[uuid.UUID, uuid.UUID] = {}
    kinds: dict[str, tuple[Any, set[uuid.UUID]]] = {}
    for row in rows:
        of = whole_of(row)
        if of is not None:
            wholes[row.id] = of[1]
            kinds.setdefault(of[0].subject_type, (of[0], set()))[1].add(of[1])
    known: dict[uuid.UUID, Standing] = {}
    for subject, ids in kinds.values():
        known.update(subject.standings(rows[0].tenant_id, ids))
    return {row_id: known[whole] for row_id, whole in wholes.items() if whole in known}


def live_run(
    tenant_id: uuid.UUID, root: uuid.UUID | None, about: tuple[str, uuid.UUID]
) -> CompensationRun | None:
    """Return the run that holds the live slot of a tree, or of a subject that is in none."""
    if root is not None:
        rows = read(CompensationRun, f"{_LIVE} AND r.root_id = %s", [tenant_id, root])
    else:
        own = "r.about_type = %s AND r.about_id = %s"
        rows = read(CompensationRun, f"{_LIVE} AND {own}", [tenant_id, *about])
    return rows[0] if rows else None


def _begun(attempts: Collection[CompensationAttempt]) -> set[uuid.UUID]:
    """Return the undo tasks and executions of open attempts that somebody has begun."""
    undos: dict[uuid.UUID, Any] = {}
    for tenant_id in {each.tenant_id for each in attempts}:
        refs = (
            (each.compensation_type, each.compensation_id)
            for each in attempts
            if each.outcome == AttemptOutcome.OPEN
        )
        undos |= read_rows(tenant_id, refs)
    return {id_ for id_, row in undos.items() if not undoable(row.subject_type).not_started(row)}


def unfits(rows: Sequence[Any]) -> dict[uuid.UUID, Refusal]:
    """Return why an undo of these rows could not be opened as their policies say, by id: of one
    that an undo binding undoes, nothing about the input, which the binding makes."""
    found: dict[uuid.UUID, Refusal] = {}
    bound: dict[str, tuple[WholeSubject, list[Any]]] = {}
    for row in rows:
        refused, of = refusal_of(row) if row.policy else None, whole_of(row)
        if refused is not None:
            found[row.id] = refused
        if refused is not None and of is not None and refused.errors[0].pointer != "/mode":
            bound.setdefault(of[0].subject_type, (of[0], []))[1].append(row)
    for subject, pieces in bound.values():
        for id_ in subject.undo_bound(pieces):
            found.pop(id_, None)
    return found
