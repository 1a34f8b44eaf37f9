"""The kinds of finished work that can be undone, and what does the undoing.

Work items are above this app. They register what is theirs: how to lock a row, how to open a human
task. Lock order: work items by id, then executions by id.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from compensation.planning import UndoRequest
from ledger.record import ActorRef, EntryRef
from ledger.selectors import latest_ref


class Original(Protocol):
    """A locked row that can be undone: the columns and FSM methods both kinds share."""

    id: uuid.UUID
    tenant_id: uuid.UUID
    version: int
    status: Any
    compensation_state: str
    compensation_round: int
    case_id: uuid.UUID | None

    def compensate(self) -> Any: ...
    def settle_compensated(self) -> Any: ...
    def settle_faulted(self) -> Any: ...
    def retry_compensation(self) -> Any: ...
    def attest(self) -> Any: ...
    def abandon(self) -> Any: ...
    def withdraw(self) -> Any: ...
    def save(self, *, update_fields: list[str]) -> None: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Opened:
    """What was opened to do the undoing. `replaced` says why the wanted performer was not asked."""

    type: str
    id: uuid.UUID
    replaced: str = ""


Opener = Callable[[Any, UndoRequest, int, ActorRef, EntryRef], Opened]


@dataclasses.dataclass(frozen=True, slots=True)
class CompensableKind:
    """What one kind of original registers.

    `lock(id)` returns the row locked, or None; `link(id)` the immutable (undoes_type, undoes_id) of
    a compensating row, unlocked; `rank` is its place in the lock order; `finished` names the action
    of the entry that finished it, the `original` of every entry about its undo.
    """

    subject_type: str
    rank: int
    finished: str
    lock: Callable[[uuid.UUID], Any | None]
    link: Callable[[uuid.UUID], tuple[str, uuid.UUID] | None]
    snapshot: Callable[[Any], dict[str, Any]]
    default_input: Callable[[Any], dict[str, Any]]
    name: Callable[[Any], str]
    finished_by: Callable[[Any], uuid.UUID | None]
    finished_at: Callable[[Any], dt.datetime | None]


_kinds: dict[str, CompensableKind] = {}
_openers: dict[str, Opener] = {}


def register_kind(kind: CompensableKind) -> None:
    """Make a kind of original known. Called in `AppConfig.ready()`."""
    _kinds[kind.subject_type] = kind


def register_opener(mode: str, opener: Opener) -> None:
    """Say how an undo of one mode is opened: a human task, or an execution."""
    _openers[mode] = opener


def opener(mode: str) -> Opener:
    """Return how an undo of this mode is opened."""
    return _openers[mode]


def kind_of(subject_type: str) -> CompensableKind:
    """Return the registered kind. Raises KeyError for what cannot be undone."""
    return _kinds[subject_type]


def lock_pair(own: str, own_id: uuid.UUID) -> tuple[Any | None, Any | None]:
    """Lock a row and, if it undoes something, the original, in lock order.

    The link is read first, unlocked: it is set at insert and never changes. Taking both locks in
    one order closes the race in which withdrawing locks original → undo while ending locks undo →
    original.
    """
    link = kind_of(own).link(own_id)
    if link is None:
        return kind_of(own).lock(own_id), None
    wanted = sorted([(own, own_id), link], key=lambda ref: (kind_of(ref[0]).rank, ref[1]))
    rows = {ref: kind_of(ref[0]).lock(ref[1]) for ref in wanted}
    return rows[own, own_id], rows[link]


def kind_of_row(row: Any) -> CompensableKind:
    """Return the kind of a row by its table."""
    return next(kind for kind in _kinds.values() if kind.subject_type == row.subject_type)


def finished_entry(original: Any) -> EntryRef | None:
    """Return the link to the entry that finished a locked row. Read once a row: while it is locked
    nothing finishes it anew."""
    known: dict[str, Any] = original.__dict__
    if "finished_entry" not in known:
        kind = kind_of_row(original)
        known["finished_entry"] = latest_ref(
            kind.subject_type, original.id, actions=[kind.finished]
        )
    found: EntryRef | None = known["finished_entry"]
    return found


def compensation_block(original: Any, request: UndoRequest, number: int) -> dict[str, Any]:
    """Return what a compensating work item or execution is told (DESIGN §8, `compensation`)."""
    kind = kind_of_row(original)
    return {
        "requested_by": str(request.requested_by),
        "reason": request.reason,
        "regulatory_basis": list(request.regulatory_basis),
        "strategy": request.strategy,
        "mode": request.mode,
        "run": str(request.run_id) if request.run_id else None,
        "step": request.step,
        "attempt": number,
        "original_snapshot": kind.snapshot(original),
    }
