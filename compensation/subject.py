"""What compensation must know of a kind of thing: what can be undone, and what such work makes up.

`UndoableSubject` is one finished piece of work (a work item, an execution); `WholeSubject` is what
such pieces make up and what is rolled back as one (a case). Their apps declare them;
compensation knows no two of them by name. What undoes is opened by registered performers.

Lock order: the whole, then pieces by their subject's rank and id, then the run, then the step.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from compensation.planning import OriginalRef, Part, UndoRequest
from compensation.policy import UNSPECIFIED, CompensationPolicy
from compensation.ways import is_safe_on_nothing
from ledger.clock import rfc3339
from ledger.dispatch.consumer_registry import Event
from ledger.errors import Refusal
from ledger.record import ActorRef, EntryRef
from ledger.selectors import latest_ref
from verbs.move import Moves
from verbs.subject import Ref, Subject, all_subjects, known, subject_of


@dataclasses.dataclass(frozen=True, slots=True)
class Cause:
    """In whose name something is done, and because of which entry.

    With `moves`, what is changed is written together, when that is; without, each by itself.
    """

    by: ActorRef
    entry: EntryRef | None
    moves: Moves | None = None

    def after(self, entry: EntryRef) -> Cause:
        """Return the cause of what follows from an entry that this one led to."""
        return dataclasses.replace(self, entry=entry)

    def write(self) -> None:
        """Write what was gathered so far."""
        if self.moves is not None:
            self.moves.record()

    def at_once(self) -> Cause:
        """Write what was gathered, and return the same cause for what must not be gathered: what
        asks the database about what it has changed."""
        self.write()
        return dataclasses.replace(self, moves=None)


def _never(*_args: Any, **_how: Any) -> bool:
    return False


def _none(_tenant_id: uuid.UUID) -> int:
    return 0


def _ignored(_row: Any) -> None:
    return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class UndoableSubject(Subject):
    """A kind of finished work that can be undone, and that may itself undo something.

    `settled` is its finished status, `finisher` the column that says who did it. `unsure(row)`:
    nobody knows whether it had its effect, and no program will find out; `doubted` is the action of
    the entry that says so. `under_way(row)`: a program may be making its effect now.
    `not_started(row)`: nobody has begun it, so an undo that is such a row may be withdrawn.
    `is_open(row)`: it would be called off; `call_off(row, by, caused_by, reason)` ends one that is
    open, without settling what it undoes, and says whether it did. `undoes`: rows have the columns
    of `UndoingRow`. `by_itself`: one may be undone by its own verb, without a plan. `by_program`:
    a program does such work, not a person. `result_schema(row)`: how its author described what came
    of it. `risk(row)`: how bad it is when such work goes wrong. `left_to_nobody(tenant_id)` brings
    what waits for people of whom nobody is left to where a person can act on it, and says how many
    there were.
    """

    settled: str
    doubted: str = ""
    name: Callable[[Any], str]
    snapshot: Callable[[Any], dict[str, Any]]
    task_input: Callable[[Any], dict[str, Any]]
    finisher: str
    finished_at: Callable[[Any], dt.datetime | None]
    unsure: Callable[[Any], bool] = _never
    under_way: Callable[[Any], bool] = _never
    not_started: Callable[[Any], bool] = _never
    is_open: Callable[[Any], bool] = _never
    call_off: Callable[..., bool] = _never
    result_schema: Callable[[Any], Any] = _ignored
    risk: Callable[[Any], str] = lambda _row: UNSPECIFIED
    left_to_nobody: Callable[[uuid.UUID], int] = _none
    undoes: bool = False
    by_itself: bool = False
    by_program: bool = False

    def finished_by(self, row: Any) -> uuid.UUID | None:
        """Return who did the work; of a program's, who asked for it."""
        actor: uuid.UUID | None = getattr(row, self.finisher)
        return actor

    @property
    def finishing(self) -> list[str]:
        """The actions of the entries that finish one, or leave open whether it is finished."""
        return [self.finished, self.doubted] if self.doubted else [self.finished]


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """How a whole stands in the way of undoing one of its pieces: is it closed, is a run live in
    its tree, and why may no undo start in it at this moment (`held_up`)?"""

    closed: bool = False
    live_run: uuid.UUID | None = None
    held_up: Refusal | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Awaited:
    """Work in a whole whose result a rollback has to wait for. `unsure`: only a person can still
    find out what became of it; `stuck`: no program is at it at this moment."""

    type: str
    id: uuid.UUID
    name: str
    status: str
    since: dt.datetime
    unsure: bool
    stuck: bool

    def to_json(self) -> dict[str, str]:
        """Return it as runs keep and show it."""
        return {
            "type": self.type,
            "id": str(self.id),
            "name": self.name,
            "status": self.status,
            "since": rfc3339(self.since),
        }


def _ignore(*_args: Any, **_how: Any) -> None:
    return None


def _no_work(_whole: Any) -> Sequence[tuple[str, Any]]:
    return ()


# What is kept of pieces by their ids, once it has been read.
_Pieces = Callable[[], Mapping[uuid.UUID, Any]]


def _no_pieces(_whole: Any, _ids: Collection[uuid.UUID]) -> _Pieces:
    return dict


def _nothing_awaited(_whole: Any) -> Sequence[Awaited]:
    return ()


def _nobody(_rows: Sequence[Any]) -> Collection[uuid.UUID]:
    return ()


def _plain(_whole: Any, _row: Any, request: UndoRequest) -> UndoRequest:
    return request


@dataclasses.dataclass(frozen=True, kw_only=True)
class WholeSubject(Subject):
    """A kind of thing made of pieces of work, rolled back as one.

    `column` is where a piece keeps the id of its whole. `piece_undone`: who hears of a
    rollback of one piece alone once it has ended. `rollback_from`: statuses from which a
    run may start; `undone_in_part` is the one in which something stays, until a run finds nothing
    left.
    `undo_bound(rows)`: the ids of those pieces that an undo binding of their whole undoes.
    `barred(whole)`: why nothing of it may be undone, if so. `parts(whole, lock)` are all
    its pieces as planning sees them, `part(whole, row)` one of them or None. `later_above(whole)`:
    the pieces of the wholes above it that were finished after it, or may yet be.

    What a run does to it, in the run's transaction with the whole locked: `started(whole, run,
    rows, cause)`, `faulted(whole, run, step, cause)`, `goes_on(whole, run, cause)`,
    `ended(whole, run, partial, bare, cause)`. `heard(whole, piece, row, attempt, cause)`: the undo
    of a piece moved, `attempt` is its newest; `pieces(whole, ids)` reads right behind the next
    statement what the whole keeps of each, and returns what returns it.
    `given(tenant_id, made_from, binding)`: the JSON Schema of what a piece was given, as far as it
    is declared by what the whole is made from (see its description).
    `request(whole, row, request)` is what the undo of a piece is told. `open_work(whole)` is what a
    run that starts would call off, as (type, row); `awaited(whole)` is the work whose result is
    owed. `held_up(whole)`: why no undo may start in it at this moment, if so; `stopped(event,
    error)` is told that a run of it cannot go on by itself, `carried_on(event)` that it does again.
    `nests(whole)`: there may be wholes below it, each undone as one step of it.
    Its facts say `live_run`, the id of the run that is live in its tree.
    """

    column: str
    piece_undone: tuple[str, ...] = ()
    rollback_from: frozenset[str]
    undone_in_part: str
    undo_bound: Callable[[Sequence[Any]], Collection[uuid.UUID]] = _nobody
    askers: Callable[[uuid.UUID, uuid.UUID], Sequence[uuid.UUID]] = lambda *_which: ()
    root: Callable[[Any], uuid.UUID]
    standings: Callable[[uuid.UUID, Collection[uuid.UUID]], Mapping[uuid.UUID, Standing]]
    barred: Callable[[Any], Refusal | None]
    parts: Callable[..., list[Part]]
    part: Callable[[Any, Any], Part | None]
    later_above: Callable[[Any], Sequence[Part]] = lambda _whole: ()
    started: Callable[..., None] = _ignore
    faulted: Callable[..., None] = _ignore
    goes_on: Callable[..., None] = _ignore
    ended: Callable[..., None] = _ignore
    pieces: Callable[[Any, Collection[uuid.UUID]], _Pieces] = _no_pieces
    heard: Callable[..., None] = _ignore
    request: Callable[[Any, Any, UndoRequest], UndoRequest] = _plain
    given: Callable[[uuid.UUID, str, str], Mapping[str, Any]] = lambda *_which: {}
    open_work: Callable[[Any], Sequence[tuple[str, Any]]] = _no_work
    awaited: Callable[[Any], Sequence[Awaited]] = _nothing_awaited
    held_up: Callable[[Any], Refusal | None] = lambda _whole: None
    stopped: Callable[[Event, str], None] = _ignore
    carried_on: Callable[[Event], None] = _ignore
    nests: Callable[[Any], bool] = _never


def undoable(type_: str) -> UndoableSubject:
    """Return a kind of work that can be undone. Raises KeyError for what cannot."""
    found = subject_of(type_)
    if not isinstance(found, UndoableSubject):
        raise KeyError(type_)
    return found


def is_undoable(type_: str) -> bool:
    """Whether rows of this kind can be undone."""
    return isinstance(known(type_), UndoableSubject)


def is_by_program(type_: str) -> bool:
    """Whether a program does work of this kind; False for no kind at all."""
    subject = known(type_)
    return isinstance(subject, UndoableSubject) and subject.by_program


def whole_subject(type_: str) -> WholeSubject | None:
    """Return a kind of whole, or None for what is not rolled back as one."""
    subject = known(type_)
    return subject if isinstance(subject, WholeSubject) else None


def subject_nests(whole: Any) -> bool:
    """Whether there may be wholes below one, each undone as one step of it."""
    kind = whole_subject(whole.subject_type)
    return kind is not None and kind.nests(whole)


def whole_subjects() -> list[WholeSubject]:
    """Return every kind of whole."""
    return [each for each in all_subjects() if isinstance(each, WholeSubject)]


def wholes_of(type_: str) -> list[WholeSubject]:
    """Return the kinds of whole that work of this kind may be a piece of."""
    columns = {field.attname for field in undoable(type_).model._meta.concrete_fields}
    return [each for each in whole_subjects() if each.column in columns]


def whole_of(row: Any) -> tuple[WholeSubject, uuid.UUID] | None:
    """Return the whole that a row is a piece of, as (kind, id); None for loose work."""
    for each in whole_subjects():
        id_ = getattr(row, each.column, None)
        if id_ is not None:
            return each, id_
    return None


def _by_type(refs: Iterable[Ref]) -> dict[str, list[uuid.UUID]]:
    found: dict[str, list[uuid.UUID]] = {}
    for type_, id_ in refs:
        found.setdefault(type_, []).append(id_)
    return found


def read_rows(tenant_id: uuid.UUID, refs: Iterable[Ref]) -> dict[uuid.UUID, Any]:
    """Return a tenant's pieces of work by id as committed now: one query for each kind of them."""
    found: dict[uuid.UUID, Any] = {}
    for type_, ids in _by_type(refs).items():
        found.update(subject_of(type_).read_many(tenant_id, ids))
    return found


def read_row(tenant_id: uuid.UUID, type_: str, id_: uuid.UUID) -> Any | None:
    """Return one piece of work as committed now, or None."""
    return read_rows(tenant_id, [(type_, id_)]).get(id_)


def finished_entry(tenant_id: uuid.UUID, type_: str, id_: uuid.UUID) -> EntryRef | None:
    """Return the link to the entry that finished a piece of work, or a whole below another."""
    whole = whole_subject(type_)
    actions = undoable(type_).finishing if whole is None else [whole.finished]
    return latest_ref(tenant_id, type_, id_, actions=actions)


def finished_entry_of(row: Any) -> EntryRef | None:
    """Return the same of a locked row. Read once: while it is locked nothing finishes it anew."""
    return _read_once(row, "finished_entry", row.subject_type, row.id)


def undone_entry(row: Any) -> EntryRef | None:
    """Return the link to the entry that finished what a row undoes. It never changes: it is read
    once a row, and not at all where `knows_undone_entry` has put it."""
    return _read_once(row, "undone_entry", row.undoes_type, row.undoes_id)


def _read_once(row: Any, name: str, type_: str, id_: uuid.UUID) -> EntryRef | None:
    known_of_row: dict[str, EntryRef | None] = row.__dict__
    if name not in known_of_row:
        known_of_row[name] = finished_entry(row.tenant_id, type_, id_)
    return known_of_row[name]


def knows_undone_entry(row: Any, entry: EntryRef | None) -> None:
    """Give a new row the link that its opener has read already."""
    if entry is not None:
        row.__dict__["undone_entry"] = entry


def part_of(
    row: Any, policy: CompensationPolicy | None, *, name: str, **known_by_whole: Any
) -> Part:
    """Return a piece as planning sees it; what it froze when it was created wins over `policy`.

    `undo` and `aliases` are the whole's to add.
    """
    subject = undoable(row.subject_type)
    how = CompensationPolicy.from_json(row.policy) if row.policy else policy
    return Part(
        row=row,
        original=OriginalRef(row.subject_type, row.id, name),
        settled=subject.settled,
        policy=how,
        reversibility=row.reversibility,
        completed_at=subject.finished_at(row),
        completed_by=subject.finished_by(row),
        in_flight=subject.under_way(row),
        unsure=subject.unsure(row),
        safe_on_nothing=is_safe_on_nothing(how),
        by_itself=subject.by_itself,
        **known_by_whole,
    )


def part_alone(row: Any) -> Part:
    """Return one piece on its own: without a policy it is for a person, restoring."""
    return part_of(row, CompensationPolicy(), name=undoable(row.subject_type).name(row))


def compensation_block(original: Any, request: UndoRequest, number: int) -> dict[str, Any]:
    """Return what a compensating work item or execution is told (DESIGN §8, `compensation`)."""
    return {
        "requested_by": str(request.requested_by),
        "reason": request.reason,
        "regulatory_basis": list(request.regulatory_basis),
        "strategy": request.strategy,
        "mode": request.mode,
        "run": str(request.run_id) if request.run_id else None,
        "step": request.step,
        "attempt": number,
        "original_snapshot": undoable(original.subject_type).snapshot(original),
    }


def undo_envelope(row: Any, _action: str) -> dict[str, Any]:
    """Return what entries of a row that may undo something say: an undo's name the entry that
    finished the original, and, without free text, how it undoes."""
    block = row.compensation
    if row.undoes_id is None or block is None:
        return {"case_id": row.case_id}
    return {
        "kind": "COMPENSATION",
        "case_id": row.case_id,
        "original": undone_entry(row),
        "compensation": {
            **{name: block.get(name) for name in ("mode", "strategy", "run", "step", "attempt")},
            "regulatory_basis": [basis["code"] for basis in block.get("regulatory_basis") or ()],
        },
    }
