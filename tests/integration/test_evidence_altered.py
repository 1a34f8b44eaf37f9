"""What a superuser changes beside the hashed bytes of an entry names nobody in a pack of it."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from ledger.selectors import Entry
from ledger.verify import Report, verify_tenant
from tests import states
from tests.bare_python import Files, Verifier, put_bare
from tests.clients import browser
from tests.integration.test_evidence import exported
from tests.integration.test_verify_ledger import flipped, tampered
from tests.pages import text_of
from tests.sealed import sealed
from tests.world import World

ENTRIES = "ledger_ledgerentry"
NOT_AS_HASHED = "Not as it was hashed"


@pytest.fixture
def verifier(tmp_path: Path) -> Verifier:
    (tmp_path / "packages").mkdir()
    return Verifier(put_bare(tmp_path / "packages"), tmp_path)


@pytest.fixture
def done(world: World) -> Entry:
    """The sealed entry of what the analyst has completed."""
    item = states.completed(world.analyst)
    sealed(world.system.tenant_id)
    return states.history(world, "work_item", item.id)[-1]


def pack_of(world: World, entry: Entry) -> Files:
    return exported(world, f"subject=work_item:{entry.subject_id}")


def part(page: bytes, entry: Entry) -> str:
    """Return what the page says of an entry, in one line."""
    [found] = [
        each
        for each in page.decode().split("<h2>")[1:]
        if entry.hash.hex() in each.split("Hash")[-1]
    ]
    return text_of(f"<h2>{found}".encode())


def test_a_pack_of_an_altered_entry_is_broken_and_says_so_in_place(
    world: World, done: Entry, verifier: Verifier
) -> None:
    sound = pack_of(world, done)
    assert verifier.run(sound)[0] == 0
    other = str(world.surveyor.actor_id)
    name = "surveyor-" + world.slug.removeprefix("demo-")
    assert done.actor_id == world.analyst.actor_id
    earlier = done.at - dt.timedelta(days=30)
    alone: list[tuple[str, Any, str, str]] = [
        ("actor_id", world.surveyor.actor_id, str(done.actor_id), other),
        ("action", "rejected", "completed", "rejected"),
        ("to_status", "REJECTED", "COMPLETED", "REJECTED"),
        ("at", earlier, done.at.strftime("%Y-%m-%dT"), earlier.strftime("%Y-%m-%dT")),
    ]
    for column, value, hashed, now in alone:
        with tampered(done, ENTRIES, column, value):
            files = pack_of(world, done)
        why = f"column {column} differs from its bytes"
        assert verifier.run(files) == (1, f"broken at entry {done.id} because {why} (column)")
        assert json.loads(files["manifest.json"])["altered"] == {str(done.id): why}
        said = part(files["index.html"], done)
        assert NOT_AS_HASHED in said
        assert f"This entry is not as it was hashed: {why}." in said
        assert f"hashed: {hashed}" in said
        assert f"in the database now: {now}" in said
        # Nobody has words for it: neither for who did it, nor for what was done.
        assert name not in said
        assert "Kind" not in said
        page = files["index.html"].decode()
        assert (page.count("<h2>"), page.count(f"{NOT_AS_HASHED}</h2>")) == (3, 1)
    assert files["entries.jsonl"] == sound["entries.jsonl"]


def test_whatever_column_was_altered_there_is_a_pack_that_is_broken(
    world: World, done: Entry, verifier: Verifier
) -> None:
    """What is in a column may be nothing that there are words for, or no entry that is there."""
    alone: dict[str, Any] = {
        "kind": "ELSEWHERE", "actor_type": "NOBODY", "actor_role": "king",
        "on_behalf_of_id": uuid.UUID(int=1), "correlation_id": uuid.UUID(int=1),
        "subject_version": 77, "completion_seq": 5, "from_status": "NOWHERE",
        "case_id": uuid.UUID(int=1), "caused_by_id": uuid.UUID(int=1),
    }  # fmt: skip
    strange = ({"run": "no id"}, [1], 7, {"undoing": "abc"}, {"undoing": {"type": ["x"]}})
    said_of_it = [("compensation", Jsonb(each)) for each in strange]
    for column, value in (*alone.items(), *said_of_it):
        with tampered(done, ENTRIES, column, value):
            files = pack_of(world, done)
        why = f"column {column} differs from its bytes"
        assert verifier.run(files) == (1, f"broken at entry {done.id} because {why} (column)")
    with (
        tampered(done, ENTRIES, "caused_by_id", uuid.UUID(int=1)),
        tampered(done, ENTRIES, "caused_by_hash", bytes(32)),
    ):
        code, said = verifier.run(pack_of(world, done))
    assert (code, said.endswith("column caused_by_id differs from its bytes (column)")) == (1, True)
    with tampered(done, ENTRIES, "hash", flipped):
        files = pack_of(world, done)
    because = "its hash is not the hash of its bytes"
    assert verifier.run(files) == (1, f"broken at entry {done.id} because {because} (bytes)")
    assert json.loads(files["manifest.json"])["altered"] == {str(done.id): because}


def test_a_pack_of_what_was_not_altered_says_nothing_of_it(
    world: World, done: Entry, verifier: Verifier
) -> None:
    other = states.completed(world.surveyor)
    last = states.history(world, "work_item", other.id)[-1]
    # What is altered elsewhere is not in this pack.
    with tampered(last, ENTRIES, "actor_id", world.analyst.actor_id):
        files = pack_of(world, done)
    item = done.subject_id
    assert verifier.run(files) == (0, f"valid: 3 entries of work_item:{item}")
    assert "altered" not in json.loads(files["manifest.json"])
    assert NOT_AS_HASHED not in files["index.html"].decode()


def test_what_names_an_altered_entry_does_not_tell_of_it(world: World, verifier: Verifier) -> None:
    begun = states.compensating(world.analyst, compensation={"self_undo": True})
    states.undo(begun.attempt.compensation_id, world.analyst)
    found = states.history(world, "work_item", begun.original.id)
    last = found[-1]
    original = next(each for each in found if last.original and each.id == last.original.id)
    page = f"/ledger/entries/{last.id}/"
    untold = "an entry that is not there as it was hashed"
    assert untold not in text_of(browser(world.auditor).get(page).content)
    with tampered(original, ENTRIES, "actor_id", world.surveyor.actor_id):
        assert untold in text_of(browser(world.auditor).get(page).content)
        files = pack_of(world, original)
    assert verifier.run(files)[0] == 1
    assert f"Undoes{untold}" in text_of(files["index.html"]).replace("Undoes ", "Undoes")
    verify_tenant(world.system.tenant_id, Report())
