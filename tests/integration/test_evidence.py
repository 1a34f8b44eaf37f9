"""The evidence pack: checked by its own verifier, in a Python that has nothing but `cryptography`,
as it is and after whatever somebody might do to it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.canonical import leaf_hash
from ledger.ids import new_id
from ledger.tree.signed_notes import SignedTree, signed, verifier_key
from ledger.tree.signing_keys import key_ring
from tests import states
from tests.bare_python import Files, Verifier, put_bare
from tests.casework import approved_loan, roll_back
from tests.clients import api
from tests.draining import drain
from tests.integration.test_sealing import recorded
from tests.sealed import sealed
from tests.world import World
from verbs.call import Call
from workitems import actions

EXPORT = "/api/v1/ledger/export"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with what `cryptography` needs, and nothing else."""
    return put_bare(tmp_path_factory.mktemp("packages"))


@pytest.fixture
def verifier(bare: Path, tmp_path: Path) -> Verifier:
    """What runs verify.py."""
    return Verifier(bare, tmp_path)


def test_nothing_of_the_project_is_there_for_the_verifier(bare: Path) -> None:
    for module in ("django", "ledger", "rfc8785"):
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c",
             f"import sys; sys.path.append({str(bare)!r}); import {module}"],
            cwd="/", capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "ModuleNotFoundError" in done.stderr


def exported(world: World, query: str) -> Files:
    answer: Any = api(world.auditor).get(f"{EXPORT}?{query}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    content = answer.getvalue()
    with zipfile.ZipFile(io.BytesIO(content)) as pack:
        assert pack.testzip() is None
        return {name: pack.read(name) for name in pack.namelist()}


@pytest.fixture
def undone(world: World) -> uuid.UUID:
    """A work item that was undone by a person, sealed between other things."""
    begun = states.compensating(world.analyst, compensation={"self_undo": True})
    recorded(world, 300)
    states.undo(begun.attempt.compensation_id, world.analyst)
    sealed(world.system.tenant_id)
    states.new_item(world.analyst)
    return uuid.UUID(str(begun.original.id))


def test_a_pack_of_one_decision_is_valid(
    world: World, undone: uuid.UUID, verifier: Verifier
) -> None:
    files = exported(world, f"subject=work_item:{undone}")
    size = json.loads(files["manifest.json"])["size"]
    assert {name.split("/")[0] for name in files} == {
        "manifest.json", "manifest.note", "entries.jsonl", "payloads.jsonl", "tiles", "checkpoints",
        "keys", "index.html", "verify.py",
    }  # fmt: skip
    assert sorted(n for n in files if n.startswith("tiles/")) == [
        "tiles/0/000", f"tiles/0/001.p/{size - 256}", "tiles/1/000.p/1",
    ]  # fmt: skip
    code, said = verifier.run(files)
    assert (code, said) == (0, f"valid: 8 entries of work_item:{undone}")
    key = files["keys/keys"].decode().strip()
    assert verifier.run(files, "--key", key) == (code, said)
    page = files["index.html"].decode()
    assert "The credit check was forged" in page
    assert page.count("<h2>") == 8


def test_a_zip_is_checked_as_it_is(
    world: World, undone: uuid.UUID, verifier: Verifier, tmp_path: Path
) -> None:
    answer: Any = api(world.auditor).get(f"{EXPORT}?subject=work_item:{undone}")
    path = tmp_path / "pack.zip"
    path.write_bytes(answer.getvalue())
    program = tmp_path / "verify.py"
    program.write_bytes(zipfile.ZipFile(path).read("verify.py"))
    assert verifier.of(program, path)[0] == 0
    path.write_bytes(b"no zip")
    assert verifier.of(program, path)[0] == 1


def test_a_large_pack_is_sent_part_by_part(
    world: World, undone: uuid.UUID, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.api.export_views.AT_ONCE", 1000)
    answer: Any = api(world.auditor).get(f"{EXPORT}?subject=work_item:{undone}")
    assert answer.streaming
    with zipfile.ZipFile(io.BytesIO(answer.getvalue())) as pack:
        assert pack.testzip() is None
    answer.close()


def test_a_pack_of_a_case_with_its_rollback(world: World, verifier: Verifier) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    drain()
    sealed(world.system.tenant_id)
    files = exported(world, f"case={case_id}")
    code, said = verifier.run(files)
    assert code == 0
    assert said.startswith("valid: ")
    chains = json.loads(files["manifest.json"])["chains"]
    assert {f"case:{case_id}", f"compensation_run:{run.id}"} <= chains.keys()
    assert {first for first, _last in chains.values()} == {1}


def test_what_is_not_sealed_yet_is_told(world: World, verifier: Verifier) -> None:
    item = states.in_progress(world.analyst).id
    files = exported(world, f"subject=work_item:{item}")
    said = f"valid: 2 entries of work_item:{item}; 2 not sealed when it was made"
    assert verifier.run(files) == (0, said)
    sealed(world.system.tenant_id)
    actions.complete(item, call=Call(world.analyst), outcome="PASSED")
    files = exported(world, f"subject=work_item:{item}")
    said = f"valid: 3 entries of work_item:{item}; 1 not sealed when it was made"
    assert verifier.run(files) == (0, said)


def test_what_is_unknown_or_not_ones_own_is_not_found(world: World, undone: uuid.UUID) -> None:
    for who, query, status in [
        (world.outsider, f"subject=work_item:{undone}", 404),
        (world.auditor, f"subject=work_item:{new_id()}", 404),
        (world.auditor, f"case={new_id()}", 404),
        (world.auditor, "", 422),
        (world.auditor, "subject=work_item", 422),
        (world.auditor, f"subject=planet:{undone}", 422),
        (world.auditor, f"subject=work_item:{undone}&case={undone}", 422),
    ]:
        assert api(who).get(f"{EXPORT}?{query}").status_code == status, query


# --- mutations ---


def lines(files: Files, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files[name].splitlines()]


def put(files: Files, name: str, objects: list[dict[str, Any]]) -> None:
    said = (json.dumps(each, ensure_ascii=False) + "\n" for each in objects)
    files[name] = "".join(said).encode()


def rehash(line: dict[str, Any], **said: Any) -> None:
    """Let an entry say something else, under the hash of what it says now."""
    body = json.dumps(
        json.loads(line["body"]) | said, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    line.update(body=body, hash=leaf_hash(body.encode()).hex())


def _changed_byte(entries: list[dict[str, Any]]) -> str:
    entries[2]["body"] = entries[2]["body"].replace("completed", "rejected", 1)
    return str(entries[2]["id"])


def _swapped_ids(entries: list[dict[str, Any]]) -> str:
    entries[1]["id"], entries[2]["id"] = entries[2]["id"], entries[1]["id"]
    return str(entries[1]["id"])


def _other_cause(entries: list[dict[str, Any]]) -> str:
    other = {"id": entries[0]["id"], "hash": "00" * 32}
    entries[4]["tree_index"] = None
    rehash(entries[4], caused_by=other)
    return str(entries[4]["id"])


def _removed_middle(entries: list[dict[str, Any]]) -> str:
    del entries[2]
    return str(entries[2]["id"])


def _removed_tail(entries: list[dict[str, Any]]) -> str:
    del entries[4]
    return str(entries[3]["id"])


def _removed_all(entries: list[dict[str, Any]]) -> str:
    entries.clear()
    return ""


def _reordered(entries: list[dict[str, Any]]) -> str:
    entries[2], entries[3] = entries[3], entries[2]
    return str(entries[2]["id"])


def _duplicated(entries: list[dict[str, Any]]) -> str:
    entries.insert(2, entries[1])
    return str(entries[1]["id"])


def _rehashed_chain(entries: list[dict[str, Any]]) -> str:
    """Every hash in it is made anew, those of links among them too, and of what hangs on it."""
    ends: dict[str, str | None] = {}
    hashes: dict[str, str] = {}
    for each in sorted(entries[1:], key=lambda one: (json.loads(one["body"])["at"], one["id"])):
        said = json.loads(each["body"])
        chain = said["subject"]["id"]
        before = ends.get(chain, said["previous_hash"])
        links = {
            name: {"id": said[name]["id"], "hash": hashes[said[name]["id"]]}
            for name in ("caused_by", "original")
            if said[name] and said[name]["id"] in hashes
        }
        rehash(each, previous_hash=before, correlation_id=str(uuid.UUID(int=0)), **links)
        ends[chain] = hashes[each["id"]] = each["hash"]
    return str(entries[1]["id"])


def _other_place(entries: list[dict[str, Any]]) -> str:
    entries[3]["tree_index"] += 100
    return str(entries[3]["id"])


MUTATIONS: list[tuple[Callable[[list[dict[str, Any]]], str], str]] = [
    (_changed_byte, "bytes"),
    (_swapped_ids, "column"),
    (_other_cause, "link"),
    (_removed_middle, "chain"),
    (_removed_tail, "removed"),
    (_removed_all, "removed"),
    (_reordered, "chain"),
    (_duplicated, "duplicated"),
    (_rehashed_chain, "tree"),
    (_other_place, "tree"),
]


def broken(found: tuple[int, str], entry: str, kind: str) -> None:
    code, said = found
    assert code == 1, said
    assert said.endswith(f"({kind})"), said
    assert said.startswith(f"broken at entry {entry} because " if entry else "broken because "), (
        said
    )


def test_whatever_is_done_to_entries_is_named(
    world: World, undone: uuid.UUID, verifier: Verifier
) -> None:
    files = exported(world, f"subject=work_item:{undone}")
    for mutation, kind in MUTATIONS:
        entries = lines(files, "entries.jsonl")
        entry = mutation(entries)
        changed = dict(files)
        put(changed, "entries.jsonl", entries)
        if not entries:
            changed["payloads.jsonl"] = b""
        if mutation is _removed_tail:
            kept = [e for e in lines(files, "payloads.jsonl") if e["entry"] != _id(files, 4)]
            put(changed, "payloads.jsonl", kept)
        broken(verifier.run(changed), entry, kind)


def _id(files: Files, n: int) -> str:
    return str(lines(files, "entries.jsonl")[n]["id"])


def test_whatever_is_done_to_the_rest_is_named(
    world: World, undone: uuid.UUID, verifier: Verifier
) -> None:
    files = exported(world, f"subject=work_item:{undone}")
    manifest = json.loads(files["manifest.json"])
    size, origin = manifest["size"], manifest["origin"]
    payloads = lines(files, "payloads.jsonl")
    last = _id(files, -1)

    def changed(name: str, content: bytes) -> Files:
        return {**files, name: content}

    said = [dict(each) for each in payloads]
    at = next(n for n, each in enumerate(said) if each["name"] == "reason")
    said[at]["body"] = '"It was fine"'
    one: Files = dict(files)
    put(one, "payloads.jsonl", said)
    broken(verifier.run(one), said[at]["entry"], "payload")
    two: Files = dict(files)
    put(two, "payloads.jsonl", [*payloads, {**payloads[0], "name": "added"}])
    broken(verifier.run(two), payloads[0]["entry"], "payload")
    three: Files = dict(files)
    put(three, "payloads.jsonl", payloads[1:])
    broken(verifier.run(three), payloads[0]["entry"], "payload")
    assert "is gone, and no receipt tells of it" in verifier.printed[0]
    # A tile of leaves, and one above.
    tile = bytearray(files["tiles/0/000"])
    tile[-1] ^= 1
    broken(verifier.run(changed("tiles/0/000", bytes(tile))), _id(files, 0), "tree")
    broken(verifier.run(changed("tiles/1/000.p/1", bytes(32))), _id(files, 0), "tree")
    # Another checkpoint, of somebody else's key, and one with a wrong signature.
    name = f"checkpoints/{size}"
    tree = SignedTree(origin, size, hashlib.sha256(b"other").digest())
    other = Ed25519PrivateKey.generate()
    broken(verifier.run(changed(name, signed(tree, [other]).encode())), last, "forged")
    broken(
        verifier.run(changed(name, signed(tree, key_ring().signing).encode())), last, "checkpoint"
    )
    note = files[name].decode()
    dash = note.rindex(" ") + 1
    signature = bytearray(base64.b64decode(note[dash:]))
    signature[-1] ^= 1
    forged = note[:dash] + base64.b64encode(bytes(signature)).decode() + "\n"
    broken(verifier.run(changed(name, forged.encode())), last, "forged")
    # What the pack says of itself, and what people read.
    less = {**manifest, "about": "work_item:other"}
    broken(verifier.run(changed("manifest.json", json.dumps(less).encode())), "", "manifest")
    broken(verifier.run(changed("index.html", b"<p>All is well</p>")), "", "file")
    broken(verifier.run({n: c for n, c in files.items() if n != "index.html"}), "", "file")
    broken(verifier.run(changed("more.txt", b"")), "", "file")


def test_a_pack_made_anew_by_somebody_else_has_another_key(
    world: World, undone: uuid.UUID, verifier: Verifier
) -> None:
    files = exported(world, f"subject=work_item:{undone}")
    manifest = json.loads(files["manifest.json"])
    key, origin = Ed25519PrivateKey.generate(), manifest["origin"]
    trusted = files["keys/keys"].decode().strip()
    name = f"checkpoints/{manifest['size']}"
    root = base64.b64decode(files[name].decode().split("\n")[2])
    files[name] = signed(SignedTree(origin, manifest["size"], root), [key]).encode()
    files["keys/keys"] = f"{verifier_key(origin, key.public_key().public_bytes_raw())}\n".encode()
    for each in (name, "keys/keys"):
        manifest["files"][each] = hashlib.sha256(files[each]).hexdigest()
    files["manifest.json"] = json.dumps(manifest).encode()
    digest = hashlib.sha256(files["manifest.json"]).digest()
    files["manifest.note"] = signed(SignedTree(f"{origin}/export", 1, digest), [key]).encode()
    assert verifier.run(files)[0] == 0
    broken(verifier.run(files, "--key", trusted), _id(files, -1), "forged")
