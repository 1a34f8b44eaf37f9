"""Evidence packs of any kind: parts of chains, packs of others, and what is no pack at all."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.export import evidence, readable_page
from ledger.canonical import leaf_hash
from ledger.tree import stored_tree
from ledger.tree.signed_notes import SignedTree, signed, verifier_key
from ledger.tree.signing_keys import key_ring
from tests import states
from tests.bare_python import Files, Verifier, put_bare
from tests.clients import api
from tests.integration.test_evidence import EXPORT, broken, exported, lines, put, rehash
from tests.integration.test_sealing import recorded
from tests.integration.test_verify_ledger import without
from tests.sealed import sealed
from tests.world import World


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with what `cryptography` needs, and nothing else."""
    return put_bare(tmp_path_factory.mktemp("packages"))


@pytest.fixture
def verifier(bare: Path, tmp_path: Path) -> Verifier:
    """What runs verify.py."""
    return Verifier(bare, tmp_path)


@pytest.fixture
def item(world: World) -> uuid.UUID:
    """A work item with five entries, and its undo with three, sealed."""
    begun = states.compensating(world.analyst, compensation={"self_undo": True})
    states.undo(begun.attempt.compensation_id, world.analyst)
    sealed(world.system.tenant_id)
    return uuid.UUID(str(begun.original.id))


def resigned(files: Files, /, **said: Any) -> Files:
    """Return a pack that says something else of itself, signed anew with our key."""
    manifest = json.loads(files["manifest.json"]) | said
    kept = {n: c for n, c in files.items() if not n.startswith("manifest")}
    if isinstance(manifest["files"], dict):
        manifest["files"] = {n: hashlib.sha256(c).hexdigest() for n, c in kept.items()}
    content = json.dumps(manifest).encode()
    origin = json.loads(files["manifest.json"])["origin"]
    tree = SignedTree(f"{origin}/export", 1, hashlib.sha256(content).digest())
    note = signed(tree, key_ring().signing).encode()
    return {**kept, "manifest.json": content, "manifest.note": note}


def of_entries(files: Files, entries: list[dict[str, Any]]) -> Files:
    """Return the pack with these entries, and what they committed to."""
    changed = dict(files)
    put(changed, "entries.jsonl", entries)
    ids = {each["id"] for each in entries}
    kept = [each for each in lines(files, "payloads.jsonl") if each["entry"] in ids]
    put(changed, "payloads.jsonl", kept)
    return changed


def test_a_chain_whose_beginning_was_cut_off_is_a_part_only_if_the_pack_says_so(
    world: World, item: uuid.UUID, verifier: Verifier
) -> None:
    files = exported(world, f"subject=work_item:{item}")
    subject = f"work_item:{item}"
    assert json.loads(files["manifest.json"])["parts"] == {}
    entries = [
        each for each in lines(files, "entries.jsonl")
        if json.loads(each["body"])["subject"]["id"] == str(item)
    ][2:]  # fmt: skip
    cut = of_entries(files, entries)
    chains = {subject: [3, 5]}
    broken(verifier.run(resigned(cut, chains=chains)), entries[0]["id"], "removed")
    assert verifier.run(resigned(cut, chains=chains, parts={subject: 5}))[0] == 0
    assert f"A part: of {subject} the entries 3 to 5, of 1 to 5." in verifier.printed


def test_a_first_entry_that_follows_another_is_not_the_first(
    world: World, item: uuid.UUID, verifier: Verifier
) -> None:
    files = exported(world, f"subject=work_item:{item}")
    entries = lines(files, "entries.jsonl")
    rehash(entries[0], previous_hash="00" * 32)
    broken(verifier.run(resigned(of_entries(files, entries))), entries[0]["id"], "chain")


def test_a_chain_that_is_shorter_than_its_head_says_is_told_to_be_a_part(
    world: World, item: uuid.UUID, verifier: Verifier
) -> None:
    subject = f"work_item:{item}"
    last = states.history(world, "work_item", item)[-1].id
    with without(("ledger_payload", "entry_id", last), ("ledger_ledgerentry", "id", last)):
        files = exported(world, f"subject={subject}")
    manifest = json.loads(files["manifest.json"])
    assert (manifest["chains"].pop(subject), manifest["parts"]) == ([1, 4], {subject: 5})
    assert list(manifest["chains"].values()) == [[1, 3]]
    assert verifier.run(files)[0] == 0
    assert f"A part: of {subject} the entries 1 to 4, of 1 to 5." in verifier.printed


def test_a_valid_pack_says_whose_it_is(world: World, item: uuid.UUID, verifier: Verifier) -> None:
    files = exported(world, f"subject=work_item:{item}")
    said = json.loads(files["manifest.json"])
    assert verifier.run(files)[0] == 0
    assert verifier.printed[1:] == [
        f"Of {said['origin']}, {said['size']} entries, at {said['made_at']}.",
        "The keys are those of the pack. Give the one you were told by --key.",
    ]
    key = files["keys/keys"].decode().strip()
    assert verifier.run(files, "--key", key)[0] == 0
    assert len(verifier.printed) == 2


def test_a_key_of_another_origin_is_not_the_one_that_was_asked_for(
    world: World, item: uuid.UUID, verifier: Verifier
) -> None:
    files = exported(world, f"subject=work_item:{item}")
    other = verifier_key("other/ledger/1", key_ring().publics[0])
    broken(verifier.run(files, "--key", other), "", "forged")
    assert "the key is of other/ledger/1" in verifier.printed[0]


def test_an_entry_of_another_tenant_is_not_of_this_pack(
    world: World, item: uuid.UUID, verifier: Verifier
) -> None:
    files = exported(world, f"subject=work_item:{item}")
    entries = lines(files, "entries.jsonl")
    broken(verifier.run(resigned(files, tenant=str(uuid.uuid4()))), entries[0]["id"], "column")


def _as_json(files: Files, entry: dict[str, Any]) -> Files:
    """The first entry is another; in ASCII, so that it may hold anything."""
    _, _, rest = files["entries.jsonl"].partition(b"\n")
    return {**files, "entries.jsonl": json.dumps(entry).encode() + b"\n" + rest}


def _saying(**said: Any) -> Callable[[Files], Files]:
    def changed(files: Files) -> Files:
        entry = lines(files, "entries.jsonl")[0]
        rehash(entry, **said)
        return _as_json(files, entry)

    return changed


def _half_a_character(files: Files) -> Files:
    entry = lines(files, "entries.jsonl")[0]
    entry["body"] = entry["body"].replace("work_item", "\ud800", 1)
    entry["hash"] = leaf_hash(entry["body"].encode("utf-8", "surrogatepass")).hex()
    return _as_json(files, entry)


def _half_a_character_as_an_id(files: Files) -> Files:
    entry = lines(files, "entries.jsonl")[0]
    return _as_json(files, entry | {"id": "\ud800\nvalid: all"})


def _deep(files: Files) -> Files:
    return {**files, "entries.jsonl": b"[" * 100_000}


MALFORMED: list[Callable[[Files], Files]] = [
    _saying(caused_by="x"),
    _saying(caused_by={"id": 1}),
    _saying(commitments=[{"hash": "00" * 32}]),
    _saying(commitments="x"),
    _saying(commitments=[1]),
    _saying(subject="x"),
    _saying(subject_seq="1"),
    _saying(subject_seq=True),
    _half_a_character,
    _half_a_character_as_an_id,
    _deep,
    lambda files: {**files, "payloads.jsonl": b'{"entry": [], "name": {}, "salt": 1}\n'},
    lambda files: {**files, "keys/keys": b"\xff\xfe"},
    lambda files: {**files, "keys/keys": b""},
]
SAID: list[dict[str, Any]] = [
    {"size": "many"}, {"size": -1}, {"size": None}, {"chains": []}, {"chains": {"x": 1}},
    {"chains": None}, {"files": []}, {"parts": []}, {"parts": {"x": 1}}, {"tenant": 1},
    {"origin": []}, {"format": []}, {"about": None}, {"made_at": 7}, {"size": 10**30},
]  # fmt: skip


def test_whatever_form_it_is_in_it_is_answered(
    world: World, item: uuid.UUID, verifier: Verifier
) -> None:
    files = exported(world, f"subject=work_item:{item}")
    made = [each(files) for each in MALFORMED]
    packs = [*made, *(resigned(each) for each in made), *(resigned(files, **s) for s in SAID)]
    packs.append({**files, "manifest.json": b"[" * 100_000})
    packs.append({**files, "manifest.json": b"\xff"})
    packs.append({**files, "manifest.note": b"\xff\n\n\xff"})
    for number, pack in enumerate(packs):
        code, said = verifier.run(pack)
        assert (code, said.startswith("broken"), " because " in said) == (1, True, True), number
        assert len(verifier.printed) == 1, number


def test_too_much_for_one_pack_is_refused(
    world: World, item: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "MOST_ENTRIES", 7)
    answer = api(world.auditor).get(f"{EXPORT}?subject=work_item:{item}")
    assert (answer.status_code, answer.json()["code"]) == (409, "too_much")
    monkeypatch.setattr(evidence, "MOST_ENTRIES", 8)
    assert api(world.auditor).get(f"{EXPORT}?subject=work_item:{item}").status_code == 200


def test_a_pack_is_put_together_portion_by_portion(
    world: World, item: uuid.UUID, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(world, 600)
    states.new_item(world.analyst)
    sealed(world.system.tenant_id)
    whole = exported(world, f"subject=work_item:{item}")
    monkeypatch.setattr(readable_page, "_ROWS", 2)
    monkeypatch.setattr(stored_tree, "_TILES_AT_ONCE", 1)
    files = exported(world, f"subject=work_item:{item}")
    assert verifier.run(files)[0] == 0
    page = files["index.html"].decode()
    assert [page.count(f"<h2>{n}. ") for n in range(10)] == [0, *[1] * 8, 0]
    other = whole["index.html"].decode()
    assert page.partition("<h2>")[2].split() == other.partition("<h2>")[2].split()
    assert {n for n in files if n.startswith("tiles/")} == {
        n for n in whole if n.startswith("tiles/")
    }
