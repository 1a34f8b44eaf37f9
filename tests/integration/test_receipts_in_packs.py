"""Receipts in a pack: whatever its maker writes there, who has the key that signs it; how many
there are; and packs of the form that had none."""

from __future__ import annotations

import datetime as dt
import io
import json
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.actions.keeping_payloads import end_policy, set_policy
from audit.export import evidence
from audit.export.bounded_check import check_pack
from audit.export.erased_evidence import ErasedEvidence
from ledger.clock import now
from ledger.erasure import retention
from ledger.erasure.gone_payloads import GONE
from ledger.erasure.retention import RETENTIONS, prune_due
from ledger.selectors import all_entries
from ledger.tenancy import tenant_scope
from tests import states
from tests.bare_python import Files, Verifier, put_bare
from tests.draining import drain
from tests.erasing import erase, one_more
from tests.integration.test_erased_evidence import ERASED, RECEIPTS, mutated
from tests.integration.test_evidence import broken, exported, lines
from tests.integration.test_evidence_of_any_kind import resigned
from tests.integration.test_gone_payloads import of_earlier_version
from tests.integration.test_sealing import recorded
from tests.sealed import sealed
from tests.world import World
from verbs.call import Call


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
    """A task that somebody did who is erased since, sealed."""
    person = one_more(world)
    item = uuid.UUID(str(states.completed(person).id))
    erase(world, person)
    sealed(world.system.tenant_id)
    return item


def pruned(world: World, monkeypatch: pytest.MonkeyPatch, *, portion: int = 500) -> None:
    """Let all that is kept of transitions be pruned, so many entries under each receipt."""
    drain()
    tenant_id = world.system.tenant_id
    row: Any = set_policy(call=Call(world.admin), kind="TRANSITION", keep="P1D")
    with monkeypatch.context() as patched:
        patched.setattr(retention, "PORTION", portion)
        patched.setattr(retention, "now", lambda: now() + dt.timedelta(days=2))
        with tenant_scope(tenant_id):
            RETENTIONS.put_back(tenant_id, row.id, -1.0)
        assert prune_due(tenant_id, row.id) is True
    end_policy(row.id, call=Call(world.admin))


def zipped(files: Files) -> bytes:
    """Return a pack as one file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as pack:
        for name, content in files.items():
            pack.writestr(name, content)
    return made.getvalue()


def of_earlier_form(files: Files) -> Files:
    """Return the pack as it was made before receipts were shown."""
    kept = {name: content for name, content in files.items() if name not in {RECEIPTS, ERASED}}
    return resigned(kept, format="amends-evidence/1")


def test_a_pack_of_the_earlier_form_is_valid_and_says_what_it_does_not_show(
    world: World, item: uuid.UUID, verifier: Verifier
) -> None:
    files = exported(world, f"subject=work_item:{item}")
    assert json.loads(files["manifest.json"])["format"] == "amends-evidence/2"
    count, entries = len(lines(files, ERASED)), len(lines(files, "entries.jsonl"))
    earlier = of_earlier_form(files)
    said = f"valid with {count} payloads that are gone: {entries} entries of work_item:{item}"
    assert verifier.run(earlier) == (0, said)
    shows = "A pack of this form does not show receipts of payloads that are gone."
    assert verifier.printed[1] == shows
    found = check_pack(zipped(earlier), "")
    assert (found.outcome, found.erased, found.gone) == ("valid", 0, count)
    # What has receipts is checked, whatever form it says it has; and the form is signed.
    broken(
        verifier.run(resigned(mutated(files, ERASED), format="amends-evidence/1")),
        lines(files, ERASED)[0]["entry"], "payload",
    )  # fmt: skip
    for other in ("amends-evidence/3", ["amends-evidence/2"], None):
        broken(verifier.run(resigned(files, format=other)), "", "manifest")
    # One of today shows them, or is broken.
    first = lines(files, ERASED)[0]["entry"]
    broken(verifier.run(resigned(earlier, format="amends-evidence/2")), first, "payload")


def test_a_receipt_without_a_name_tells_of_nothing(
    world: World, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry of an earlier version does not say of which receipt it tells once its words are not
    shown: whatever has no name, or the name of another, is none."""
    item, receipt = of_earlier_version(world, monkeypatch)
    sealed(world.system.tenant_id)
    files = exported(world, f"subject=work_item:{item}")
    [told], (first, *others) = lines(files, RECEIPTS), lines(files, ERASED)
    less = mutated(files, ERASED, *others)
    for name in (None, 5, ["x"]):
        line = {**told, "receipt": name, "payloads": {}}
        broken(verifier.run(mutated(less, RECEIPTS, told, line)), told["id"], "payload")
        assert "its receipt has no name of its own" in verifier.printed[0]
    twice = {**told, "payloads": {}}
    broken(verifier.run(mutated(files, RECEIPTS, told, twice)), told["id"], "payload")
    # Nor does a mark without the name of one, or with another thing in its place.
    named = mutated(less, RECEIPTS, told, {**told, "receipt": "None", "payloads": {}})
    mark = {"entry": first["entry"], "name": first["name"]}
    for more in ([], [mark], [{**mark, "receipt": None}], [{**mark, "receipt": [str(receipt)]}]):
        broken(verifier.run(mutated(named, ERASED, *others, *more)), first["entry"], "payload")
        assert "and no receipt tells of it" in verifier.printed[0]


def test_an_entry_that_tells_of_a_receipt_is_looked_for_in_the_tree(
    world: World, item: uuid.UUID, verifier: Verifier
) -> None:
    files = exported(world, f"subject=work_item:{item}")
    [told] = lines(files, RECEIPTS)
    places: tuple[Any, ...] = ("5", 5.0, True, [], {"n": 5})
    for place in places:
        broken(
            verifier.run(mutated(files, RECEIPTS, {**told, "tree_index": place})),
            told["id"], "tree",
        )  # fmt: skip
        assert "its place is no place in a tree" in verifier.printed[0]
    count = len(lines(files, ERASED))
    code, said = verifier.run(mutated(files, RECEIPTS, {**told, "tree_index": None}))
    assert (code, said.partition(":")[0]) == (
        0, f"valid with {count} erased payloads, {count} of them by receipts not sealed yet",
    )  # fmt: skip
    found = check_pack(zipped(mutated(files, RECEIPTS, {**told, "tree_index": None})), "")
    assert (found.outcome, found.erased) == ("valid", count)


def test_what_tells_of_a_pruning_is_checked_as_that_of_an_erasure(
    world: World, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = states.completed(world.analyst).id
    pruned(world, monkeypatch)
    sealed(world.system.tenant_id)
    files = exported(world, f"subject=work_item:{item}")
    [told], marks = lines(files, RECEIPTS), lines(files, ERASED)
    assert json.loads(told["body"])["action"] == "payloads_pruned"
    assert verifier.run(files)[0] == 0
    other = {**told["payloads"][GONE], "body": json.dumps({"payloads": 1, "root": "00" * 32})}
    wrong: tuple[dict[str, Any], ...] = (
        {"payloads": {}},
        {"payloads": {**told["payloads"], GONE: other}},
        {"receipt": str(uuid.uuid4())},
    )
    for said in wrong:
        broken(verifier.run(mutated(files, RECEIPTS, {**told, **said})), told["id"], "payload")
    broken(verifier.run(mutated(files, RECEIPTS)), marks[0]["entry"], "payload")
    moved = [{**marks[0], "index": marks[0]["index"] + 1}, *marks[1:]]
    broken(verifier.run(mutated(files, ERASED, *moved)), marks[0]["entry"], "payload")


def test_many_receipts_are_shown_by_few_statements_and_take_no_checkpoint_of_the_entries(
    world: World, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their places are among the tiles; the checkpoints are those of what the pack is about."""
    tenant_id = world.system.tenant_id
    item = states.completed(world.analyst).id
    first = sealed(tenant_id).size
    recorded(world, 3)
    sealed(tenant_id)
    few = statements(world, item)
    pruned(world, monkeypatch, portion=3)
    sealed(tenant_id)
    recorded(world, 3)
    sealed(tenant_id)
    files = exported(world, f"subject=work_item:{item}")
    receipts = {each["receipt"] for each in lines(files, ERASED)}
    assert len(receipts) > 1
    assert {each["receipt"] for each in lines(files, RECEIPTS)} == receipts
    assert verifier.run(files)[0] == 0
    sizes = {int(name.partition("/")[2]) for name in files if name.startswith("checkpoints/")}
    newest = json.loads(files["manifest.json"])["size"]
    assert sizes == {first, newest}
    monkeypatch.setattr(evidence, "MOST_CHECKPOINTS", 1)
    again = exported(world, f"subject=work_item:{item}")
    assert {name for name in again if name.startswith("checkpoints/")} == {
        f"checkpoints/{first}", f"checkpoints/{newest}",
    }  # fmt: skip
    # What is gone, what tells of it, that with its bytes, and all that went under them.
    assert (few, statements(world, item)) == (1, 4)


def statements(world: World, item: Any) -> int:
    """Return how many statements say what is gone of a task, and by which receipts."""
    tenant_id = world.system.tenant_id
    with tenant_scope(tenant_id):
        rows = all_entries(tenant_id).filter(subject_id=item)
        with CaptureQueriesContext(connection) as asked:
            erased = ErasedEvidence(tenant_id, rows)
            shown = [*erased.payloads()]
            assert len(shown) == len({(each["entry"], each["name"]) for each in shown})
    return len(asked.captured_queries)


def test_of_a_confirmed_erasure_a_pack_says_which(world: World, verifier: Verifier) -> None:
    """The entry that somebody confirmed one tells of that one alone, in its words."""
    person = one_more(world)
    item = states.completed(person).id
    receipt = erase(world, person)
    sealed(world.system.tenant_id)
    files = exported(world, f"subject=work_item:{item}")
    [told], marks = lines(files, RECEIPTS), lines(files, ERASED)
    confirmed = line_of(world, person.actor_id, "erasure_confirmed")
    plain = [{**each, "index": None, "path": None} for each in marks]
    given = {**confirmed, "receipt": str(receipt)}
    whole = mutated(mutated(files, RECEIPTS, given), ERASED, *plain)
    code, said = verifier.run(whole)
    assert (code, said.partition(":")[0]) == (0, f"valid with {len(marks)} erased payloads")
    for wrong in ({**given, "payloads": {}}, {**given, "receipt": str(uuid.uuid4())}):
        broken(verifier.run(mutated(whole, RECEIPTS, wrong)), confirmed["id"], "payload")
    assert told["id"] != confirmed["id"]


def line_of(world: World, actor: uuid.UUID, action: str) -> dict[str, Any]:
    """Return the line of `receipts.jsonl` that an entry about a person would be, without whose."""
    files = exported(world, f"subject=actor:{actor}")
    [entry] = [
        e for e in lines(files, "entries.jsonl") if json.loads(e["body"])["action"] == action
    ]
    said = {
        each["name"]: {"salt": each["salt"], "body": each["body"]}
        for each in lines(files, "payloads.jsonl") if each["entry"] == entry["id"]
    }  # fmt: skip
    return {**entry, "payloads": said}
