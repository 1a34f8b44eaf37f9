"""Saving a change of a row together with its ledger entry: the only way to do either."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ledger.record import ActorRef, Change, EntryRef, Recorded, record_many, take_head
from verbs.saving import insert_row, update_row
from verbs.subject import subject_of


class Moves:
    """Changes of several rows: each is saved at once, their entries are appended together.

    `change` and `insert` return the place of their entry among them, which later ones may name as
    what caused them. Whoever makes one calls `record`, in the same transaction.
    """

    def __init__(self) -> None:
        self._changes: list[Change] = []

    def change(
        self,
        row: Any,
        action: str,
        *,
        before: str,
        by: ActorRef,
        fields: Collection[str] = (),
        **said: Any,
    ) -> int:
        """Save what an FSM method changed, one version on. `before` is its former status, `said`
        what `change_of` takes besides."""
        row.version += 1
        update_row(row, ("status", "version", *fields))
        return self._keep(change_of(row, action, before=before, by=by, **said))

    def insert(self, row: Any, action: str, *, by: ActorRef, **said: Any) -> int:
        """Insert a row; `said` as for `change`."""
        insert_row(row)
        return self._keep(change_of(row, action, before="", by=by, **said))

    def record(self) -> list[Recorded]:
        """Append the entries of all changes since the last time, in one statement."""
        changes, self._changes = self._changes, []
        return record_many(changes)

    def _keep(self, change: Change) -> int:
        self._changes.append(change)
        return len(self._changes) - 1


@contextlib.contextmanager
def sharing(moves: Moves | None) -> Iterator[Moves]:
    """Take part in the moves of a caller, who appends their entries; without one, in one's own."""
    if moves is not None:
        yield moves
        return
    own = Moves()
    yield own
    own.record()


def move(row: Any, action: str, **how: Any) -> Recorded:
    """Save what an FSM method changed, one version on, and append the entry that belongs to it.

    Inside the caller's transaction, the row locked. `how` as for `Moves.change`.
    """
    moves = Moves()
    moves.change(row, action, **how)
    return moves.record()[0]


def insert(row: Any, action: str, **how: Any) -> Recorded:
    """Insert a row together with its first entry; `how` as for `Moves.insert`."""
    moves = Moves()
    moves.insert(row, action, **how)
    return moves.record()[0]


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
