"""Attestations: entries about entries, which say who vouches for what, and change nothing else."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from prov.constants import PROV_ASSOCIATION

from accounts.acting import ActingUser
from audit.actions.attesting import attest
from ledger.errors import Conflict, Invalid, NotFound, NotPermitted
from ledger.selectors import Entry, entries_of
from ledger.tenancy import tenant_scope
from tests import states
from tests.clients import api, browser
from tests.concurrency.test_cases import at_once
from tests.pages import text_of
from tests.provenance_read import document_of, relations
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem

EVIDENCE = "Seen on paper, file 118"


def chain(world: World, item_id: uuid.UUID) -> list[Entry]:
    with tenant_scope(world.auditor.tenant_id):
        return entries_of(world.auditor.tenant_id, "work_item", item_id)


def finished(world: World) -> tuple[WorkItem, Entry]:
    """A task that the analyst has done, and the entry that says so."""
    item = states.completed(world.analyst)
    return item, chain(world, item.id)[-1]


def say(who: ActingUser, entry: Entry, verdict: str, evidence: str = EVIDENCE) -> Any:
    return attest(entry.id, call=Call(who), verdict=verdict, evidence=evidence)


@pytest.mark.parametrize(
    ("verdict", "action"),
    [("ENDORSED", "endorsed"), ("CHALLENGED", "challenged"), ("FLAGGED", "flagged")],
)
def test_each_verdict_is_an_entry_that_names_the_other_by_its_hash(
    world: World, verdict: str, action: str
) -> None:
    item, done = finished(world)
    answer = api(world.auditor).post(
        f"/api/v1/ledger/entries/{done.id}/attestations",
        {"verdict": verdict, "evidence": EVIDENCE},
        content_type="application/json",
    )
    assert answer.status_code == 201, answer.content
    last = chain(world, item.id)[-1]
    assert (last.kind, last.action, last.subject_seq) == (
        "ATTESTATION",
        action,
        done.subject_seq + 1,
    )
    assert last.caused_by is not None
    assert (last.caused_by.id, last.caused_by.hash) == (done.id, done.hash)
    assert (last.actor_id, last.payloads) == (world.auditor.actor_id, {"evidence": EVIDENCE})
    # What it is about stays as it was, version and all.
    assert (last.from_status, last.to_status) == ("COMPLETED", "COMPLETED")
    assert last.subject_version == item.version
    with tenant_scope(world.auditor.tenant_id):
        assert WorkItem.objects.get(id=item.id).version == item.version
    said = answer.json()
    assert said["entry"] == {"id": str(done.id), "hash": done.hash.hex()}
    assert (said["verdict"], said["evidence"]) == (verdict, EVIDENCE)
    listed = api(world.bystander).get(f"/api/v1/ledger/entries/{done.id}/attestations").json()
    assert listed["results"] == [said]
    report = api(world.auditor).get(f"/api/v1/ledger/report?subject=work_item:{item.id}").json()
    assert [(each["what"], each["evidence"]) for each in report["results"][-1:]] == [
        ("attestation", EVIDENCE)
    ]
    verify()


def test_nobody_endorses_what_they_did_themselves_but_may_doubt_it(world: World) -> None:
    item = states.completed(world.operator)
    done = chain(world, item.id)[-1]
    with pytest.raises(NotPermitted) as refused:
        say(world.operator, done, "ENDORSED")
    assert refused.value.code == "own_entry"
    assert chain(world, item.id)[-1].id == done.id
    say(world.operator, done, "CHALLENGED")
    assert chain(world, item.id)[-1].action == "challenged"


def test_who_is_no_auditor_operator_or_approver_says_nothing(world: World) -> None:
    item, done = finished(world)
    for who in (world.bystander, world.compliance, world.agent):
        with pytest.raises(NotPermitted):
            say(who, done, "FLAGGED")
    with pytest.raises(NotFound):
        say(world.outsider, done, "FLAGGED")
    assert chain(world, item.id)[-1].id == done.id


def test_the_same_is_said_once_and_a_mind_may_change(world: World) -> None:
    item, done = finished(world)
    say(world.auditor, done, "ENDORSED")
    with pytest.raises(Conflict) as refused:
        say(world.auditor, done, "ENDORSED", "again")
    assert refused.value.code == "already_attested"
    say(world.auditor, done, "CHALLENGED")
    say(world.auditor, done, "ENDORSED")
    assert [each.action for each in chain(world, item.id)[-3:]] == [
        "endorsed", "challenged", "endorsed",
    ]  # fmt: skip


def test_of_two_at_once_that_say_the_same_one_is_recorded(world: World) -> None:
    item, done = finished(world)
    before = len(chain(world, item.id))
    found = at_once(*[lambda: say(world.auditor, done, "FLAGGED")] * 2)
    said = (each if isinstance(each, str) else type(each).__name__ for each in found)
    assert sorted(said) == ["LedgerEntry", "already_attested"]
    assert len(chain(world, item.id)) == before + 1


def test_an_attestation_can_be_doubted_too(world: World) -> None:
    item, done = finished(world)
    first = say(world.approver, done, "ENDORSED")
    second = say(world.auditor, chain(world, item.id)[-1], "CHALLENGED")
    assert second.caused_by_id == first.id


def test_what_is_no_kind_of_thing_of_a_tenant_can_not_be_attested(world: World) -> None:
    with tenant_scope(world.auditor.tenant_id):
        [made] = entries_of(world.auditor.tenant_id, "tenant", world.auditor.tenant_id)[:1]
    with pytest.raises(Conflict) as refused:
        say(world.auditor, made, "FLAGGED")
    assert refused.value.code == "not_attestable"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"verdict": "SOUND", "evidence": "x"}, "/verdict"),
        ({"verdict": "FLAGGED", "evidence": " "}, "/evidence"),
        ({"verdict": "FLAGGED"}, "/evidence"),
    ],
)
def test_bad_input_is_named_and_records_nothing(
    world: World, body: dict[str, str], field: str
) -> None:
    item, done = finished(world)
    with pytest.raises(Invalid) as refused:
        attest(done.id, call=Call(world.auditor), **body)
    assert [each.pointer for each in refused.value.errors] == [field]
    assert chain(world, item.id)[-1].id == done.id


def test_who_vouches_has_not_done_the_work(world: World) -> None:
    item, done = finished(world)
    say(world.auditor, done, "ENDORSED")
    document = document_of(world.auditor, "work_item", item.id)
    assert relations(document, PROV_ASSOCIATION) == [
        (f"work_item:{item.id}", f"actor:{world.analyst.actor_id}")
    ]


def test_on_the_entrys_page_it_is_said_and_read(world: World) -> None:
    _item, done = finished(world)
    here = f"/ledger/entries/{done.id}/"
    client = browser(world.auditor)
    assert f'href="{here}attest/"' in client.get(here).content.decode()
    assert f'href="{here}attest/"' not in browser(world.bystander).get(here).content.decode()
    answer = client.post(f"{here}attest/", {"verdict": "CHALLENGED", "evidence": EVIDENCE})
    assert (answer.status_code, answer.headers["Location"]) == (303, here)
    read = text_of(browser(world.bystander).get(here).content)
    assert "Challenged" in read
    assert EVIDENCE in read
