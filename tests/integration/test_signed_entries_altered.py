"""A signature is worth nothing any more once the entry that it is of, or the one that keeps it, is
another, and where somebody else gave it."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from audit.actions.attesting import attest
from audit.actions.said_of_entries import say_of
from ledger.as_hashed import is_as_hashed
from ledger.canonical import leaf_hash
from ledger.clock import now
from ledger.record import ActorRef, EntryRef
from ledger.selectors import Entry, all_entries, open_entries
from ledger.tenancy import set_tenant, tenant_scope
from people.key_verbs import report_compromise
from tests.bare_python import Verifier, put_bare
from tests.casework import approved_loan, roll_back
from tests.clients import api, browser
from tests.integration.test_evidence import exported
from tests.integration.test_signatures import chain, finished, seen
from tests.integration.test_verify_ledger import flipped, tampered
from tests.pages import text_of
from tests.signing import SigningKey, registered, signed_by
from tests.verifying import verify
from tests.world import World
from verbs.call import Call

ENTRIES = "ledger_ledgerentry"


@pytest.fixture
def verifier(tmp_path: Path) -> Verifier:
    (tmp_path / "packages").mkdir()
    return Verifier(put_bare(tmp_path / "packages"), tmp_path)


def listed(world: World, entry: Entry, what: str = "signatures") -> list[dict[str, Any]]:
    answer = api(world.bystander).get(f"/api/v1/ledger/entries/{entry.id}/{what}")
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def page_of_pack(world: World, entry: Entry) -> str:
    return exported(world, f"subject=work_item:{entry.subject_id}")["index.html"].decode()


def rejected(body: bytes) -> bytes:
    """Return bytes that say another end of the work."""
    assert b'"to":"COMPLETED"' in body
    return body.replace(b'"to":"COMPLETED"', b'"to":"REJECTED"')


def test_of_an_entry_that_was_altered_no_signature_is_valid(world: World) -> None:
    key = registered(world.agent)
    _item, done = finished(world)
    signed_by(world.agent, key, done)
    body = bytes(done.body)
    alone: list[tuple[str, Any]] = [
        ("to_status", "REJECTED"), ("actor_role", "auditor"), ("actor_id", world.analyst.actor_id),
        ("at", done.at + dt.timedelta(days=1)), ("hash", flipped(done.hash)), ("body", rejected),
    ]  # fmt: skip
    for column, value in alone:
        with tampered(done, ENTRIES, column, value):
            assert (column, seen(world, done)) == (column, "invalid")
            assert [each["verdict"] for each in listed(world, done)] == ["invalid"]
            page = page_of_pack(world, done)
            assert ("signature invalid" in page, "signature valid" in page) == (True, False)
        assert seen(world, done) == "valid"
    # All of it, so that it agrees with itself: its hash is not the one that was signed.
    with (
        tampered(done, ENTRIES, "to_status", "REJECTED"),
        tampered(done, ENTRIES, "body", rejected),
        tampered(done, ENTRIES, "hash", leaf_hash(rejected(body))),
    ):
        assert seen(world, done) == "invalid"
    assert [each["verdict"] for each in listed(world, done)] == ["valid"]


def test_what_vouches_for_an_entry_that_was_altered_is_not_validly_signed(world: World) -> None:
    key = registered(world.auditor)
    item, done = finished(world)
    attest(
        done.id, call=Call(world.auditor), verdict="ENDORSED", evidence="Seen on paper",
        signature=key.over(done, "endorsed"),
    )  # fmt: skip
    said = chain(world, item)[-1]
    for verdict, altered in (
        ("valid", contextlib.nullcontext()),
        ("invalid", tampered(done, ENTRIES, "to_status", "REJECTED")),
        ("invalid", tampered(done, ENTRIES, "hash", flipped(done.hash))),
        ("valid", contextlib.nullcontext()),
    ):
        with altered:
            assert seen(world, said) == verdict
            [told] = listed(world, done, "attestations")
            assert told["signature"]["verdict"] == verdict
            page = text_of(browser(world.bystander).get(f"/ledger/entries/{done.id}/").content)
            assert f"(signature {verdict})" in page


def test_when_it_was_signed_is_what_was_hashed(world: World) -> None:
    key = registered(world.agent)
    item, done = finished(world)
    since = now()
    signed_by(world.agent, key, done)
    report_compromise(key.id, call=Call(world.agent), since=since, reason="It was in a log")
    assert seen(world, done) == "suspect"
    last = chain(world, item)[-1]
    with tampered(last, ENTRIES, "at", since - dt.timedelta(days=1)):
        assert seen(world, done) == "invalid"


def signed_for_another(world: World, key: SigningKey, entry: Entry) -> Entry:
    """Record, past the verb that refuses it, that an analyst signs what another did, with a
    signature that holds."""
    tenant = world.analyst.tenant_id
    by = ActorRef(world.analyst.actor_id, "HUMAN", "member")
    with transaction.atomic(durable=True):
        set_tenant(tenant)
        row = all_entries(tenant).get(id=entry.id)
        say_of(row, "signed", by, {"signature": key.over(entry)})
    return chain(world, uuid.UUID(str(entry.subject_id)))[-1]


def test_nobody_signs_what_another_did_on_reading_either(world: World, verifier: Verifier) -> None:
    own, other = registered(world.agent), registered(world.analyst)
    item, done = finished(world)
    signed_by(world.agent, own, done)
    assert seen(world, done) == "valid"
    last = signed_for_another(world, other, done)
    assert last.actor_id == world.analyst.actor_id
    assert seen(world, done) == "invalid"
    assert [each["verdict"] for each in listed(world, done)] == ["invalid", "valid"]
    # Every hash is right: the pack is broken by that alone.
    verify()
    code, said = verifier.run(exported(world, f"subject=work_item:{item}"))
    because = f"it signs what another did, entry {done.id} (signature)"
    assert (code, said) == (1, f"broken at entry {last.id} because {because}")


def others(entry: Entry) -> dict[str, Any]:
    """Return another value of each member that is hashed, by its name."""
    link = EntryRef(uuid.UUID(int=1), bytes(32))
    made = {
        "hash": bytes(32), "previous_hash": bytes(32), "caused_by": link, "original": link,
        "body": entry.body.replace(b"{", b"{ ", 1), "at": entry.at + dt.timedelta(microseconds=1),
        "compensation": {"mode": "OTHER"}, "completion_seq": 99, "subject_seq": 99,
        "subject_version": 99,
    }  # fmt: skip
    beside = {"payloads", "committed", "tree_index", "receipt", "basis"}
    names = {each.name for each in dataclasses.fields(Entry)} - beside - made.keys()
    ids = {name for name in names if name == "id" or name.endswith("_id")}
    return {
        **made, **dict.fromkeys(ids, uuid.UUID(int=1)), **dict.fromkeys(names - ids, "ELSEWHERE")
    }  # fmt: skip


def test_whatever_was_recorded_is_read_as_it_was_hashed(world: World) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    with tenant_scope(world.auditor.tenant_id):
        found = open_entries(all_entries(world.auditor.tenant_id))
    assert [each.id for each in found if not is_as_hashed(each)] == []
    # Some that undo, some that do not.
    undoing = [each for each in found if each.compensation and each.original and each.caused_by]
    assert undoing
    for entry in (found[0], undoing[0]):
        changed = {n: dataclasses.replace(entry, **{n: v}) for n, v in others(entry).items()}
        assert [name for name, each in changed.items() if is_as_hashed(each)] == []
