"""Saving changes of rows together with their ledger entries: the only way to do either."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ledger.record import (
    ActorRef,
    Change,
    EntryRef,
    Recorded,
    Recording,
    newest_entry_of,
    take_head,
)
from ledger.row_writes import RowWrite, write
from ledger.selectors import latest_ref
from verbs.saving import insertion, insertions, update
from verbs.subject import subject_of


class Moves:
    """Changes of several rows, written together with their entries by one statement.

    An entry is complete, hash and all, as soon as it is made: later ones may name it as what caused
    them. Nothing is in the database before `record`: whoever asks it about what has changed, or
    lets others do so, calls that first. A row that changes twice is written once more by a second
    statement, because its guard wants one version after the other.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._entries = Recording()
        # One list for each statement; and how many of them write a row that is saved by its own.
        self._writes: list[list[RowWrite]] = []
        self._times: dict[tuple[type, Any], int] = {}

    def change(
        self,
        row: Any,
        action: str,
        *,
        before: str,
        by: ActorRef,
        fields: Collection[str] = (),
        **said: Any,
    ) -> Recorded:
        """Save what an FSM method changed, one version on. `before` is its former status, `said`
        what `change_of` takes besides."""
        row.version += 1
        self.save(row, ["status", "version", *fields])
        return self.enter(change_of(row, action, before=before, by=by, **said))

    def insert(self, row: Any, action: str, *, by: ActorRef, **said: Any) -> Recorded:
        """Insert a row; `said` as for `change`."""
        self.add(row)
        return self.enter(change_of(row, action, before="", by=by, **said))

    def save(self, row: Any, fields: Collection[str]) -> None:
        """Save fields of a row as they are now, without an entry of its own."""
        self._write(row, update(row, fields))

    def add(self, row: Any) -> None:
        """Insert a row without an entry of its own."""
        self._write(row, insertion(row))

    def add_many(self, rows: Sequence[Any]) -> None:
        """Insert rows of one model, however many, without entries of their own. Each is written
        once: none of them is saved again before `record`."""
        if rows:
            self._place(0, insertions(rows))

    def enter(self, change: Change) -> Recorded:
        """Make an entry."""
        return self._entries.add(change)

    def record(self) -> None:
        """Write everything since the last time. It goes with the next statement, or with the
        commit: raises DatabaseError there, also when a row is not there to be saved."""
        (first, *again), entries = self._writes or [[]], self._entries
        self._begin()
        entries.append(first)
        for rows in again:
            write(rows, {})

    def _write(self, row: Any, statement: RowWrite) -> None:
        key = (type(row), row.pk)
        turn = self._times.get(key, 0)
        self._times[key] = turn + 1
        self._place(turn, statement)

    def _place(self, turn: int, statement: RowWrite) -> None:
        if turn == len(self._writes):
            self._writes.append([])
        self._writes[turn].append(statement)


@contextlib.contextmanager
def sharing(moves: Moves | None) -> Iterator[Moves]:
    """Take part in the moves of a caller, who records them; without one, in one's own."""
    if moves is not None:
        yield moves
        return
    own = Moves()
    yield own
    own.record()


def move(row: Any, action: str, *, moves: Moves | None = None, **how: Any) -> Recorded:
    """Save what an FSM method changed, one version on, and append the entry that belongs to it.

    Inside the caller's transaction, the row locked. `how` as for `Moves.change`.
    """
    with sharing(moves) as own:
        return own.change(row, action, **how)


def insert(row: Any, action: str, *, moves: Moves | None = None, **how: Any) -> Recorded:
    """Insert a row together with its first entry; `how` as for `Moves.insert`."""
    with sharing(moves) as own:
        return own.insert(row, action, **how)


def newest_entry(row: Any) -> EntryRef | None:
    """Return the link to the newest entry of a locked row: what led to the next one."""
    return newest_entry_of(row) or latest_ref(row.tenant_id, row.subject_type, row.id)


def change_of(
    row: Any,
    action: str,
    *,
    before: str,
    by: ActorRef,
    payloads: Mapping[str, Any] | None = None,
    caused_by: EntryRef | int | None = None,
    **said: Any,
) -> Change:
    """Return the entry of a row as it stands now; without a former status it is the first.

    `said` overrides members of the entry that the subject's envelope gives.
    """
    members: dict[str, Any] = {
        "opens": not before,
        **subject_of(row.subject_type).envelope(row, action),
        **said,
    }
    return Change(
        tenant_id=row.tenant_id,
        subject_type=row.subject_type,
        subject_id=row.id,
        version=row.version,
        action=action,
        actor=by,
        from_status=before,
        to_status=str(row.status),
        caused_by=caused_by,
        head=take_head(row),
        payloads=payloads or {},
        **members,
    )
