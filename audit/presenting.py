"""Entries as the ledger's pages show them: the contexts of templates/audit/.

Runs in the caller's tenant scope.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from accounts.roles import ActorType, Role
from accounts.selectors import Person, people
from ledger.selectors import Entry, entries_by_id
from web.describers import Description, Subject, describe
from web.entries import Link, entry_url, ledger_url
from web.entry_words import KIND_WORDS, STATE_KINDS, SUBJECT_WORDS, words_for
from web.templatetags.state_words import words_for as state_words
from web.timeline import sentence, who_of


class Presenter:
    """Puts entries into words; whatever they mention is read once, in bulk."""

    def __init__(self, entries: Sequence[Entry], *, effects: Sequence[Entry] = ()) -> None:
        """Read the entries that `entries` link to, and the names in all of them."""
        links = {
            link.id
            for each in entries
            for link in (each.caused_by, each.original)
            if link is not None
        }
        self._linked = entries_by_id(links)
        all_of_them = [*entries, *effects, *self._linked.values()]
        self._people: dict[uuid.UUID, Person] = people(
            actor for each in all_of_them for actor in (each.actor_id, each.on_behalf_of_id)
        )
        self._subjects: dict[Subject, Description] = describe(
            (each.subject_type, each.subject_id) for each in all_of_them
        )

    def row(self, entry: Entry, *, with_subject: bool) -> dict[str, Any]:
        """Return an entry as a row of audit/entries.html."""
        return {
            "seq": entry.subject_seq,
            "at": entry.at,
            "action_label": words_for(entry.subject_type, entry.action).label,
            "tone": words_for(entry.subject_type, entry.action).tone,
            "url": entry_url(entry.id),
            **self._actor(entry),
            **_states(entry),
            **_reason(entry),
            "hash": entry.hash.hex(),
            "caused_by": self._link(entry.caused_by),
            "original": self._link(entry.original),
            "subject": self.subject(entry) if with_subject else None,
        }

    def full(
        self, entry: Entry, effects: Sequence[Entry], previous: Entry | None
    ) -> dict[str, Any]:
        """Return an entry as `entry` of audit/entry.html."""
        return {
            "id": entry.id,
            "seq": entry.subject_seq,
            "action_label": words_for(entry.subject_type, entry.action).label,
            "tone": words_for(entry.subject_type, entry.action).tone,
            "at": entry.at,
            "subject": self.subject(entry),
            "subject_version": entry.subject_version,
            **_states(entry),
            "kind_label": KIND_WORDS.get(entry.kind, entry.kind),
            **self._actor(entry),
            "actor_type_label": _label(ActorType, entry.actor_type),
            "role": _label(Role, entry.actor_role),
            **_reason(entry),
            "hash": entry.hash.hex(),
            "previous": {
                "hash": "" if entry.previous_hash is None else entry.previous_hash.hex(),
                "url": "" if previous is None else entry_url(previous.id),
            },
            "caused_by": self._link(entry.caused_by),
            "original": self._link(entry.original),
            "causes": [self._told(each) for each in effects],
            "correlation_id": entry.correlation_id,
            "tree_index": None,
            "compensation": entry.compensation,
            "payload": {name: value for name, value in entry.payloads.items() if name != "reason"}
            or None,
        }

    def subject(self, entry: Entry) -> dict[str, Any]:
        """Return how the subject of an entry is called and where it is."""
        key = (entry.subject_type, entry.subject_id)
        found = self._subjects[key]
        return {
            "label": found.title,
            "url": found.url or ledger_url(*key),
            "type_label": SUBJECT_WORDS.get(entry.subject_type, entry.subject_type),
        }

    def _actor(self, entry: Entry) -> dict[str, str]:
        other = entry.on_behalf_of_id
        return {
            "actor": who_of(entry.actor_id, self._people),
            "on_behalf_of": "" if other is None else who_of(other, self._people),
        }

    def _link(self, link: Link | None) -> dict[str, str] | None:
        if link is None:
            return None
        # An entry never goes away, and its links stay within the tenant.
        return {**self._told(self._linked[link.id]), "hash": link.hash.hex()}

    def _told(self, entry: Entry) -> dict[str, str]:
        what = self._subjects[entry.subject_type, entry.subject_id].title
        return {
            "label": sentence(entry, what, who_of(entry.actor_id, self._people)),
            "url": entry_url(entry.id),
        }


def _states(entry: Entry) -> dict[str, Any]:
    kind = STATE_KINDS.get(entry.subject_type, entry.subject_type)
    same = entry.from_status == entry.to_status
    return {
        "from_label": state_words(entry.from_status, kind).label
        if entry.from_status and not same
        else "",
        "to_label": state_words(entry.to_status, kind).label if entry.to_status else "",
    }


def _reason(entry: Entry) -> dict[str, Any]:
    reason = entry.payloads.get("reason")
    return {
        "reason": reason if isinstance(reason, str) else "",
        "erased": bool(entry.erased),
    }


def _label(choices: type[ActorType] | type[Role], value: str) -> str:
    """Return a choice in words; `system` is the role of nobody and is shown as nothing."""
    return str(choices(value).label) if value in choices.values else ""
