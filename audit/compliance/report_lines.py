"""Entries as lines of a report: what happened, by whom, why, on which basis, and what it undoes."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db.models import Q

from accounts.selectors import Person, people
from audit.entry_verdicts import among, beside
from ledger.clock import rfc3339
from ledger.entry_signatures import PAYLOAD
from ledger.selectors import Entry, all_entries, open_entries
from verbs.subject import Description, Ref, describe
from verbs.words import action_label

#: What is read of what entries keep; values that work was about are no part of a report.
SAID: Final = (
    "code", "detail", "error", "evidence", "outcome", "reason", "regulatory_basis", PAYLOAD,
)  # fmt: skip
_WHAT: Final = {
    "TRANSITION": "decision",
    "COMPENSATION": "reversal",
    "GOVERNANCE": "approval",
    "REFUSAL": "refusal",
    "ATTESTATION": "attestation",
    "ERASURE": "erasure",
}
#: Their reason says why an effect stays.
_LEAVES: Final = frozenset({"compensation_abandoned", "compensation_step_abandoned"})


@dataclasses.dataclass(frozen=True, slots=True)
class Names:
    """What lines call things and people, read once for all of them."""

    things: Mapping[Ref, Description]
    people: Mapping[uuid.UUID, Person]
    originals: Mapping[uuid.UUID, Entry]
    signatures: Mapping[uuid.UUID, str]

    def person(self, actor_id: uuid.UUID | None) -> str | None:
        """Return a username; of an erased person, and of whom nobody knows, the token."""
        if actor_id is None:
            return None
        known = self.people.get(actor_id)
        erased = known is None or known.username.startswith("erased-")
        return str(actor_id) if known is None or erased else known.username

    def thing(self, ref: Ref) -> dict[str, str]:
        """Return what a thing is and how it is called."""
        return {"type": ref[0], "id": str(ref[1]), "title": str(self.things[ref].title)}


def report_lines(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return entries of one tenant as lines, in the same order: four statements for all of them,
    and one for the keys where something is signed. Runs in the caller's tenant scope."""
    entries = open_entries(rows, only=SAID)
    if not entries:
        return []
    tenant_id = entries[0].tenant_id
    links = {each.original.id for each in entries if each.original is not None}
    needed = Q(id__in=links) | beside(entries)
    others = open_entries(all_entries(tenant_id).filter(needed), only=SAID)
    originals = {each.id: each for each in others if each.id in links}
    told = [*entries, *originals.values()]
    names = Names(
        describe(tenant_id, {(each.subject_type, each.subject_id) for each in told}),
        people(tenant_id, {actor for each in told for actor in each.people}),
        originals,
        among(tenant_id, entries, others),
    )
    return [_line(each, names) for each in entries]


def _line(entry: Entry, names: Names) -> dict[str, Any]:
    said, undoing = entry.payloads, entry.compensation or {}
    reason = _text(said, "reason")
    refused = entry.kind == "REFUSAL"
    return {
        "entry": str(entry.id),
        "hash": entry.hash.hex(),
        "tree_index": entry.tree_index,
        "at": rfc3339(entry.at),
        "what": _WHAT.get(entry.kind, "decision"),
        "action": entry.action,
        "label": action_label(entry.action, entry.subject_type),
        "subject": names.thing((entry.subject_type, entry.subject_id)),
        "from": entry.from_status or None,
        "to": entry.to_status or None,
        "actor": names.person(entry.actor_id),
        "actor_type": entry.actor_type,
        "actor_role": entry.actor_role,
        "on_behalf_of": names.person(entry.on_behalf_of_id),
        "outcome": _text(said, "outcome"),
        "reason": reason,
        "evidence": _text(said, "evidence"),
        "regulatory_basis": _basis(said, undoing),
        "mode": undoing.get("mode"),
        "strategy": undoing.get("strategy"),
        "run": undoing.get("run"),
        "original": _original(entry, names),
        "residual_effect": reason if entry.action in _LEAVES else None,
        "refusal": {name: _text(said, name) for name in ("code", "detail")} if refused else None,
        "error": _text(said, "error"),
        "signature": names.signatures[entry.id],
        "erased": sorted(entry.erased),
        "erased_under": None if entry.receipt is None else str(entry.receipt),
        "erased_because": entry.basis,
    }


def _original(entry: Entry, names: Names) -> dict[str, Any] | None:
    """Return what an entry is about undoing: what it was, when it was finished and by whom."""
    if entry.original is None:
        return None
    found = names.originals.get(entry.original.id)
    if found is None:
        return {"entry": str(entry.original.id), "hash": entry.original.hash.hex()}
    return {
        "entry": str(found.id),
        "hash": found.hash.hex(),
        "subject": names.thing((found.subject_type, found.subject_id)),
        "actor": names.person(found.actor_id),
        "at": rfc3339(found.at),
        "outcome": _text(found.payloads, "outcome"),
    }


def _basis(said: Mapping[str, Any], undoing: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the legal basis with its notes; where these were erased, its codes."""
    kept = said.get("regulatory_basis")
    if isinstance(kept, list) and kept:
        return [{"code": each["code"], "note": each.get("note", "")} for each in kept]
    return [{"code": code, "note": ""} for code in undoing.get("regulatory_basis") or []]


def _text(said: Mapping[str, Any], name: str) -> str | None:
    found = said.get(name)
    return found if isinstance(found, str) and found else None
