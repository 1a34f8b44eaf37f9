"""What signatures of entries are worth now: valid, invalid, suspect; and unsigned where none is.

Whether a signature holds is worked out whenever it is asked: what was tampered with afterwards is
invalid, be it the signature, the entry that keeps it or the one that it is of. Suspect is one that
was recorded when its key was compromised already; one recorded before stays valid, because the time
is in hashed bytes that nobody changes unseen.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Q

from accounts.signature_keys import keys_by_id
from audit.actions.said_of_entries import KIND
from ledger.as_hashed import is_as_hashed
from ledger.clock import rfc3339
from ledger.entry_signatures import (
    INVALID,
    PAYLOAD,
    SIGNATURE_BYTES,
    SIGNED,
    SUSPECT,
    UNSIGNED,
    VALID,
    VERDICTS,
    holds,
    read_bytes,
)
from ledger.selectors import Entry, all_entries, open_entries


@dataclasses.dataclass(frozen=True, slots=True)
class EntrySignature:
    """One signature: the entry that keeps it, the key (None where nobody knows it any more), and
    what it is worth."""

    entry: Entry
    key: Any
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        said = self.entry.payloads.get(PAYLOAD)
        key = self.key
        return {
            "verdict": self.verdict,
            "means": self.entry.action,
            "key": None if key is None else str(key.id),
            "public_key": None if key is None else _base64(key.public_key),
            "signature": said.get("signature") if isinstance(said, dict) else None,
            "recorded_at": rfc3339(self.entry.at),
            "recorded_as": str(self.entry.id),
        }


def _base64(value: Any) -> str:
    return base64.b64encode(bytes(value)).decode()


def worth(
    entry: Entry, keys: Mapping[uuid.UUID, Any], known: Mapping[uuid.UUID, Entry]
) -> EntrySignature | None:
    """Return the signature that an entry keeps with what it is worth; None where it keeps none, or
    it was erased. `known`: by id the entries that are there, the one that is signed among them."""
    said = entry.payloads.get(PAYLOAD)
    if entry.kind != KIND or said is None:
        return None
    key = keys.get(_key_id(said) or uuid.UUID(int=0))
    target, signature = _signed_entry(entry, known), _signature(said)
    if key is None or signature is None or target is None or key.actor_id != entry.actor_id:
        return EntrySignature(entry, key, INVALID)
    if not holds(bytes(key.public_key), signature, entry.action, target.hash):
        return EntrySignature(entry, key, INVALID)
    since = key.compromised_since
    suspect = since is not None and entry.at >= since
    return EntrySignature(entry, key, SUSPECT if suspect else VALID)


def _signed_entry(entry: Entry, known: Mapping[uuid.UUID, Entry]) -> Entry | None:
    """Return the entry that one signs, where both are as they were hashed; of what one did oneself
    only by whoever did it."""
    link = entry.caused_by
    found = None if link is None else known.get(link.id)
    if link is None or found is None or found.hash != link.hash:
        return None
    if entry.action == SIGNED and entry.actor_id != found.actor_id:
        return None
    return found if is_as_hashed(found) and is_as_hashed(entry) else None


def gone(entry: Entry) -> EntrySignature:
    """Return what is left of a signature that was erased with whose it was."""
    return EntrySignature(entry, None, UNSIGNED)


def _key_id(said: Any) -> uuid.UUID | None:
    """Return which key a payload names; what stands there may have been tampered with."""
    try:
        return uuid.UUID(said["key"])
    except (TypeError, KeyError, ValueError, AttributeError):
        return None


def _signature(said: Any) -> bytes | None:
    text = said.get("signature") if isinstance(said, dict) else None
    return read_bytes(text, SIGNATURE_BYTES) if isinstance(text, str) else None


def keys_in(tenant_id: uuid.UUID, entries: Iterable[Entry]) -> dict[uuid.UUID, Any]:
    """Return the keys that entries name in their signatures; one query, or none."""
    said = (each.payloads.get(PAYLOAD) for each in entries if each.kind == KIND)
    named = {found for each in said if (found := _key_id(each)) is not None}
    return keys_by_id(tenant_id, named)


def keys_named(payloads: Iterable[tuple[str, bytes, bytes]]) -> set[uuid.UUID]:
    """Return the keys that are named in signatures among payloads (name, salt, bytes)."""
    said = (json.loads(body) for name, _salt, body in payloads if name == PAYLOAD)
    return {found for each in said if (found := _key_id(each)) is not None}


def overall(found: Collection[EntrySignature]) -> str:
    """Return one verdict for all signatures of an entry."""
    verdicts = {each.verdict for each in found} | {UNSIGNED}
    return next(each for each in VERDICTS if each in verdicts)


def of_entries(tenant_id: uuid.UUID, entries: Sequence[Entry]) -> dict[uuid.UUID, str]:
    """Return the verdict of each of some entries, opened with their signatures: by whoever did it,
    and of what somebody says of another by whoever says it. Two queries at most."""
    rows = all_entries(tenant_id).filter(beside(entries))
    return among(tenant_id, entries, open_entries(rows, only=[PAYLOAD]))


def beside(entries: Iterable[Entry]) -> Q:
    """Return what finds all that verdicts of entries need beside them: their signatures by their
    authors, and what those of them are about that are signed attestations."""
    listed = list(entries)
    return signing([each.id for each in listed]) | Q(id__in=signed_by(listed))


def signed_by(entries: Iterable[Entry]) -> set[uuid.UUID]:
    """Return which entries are signed by these."""
    return {
        each.caused_by.id
        for each in entries
        if each.kind == KIND and PAYLOAD in each.payloads and each.caused_by is not None
    }


def signing(ids: Collection[uuid.UUID]) -> Q:
    """Return what finds the signatures of entries by their authors."""
    return Q(caused_by_id__in=list(ids), kind=KIND, action=SIGNED)


def among(
    tenant_id: uuid.UUID, entries: Sequence[Entry], others: Sequence[Entry]
) -> dict[uuid.UUID, str]:
    """As `of_entries`, where all that is `beside` them is known to be among `others`; one query, or
    none."""
    signatures = [each for each in others if each.kind == KIND and each.action == SIGNED]
    keys = keys_in(tenant_id, [*entries, *signatures])
    known = {each.id: each for each in (*others, *entries)}
    found: dict[uuid.UUID, list[EntrySignature]] = {each.id: [] for each in entries}
    for each in entries:
        if (own := worth(each, keys, known)) is not None:
            found[each.id].append(own)
    for each in signatures:
        about, own = each.caused_by, worth(each, keys, known)
        if about is not None and about.id in found and own is not None:
            found[about.id].append(own)
    return {id_: overall(all_of_it) for id_, all_of_it in found.items()}
