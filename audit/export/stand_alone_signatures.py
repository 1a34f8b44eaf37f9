"""Signatures of entries by members' own keys, as a pack carries them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from audit.export.stand_alone_notes import Broken
from ledger.entry_signatures import (
    KEY_BYTES,
    SIGNATURE_BYTES,
    SIGNED,
    SUSPECT,
    VALID,
    holds,
    read_bytes,
)


class SignedEntry(NamedTuple):
    """An entry that keeps a signature of another: its id, what its bytes say, and the payload."""

    id: str
    said: dict[str, Any]
    payload: str


def check_signatures(
    found: list[SignedEntry], keys: list[dict[str, Any]], actors: dict[str, str]
) -> list[str]:
    """See that signatures are those of the keys that they name, and say what they are worth.
    `actors`: who did what the entries of the pack tell of. Raises Broken for one that does not
    hold: it was refused when it was given, and so it is another now."""
    known = {str(each.get("id")): each for each in keys}
    for each in found:
        _check_signer(each, actors)
    worths = [(each, *_worth(each, known)) for each in found]
    counts = {word: sum(one == word for _, one, _ in worths) for word in (VALID, SUSPECT)}
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    told = [f"Signatures by members' own keys: {said}."] if said else []
    for each, word, key in worths:
        if word == SUSPECT:
            since = f"since {key['compromised_since']}"
            told.append(f"Suspect: entry {each.id} of key {key['id']}, compromised {since}.")
    return told


def _check_signer(entry: SignedEntry, actors: dict[str, str]) -> None:
    """See that whoever says that they did something is who did it. What the hash of the other is,
    was looked at as for any link."""
    about, signer = entry.said["caused_by"], entry.said["actor"]["token"]
    if entry.said["action"] == SIGNED and about and actors.get(about["id"], signer) != signer:
        raise Broken("signature", f"it signs what another did, entry {about['id']}", entry.id)


def _worth(entry: SignedEntry, known: dict[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Return what a signature is worth, and its key. Raises Broken."""
    said, about = json.loads(entry.payload), entry.said["caused_by"]
    key = known.get(str(said["key"])) if isinstance(said, dict) else None
    if key is None or about is None:
        raise Broken("signature", "the pack has no key for its signature", entry.id)
    if key["actor"] != entry.said["actor"]["token"]:
        raise Broken("signature", f"key {key['id']} is somebody else's", entry.id)
    public = read_bytes(str(key["public_key"]), KEY_BYTES)
    signature = read_bytes(str(said["signature"]), SIGNATURE_BYTES)
    leaf = bytes.fromhex(about["hash"])
    if (
        public is None
        or signature is None
        or not holds(public, signature, entry.said["action"], leaf)
    ):
        raise Broken("signature", f"its signature is not that of key {key['id']}", entry.id)
    since = key["compromised_since"]
    return (VALID if since is None or entry.said["at"] < since else SUSPECT), key
