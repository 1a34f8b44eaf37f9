"""Payloads are pruned by their age, under a policy; entries and their hashes never."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from pymerkle import InmemoryTree

from audit.actions.keeping_payloads import end_policy, set_policy
from audit.actions.legal_holds import lift
from ledger.clock import now
from ledger.erasure import retention
from ledger.erasure.erasure_tables import ErasedPayload, ErasureReceipt, Retention
from ledger.erasure.retention import RETENTIONS, prune_due
from ledger.errors import Conflict, Invalid, NotFound, NotPermitted
from ledger.models import LedgerEntry, OutboxTask, Payload
from ledger.selectors import Entry, entries_of
from ledger.tenancy import tenant_scope
from tests import states
from tests.bare_python import Verifier, put_bare
from tests.casework import finish, open_loan
from tests.clients import api, browser
from tests.draining import drain
from tests.erasing import placed_hold
from tests.integration.test_evidence import exported
from tests.pages import text_of
from tests.sealed import hashes, sealed
from tests.signing import registered, signed_by
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from verbs.words import denial
from workitems.actions import cancel

ROOT = "/api/v1/ledger/retention"
DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def _two_days_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test has made is two days old where policies look at it."""
    monkeypatch.setattr(retention, "now", lambda: now() + 2 * DAY)


def chain(world: World, id_: Any, type_: str = "work_item") -> list[Entry]:
    with tenant_scope(world.system.tenant_id):
        return entries_of(world.system.tenant_id, type_, uuid.UUID(str(id_)))


def policy(world: World, kind: str = "TRANSITION", keep: str = "P1D") -> uuid.UUID:
    drain()
    row: Any = set_policy(call=Call(world.admin), kind=kind, keep=keep)
    return uuid.UUID(str(row.id))


def pruned(world: World, id_: uuid.UUID) -> int:
    """Let it be due, work on it, and return how much is gone so far."""
    tenant_id = world.system.tenant_id
    with tenant_scope(tenant_id):
        RETENTIONS.put_back(tenant_id, id_, -1.0)
    assert prune_due(tenant_id, id_) is True
    with tenant_scope(tenant_id):
        return Retention.objects.get(id=id_).pruned


def told_of(world: World) -> list[Entry]:
    """Return the entries that say that something was pruned."""
    entries = chain(world, world.system.tenant_id, "tenant")
    return [each for each in entries if each.action == "payloads_pruned"]


def done(world: World) -> Entry:
    """Return the entry that says that a task is done; it keeps an outcome."""
    found = chain(world, states.completed(world.analyst).id)[-1]
    assert found.payloads["outcome"] == "PASSED"
    return found


def root_of(tenant_id: uuid.UUID, receipt_id: uuid.UUID) -> str:
    """Return the root over what went under a receipt, as pymerkle makes it."""
    with tenant_scope(tenant_id):
        marks = ErasedPayload.objects.filter(receipt_id=receipt_id)
        rows = sorted((str(entry), name) for entry, name in marks.values_list("entry_id", "name"))
    tree = InmemoryTree(algorithm="sha256")  # type: ignore[no-untyped-call]
    for row in rows:
        tree.append_entry(json.dumps(row, separators=(",", ":")).encode())
    return bytes(tree.get_root()).hex()


def now_of(world: World, entry: Entry) -> Entry:
    return next(e for e in chain(world, entry.subject_id) if e.id == entry.id)


def test_what_is_old_enough_goes_with_its_salts_and_every_proof_holds(
    world: World, tmp_path: Path
) -> None:
    tenant_id = world.system.tenant_id
    old = done(world)
    before = sealed(tenant_id)
    id_ = policy(world)
    kept_hashes = hashes(tenant_id)
    count = pruned(world, id_)
    assert count > 0
    entry = now_of(world, old)
    assert (entry.payloads, "outcome" in entry.erased, entry.basis) == ({}, True, "RETENTION")
    with tenant_scope(tenant_id):
        assert not Payload.objects.filter(tenant_id=tenant_id, entry_id=old.id).exists()
        receipt = ErasureReceipt.objects.get(id=str(entry.receipt))
        # Of other kinds nothing went: that somebody became a member says still as what.
        admin = LedgerEntry.objects.filter(tenant_id=tenant_id, kind="ADMIN").values("id")
        assert Payload.objects.filter(tenant_id=tenant_id, entry_id__in=admin).exists()
    assert (receipt.basis, receipt.actor_id, receipt.counts) == (
        "RETENTION", None, {"payloads": count},
    )  # fmt: skip
    told = chain(world, tenant_id, "tenant")[-1]
    assert (told.kind, told.action, told.actor_type) == ("ERASURE", "payloads_pruned", "SYSTEM")
    assert told.on_behalf_of_id == world.admin.actor_id
    assert told.payloads == {
        "receipt": str(receipt.id), "hash": bytes(receipt.hash).hex(), "pruned": count,
        "gone": {"payloads": count, "root": root_of(tenant_id, receipt.id)},
        "kind": "TRANSITION", "keep": "P1D",
    }  # fmt: skip
    # Every entry is there, with the hash that it had.
    assert kept_hashes.items() <= hashes(tenant_id).items()
    assert verify().erased >= count
    assert sealed(tenant_id).size > before.size
    here = f"/ledger/entries/{old.id}/"
    said = f"pruned under retention, receipt {receipt.id}"
    assert said in text_of(browser(world.bystander).get(here).content)
    shown = api(world.bystander).get(f"/api/v1/ledger/entries/{old.id}").json()
    assert (shown["erased_under"], shown["erased_because"]) == (str(receipt.id), "RETENTION")
    [line] = api(world.auditor).get(
        f"/api/v1/ledger/report?subject=work_item:{old.subject_id}"
    ).json()["results"]  # fmt: skip
    assert (line["outcome"], line["erased_because"]) == (None, "RETENTION")
    (tmp_path / "packages").mkdir()
    files = exported(world, f"subject=work_item:{old.subject_id}")
    code, first = Verifier(put_bare(tmp_path / "packages"), tmp_path).run(files)
    assert code == 0
    assert first.startswith("valid with ")
    assert said in files["index.html"].decode()


def test_what_is_younger_stays(world: World) -> None:
    young = done(world)
    id_ = policy(world, keep="P3D")
    assert pruned(world, id_) == 0
    assert now_of(world, young).payloads["outcome"] == "PASSED"
    assert told_of(world) == []


def test_nothing_goes_at_once_and_of_a_policy_that_was_ended_in_time_nothing_ever(
    world: World,
) -> None:
    tenant_id, old = world.system.tenant_id, done(world)
    assert set_policy.dangerous
    id_ = policy(world)
    assert prune_due(tenant_id, id_) is False
    drain()
    end_policy(id_, call=Call(world.admin))
    with tenant_scope(tenant_id):
        RETENTIONS.put_back(tenant_id, id_, -1.0)
    assert prune_due(tenant_id, id_) is False
    assert now_of(world, old).payloads == old.payloads
    assert told_of(world) == []


def test_what_is_held_stays_and_goes_once_the_hold_is_lifted(world: World) -> None:
    old, other = done(world), done(world)
    hold = placed_hold(world, ("work_item", old.subject_id))
    id_ = policy(world)
    first = pruned(world, id_)
    assert first > 0
    assert now_of(world, old).payloads["outcome"] == "PASSED"
    assert now_of(world, other).payloads == {}
    lift(hold, call=Call(world.admin), reason="The claim is settled")
    assert pruned(world, id_) > first
    assert now_of(world, old).payloads == {}


def test_what_somebody_did_who_is_held_stays(world: World) -> None:
    old = done(world)
    placed_hold(world, ("actor", world.analyst.actor_id))
    pruned(world, policy(world))
    assert now_of(world, old).payloads["outcome"] == "PASSED"


def test_what_goes_on_or_is_being_undone_stays(world: World) -> None:
    undone = states.compensating(world.analyst, compensation={"self_undo": True})
    pruned(world, policy(world))
    completed = next(e for e in chain(world, undone.original.id) if e.action == "completed")
    assert completed.payloads["outcome"] == "PASSED"


def test_a_case_that_runs_keeps_all_of_its_parts_until_it_has_ended(world: World) -> None:
    case_id = open_loan(world)
    finish(world.analyst, case_id, "credit-check", "PASSED", None)
    with tenant_scope(world.system.tenant_id):
        [entry_id] = LedgerEntry.objects.filter(
            case_id=case_id, action="completed", subject_type="work_item"
        ).values_list("id", flat=True)
    id_ = policy(world)

    def left() -> bool:
        with tenant_scope(world.system.tenant_id):
            return Payload.objects.filter(entry_id=entry_id).exists()

    pruned(world, id_)
    assert left()
    answer = api(world.operator).post(
        f"/api/v1/cases/{case_id}/cancel", {"reason": "No need"}, content_type="application/json"
    )
    assert answer.status_code == 200, answer.content
    drain()
    pruned(world, id_)
    assert not left()


def test_what_somebody_is_yet_to_hear_of_stays(world: World) -> None:
    id_ = policy(world)
    item = states.new_item(world.operator, assignee=world.analyst.username)
    cancel(item.id, call=Call(world.operator), reason="No need")
    tenant_id = world.system.tenant_id

    def left() -> set[uuid.UUID]:
        with tenant_scope(tenant_id):
            kept = Payload.objects.filter(tenant_id=tenant_id).values("entry_id")
            about = LedgerEntry.objects.filter(subject_id=item.id, kind="TRANSITION", id__in=kept)
            return set(about.values_list("id", flat=True))

    with tenant_scope(tenant_id):
        tasks = OutboxTask.objects.filter(tenant_id=tenant_id, done_at=None)
        unheard = set(tasks.values_list("event_id", flat=True)) & left()
    assert unheard
    pruned(world, id_)
    assert left() == unheard
    drain()
    pruned(world, id_)
    assert left() == set()


def test_signatures_stay(world: World) -> None:
    key = registered(world.analyst)
    old = done(world)
    row = signed_by(world.analyst, key, old)
    pruned(world, policy(world, "ATTESTATION"))
    assert next(e for e in chain(world, old.subject_id) if e.id == row.id).erased == frozenset()


def test_it_goes_on_portion_by_portion_and_what_fails_is_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [done(world) for _n in range(3)]
    monkeypatch.setattr(retention, "PORTION", 4)
    id_ = policy(world)
    told, tell = [], retention._told  # noqa: SLF001  -- where it fails

    def failing(*said: Any) -> None:
        told.append(said)
        if len(told) == 2:
            raise RuntimeError("the second portion")
        tell(*said)

    monkeypatch.setattr(retention, "_told", failing)
    with pytest.raises(RuntimeError):
        pruned(world, id_)
    with tenant_scope(world.system.tenant_id):
        row = Retention.objects.get(id=id_)
        receipts = ErasureReceipt.objects.filter(basis="RETENTION")
        assert (row.last_error, receipts.count()) == (
            "RuntimeError: the second portion", 1,
        )  # fmt: skip
        assert row.pruned == sum(each.counts["payloads"] for each in receipts)
    total = pruned(world, id_)
    assert [now_of(world, each).payloads for each in entries] == [{}] * 3
    pruning = told_of(world)
    assert len(pruning) > 1
    assert sum(each.payloads["pruned"] for each in pruning) == total
    with tenant_scope(world.system.tenant_id):
        assert Retention.objects.get(id=id_).last_error == ""
    # Once more there is nothing to do, and nothing is told.
    assert pruned(world, id_) == total
    verify()


def test_a_policy_is_set_read_and_ended_each_with_an_entry(world: World) -> None:
    answer = api(world.admin).post(
        ROOT, {"kind": "MESSAGE", "keep": "P0030D"}, content_type="application/json"
    )
    assert answer.status_code == 201, answer.content
    said = answer.json()
    assert (said["kind"], said["keep"], said["pruned"]) == ("MESSAGE", "P30D", 0)
    first = dt.datetime.fromisoformat(said["next_at"])
    assert first - dt.datetime.fromisoformat(said["set_at"]) == DAY
    tenant_id = world.system.tenant_id
    last = chain(world, tenant_id, "tenant")[-1]
    assert (last.action, last.payloads) == ("retention_set", {"kind": "MESSAGE", "keep": "P30D"})
    with pytest.raises(Conflict) as refused:
        set_policy(call=Call(world.admin), kind="MESSAGE", keep="P1D")
    assert refused.value.code == "already_set"
    assert api(world.auditor).get(f"{ROOT}/{said['id']}").json()["version"] == 1
    end_policy(uuid.UUID(said["id"]), call=Call(world.admin))
    assert chain(world, tenant_id, "tenant")[-1].action == "retention_ended"
    assert api(world.auditor).get(f"{ROOT}/{said['id']}").json()["next_at"] is None
    with pytest.raises(Conflict) as ended:
        end_policy(uuid.UUID(said["id"]), call=Call(world.admin))
    assert ended.value.code == "already_ended"
    for who, expected in ((world.operator, NotPermitted), (world.outsider, NotFound)):
        with pytest.raises(expected):
            end_policy(uuid.UUID(said["id"]), call=Call(who))


@pytest.mark.parametrize(
    ("kind", "keep", "pointer"),
    [
        ("ERASURE", "P30D", "/kind"),
        ("transition", "P30D", "/kind"),
        ("TRANSITION", "PT5H", "/keep"),
        ("TRANSITION", "P1Y", "/keep"),
        ("TRANSITION", "30", "/keep"),
    ],
)
def test_bad_input_is_named_and_records_nothing(
    world: World, kind: str, keep: str, pointer: str
) -> None:
    before = chain(world, world.system.tenant_id, "tenant")
    with pytest.raises(Invalid) as refused:
        set_policy(call=Call(world.admin), kind=kind, keep=keep)
    assert [each.pointer for each in refused.value.errors] == [pointer]
    assert chain(world, world.system.tenant_id, "tenant") == before


def test_on_a_page_it_is_set_and_ended(world: World) -> None:
    client = browser(world.admin)
    offered = client.get("/ledger/retention/").content.decode()
    assert re.findall(r'<option value="(\w+)"[^>]*>([^<]+)<', offered) == [
        ("TRANSITION", "Work"), ("COMPENSATION", "Undo"), ("REFUSAL", "Refusal"),
        ("GOVERNANCE", "Approval"), ("MESSAGE", "Message"), ("ATTESTATION", "Attestation"),
        ("ADMIN", "Administration"), ("DELIVERY", "Delivery"),
    ]  # fmt: skip
    # None is chosen beforehand, and one has to be.
    assert re.findall(r'<option value="([^"]*)" selected', offered) == [""]
    for kind in ("x", ""):
        refused = client.post("/ledger/retention/", {"kind": kind, "keep": "P1D"})
        assert refused.status_code == 422
    assert api(world.admin).get(ROOT).json()["results"] == []
    answer = client.post("/ledger/retention/", {"kind": "MESSAGE", "keep": "P365D"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/ledger/retention/")
    assert "The first goes a day after this is set" in text_of(
        client.get("/ledger/retention/").content
    )
    read = text_of(browser(world.auditor).get("/ledger/retention/").content)
    assert "365 days" in read
    assert "P365D" not in read
    assert "Message" in read
    assert "next:" in read
    # What is no whole number of days is not called one.
    policy(world, kind="REFUSAL", keep="PT47H")
    assert "P1DT23H" in text_of(client.get("/ledger/retention/").content)
    [_, row] = api(world.admin).get(ROOT).json()["results"]
    ended = client.post(f"/ledger/retention/{row['id']}/end/")
    assert ended.status_code == 303
    assert json.loads(api(world.admin).get(f"{ROOT}/{row['id']}").content)["ended_at"] is not None
    assert browser(world.operator).get("/ledger/retention/").status_code == 403
    assert denial("not_tenant_admin") == "only a tenant admin may do this"
