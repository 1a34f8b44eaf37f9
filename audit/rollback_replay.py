"""The order of an undo, rebuilt from the ledger alone.

Entries of a case say which piece was finished as the how-manieth, what a rollback meant to undo,
and as the how-manieth where the definition declares that (`compensationOrder`). From these follows
the order in which it must have undone: the lowest declared place first, then the newest first,
whatever became known meanwhile. `replayed` rebuilds that order and sets beside it the one that the
ledger says was gone by. Pure: it knows entries, and no table.
"""

from __future__ import annotations

import dataclasses
import math
import uuid
from collections.abc import Iterable
from typing import Any

from ledger.selectors import Entry
from verbs.subject import Ref

_RUN = "compensation_run"


@dataclasses.dataclass(slots=True)
class Rollback:
    """One rollback as it was replayed.

    `rebuilt` are the pieces in the order that follows from their declared places and their
    completion, `ran` as their undo began; each as (type, id). `waiting` are those of which it has
    not begun. Entries of an earlier version do not repeat a declared place: the two may differ
    then.
    """

    run: uuid.UUID
    rebuilt: list[Ref] = dataclasses.field(default_factory=list)
    ran: list[Ref] = dataclasses.field(default_factory=list)
    waiting: list[Ref] = dataclasses.field(default_factory=list)
    declared: dict[Ref, float] = dataclasses.field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether it went by the declared order, and by that of completion, the newest first."""
        return self.rebuilt == self.ran


def replayed(entries: Iterable[Entry]) -> list[Rollback]:
    """Return the rollbacks of a case, in the order in which they began.

    `entries` are all of the case and of its pieces, in any order.
    """
    in_order = sorted(entries, key=lambda each: (each.at, each.id))
    places = _places(in_order)
    found: dict[uuid.UUID, Rollback] = {}
    for entry in in_order:
        piece = _undoing(entry)
        if entry.subject_type != _RUN or piece is None:
            continue
        run = found.setdefault(entry.subject_id, Rollback(entry.subject_id))
        if entry.action == "compensation_step_planned":
            run.waiting.append(piece)
            if "undo_order" in (entry.compensation or {}):
                run.declared[piece] = float((entry.compensation or {})["undo_order"])
        elif entry.action == "compensation_step_started":
            run.ran.append(piece)
            first = min(run.waiting, key=lambda each: _rank(each, run, places), default=piece)
            run.rebuilt.append(first)
            if first in run.waiting:
                run.waiting.remove(first)
        elif entry.action in {"compensation_step_skipped", "compensation_step_abandoned"}:
            run.waiting = [each for each in run.waiting if each != piece]
    return list(found.values())


def _rank(piece: Ref, run: Rollback, places: dict[Ref, int]) -> tuple[float, int]:
    """Return where a piece is in line, the first lowest: what has no declared place is behind."""
    return run.declared.get(piece, math.inf), -places.get(piece, 0)


def _undoing(entry: Entry) -> Ref | None:
    """Return the piece that an entry of a rollback is about undoing."""
    said: Any = (entry.compensation or {}).get("undoing")
    return None if said is None else (said["type"], uuid.UUID(said["id"]))


def _places(entries: Iterable[Entry]) -> dict[Ref, int]:
    """Return the how-manieth of its case each piece was finished.

    A piece's own entry says it; of a case within the case the entry of the outer one does, which
    its end caused: that end is what the undo of it names as the original.
    """
    found: dict[Ref, int] = {}
    by_end: dict[uuid.UUID, int] = {}
    for entry in entries:
        if entry.completion_seq is not None:
            found.setdefault((entry.subject_type, entry.subject_id), entry.completion_seq)
            if entry.subject_type == "case" and entry.caused_by is not None:
                by_end[entry.caused_by.id] = entry.completion_seq
        piece = _undoing(entry)
        if piece is not None and entry.original is not None and entry.original.id in by_end:
            found[piece] = by_end[entry.original.id]
    return found
