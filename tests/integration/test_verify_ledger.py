"""`manage.py verify_ledger` on an honest ledger, and on one that the superuser changed.

The worker's database is shared with other tests, so every change is taken back.
"""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg.types.json import Jsonb

from executions.actions import request_execution
from ledger.canonical import canonical, leaf_hash
from ledger.hashed_columns import COLUMNS as HASHED
from ledger.selectors import Entry
from tests import states
from tests.casework import approved_loan, roll_back, steps
from tests.draining import drain
from tests.verifying import run
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem

pytestmark = pytest.mark.usefixtures("database_of_the_module")

HONEST = re.compile(r"^The ledger holds: (\d+) tenants, (\d+) chains, (\d+) entries", re.MULTILINE)


# What fires also for replicas. The others are never turned off: a test that forgets one of them
# would leave it off for all that share the database.
ALWAYS = {
    "ledger_ledgerentry": ("stamp", "append_only", "no_truncate"),
    "ledger_ledgerleaf": ("append_only", "no_truncate"),
    "ledger_ledgertile": ("append_only", "no_truncate"),
    "ledger_checkpoint": ("append_only", "no_truncate"),
    "ledger_erasedpayload": ("append_only", "no_truncate"),
    "ledger_erasurereceipt": ("append_only", "no_truncate"),
    "workitems_workitem": ("guard",),
    "executions_execution": ("guard",),
    "compensation_compensationstep": ("guard",),
}
OFF, ON = (
    [
        f"ALTER TABLE {table} {wanted} TRIGGER {table}_{name}"
        for table, names in ALWAYS.items()
        for name in names
    ]
    for wanted in ("DISABLE", "ENABLE ALWAYS")
)


def force(statement: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    """Run one statement as the superuser in this worker's database, with the triggers off.

    Neither the ALWAYS triggers nor the foreign keys stop who owns the server.
    """
    url, name = os.environ["DATABASE_SUPERUSER_URL"], str(connection.settings_dict["NAME"])
    with psycopg.connect(url, dbname=name) as db:
        for each in ["SET LOCAL session_replication_role = replica", *OFF]:
            db.execute(each.encode())
        found = db.execute(statement.encode(), parameters)
        rows = found.fetchall() if found.description else []
        for each in ON:
            db.execute(each.encode())
    return rows


@contextlib.contextmanager
def tampered(entry: Entry, table: str, column: str, value: Any) -> Iterator[None]:
    """One column of one row of an entry holds `value` for the length of the block."""
    key = "id" if table == "ledger_ledgerentry" else "entry_id"
    names = "" if key == "id" else " AND name = 'outcome'"
    where = f"WHERE {key} = %s{names}"
    ((before,),) = force(f"SELECT {column} FROM {table} {where}", [entry.id])  # noqa: S608  -- own names
    new = value(before) if callable(value) else value
    change = f"UPDATE {table} SET {column} = %s {where}"  # noqa: S608  -- own names
    force(change, [_json(new), entry.id])
    try:
        yield
    finally:
        force(change, [_json(before), entry.id])


def _json(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict) else value


@contextlib.contextmanager
def without(*rows: tuple[str, str, uuid.UUID]) -> Iterator[None]:
    """Rows, each (table, column, value), are gone for the length of the block."""
    kept = []
    for table, column, value in rows:
        delete = f"DELETE FROM {table} WHERE {column} = %s RETURNING row_to_json({table})"  # noqa: S608  -- own names
        kept.append((table, force(delete, [value])))
    try:
        yield
    finally:
        for table, gone in kept:
            insert = f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, %s)"  # noqa: S608  -- own names
            for (row,) in gone:
                force(insert, [Jsonb(row)])


def flipped(value: bytes) -> bytes:
    """Return the same bytes with one bit of the middle one changed."""
    changed = bytearray(value)
    changed[len(changed) // 2] ^= 1
    return bytes(changed)


@pytest.fixture
def chain(world: World) -> tuple[WorkItem, list[Entry]]:
    """A work item that was undone, and its entries."""
    begun = states.compensating(world.analyst, compensation={"self_undo": True})
    states.undo(begun.attempt.compensation_id, world.analyst)
    found = states.history(world, "work_item", begun.original.id)
    assert [entry.action for entry in found] == [
        "created", "started", "completed", "compensation_started", "compensation_completed",
    ]  # fmt: skip
    return begun.original, found


@pytest.fixture(autouse=True)
def _holds_afterwards(world: World) -> Iterator[None]:
    yield
    assert run()[::2] == (0, "")


def broken(entry: Entry | None, *words: str) -> None:
    """The command exits 1, names `entry` and says why."""
    code, out, err = run()
    assert (code, out) == (1, "")
    assert err.startswith("The ledger does not hold. ")
    if entry is not None:
        assert f"entry {entry.id}" in err
    for word in words:
        assert word in err


def test_an_honest_ledger_holds_and_is_counted(world: World) -> None:
    before = HONEST.match(run()[1])
    states.new_item(world.analyst)
    states.in_progress(world.analyst)
    code, out, err = run()
    after = HONEST.match(out)
    assert (code, err) == (0, "")
    assert before is not None
    assert after is not None
    gained = [int(b) - int(a) for a, b in zip(before.groups(), after.groups(), strict=True)]
    assert gained == [0, 2, 3]


def test_a_flipped_byte_in_the_bytes(chain: tuple[WorkItem, list[Entry]]) -> None:
    for entry in chain[1]:
        with tampered(entry, "ledger_ledgerentry", "body", flipped):
            broken(entry, "hash")


COLUMNS: dict[str, Any] = {
    "subject_version": 77,
    "hash": flipped,
    "previous_hash": flipped,
    "kind": "ADMIN",
    "action": "rejected",
    "from_status": "PENDING",
    "to_status": "REJECTED",
    "actor_id": uuid.uuid4(),
    "actor_type": "AGENT",
    "actor_role": "operator",
    "on_behalf_of_id": uuid.uuid4(),
    "caused_by_id": uuid.uuid4(),
    "caused_by_hash": b"\x01" * 32,
    "original_id": None,
    "original_hash": flipped,
    "correlation_id": uuid.uuid4(),
    "case_id": uuid.uuid4(),
    "completion_seq": 5,
    # Python calls 1 and true equal.
    "compensation": lambda said: {**said, "attempt": bool(said["attempt"])},
    "at": "2020-01-01T00:00:00Z",
}


MOVES: dict[str, Any] = {
    "tenant_id": uuid.uuid4(),
    "subject_type": "execution",
    "subject_id": uuid.uuid4(),
    "subject_seq": 9,
}


def test_a_changed_column(chain: tuple[WorkItem, list[Entry]]) -> None:
    assert {*COLUMNS, *MOVES, "id", "body"} == set(HASHED)
    entry = chain[1][-1]
    for column, value in COLUMNS.items():
        with tampered(entry, "ledger_ledgerentry", column, value):
            broken(entry)


def test_an_entry_moved_elsewhere(chain: tuple[WorkItem, list[Entry]]) -> None:
    entry = chain[1][-1]
    for column, value in MOVES.items():
        with tampered(entry, "ledger_ledgerentry", column, value):
            broken(None)


def test_an_entry_under_another_id(chain: tuple[WorkItem, list[Entry]]) -> None:
    entry, other = chain[1][-1], uuid.uuid4()
    change = "UPDATE ledger_ledgerentry SET id = %s WHERE id = %s"
    force(change, [other, entry.id])
    try:
        broken(None, f"entry {other}")
    finally:
        force(change, [entry.id, other])


def test_a_flipped_byte_in_a_payload(chain: tuple[WorkItem, list[Entry]]) -> None:
    entry = chain[1][2]
    for column in ("body", "salt"):
        with tampered(entry, "ledger_payload", column, flipped):
            broken(entry, "payload")


def test_a_renamed_payload(chain: tuple[WorkItem, list[Entry]]) -> None:
    completed = chain[1][2]
    change = "UPDATE ledger_payload SET name = %s WHERE entry_id = %s AND name = %s"
    force(change, ["verdict", completed.id, "outcome"])
    try:
        broken(completed, "payload verdict")
    finally:
        force(change, ["outcome", completed.id, "verdict"])


def test_a_tail_that_was_cut_off(chain: tuple[WorkItem, list[Entry]]) -> None:
    *_, before, last = chain[1]
    with without(("ledger_payload", "entry_id", last.id), ("ledger_ledgerentry", "id", last.id)):
        broken(before, "head")


def test_a_tail_that_was_cut_off_with_its_head(chain: tuple[WorkItem, list[Entry]]) -> None:
    item, (*_, before, last) = chain
    move = "UPDATE ledger_ledgerhead SET seq = %s, hash = %s, entry_id = %s WHERE subject_id = %s"
    with without(("ledger_payload", "entry_id", last.id), ("ledger_ledgerentry", "id", last.id)):
        force(move, [before.subject_seq, before.hash, before.id, item.id])
        broken(before, str(item.id), "COMPENSATED at version 5", "COMPENSATING at version 4")
        force(move, [last.subject_seq, last.hash, last.id, item.id])


def test_an_entry_missing_in_the_middle(chain: tuple[WorkItem, list[Entry]]) -> None:
    middle, after = chain[1][1], chain[1][2]
    with without(
        ("ledger_payload", "entry_id", middle.id), ("ledger_ledgerentry", "id", middle.id)
    ):
        broken(after, "should go on at 2")


def test_all_entries_of_a_subject_gone(chain: tuple[WorkItem, list[Entry]]) -> None:
    item, found = chain
    with without(("ledger_ledgerentry", "subject_id", item.id)):
        broken(found[-1], str(item.id), "has a head but no entries")
        with without(("ledger_ledgerhead", "subject_id", item.id)):
            broken(None, f"work_item {item.id}", "no chain")


def test_a_row_changed_past_the_guard(chain: tuple[WorkItem, list[Entry]]) -> None:
    item, found = chain
    change = "UPDATE workitems_workitem SET status = %s WHERE id = %s"
    force(change, ["COMPLETED", item.id])
    try:
        broken(found[-1], f"work_item {item.id} is COMPLETED")
    finally:
        force(change, ["COMPENSATED", item.id])


def test_an_execution_changed_past_the_guard(world: World) -> None:
    execution = request_execution(
        call=Call(world.operator), capability="demo.flaky", input={"fail_times": 0}
    )
    (entry,) = states.history(world, "execution", execution.id)
    change = "UPDATE executions_execution SET status = %s WHERE id = %s"
    force(change, ["SUCCEEDED", execution.id])
    try:
        broken(entry, f"execution {execution.id} is SUCCEEDED")
    finally:
        force(change, ["PENDING", execution.id])


def test_a_step_changed_past_the_guard(world: World) -> None:
    run = roll_back(world, approved_loan(world))
    drain()
    step = steps(world, run.id)[0]
    entry = next(
        entry
        for entry in reversed(states.history(world, "compensation_run", run.id))
        if (entry.compensation or {}).get("step") == step.n
    )
    other = "DONE" if step.status != "DONE" else "SKIPPED"
    for column, value, before in (
        ("status", other, step.status),
        ("version", 99, step.version),
        ("n", 99, step.n),
    ):
        change = f"UPDATE compensation_compensationstep SET {column} = %s WHERE id = %s"  # noqa: S608  -- own names
        force(change, [value, step.id])
        try:
            broken(None if column == "n" else entry, f"of run {run.id}", str(value))
        finally:
            force(change, [before, step.id])


def test_a_tail_rewritten_with_its_head_breaks_what_followed_from_it(world: World) -> None:
    """Everything about the last entry of a chain fits; only the entry it caused knows better."""
    begun = states.compensating(world.analyst, compensation={"self_undo": True})
    task = begun.attempt.compensation_id
    states.undo(task, world.analyst)
    tail = states.history(world, "work_item", task)[-1]
    effect = states.history(world, "work_item", begun.original.id)[-1]
    assert effect.caused_by is not None
    assert effect.caused_by.id == tail.id
    envelope = _envelope(tail)
    body = canonical({**envelope, "actor": {**envelope["actor"], "role": "operator"}})
    move = "UPDATE ledger_ledgerhead SET hash = %s WHERE subject_id = %s"
    with (
        tampered(tail, "ledger_ledgerentry", "body", body),
        tampered(tail, "ledger_ledgerentry", "hash", leaf_hash(body)),
        tampered(tail, "ledger_ledgerentry", "actor_role", "operator"),
    ):
        force(move, [leaf_hash(body), task])
        try:
            broken(effect, "its caused_by names a hash", str(tail.id))
        finally:
            force(move, [tail.hash, task])


def test_bytes_that_are_no_envelope_under_a_right_hash(
    chain: tuple[WorkItem, list[Entry]],
) -> None:
    entry = chain[1][-1]
    for body in (
        b"{}",
        b'{"subject_seq":1.5}',
        b"NaN",
        b"[]",
        b"null",
        b"{",
        b'{"id":1}',
        b'{"subject":[]}',
        b"\xff\xfe",
    ):
        with (
            tampered(entry, "ledger_ledgerentry", "body", body),
            tampered(entry, "ledger_ledgerentry", "hash", leaf_hash(body)),
        ):
            broken(entry, "envelope")


def test_a_consistent_rewrite_of_one_entry_breaks_the_next(
    chain: tuple[WorkItem, list[Entry]],
) -> None:
    """Bytes, hash and column rewritten together: the chain behind it does not fit any more."""
    entry, following = chain[1][2], chain[1][3]
    envelope = _envelope(entry)
    body = canonical({**envelope, "actor": {**envelope["actor"], "role": "operator"}})
    with (
        tampered(entry, "ledger_ledgerentry", "body", body),
        tampered(entry, "ledger_ledgerentry", "hash", leaf_hash(body)),
        tampered(entry, "ledger_ledgerentry", "actor_role", "operator"),
    ):
        broken(following, "does not follow")


def _envelope(entry: Entry) -> dict[str, Any]:
    ((body,),) = force(
        "SELECT convert_from(body, 'UTF8')::json FROM ledger_ledgerentry WHERE id = %s", [entry.id]
    )
    assert isinstance(body, dict)
    return body


def test_bytes_in_another_order_are_not_canonical(chain: tuple[WorkItem, list[Entry]]) -> None:
    entry = chain[1][-1]
    body = canonical(_envelope(entry)).replace(b'{"action"', b'{ "action"')
    with (
        tampered(entry, "ledger_ledgerentry", "body", body),
        tampered(entry, "ledger_ledgerentry", "hash", leaf_hash(body)),
    ):
        broken(entry, "canonical")
