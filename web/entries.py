"""Ledger entries in their public JSON shape (DESIGN §8, `entry`), and where their pages are."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Protocol

from accounts.selectors import Person, people
from ledger.clock import rfc3339
from ledger.selectors import Entry
from verbs.subject import describe_unread

#: The describers' names of an entry's own page, and of the ledger page of a subject.
ENTRY = "ledger_entry"
LEDGER_OF = "ledger_of_"


class Link(Protocol):
    """A link to an entry: its id and its hash."""

    @property
    def id(self) -> uuid.UUID:
        """The entry's id."""

    @property
    def hash(self) -> bytes:
        """The entry's hash."""


def people_in(entries: Sequence[Entry]) -> dict[uuid.UUID, Person]:
    """Return whom entries of one tenant name."""
    if not entries:
        return {}
    actors = (actor for each in entries for actor in each.people)
    return people(entries[0].tenant_id, actors)


def represent_entries(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return entries as the API shows them, in the same order; people by name in one query.

    Runs in the caller's tenant scope. `erased` names the payloads that are gone.
    """
    named = people_in(entries)

    def username(actor_id: uuid.UUID | None) -> str | None:
        if actor_id is None:
            return None
        person = named.get(actor_id)
        return str(actor_id) if person is None else person.username

    return [
        {
            "id": str(entry.id),
            "subject": {"type": entry.subject_type, "id": str(entry.subject_id)},
            "subject_seq": entry.subject_seq,
            "subject_version": entry.subject_version,
            "kind": entry.kind,
            "action": entry.action,
            "from": entry.from_status or None,
            "to": entry.to_status or None,
            "actor": username(entry.actor_id),
            "actor_type": entry.actor_type,
            "actor_role": entry.actor_role,
            "on_behalf_of": username(entry.on_behalf_of_id),
            "reason": entry.payloads.get("reason"),
            "caused_by": link_json(entry.caused_by),
            "original": link_json(entry.original),
            "compensation": entry.compensation,
            "correlation_id": str(entry.correlation_id),
            "case": None if entry.case_id is None else str(entry.case_id),
            "completion_seq": entry.completion_seq,
            "at": rfc3339(entry.at),
            "hash": entry.hash.hex(),
            "previous_hash": None if entry.previous_hash is None else entry.previous_hash.hex(),
            "tree_index": entry.tree_index,
            "payloads": entry.payloads,
            "erased": sorted(entry.erased),
            "erased_under": None if entry.receipt is None else str(entry.receipt),
            "erased_because": entry.basis,
        }
        for entry in entries
    ]


def entry_url(entry_id: uuid.UUID) -> str:
    """Return the address of an entry's page, or "" where no app serves it."""
    return describe_unread(ENTRY, entry_id).url


def ledger_url(subject_type: str, subject_id: uuid.UUID) -> str:
    """Return the address of the page with a subject's entries, or "" where no app serves it."""
    return describe_unread(f"{LEDGER_OF}{subject_type}", subject_id).url


def link_json(link: Link | None) -> dict[str, str] | None:
    """Return a link as the API shows it."""
    return None if link is None else {"id": str(link.id), "hash": link.hash.hex()}
