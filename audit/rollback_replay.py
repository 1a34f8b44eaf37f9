"""The order of an undo, rebuilt from the ledger alone.

Entries of a case say which piece was finished as the how-manieth, and what a rollback meant to
undo. From these two follows the order in which it must have undone: the newest first, whatever
became known meanwhile. `replayed` rebuilds that order and sets beside it the one that the ledger
says was gone by. Pure: it knows entries, and no table.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable
from typing import Any

from ledger.selectors import Entry
from verbs.subject import Ref

_RUN = "compensation_run"


@dataclasses.dataclass(slots=True)
class Rollback:
    """One rollback as it was replayed.

    `rebuilt` are the pieces in the order that follows from their completion, `ran` as their undo
    began; each as (type, id). `waiting` are those of which it has not begun. A definition that
    declares an order of its own (`compensationOrder`) is followed instead of completion, and the
    ledger does not repeat it: the two may differ then.
    """

    run: uuid.UUID
    rebuilt: list[Ref] = dataclasses.field(default_factory=list)
    ran: list[Ref] = dataclasses.field(default_factory=list)
    waiting: list[Ref] = dataclasses.field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether it went by the order of completion, the newest first."""
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
        elif entry.action == "compensation_step_started":
            run.ran.append(piece)
            newest = max(run.waiting, key=lambda each: places.get(each, 0), default=piece)
            run.rebuilt.append(newest)
            if newest in run.waiting:
                run.waiting.remove(newest)
        elif entry.action in {"compensation_step_skipped", "compensation_step_abandoned"}:
            run.waiting = [each for each in run.waiting if each != piece]
    return list(found.values())


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
