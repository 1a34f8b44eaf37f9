"""The recording door: what an entry's bytes say, how chains link, and what it refuses."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import rfc8785
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from ledger import clock
from ledger.canonical import commitment, leaf_hash
from ledger.hashed_columns import COLUMNS
from ledger.ids import new_id
from ledger.models import LedgerEntry, LedgerHead, OutboxEvent, OutboxTask, Payload
from ledger.record import ActorRef, Change, EntryRef, record, record_many
from ledger.tenancy import set_tenant, tenant_scope
from tests.verifying import verify
from tests.vocabulary import declared
from tests.world import World

# Columns of an entry that are not in its bytes, and why.
NOT_HASHED = {
    "hash": "it is the hash of the bytes",
    "body": "it is the bytes",
}
MOMENT = dt.datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _recorded_of_channels() -> Iterator[None]:
    with declared("channel", "created", "edited"):
        yield


def change(world: World, subject: uuid.UUID | None = None, **more: Any) -> Change:
    values: dict[str, Any] = {
        "tenant_id": world.system.tenant_id,
        "subject_type": "channel",
        "subject_id": subject or new_id(),
        "version": 1,
        "action": "created",
        "actor": ActorRef(world.operator.actor_id, "HUMAN", "operator"),
        "to_status": "OPEN",
        "opens": True,
        **more,
    }
    return Change(**values)


def entries(world: World, subject: uuid.UUID) -> list[LedgerEntry]:
    with tenant_scope(world.system.tenant_id):
        return list(LedgerEntry.objects.filter(subject_id=subject).order_by("subject_seq"))


def counted(world: World) -> tuple[int, ...]:
    with tenant_scope(world.system.tenant_id):
        return tuple(
            model.objects.count()
            for model in (LedgerEntry, LedgerHead, Payload, OutboxEvent, OutboxTask)
        )


def test_a_chain_is_gapless_and_each_entry_names_the_hash_before_it(world: World) -> None:
    subject = new_id()
    with tenant_scope(world.system.tenant_id):
        first = record(change(world, subject))
        later = record_many(
            [change(world, subject, version=n, opens=False, action="edited") for n in (2, 3)]
        )
        last = record(change(world, subject, version=4, opens=False, action="edited"))
    rows = entries(world, subject)
    assert [row.subject_seq for row in rows] == [1, 2, 3, 4]
    assert [row.id for row in rows] == [first.id, later[0].id, later[1].id, last.id]
    hashes = [bytes(row.hash) for row in rows]
    before = [row.previous_hash and bytes(row.previous_hash) for row in rows]
    assert before == [None, *hashes[:-1]]
    with tenant_scope(world.system.tenant_id):
        head = LedgerHead.objects.get(subject_id=subject)
    assert (head.seq, bytes(head.hash), head.entry_id) == (4, last.hash, last.id)


def test_several_subjects_in_one_call_keep_their_own_chains(world: World) -> None:
    one, two = new_id(), new_id()
    with tenant_scope(world.system.tenant_id):
        recorded = record_many(
            [
                change(world, one),
                change(world, two, caused_by=0),
                change(world, one, version=2, opens=False, action="edited", caused_by=1),
            ]
        )
    assert [each.seq for each in recorded] == [1, 1, 2]
    first, third = entries(world, one)
    (second,) = entries(world, two)
    assert (second.caused_by_id, bytes(second.caused_by_hash or b"")) == (
        first.id,
        bytes(first.hash),
    )
    assert (third.caused_by_id, bytes(third.caused_by_hash or b"")) == (
        second.id,
        bytes(second.hash),
    )


def test_the_bytes_are_rfc_8785_and_say_everything(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.record.now", lambda: MOMENT)
    assert clock.rfc3339(MOMENT) == "2026-03-04T05:06:07.000089Z"
    subject, case, correlation = new_id(), new_id(), new_id()
    undo = {"mode": "human", "strategy": "restore", "regulatory_basis": ["OTHER"], "attempt": 1}
    with tenant_scope(world.system.tenant_id):
        finished = record(change(world))
        cause = record(change(world))
        entry = record(
            change(
                world,
                subject,
                version=7,
                kind="COMPENSATION",
                from_status="OPEN",
                to_status="CLOSED",
                actor=ActorRef(
                    world.operator.actor_id, "HUMAN", "operator", world.analyst.actor_id
                ),
                caused_by=cause.ref,
                original=finished.ref,
                case_id=case,
                correlation_id=correlation,
                completion_seq=3,
                compensation=undo,
                payloads={"reason": "Gefälscht ✓", "amount": 2**60},
            )
        )
        payloads = {row.name: row for row in Payload.objects.filter(entry_id=entry.id)}
    (row,) = entries(world, subject)
    body = bytes(row.body)
    assert json.loads(body) == {
        "schema": 1,
        "id": str(entry.id),
        "tenant": str(world.system.tenant_id),
        "subject": {"type": "channel", "id": str(subject)},
        "subject_seq": 1,
        "subject_version": 7,
        "previous_hash": None,
        "kind": "COMPENSATION",
        "action": "created",
        "from": "OPEN",
        "to": "CLOSED",
        "actor": {"token": str(world.operator.actor_id), "type": "HUMAN", "role": "operator"},
        "on_behalf_of": str(world.analyst.actor_id),
        "caused_by": {"id": str(cause.id), "hash": cause.hash.hex()},
        "original": {"id": str(finished.id), "hash": finished.hash.hex()},
        "correlation_id": str(correlation),
        "case": str(case),
        "completion_seq": 3,
        "compensation": undo,
        "at": "2026-03-04T05:06:07.000089Z",
        "commitments": [
            {"name": name, "hash": commitment(bytes(p.salt), bytes(p.body)).hex()}
            for name, p in sorted(payloads.items())
        ],
    }
    assert body == rfc8785.dumps(json.loads(body))
    assert bytes(row.hash) == leaf_hash(body) == hashlib.sha256(b"\x00" + body).digest()
    assert entry.hash == bytes(row.hash)
    # The text is nowhere in the entry; a payload may hold what the envelope's numbers cannot.
    assert "Gefälscht" not in body.decode()
    assert json.loads(bytes(payloads["reason"].body)) == "Gefälscht ✓"
    assert json.loads(bytes(payloads["amount"].body)) == 2**60
    assert {len(bytes(p.salt)) for p in payloads.values()} == {32}


def test_equal_payloads_have_unequal_commitments(world: World) -> None:
    subject = new_id()
    with tenant_scope(world.system.tenant_id):
        record(change(world, subject, payloads={"one": "yes", "two": "yes"}))
    (row,) = entries(world, subject)
    said = [item["hash"] for item in json.loads(bytes(row.body))["commitments"]]
    assert len(set(said)) == 2


def test_every_column_of_an_entry_is_hashed_or_excused() -> None:
    columns = {field.attname for field in LedgerEntry._meta.concrete_fields}
    assert columns == set(COLUMNS)
    record_fields = {field.name for field in dataclasses.fields(Change)}
    assert "reason" not in record_fields
    assert set(NOT_HASHED) < columns


def test_a_changed_column_shows_in_the_bytes(world: World) -> None:
    """For every hashed column: two entries that differ in it alone differ in their bytes."""
    subject = new_id()
    with tenant_scope(world.system.tenant_id):
        finished = record(change(world))
        record(
            change(
                world, subject, caused_by=finished.ref, original=finished.ref, case_id=new_id(),
                completion_seq=1, compensation={"mode": "human"}, from_status="X",
                actor=ActorRef(new_id(), "HUMAN", "member", new_id()),
            )
        )  # fmt: skip
        record(change(world, subject, version=2, opens=False, action="edited"))
    row = entries(world, subject)[0]
    text = bytes(row.body).decode()
    for field in LedgerEntry._meta.concrete_fields:
        if field.attname in {*NOT_HASHED, "compensation", "previous_hash"}:
            continue
        value = getattr(row, field.attname)
        assert value not in {None, ""}, field.attname
        said = (
            clock.rfc3339(value)
            if isinstance(value, dt.datetime)
            else bytes(value).hex()
            if isinstance(value, bytes | memoryview)
            else str(value)
        )
        assert said in text, field.attname
    assert bytes(row.hash).hex() in bytes(entries(world, subject)[1].body).decode()


@pytest.mark.parametrize(
    ("field", "word", "what"),
    [
        ("kind", "OPINION", "kind"),
        ("action", "undone", "action"),
        ("action", "claimed", "action"),  # of work items, not of channels
        ("subject_type", "plan", "subject type"),
        ("actor", ActorRef(new_id(), "ROBOT", "operator"), "actor type"),
    ],
)
def test_an_unknown_word_is_refused_before_anything_is_written(
    world: World, field: str, word: Any, what: str
) -> None:
    before = counted(world)
    said = word.type if isinstance(word, ActorRef) else word
    with (
        tenant_scope(world.system.tenant_id),
        pytest.raises(ValueError, match=f"'{said}' is no {what} of the ledger"),
    ):
        record_many([change(world), change(world, **{field: word})])
    assert counted(world) == before


def test_recording_needs_a_transaction(world: World) -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        record(change(world))


def test_nothing_to_record_is_no_statement(world: World) -> None:
    with tenant_scope(world.system.tenant_id), CaptureQueriesContext(connection) as captured:
        assert record_many([]) == []
    assert [query for query in captured.captured_queries if "ledger_" in query["sql"]] == []


@pytest.mark.parametrize("count", [1, 7])
def test_writing_is_one_statement_and_reading_heads_another(world: World, count: int) -> None:
    subjects = [new_id() for _ in range(count)]
    with tenant_scope(world.system.tenant_id):
        with CaptureQueriesContext(connection) as born:
            record_many([change(world, s, payloads={"a": 1, "b": 2}) for s in subjects])
        with CaptureQueriesContext(connection) as later:
            record_many([change(world, s, version=2, opens=False) for s in subjects])
    assert (len(born.captured_queries), len(later.captured_queries)) == (1, 2)


def test_a_rollback_leaves_nothing(world: World) -> None:
    before = counted(world)
    with contextlib.suppress(ZeroDivisionError), transaction.atomic():
        set_tenant(world.system.tenant_id)
        record(change(world, payloads={"reason": "none"}))
        raise ZeroDivisionError
    assert counted(world) == before


@pytest.mark.parametrize(
    "said", [1.5, 2.0, -0.0, float("nan"), 2**53, dt.datetime(2026, 3, 4, tzinfo=dt.UTC), b"x"]
)
def test_what_an_envelope_does_not_hold_is_refused_before_anything_is_written(
    world: World, said: Any
) -> None:
    """Verify would call the ledger broken for ever; a payload holds any JSON."""
    subject = new_id()
    for block in ({"rate": said}, {"steps": [{"at": said}], "\u00e9": 1}):
        with pytest.raises(ValueError, match=r"."), tenant_scope(world.system.tenant_id):
            record(change(world, subject, compensation=block))
    assert entries(world, subject) == []
    with tenant_scope(world.system.tenant_id):
        kept = [said] if isinstance(said, float | int) and said == said else []  # noqa: PLR0124
        record(change(world, subject, compensation={"rate": 2}, payloads={"rates": kept}))
    verify()


def test_a_second_birth_of_a_subject_is_refused(world: World) -> None:
    subject = new_id()
    with tenant_scope(world.system.tenant_id):
        record(change(world, subject))
    with pytest.raises(IntegrityError), tenant_scope(world.system.tenant_id):
        record(change(world, subject))
    assert [row.subject_seq for row in entries(world, subject)] == [1]


def test_a_stale_head_is_refused(world: World) -> None:
    subject = new_id()
    with tenant_scope(world.system.tenant_id):
        first = record(change(world, subject))
        record(change(world, subject, version=2, opens=False))
    with pytest.raises(IntegrityError), tenant_scope(world.system.tenant_id):
        record(change(world, subject, version=3, opens=False, head=(1, first.hash)))
    assert [row.subject_seq for row in entries(world, subject)] == [1, 2]


def test_a_link_to_an_entry_that_does_not_exist_is_refused(world: World) -> None:
    before = counted(world)
    with pytest.raises(IntegrityError), tenant_scope(world.system.tenant_id):
        record(change(world, caused_by=EntryRef(new_id(), b"\x00" * 32)))
    assert counted(world) == before


def test_an_entry_announces_itself_once(world: World) -> None:
    subject, case = new_id(), new_id()
    with tenant_scope(world.system.tenant_id):
        entry = record(change(world, subject, case_id=case))
        alone = record(change(world))
        quiet = record(change(world, kind="DELIVERY"))
        events = {e.id: e for e in OutboxEvent.objects.filter(id__in=[entry.id, alone.id])}
        assert not OutboxEvent.objects.filter(id=quiet.id).exists()
    assert events[entry.id].type == "amends.channel.created.v1"
    assert (events[entry.id].shard, events[entry.id].case_id) == (case, case)
    assert (events[alone.id].shard, events[alone.id].case_id) == (events[alone.id].subject_id, None)
