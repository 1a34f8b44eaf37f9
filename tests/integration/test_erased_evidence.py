"""Packs of which payloads are gone: erased where a receipt tells of it, by an entry that is in the
tree; removed by hand where none does, whatever else somebody puts there."""

from __future__ import annotations

import base64
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from audit.actions.erasing_people import confirm
from ledger.erasure.erasing import erase_due
from ledger.erasure.gone_payloads import GONE, gone_leaf
from tests import states
from tests.bare_python import Files, Verifier, put_bare
from tests.draining import drain
from tests.erasing import counted_erasure, erase, gone_of, one_more
from tests.integration.test_evidence import broken, exported, lines, put, rehash
from tests.integration.test_evidence_of_any_kind import resigned
from tests.integration.test_gone_payloads import of_earlier_version
from tests.integration.test_verify_ledger import without
from tests.sealed import sealed
from tests.world import World
from verbs.call import Call

RECEIPTS, ERASED = "receipts.jsonl", "erased.jsonl"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with what `cryptography` needs, and nothing else."""
    return put_bare(tmp_path_factory.mktemp("packages"))


@pytest.fixture
def verifier(bare: Path, tmp_path: Path) -> Verifier:
    """What runs verify.py."""
    return Verifier(bare, tmp_path)


@pytest.fixture
def erased(world: World) -> tuple[uuid.UUID, uuid.UUID, str]:
    """A task that somebody did who is erased since, the receipt, and what they were called."""
    person = one_more(world)
    states.completed(person)
    item = uuid.UUID(str(states.completed(person).id))
    states.completed(world.analyst)
    receipt = erase(world, person)
    sealed(world.system.tenant_id)
    return item, receipt, person.username


def mutated(files: Files, name: str, *objects: dict[str, Any]) -> Files:
    """Return the pack with other lines in a file, signed anew with our key."""
    changed = dict(files)
    put(changed, name, list(objects))
    return resigned(changed)


def test_what_was_erased_is_shown_to_be_told_of(
    world: World, erased: tuple[uuid.UUID, uuid.UUID, str], verifier: Verifier
) -> None:
    item, receipt, username = erased
    files = exported(world, f"subject=work_item:{item}")
    history = states.history(world, "work_item", item)
    gone = [(str(entry.id), name) for entry in history for name in gone_of(world, entry.id)]
    assert len(gone) > 1
    code, said = verifier.run(files)
    assert (code, said) == (
        0, f"valid with {len(gone)} erased payloads: {len(history)} entries of work_item:{item}",
    )  # fmt: skip
    # Nothing more is said of it than what the pack is.
    assert [each.partition(" ")[0] for each in verifier.printed[1:]] == ["Of", "The"]
    marks = lines(files, ERASED)
    assert sorted((each["entry"], each["name"]) for each in marks) == sorted(gone)
    assert {each["receipt"] for each in marks} == {str(receipt)}
    [told] = lines(files, RECEIPTS)
    assert (told["receipt"], sorted(told["payloads"])) == (str(receipt), [GONE, "receipt"])
    count = json.loads(told["payloads"][GONE]["body"])["payloads"]
    # Of others that went under it nothing is said, and nobody is named.
    assert count > len(gone)
    assert username.encode() not in b"".join(files.values())
    assert f"erased under receipt {receipt}" in files["index.html"].decode()


def test_a_payload_removed_by_hand_before_it_was_made(
    world: World, erased: tuple[uuid.UUID, uuid.UUID, str], verifier: Verifier
) -> None:
    item = states.completed(world.analyst).id
    sealed(world.system.tenant_id)
    entry = states.history(world, "work_item", item)[-1].id
    with without(("ledger_payload", "entry_id", entry)):
        files = exported(world, f"subject=work_item:{item}")
    assert {RECEIPTS, ERASED}.isdisjoint(files)
    broken(verifier.run(files), str(entry), "payload")
    assert "payload outcome is gone, and no receipt tells of it" in verifier.printed[0]


def test_a_mark_added_to_a_receipt_of_the_pack(world: World, verifier: Verifier) -> None:
    """The maker of a pack takes a payload out, marks it as gone, and signs all of it."""
    person = one_more(world)
    item = states.completed(person)
    states.compensate(item, world.operator)
    receipt = erase(world, person)
    sealed(world.system.tenant_id)
    files = exported(world, f"subject=work_item:{item.id}")
    assert verifier.run(files)[0] == 0
    marks, kept = lines(files, ERASED), lines(files, "payloads.jsonl")
    out = kept[0]
    less = dict(files)
    put(less, "payloads.jsonl", kept[1:])
    broken(verifier.run(resigned(less)), out["entry"], "payload")
    assert "and no receipt tells of it" in verifier.printed[0]
    added = {"entry": out["entry"], "name": out["name"], "receipt": str(receipt)}
    leaf = base64.b64encode(gone_leaf(out["entry"], out["name"])).decode()
    for more in (
        {},
        {"index": marks[0]["index"], "path": marks[0]["path"]},
        {"index": 0, "path": ""},
        {"index": 0, "path": leaf},
        {"index": -1, "path": marks[0]["path"]},
        {"index": "0", "path": marks[0]["path"]},
    ):
        broken(verifier.run(mutated(less, ERASED, *marks, added | more)), out["entry"], "payload")
        assert f"and receipt {receipt} does not tell of it" in verifier.printed[0]
    broken(
        verifier.run(mutated(less, ERASED, *marks, added | {"receipt": str(uuid.uuid4())})),
        out["entry"], "payload",
    )  # fmt: skip
    # The mark of another payload is no mark of this one, and without a mark none is erased.
    broken(verifier.run(mutated(files, ERASED, *marks[1:])), marks[0]["entry"], "payload")


def test_whatever_is_done_to_the_entry_that_tells_of_a_receipt(
    world: World, erased: tuple[uuid.UUID, uuid.UUID, str], verifier: Verifier
) -> None:
    item, _, _ = erased
    files = exported(world, f"subject=work_item:{item}")
    [told] = lines(files, RECEIPTS)
    first = lines(files, ERASED)[0]["entry"]

    def changed(**said: Any) -> tuple[int, str]:
        return verifier.run(mutated(files, RECEIPTS, {**told, **said}))

    def payload(name: str, value: Any) -> dict[str, Any]:
        other = {**told["payloads"][name], "body": json.dumps(value)}
        return {"payloads": {**told["payloads"], name: other}}

    broken(changed(hash="00" * 32), told["id"], "bytes")
    broken(changed(body="{}", hash="00" * 32), told["id"], "bytes")
    broken(changed(id=first), first, "column")
    broken(changed(receipt=str(uuid.uuid4())), told["id"], "payload")
    broken(changed(payloads={}), told["id"], "payload")
    broken(changed(payloads={GONE: told["payloads"][GONE]}), told["id"], "payload")
    broken(changed(**payload(GONE, {"payloads": 1, "root": "00" * 32})), told["id"], "payload")
    broken(changed(**payload("receipt", "x")), told["id"], "payload")
    broken(changed(payloads="x"), told["id"], "bytes")
    broken(changed(tree_index=0), told["id"], "tree")
    # Without it nothing tells of what is gone.
    broken(verifier.run(mutated(files, RECEIPTS)), first, "payload")
    # An entry of its own, made anew with the salts and roots that fit, is not in the tree.
    anew = dict(told)
    rehash(anew, correlation_id=str(uuid.uuid4()))
    broken(verifier.run(mutated(files, RECEIPTS, anew)), told["id"], "tree")
    # Nor does an entry that tells of something else, though that is in the tree.
    other = lines(files, "entries.jsonl")[0]
    line = {**other, "receipt": told["receipt"], "payloads": {}}
    broken(verifier.run(mutated(files, RECEIPTS, line)), other["id"], "payload")
    assert "it tells of no receipt" in verifier.printed[0]


def test_while_somebody_is_erased_the_pack_says_that_more_is_not_known(
    world: World, verifier: Verifier
) -> None:
    person = one_more(world)
    item = states.completed(person).id
    drain()
    id_ = counted_erasure(world, person)
    confirm(id_, call=Call(world.admin))
    drain()
    assert erase_due(world.system.tenant_id, id_) is False
    sealed(world.system.tenant_id)
    files = exported(world, f"subject=work_item:{item}")
    code, said = verifier.run(files)
    count = len(lines(files, ERASED))
    assert (code, said.partition(":")[0]) == (0, f"valid with {count} erased payloads")
    [told] = lines(files, RECEIPTS)
    assert (json.loads(told["body"])["action"], told["payloads"]) == (
        "erasure_confirmed", {"receipt": told["payloads"]["receipt"]},
    )  # fmt: skip
    assert json.loads(told["payloads"]["receipt"]["body"]) == str(id_)
    assert f"Of {count} erased payloads their receipts do not say which." in verifier.printed
    drain(fast_forward=True)


def test_a_receipt_of_an_earlier_version_says_that_more_is_not_known(
    world: World, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, receipt = of_earlier_version(world, monkeypatch)
    files = exported(world, f"subject=work_item:{item}")
    code, said = verifier.run(files)
    count = len(lines(files, ERASED))
    assert (code, said.partition(":")[0]) == (
        0, f"valid with {count} erased payloads, {count} of them by receipts not sealed yet",
    )  # fmt: skip
    assert f"Of {count} erased payloads their receipts do not say which." in verifier.printed
    # Its entry came after the newest checkpoint, or with none.
    assert "1 entries of receipts were not sealed when it was made." in verifier.printed
    [told] = lines(files, RECEIPTS)
    assert told["receipt"] == str(receipt)
    broken(
        verifier.run(mutated(files, RECEIPTS, {**told, "receipt": str(uuid.uuid4())})),
        told["id"], "payload",
    )  # fmt: skip
