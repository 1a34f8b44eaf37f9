"""Saving a change of a row together with its ledger entry: the only way to do either."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ledger.record import ActorRef, Change, EntryRef, Recorded, record, take_head
from verbs.subject import subject_of


def move(
    row: Any,
    action: str,
    *,
    before: str,
    by: ActorRef,
    fields: Collection[str] = (),
    **said: Any,
) -> Recorded:
    """Save what an FSM method changed, one version on, and append the entry that belongs to it.

    Inside the caller's transaction, the row locked. `before` is its former status, `said` what
    `change_of` takes besides.
    """
    row.version += 1
    row.save(update_fields=["status", "version", *fields])
    return record(change_of(row, action, before=before, by=by, **said))


def insert(row: Any, action: str, *, by: ActorRef, **said: Any) -> Recorded:
    """Insert a row together with its first entry; `said` as for `move`."""
    row.save(force_insert=True)
    return record(change_of(row, action, before="", by=by, **said))


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
