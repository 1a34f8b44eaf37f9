"""Bytes written from columns: those of the canonical form, whatever is in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical import canonical
from ledger.envelope_bytes import AS_TEXT, Said, around_commitments, commitments
from ledger.record_sql import ENTRY

ONE, TWO = "0197a3c0-0000-7000-8000-000000000001", "0197a3c0-0000-7000-8000-000000000002"
HASH = "ab" * 32
_WORDS = st.text(max_size=8)
_LINKS = st.sampled_from([(None, None), (ONE, HASH)])
_IDS = st.sampled_from([None, TWO])


def envelope(said: Said, hashes: list[tuple[str, str]]) -> dict[str, Any]:
    """Return the envelope as the recording door has it."""

    def link(id_: str | None, hash_: str | None) -> dict[str, str | None] | None:
        return None if id_ is None else {"id": id_, "hash": hash_}

    return {
        "schema": 1, "tenant": said.tenant,
        "subject": {"type": said.subject_type, "id": said.subject_id},
        "subject_version": said.subject_version, "kind": said.kind, "action": said.action,
        "from": said.from_status, "to": said.to_status,
        "actor": {"token": said.actor, "type": said.actor_type, "role": said.actor_role},
        "on_behalf_of": said.on_behalf_of,
        "caused_by": link(said.caused_by, said.caused_by_hash),
        "original": link(said.original, said.original_hash),
        "correlation_id": said.correlation, "case": said.case,
        "completion_seq": said.completion_seq,
        "compensation": None if said.compensation is None else json.loads(said.compensation),
        "id": said.id, "subject_seq": said.subject_seq, "previous_hash": said.previous_hash,
        "at": said.at, "commitments": [{"name": n, "hash": h} for n, h in sorted(hashes)],
    }  # fmt: skip


@given(st.data())
def test_they_are_the_canonical_bytes_of_the_envelope(data: st.DataObject) -> None:
    words = {
        name: data.draw(_WORDS)
        for name in ("subject_type", "kind", "action", "from_status", "to_status", "actor_type",
                     "actor_role")
    }  # fmt: skip
    caused, original = data.draw(_LINKS), data.draw(_LINKS)
    compensation = data.draw(st.none() | st.dictionaries(_WORDS, st.integers(-9, 9) | _WORDS))
    said = Said(
        id=ONE, tenant=TWO, subject_id=ONE, subject_seq=data.draw(st.integers(1, 2**31)),
        subject_version=3, previous_hash=data.draw(st.sampled_from([None, HASH])), actor=TWO,
        on_behalf_of=data.draw(_IDS), caused_by=caused[0], caused_by_hash=caused[1],
        original=original[0], original_hash=original[1], correlation=ONE, case=data.draw(_IDS),
        completion_seq=data.draw(st.none() | st.integers(0, 2**53 - 1)),
        compensation=None if compensation is None else json.dumps(compensation),
        at="2026-11-27T20:00:00.000001Z", **words,
    )  # fmt: skip
    hashes = list(data.draw(st.dictionaries(_WORDS, st.just(HASH), max_size=3)).items())
    before, after = around_commitments(said)
    written = before + commitments(hashes) + after
    assert written == canonical(envelope(said, hashes))


PLAIN = Said(
    ONE, TWO, "case", ONE, 1, 1, None, "TRANSITION", "created", "", "ACTIVE", TWO, "HUMAN",
    "member", None, None, None, None, None, ONE, None, None, None, "2026-11-27T20:00:00.000001Z",
)  # fmt: skip


OTHERS: dict[str, Any] = {
    **dict.fromkeys(Said._fields, "elsewhere"), "subject_seq": 2, "subject_version": 2,
    "completion_seq": 7, "compensation": '{"a":1}',
}  # fmt: skip


def test_every_column_is_among_them() -> None:
    assert len(AS_TEXT) == len(Said._fields) == len({*ENTRY, "tenant_id"} - {"hash", "body"})
    kept = b"".join(around_commitments(PLAIN))
    for name, other in OTHERS.items():
        assert b"".join(around_commitments(PLAIN._replace(**{name: other}))) != kept, name


def test_what_has_no_canonical_form_is_refused() -> None:
    with pytest.raises(ValueError, match="9007199254740993"):
        around_commitments(PLAIN._replace(compensation='{"n": 9007199254740993}'))
