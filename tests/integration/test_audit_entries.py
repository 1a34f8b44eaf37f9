"""The ledger of one's tenant: pages, API, shapes, filters; nothing of another tenant's."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from ledger.clock import rfc3339
from ledger.models import LedgerEntry
from ledger.selectors import Entry, entries_of
from ledger.tenancy import tenant_scope
from ledger.vocabulary import actions_of, all_actions
from tests.casework import approved_loan, roll_back, undo
from tests.clients import api, browser
from tests.states import work
from tests.world import World
from verbs.call import Call
from web.entries import entry_url, ledger_url, represent_entries
from web.timeline import timeline_of
from workitems import actions

BASIS = [{"code": "CONTRACT", "note": "clause 4"}]
REASON = "The file was forged"


def undone(world: World) -> uuid.UUID:
    """Create a task, complete it, and undo it."""
    item_id = actions.create_work_item(
        call=Call(world.operator), title="Approve", assignee=world.analyst.username
    ).id
    work(world.analyst, item_id, None)
    why = {"reason": REASON, "regulatory_basis": BASIS}
    attempt = actions.compensate(item_id, call=Call(world.operator), **why).attempt
    work(world.analyst, attempt.compensation_id, "REVERSED")
    return item_id


def chain(world: World, item_id: uuid.UUID) -> list[Entry]:
    """Return the entries of a work item, oldest first."""
    with tenant_scope(world.operator.tenant_id):
        return entries_of(world.operator.tenant_id, "work_item", item_id)


def without_reason(entry: Entry) -> Entry:
    """Return an entry as it reads once its reason was removed."""
    left = {name: value for name, value in entry.payloads.items() if name != "reason"}
    return Entry(**{**{name: getattr(entry, name) for name in Entry.__slots__}, "payloads": left})


def test_an_entry_has_the_public_shape(world: World) -> None:
    item_id = undone(world)
    entries = {entry.action: entry for entry in chain(world, item_id)}
    entry, before = entries["compensation_started"], entries["completed"]
    body = api(world.bystander).get(f"/api/v1/ledger/entries/{entry.id}").json()
    assert body == {
        "id": str(entry.id),
        "subject": {"type": "work_item", "id": str(item_id)},
        "subject_seq": 4,
        "subject_version": 4,
        "kind": "COMPENSATION",
        "action": "compensation_started",
        "from": "COMPLETED",
        "to": "COMPENSATING",
        "actor": world.operator.username,
        "actor_type": "HUMAN",
        "actor_role": "operator",
        "on_behalf_of": None,
        "reason": REASON,
        "caused_by": None,
        "original": {"id": str(before.id), "hash": before.hash.hex()},
        "compensation": {
            "mode": "human",
            "strategy": "restore",
            "regulatory_basis": ["CONTRACT"],
            "run": None,
            "step": None,
            "round": 1,
            "attempt": 1,
        },
        "signature_verdict": "unsigned",
        "erased_because": None,
        "correlation_id": str(item_id),
        "case": None,
        "completion_seq": None,
        "at": rfc3339(entry.at),
        "hash": entry.hash.hex(),
        "previous_hash": before.hash.hex(),
        "tree_index": None,
        "payloads": {"reason": REASON, "regulatory_basis": BASIS},
        "erased": [],
        "erased_under": None,
    }
    first = api(world.auditor).get(f"/api/v1/ledger/entries/{entries['created'].id}").json()
    assert (first["from"], first["to"], first["previous_hash"]) == (None, "ASSIGNED", None)
    last = entries["compensation_completed"]
    settled = api(world.auditor).get(f"/api/v1/ledger/entries/{last.id}").json()
    assert settled["caused_by"]["id"] != settled["original"]["id"]


def test_what_is_gone_is_named_and_missing(world: World) -> None:
    entry = next(e for e in chain(world, undone(world)) if e.action == "compensation_started")
    with tenant_scope(world.operator.tenant_id):
        (body,) = represent_entries([without_reason(entry)])
        (row,) = timeline_of([without_reason(entry)])
    assert body["reason"] is None
    assert body["erased"] == ["reason"]
    assert body["payloads"] == {"regulatory_basis": BASIS}
    assert row["detail"] == "text gone, and no receipt tells of it"


def listed(world: World, query: str) -> list[dict[str, Any]]:
    """Return the entries that the API lists for a query."""
    found: list[dict[str, Any]] = (
        api(world.auditor).get(f"/api/v1/ledger/entries?{query}").json()["results"]
    )
    return found


def test_filters_find_exactly_what_they_name(world: World) -> None:
    item_id = undone(world)
    own = listed(world, f"subject=work_item:{item_id}")
    assert [each["action"] for each in own] == [
        "compensation_completed",
        "compensation_started",
        "completed",
        "started",
        "created",
    ]
    assert [each["subject_seq"] for each in own] == [5, 4, 3, 2, 1]
    by_operator = listed(world, f"actor={world.operator.username}&subject=work_item")
    assert sorted(each["action"] for each in by_operator) == [
        "compensation_started",
        "created",
        "created",
    ]
    assert {each["kind"] for each in listed(world, "kind=ADMIN")} == {"ADMIN"}
    assert [each["subject"]["id"] for each in listed(world, "action=compensation_started")] == [
        str(item_id)
    ]
    assert listed(world, "actor=nobody") == []
    assert listed(world, f"actor={world.outsider.username}") == []
    assert listed(world, f"case={item_id}") == []
    assert listed(world, "until=2020-01-01") == []
    assert len(listed(world, "since=2020-01-01&subject=work_item")) == 8


def test_the_entries_of_a_case_include_all_its_parts(world: World) -> None:
    case_id = approved_loan(world)
    found = listed(world, f"case={case_id}&limit=200")
    assert {each["subject"]["type"] for each in found} == {"case", "work_item", "execution"}
    assert {each["case"] for each in found} == {str(case_id)}
    with tenant_scope(world.operator.tenant_id):
        assert len(found) == LedgerEntry.objects.filter(case_id=case_id).count()


def test_pages_join_without_a_gap(world: World) -> None:
    undone(world)
    # Its token is an entry too.
    client = api(world.auditor)
    everything = client.get("/api/v1/ledger/entries?limit=200").json()["results"]
    whole = [each["id"] for each in everything]
    url, seen = "/api/v1/ledger/entries?limit=3", []
    while url:
        body = client.get(url).json()
        seen += [each["id"] for each in body["results"]]
        url = body["next"]
    assert seen == whole


@pytest.mark.parametrize("name", ["subject", "case", "action", "kind", "actor", "since", "until"])
def test_an_empty_filter_says_nothing(world: World, name: str) -> None:
    refused = api(world.auditor).get(f"/api/v1/ledger/entries?{name}=")
    assert refused.status_code == 422
    assert [each["pointer"] for each in refused.json()["errors"]] == [name]
    assert browser(world.auditor).get(f"/ledger/?{name}=").status_code == 200


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("subject=robot:1", "subject"),
        ("subject=work_item:", "subject"),
        ("subject=work_item:7", "subject"),
        ("case=7", "case"),
        ("action=exploded", "action"),
        ("kind=work", "kind"),
        ("since=yesterday", "since"),
        ("until=9999-12-31", "until"),
        ("actor=a%00b", "actor"),
    ],
    ids=["type", "empty", "id", "case", "action", "kind", "since", "last-day", "nul"],
)
def test_a_filter_that_means_nothing_is_refused_by_name(
    world: World, query: str, pointer: str
) -> None:
    refused = api(world.auditor).get(f"/api/v1/ledger/entries?{query}")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == pointer
    assert browser(world.auditor).get(f"/ledger/?{query}").status_code == 422


def test_the_pages_tell_it_in_words_and_link_it(world: World) -> None:
    item_id = undone(world)
    entries = {entry.action: entry for entry in chain(world, item_id)}
    client = browser(world.bystander)
    page = client.get(f"/ledger/subjects/work_item/{item_id}/")
    text = page.content.decode()
    assert page.status_code == 200
    assert [row["action_label"] for row in page.context["rows"]] == [
        "Undone",
        "Undo begun",
        "Completed",
        "Started",
        "Opened",
    ]
    assert REASON in text
    assert f"/ledger/entries/{entries['completed'].id}/" in text
    everything = client.get(f"/ledger/?type=work_item&actor={world.analyst.username}")
    assert everything.status_code == 200
    assert len(everything.context["chips"]) == 2
    assert "Undo: Approve" in everything.content.decode()
    detail = client.get(f"/ledger/entries/{entries['compensation_started'].id}/")
    shown = detail.context["entry"]
    assert (shown["action_label"], shown["reason"]) == ("Undo begun", REASON)
    assert shown["original"]["label"] == f"Approve completed by {world.analyst.username}"
    assert shown["previous"]["url"] == f"/ledger/entries/{entries['completed'].id}/"
    assert [cause["label"] for cause in shown["causes"]] == [
        f"Undo: Approve opened by {world.operator.username}"
    ]
    last = client.get(f"/ledger/entries/{entries['compensation_completed'].id}/").context["entry"]
    assert last["caused_by"]["label"] == f"Undo: Approve completed by {world.analyst.username}"


def test_the_ledger_of_a_whole_rollback_can_be_read(world: World) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    for who in ("underwriter", "surveyor", "compliance"):
        undo(world.of(who), case_id)
    client = browser(world.auditor)
    page = client.get(f"/ledger/?case={case_id}&limit=200")
    assert page.status_code == 200
    for row in page.context["rows"]:
        assert client.get(row["url"]).status_code == 200
    assert client.get(f"/ledger/subjects/compensation_run/{run.id}/").status_code == 200
    with tenant_scope(world.auditor.tenant_id):
        story = timeline_of(entries_of(run.tenant_id, "compensation_run", run.id))
    assert story[0]["text"].endswith("ended")
    assert story[0]["tone"] == "done"
    assert [row["at"] for row in story] == sorted((row["at"] for row in story), reverse=True)
    assert story[0]["entry"]["label"] == f"Entry {len(story)}"


def test_members_read_the_ledger_and_strangers_find_nothing(world: World) -> None:
    item_id = undone(world)
    entry = chain(world, item_id)[0]
    urls = [f"/ledger/entries/{entry.id}/", f"/ledger/subjects/work_item/{item_id}/"]
    for url in urls:
        assert browser(world.agent).get(url).status_code == 200
        assert browser(world.outsider).get(url).status_code == 404
    assert api(world.outsider).get(f"/api/v1/ledger/entries/{entry.id}").status_code == 404
    strange = api(world.outsider).get(f"/api/v1/ledger/entries?subject=work_item:{item_id}")
    assert strange.json()["results"] == []
    assert browser(world.agent).get(f"/ledger/subjects/robot/{item_id}/").status_code == 404
    assert browser(world.agent).get(f"/ledger/subjects/case/{item_id}/").status_code == 404


def test_the_admin_shows_entries_and_changes_nothing(world: World) -> None:
    entry = chain(world, undone(world))[3]
    client = browser(world.auditor)
    assert client.get("/admin/ledger/ledgerentry/").status_code == 200
    page = client.get(f"/admin/ledger/ledgerentry/{entry.id}/change/")
    assert page.status_code == 200
    text = page.content.decode()
    assert entry.hash.hex() in text
    assert REASON in text
    assert 'name="_save"' not in text
    assert client.get("/admin/ledger/ledgerentry/add/").status_code == 403
    assert client.post(f"/admin/ledger/ledgerentry/{entry.id}/delete/").status_code == 403
    elsewhere = browser(world.outsider).get(f"/admin/ledger/ledgerentry/{entry.id}/change/")
    assert entry.hash.hex() not in elsewhere.content.decode()


def test_other_pages_find_the_ledger_without_knowing_it() -> None:
    id_ = uuid.uuid4()
    assert entry_url(id_) == f"/ledger/entries/{id_}/"
    assert ledger_url("case", id_) == f"/ledger/subjects/case/{id_}/"
    assert ledger_url("robot", id_) == ""


def test_the_filter_offers_what_can_be_recorded(world: World) -> None:
    def offered(query: str) -> dict[str, str]:
        page = browser(world.auditor).get(f"/ledger/{query}")
        field = next(each for each in page.context["filters"]["fields"] if each["name"] == "action")
        return {each["value"]: str(each["label"]) for each in field["options"] if each["value"]}

    # What reads the same is one choice of several actions, with commas between them.
    assert set(",".join(offered("")).split(",")) == all_actions()
    assert len(set(offered("").values())) == len(offered(""))
    assert offered("")["compensation_faulted"] == "Rollback needs a decision / Undo failed"
    of_cases = offered("?type=case")
    assert set(",".join(of_cases).split(",")) == actions_of("case")
    assert of_cases["compensation_faulted"] == "Rollback needs a decision"
    assert "claimed" not in of_cases
    schema = api(world.auditor).get("/api/v1/schema/?format=json").json()
    parameters = schema["paths"]["/api/v1/ledger/entries"]["get"]["parameters"]
    action = next(each for each in parameters if each["name"] == "action")
    assert action["schema"]["enum"] == sorted(all_actions())
