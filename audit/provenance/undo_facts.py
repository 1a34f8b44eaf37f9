"""What entries say of undoing, read from them alone: which entry is about what, and who undid what.

Pure: it knows entries, and no table.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Final

from audit.provenance.entries_around import RUN, run_of
from ledger.selectors import Entry
from verbs.subject import Ref

UNDONE: Final = "COMPENSATED"
BEGAN: Final = "compensation_started"


def subject_of(entry: Entry) -> Ref:
    """Return what an entry is about."""
    return (entry.subject_type, entry.subject_id)


class UndoFacts:
    """The entries of a document by what they are to undoing. `finishing` are, by type, the actions
    of entries that finish something."""

    def __init__(self, entries: Iterable[Entry], finishing: Mapping[str, frozenset[str]]) -> None:
        self.by_id = {entry.id: entry for entry in entries}
        self._finishing = finishing
        #: What each thing that undoes something undoes: the entry that finished that.
        self.undoes: dict[Ref, Entry] = {}
        for entry in self.by_id.values():
            original = self.original_of(entry)
            if original is None or entry.subject_type == RUN:
                continue
            if subject_of(original) != subject_of(entry):
                self.undoes.setdefault(subject_of(entry), original)

    def original_of(self, entry: Entry) -> Entry | None:
        """Return the entry that finished what this one is about undoing."""
        return None if entry.original is None else self.by_id.get(entry.original.id)

    def cause_of(self, entry: Entry) -> Entry | None:
        """Return the entry that caused this one, as far as it is told of."""
        return None if entry.caused_by is None else self.by_id.get(entry.caused_by.id)

    def is_about_undoing_it(self, entry: Entry) -> bool:
        """Whether an entry tells of the undo of its own subject, not of work on it."""
        if entry.kind != "COMPENSATION" or entry.subject_type == RUN:
            return False
        return subject_of(entry) not in self.undoes

    def finishes(self, entry: Entry) -> bool:
        """Whether something came of its subject by it."""
        return entry.action in self._finishing.get(
            entry.subject_type, ()
        ) and not self.is_about_undoing_it(entry)

    def is_decision(self, entry: Entry) -> bool:
        """Whether somebody decided something about the undo of its subject by it: asked for it
        outside a rollback, repaired, attested, gave it up. What a rollback begins, and what
        follows from the end of an undo, nobody decides."""
        if not self.is_about_undoing_it(entry) or entry.original is None:
            return False
        if entry.action == BEGAN:
            return run_of(entry) is None
        cause = self.cause_of(entry)
        return cause is None or self.undoes.get(subject_of(cause)) is None

    def undone_by(self, entry: Entry) -> Ref | None:
        """Return what undid its subject, where it says that that is undone: the piece that was made
        for it, the rollback for something that consists of pieces, else the entry itself."""
        if entry.to_status != UNDONE or not self.is_about_undoing_it(entry):
            return None
        cause = self.cause_of(entry)
        if entry.original is not None:
            if cause is not None and subject_of(cause) in self.undoes:
                return subject_of(cause)
            return ("entry", entry.id)
        run = run_of(entry)
        return None if run is None else (RUN, run)

    def outcomes(self) -> dict[uuid.UUID, Entry]:
        """Return the entries by which something came of something, by id, oldest first."""
        named = {each.original.id for each in self.by_id.values() if each.original is not None}
        return {
            id_: entry for id_, entry in self.by_id.items() if id_ in named or self.finishes(entry)
        }
