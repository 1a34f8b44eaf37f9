"""After each way of taking something back, the ledger, the provenance and the report say the same:
the original, who, why, when, how, and on which basis."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from prov.constants import PROV_ASSOCIATION, PROV_COMMUNICATION, PROV_INVALIDATION, PROV_USAGE

from audit.export.bounded_check import check_pack
from ledger.clock import rfc3339
from ledger.selectors import Entry, entries_of
from ledger.tenancy import tenant_scope
from ledger.tree.sealer import origin_of
from tests.clients import api
from tests.pages import text_of
from tests.provenance_read import document_of, only, record_of, relations, said, wrong_sides
from tests.sealed import sealed
from tests.undo_paths import PATHS, Path
from tests.world import World

ways = pytest.mark.parametrize("way", list(PATHS))


def ended(world: World, path: Path) -> tuple[Entry, Entry]:
    """Return the entry that finished the original, and the one that ended its undo."""
    with tenant_scope(world.auditor.tenant_id):
        found = entries_of(world.auditor.tenant_id, *path.original)
    by_id = {each.id: each for each in found}
    (end,) = (each for each in found if each.action == path.action)
    assert end.original is not None
    return by_id[end.original.id], end


@ways
def test_the_ledger_says_it(world: World, way: str) -> None:
    path = PATHS[way](world)
    original, end = ended(world, path)
    assert (original.actor_id, end.actor_id) == (path.did.actor_id, path.ended_by.actor_id)
    assert end.original is not None
    assert (end.original.id, end.original.hash) == (original.id, original.hash)
    assert end.payloads["reason"] == path.why
    assert end.compensation is not None
    assert (end.compensation["mode"], end.compensation["strategy"]) == (path.mode, "restore")
    assert end.compensation["regulatory_basis"] == ["INTERNAL_POLICY"]
    assert end.at > original.at


@ways
def test_the_provenance_says_it(world: World, way: str) -> None:
    path = PATHS[way](world)
    original, end = ended(world, path)
    document = document_of(world.auditor, *path.original)
    assert wrong_sides(document) == []
    outcome, work = f"outcome:{original.id}", f"{path.original[0]}:{path.original[1]}"
    assert (work, f"actor:{path.did.actor_id}") in relations(document, PROV_ASSOCIATION)
    if path.undone:
        told = only(document, PROV_INVALIDATION)
        [(what, undid)] = relations(document, PROV_INVALIDATION)
        assert what == outcome
        assert said(told)["time"] == {str(end.at)}
    else:
        assert relations(document, PROV_INVALIDATION) == []
        undid = f"entry:{end.id}"
        told = record_of(document, undid)
        assert said(told)["startTime"] == {str(end.at)}
    assert said(told)["reason"] == {path.why}
    assert said(told)["mode"] == {path.mode}
    assert said(told)["strategy"] == {"restore"}
    assert said(told)["regulatory_basis"] == {"INTERNAL_POLICY"}
    assert (undid, f"actor:{path.ended_by.actor_id}") in relations(document, PROV_ASSOCIATION)
    assert (undid, work) in relations(document, PROV_COMMUNICATION)
    assert (undid, outcome) in relations(document, PROV_USAGE)


@ways
def test_the_report_says_it(world: World, way: str) -> None:
    path = PATHS[way](world)
    original, end = ended(world, path)
    type_, id_ = path.original
    answer = api(world.auditor).get(f"/api/v1/ledger/report?subject={type_}:{id_}")
    assert answer.status_code == 200, answer.content
    lines = {line["entry"]: line for line in answer.json()["results"]}
    line = lines[str(end.id)]
    assert (line["what"], line["action"], line["at"]) == ("reversal", path.action, rfc3339(end.at))
    assert (line["actor"], line["reason"]) == (path.ended_by.username, path.why)
    assert (line["mode"], line["strategy"]) == (path.mode, "restore")
    assert line["regulatory_basis"] == [{"code": "INTERNAL_POLICY", "note": "fraud manual 4.2"}]
    assert line["original"]["entry"] == str(original.id)
    assert line["original"]["hash"] == original.hash.hex()
    assert line["original"]["actor"] == path.did.username
    assert line["residual_effect"] == (None if path.undone else path.why)
    assert lines[str(original.id)]["what"] == "decision"


@ways
def test_the_export_says_it(world: World, way: str) -> None:
    path = PATHS[way](world)
    original, end = ended(world, path)
    sealed(world.system.tenant_id)
    type_, id_ = path.original
    answer: Any = api(world.auditor).get(f"/api/v1/ledger/export?subject={type_}:{id_}")
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.getvalue())) as pack:
        entries = [json.loads(each) for each in pack.read("entries.jsonl").splitlines()]
        payloads = [json.loads(each) for each in pack.read("payloads.jsonl").splitlines()]
        page = text_of(pack.read("index.html"))
    told = {each["id"]: json.loads(each["body"]) for each in entries}
    undone, first = told[str(end.id)], told[str(original.id)]
    assert (undone["action"], undone["at"]) == (path.action, rfc3339(end.at))
    assert undone["original"] == {"id": str(original.id), "hash": original.hash.hex()}
    assert undone["actor"]["token"] == str(path.ended_by.actor_id)
    assert first["actor"]["token"] == str(path.did.actor_id)
    how = undone["compensation"]
    assert (how["mode"], how["strategy"]) == (path.mode, "restore")
    assert how["regulatory_basis"] == ["INTERNAL_POLICY"]
    said = {
        each["name"]: json.loads(each["body"]) for each in payloads if each["entry"] == str(end.id)
    }
    assert said["reason"] == path.why
    assert path.why in page
    assert None not in {each["tree_index"] for each in entries}
    assert check_pack(answer.getvalue(), origin_of(world.system.tenant_id)).outcome == "valid"
