"""Whether an entry is read as it was hashed: its bytes, and all columns that repeat them."""

from __future__ import annotations

import json
import uuid
from typing import NamedTuple

from ledger.canonical import leaf_hash
from ledger.clock import rfc3339
from ledger.envelope_bytes import Said, around_commitments
from ledger.hashed_columns import COLUMNS, LINKS, compared
from ledger.record import EntryRef
from ledger.selectors import Entry


def is_as_hashed(entry: Entry) -> bool:
    """Whether the hash of an entry is that of its bytes, and these say what its columns say. What
    it keeps as payloads is not looked at; no statement."""
    if leaf_hash(entry.body) != entry.hash:
        return False
    try:
        before, after = around_commitments(_said(entry))
    except ValueError:
        return False
    return entry.body.startswith(before) and entry.body.endswith(after)


class Altered(NamedTuple):
    """Why an entry is not as it was hashed, and of each column that differs its name, what was
    hashed, and what it says now."""

    why: str
    columns: list[tuple[str, str, str]]


def altered(entry: Entry) -> Altered | None:
    """Return what is wrong with an entry that is not as it was hashed, None with one that is."""
    if is_as_hashed(entry):
        return None
    if leaf_hash(entry.body) != entry.hash:
        return Altered("its hash is not the hash of its bytes", [])
    try:
        found = [
            (name, _shown(said), _shown(kept))
            for name, said, kept in compared(json.loads(entry.body), _columns(entry))
            if said != kept
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Altered("its bytes are no envelope", [])
    if not found:
        return Altered("its bytes are not in canonical form", [])
    return Altered(f"column {found[0][0]} differs from its bytes", found)


def _columns(entry: Entry) -> dict[str, object]:
    """Return an entry by the names of its columns."""
    links: dict[str, object] = {}
    for link in LINKS:
        ref: EntryRef | None = getattr(entry, link)
        links[f"{link}_id"] = None if ref is None else ref.id
        links[f"{link}_hash"] = None if ref is None else ref.hash
    return {name: getattr(entry, name) for name in COLUMNS if name not in links} | links


def _shown(value: object) -> str:
    return "" if value is None else str(value)


def _said(e: Entry) -> Said:
    """Return the columns of an entry as an envelope writes them."""
    (cause, cause_hash), (original, original_hash) = _link(e.caused_by), _link(e.original)
    return Said(
        str(e.id), str(e.tenant_id), e.subject_type, str(e.subject_id), e.subject_seq,
        e.subject_version, None if e.previous_hash is None else e.previous_hash.hex(), e.kind,
        e.action, e.from_status, e.to_status, str(e.actor_id), e.actor_type, e.actor_role,
        _id(e.on_behalf_of_id), cause, cause_hash, original, original_hash, str(e.correlation_id),
        _id(e.case_id), e.completion_seq,
        None if e.compensation is None else json.dumps(e.compensation), rfc3339(e.at),
    )  # fmt: skip


def _link(ref: EntryRef | None) -> tuple[str | None, str | None]:
    return (None, None) if ref is None else (str(ref.id), ref.hash.hex())


def _id(value: uuid.UUID | None) -> str | None:
    return None if value is None else str(value)
