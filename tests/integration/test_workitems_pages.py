"""The pages of work items, as a browser without JavaScript uses them."""

from __future__ import annotations

import re
import uuid

import pytest

from tests.clients import api, browser
from tests.integration.workitems_made import done, entries, faulted, opened, page, stored, undo_task
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions

pytestmark = pytest.mark.django_db(transaction=True)


def test_somebody_opens_a_task_by_hand(world: World) -> None:
    client = browser(world.surveyor)
    page(client, "/work-items/new/")
    bad = client.post("/work-items/new/", {"title": "", "priority": "HIGH"})
    assert bad.status_code == 422
    unknown = client.post(
        "/work-items/new/", {"title": "Look again", "priority": "HIGH", "assignee": "nobody"}
    )
    assert unknown.status_code == 422
    assert "no active member is called" in unknown.content.decode()
    assert 'value="Look again"' in unknown.content.decode()
    good = client.post(
        "/work-items/new/",
        {
            "title": "Look again",
            "priority": "HIGH",
            "description": "At the roof",
            "candidate_groups": "analysts, surveyors",
            "permitted_outcomes": "FINE, BROKEN",
            "due_at": "2030-01-02T03:04",
        },
    )
    assert good.status_code == 303
    html = page(client, good.headers["Location"])
    assert "At the roof" in html
    assert "Waits for Analysts, Surveyors" in html
    assert "High priority" in html


def test_a_task_is_taken_started_and_answered(world: World) -> None:
    item = opened(
        world,
        candidate_groups=["analysts"],
        permitted_outcomes=["APPROVED", "DECLINED"],
        resolution_schema={
            "type": "object",
            "required": ["score", "grade"],
            "properties": {
                "score": {"type": "integer", "minimum": 1, "title": "Credit score"},
                "grade": {"enum": ["A", "B", 3]},
                "fine": {"type": "boolean"},
                "ratio": {"type": "number"},
                "extra": {"type": "array"},
            },
        },
    )
    at, client = f"/work-items/{item.id}/", browser(world.analyst)
    assert "Take it" in page(client, at)
    assert "Your answer" not in page(client, at)
    assert client.post(f"{at}claim/", {"version": 1}).status_code == 303
    html = page(client, at)
    assert "Assigned to you" in html
    assert "Credit score" in html
    wrong = client.post(
        f"{at}complete/", {"version": 2, "resolution.score": "0", "resolution.ratio": "1.5"}
    )
    assert wrong.status_code == 422
    assert 'value="1.5"' in wrong.content.decode()
    assert stored(world, item.id).status == "ASSIGNED"
    good = client.post(
        f"{at}complete/",
        {
            "version": 2,
            "outcome": "APPROVED",
            "resolution.score": "7",
            "resolution.grade": "3",
            "resolution.extra": "[1]",
        },
    )
    assert good.status_code == 303
    after = stored(world, item.id)
    assert (after.status, after.outcome) == ("COMPLETED", "APPROVED")
    assert after.resolution == {"score": 7, "grade": 3, "fine": False, "extra": [1]}
    assert entries(world, item.id) == ["created", "claimed", "started", "completed"]
    html = page(client, at)
    assert "How it ended" in html
    assert "Your answer" not in html


def test_a_stale_answer_is_refused_and_what_was_typed_is_kept(world: World) -> None:
    task = undo_task(world)
    client = browser(world.analyst)
    answer = client.post(
        f"/work-items/{task.id}/complete/",
        {"version": 9, "outcome": "REVERSED", "resolution.note": "I wrote to the bank"},
    )
    html = answer.content.decode()
    assert answer.status_code == 412
    assert "Somebody changed this while you looked at it" in html
    assert "I wrote to the bank" in html
    assert stored(world, task.id).status == "ASSIGNED"


def test_of_a_change_by_others_it_is_said_who_made_it_and_the_form_keeps_its_text(
    world: World,
) -> None:
    task = undo_task(world)
    actions.start(task.id, call=Call(world.analyst))
    actions.suspend(task.id, call=Call(world.operator))
    actions.resume(task.id, call=Call(world.operator))
    said = {"version": task.version, "outcome": "REVERSED", "resolution.note": "I wrote to them"}
    answer = browser(world.analyst).post(f"/work-items/{task.id}/complete/", said)
    text = text_of(answer.content)
    assert answer.status_code == 412
    assert f"{world.operator.username} changed this while you looked at it, on" in text
    assert ": started, put on hold, goes on. You see it now as it is" in text
    assert "I wrote to them" in answer.content.decode()
    assert "What you wrote is not lost" not in text


def test_ones_own_change_in_another_tab_is_said_to_be_ones_own(world: World) -> None:
    task = undo_task(world)
    actions.start(task.id, call=Call(world.analyst))
    client, at = browser(world.analyst), f"/work-items/{task.id}/complete/"
    said = {"version": task.version, "outcome": "REVERSED", "resolution.note": "I wrote to them"}
    answer = client.post(at, said)
    text = text_of(answer.content)
    assert answer.status_code == 412
    assert "You changed this yourself, in another tab or window, on" in text
    assert ": started." in text
    assert "Somebody" not in text
    # What was typed can be read and copied; it is no answer to what is asked now.
    kept = re.findall(r"<textarea[^>]*readonly>([^<]*)", answer.content.decode())
    assert "I wrote to them" in kept
    assert answer.content.decode().count("I wrote to them") == 2
    assert stored(world, task.id).status == "IN_PROGRESS"
    # Of a page that asks: the same, and it is asked anew.
    form = {"version": task.version, "reason": "I wait for the bank"}
    answer = client.post(f"/work-items/{task.id}/suspend/", form)
    text = text_of(answer.content)
    assert answer.status_code == 412
    assert "You changed this yourself, in another tab or window, on" in text
    kept = re.findall(r"<textarea[^>]*readonly>([^<]*)", answer.content.decode())
    assert kept == ["I wait for the bank"]
    assert 'action="/work-items' in answer.content.decode()


def test_an_undo_task_says_what_to_reverse_and_completing_it_settles_the_original(
    world: World,
) -> None:
    task = undo_task(world, title="Final approval", payload={"loan": "118"})
    other = opened(world, title="Next one", assignee=world.analyst.username)
    client = browser(world.analyst)
    html = page(client, f"/work-items/{task.id}/")
    assert "You are asked to reverse" in html
    assert "which you completed on" in html
    assert "It was forged" in html
    for outcome in ("Reversed", "Corrected", "Partly reversed", "Cannot be reversed"):
        assert f"<b>{outcome}</b>" in html
    answer = client.post(
        f"/work-items/{task.id}/complete/",
        {
            "version": 1, "outcome": "REVERSED", "resolution.evidence": "Letter", "then": "next",
        },
    )  # fmt: skip
    assert answer.headers["Location"] == f"/work-items/{other.id}/"
    assert task.compensates_id is not None
    assert stored(world, task.compensates_id).status == "COMPENSATED"
    assert stored(world, task.id).resolution == {"evidence": "Letter"}


def test_undoing_asks_for_a_reason_first(world: World) -> None:
    item = done(world, title="Final approval")
    at, client = f"/work-items/{item.id}/", browser(world.operator)
    assert f'href="{at}compensate/"' in page(client, at)
    page(client, f"{at}compensate/")
    for body in (
        {"version": 3, "reason": ""},
        {"version": 3, "reason": "x", "assignee": "nobody"},
        {"version": 3, "reason": "x", "note": "4.2"},
        {"version": 3, "reason": "x", "mode": "automated"},
    ):
        assert client.post(f"{at}compensate/", body).status_code == 422
    assert stored(world, item.id).status == "COMPLETED"
    stale = client.post(f"{at}compensate/", {"version": 2, "reason": "Typed words"})
    assert stale.status_code == 412
    assert "Typed words" in stale.content.decode()
    good = client.post(
        f"{at}compensate/",
        {"version": 3, "reason": "Forged", "regulatory_basis": "INTERNAL_POLICY", "note": "4.2"},
    )
    assert good.status_code == 303
    html = page(client, at)
    assert "Undoing this" in html
    assert "Internal policy (4.2)" in html
    assert f"{world.analyst.username} was asked to undo this." in html
    again = client.post(f"{at}compensate/", {"version": 4, "reason": "Forged"})
    assert again.status_code == 409


def test_who_may_not_is_told_so_and_nothing_happens(world: World) -> None:
    item = opened(world, candidate_groups=["analysts"])
    at, client = f"/work-items/{item.id}/", browser(world.bystander)
    html = page(client, at)
    assert "it is meant for others" in html
    assert f'action="{at}claim/"' not in html
    assert client.post(f"{at}claim/", {"version": 1}).status_code == 403
    assert client.post(f"{at}cancel/", {"version": 1, "reason": "x"}).status_code == 403
    assert client.post(f"{at}complete/", {"version": 1}).status_code == 403
    assert entries(world, item.id) == ["created", "claim_refused"]


@pytest.mark.parametrize(
    ("action", "body", "status"),
    [
        ("retry", {"reason": "The bank is open now"}, "COMPENSATING"),
        ("retry", {}, "COMPENSATING"),
        (
            "reassign",
            {"candidate_groups": "compliance", "reason": "She is ill"},
            "COMPENSATING",
        ),
        ("hand-to-human", {"reason": "No program can"}, "COMPENSATING"),
        ("attest", {"evidence": "Letter"}, "COMPENSATED"),
        ("abandon", {"reason": "Court has it"}, "COMPLETED"),
    ],
)
def test_an_operator_decides_about_a_fault(
    world: World, action: str, body: dict[str, str], status: str
) -> None:
    item = faulted(world)
    at, client = f"/work-items/{item.id}/", browser(world.operator)
    html = page(client, at)
    assert "Somebody has to decide" in html
    assert "Gone" in html
    asked = page(client, f"{at}{action}/")
    assert 'name="reason"' in asked or action == "attest"
    if action in {"attest", "abandon", "reassign"}:
        assert client.post(f"{at}{action}/", {"version": item.version}).status_code == 422
    assert stored(world, item.id).status == "COMPENSATION_FAULTED"
    answer = client.post(f"{at}{action}/", {"version": item.version, **body})
    assert answer.status_code == 303, answer.content
    assert stored(world, item.id).status == status
    panel = text_of(page(client, at).encode()).partition("History")[0]
    if status == "COMPENSATING" and "reason" in body:
        # Where the attempts are told, with who said so.
        assert f"“{body['reason']}” {world.operator.username}" in panel


@pytest.mark.parametrize(
    ("action", "body", "status"),
    [
        ("assign", {"assignee": "surveyor"}, "ASSIGNED"),
        ("cancel", {"reason": "Not needed"}, "CANCELLED"),
    ],
)
def test_an_operator_assigns_and_cancels(
    world: World, action: str, body: dict[str, str], status: str
) -> None:
    item = opened(world, candidate_groups=["analysts"])
    at, client = f"/work-items/{item.id}/", browser(world.operator)
    page(client, f"{at}{action}/")
    assert client.post(f"{at}{action}/", {"version": 1}).status_code == 422
    if "assignee" in body:
        assert client.post(f"{at}{action}/", {"assignee": "nobody"}).status_code == 422
        body = {"assignee": world.of(body["assignee"]).username}
    assert client.post(f"{at}{action}/", {"version": 1, **body}).status_code == 303
    assert stored(world, item.id).status == status
    page(client, at)


def test_release_stop_reject_and_withdraw(world: World) -> None:
    task = undo_task(world)
    at, client = f"/work-items/{task.id}/", browser(world.analyst)
    assert client.post(f"{at}start/", {"version": 1}).status_code == 303
    late = browser(world.operator).post(f"/work-items/{task.compensates_id}/withdraw/", {})
    assert late.status_code == 409
    assert client.post(f"{at}stop/", {"version": 2}).status_code == 303
    assert client.post(f"{at}release/", {"version": 3}).status_code == 303
    operator = browser(world.operator)
    page(operator, f"/work-items/{task.compensates_id}/withdraw/")
    answer = operator.post(f"/work-items/{task.compensates_id}/withdraw/", {"reason": "Wrong one"})
    assert answer.status_code == 303
    assert stored(world, task.id).status == "CANCELLED"
    item = opened(world, assignee=world.analyst.username)
    page(client, f"/work-items/{item.id}/reject/")
    assert client.post(f"/work-items/{item.id}/reject/", {"reason": "No"}).status_code == 303
    assert "No" in page(client, f"/work-items/{item.id}/")


def test_the_chain_page_shows_the_nodes_of_the_api_twice(world: World) -> None:
    item = faulted(world)
    actions.retry_compensation(item.id, call=Call(world.operator))
    html = page(browser(world.auditor), f"/work-items/{item.id}/causal-chain/")
    nodes = {
        node["id"]
        for node in api(world.auditor)
        .get(f"/api/v1/work-items/{item.id}/causal-chain")
        .json()["nodes"]
    }
    assert len(nodes) == 3
    drawn = re.findall(r'class="node[^"]*" data-node="([^"]+)"', html)
    listed = re.findall(r'<tr data-node="([^"]+)"', html)
    assert drawn == listed
    assert set(drawn) == nodes
    svg = browser(world.auditor).get(f"/work-items/{item.id}/causal-chain.svg")
    assert svg.headers["Content-Type"].startswith("image/svg+xml")
    assert svg.content.decode().count("<g>") == 3
    dot = browser(world.auditor).get(f"/work-items/{item.id}/causal-chain.dot")
    assert dot.content.decode().startswith("digraph chain {")


@pytest.mark.parametrize("path", ["", "causal-chain/", "compensate/", "causal-chain.svg"])
def test_another_tenants_item_is_not_there(world: World, path: str) -> None:
    item = done(world)
    page(browser(world.outsider), f"/work-items/{item.id}/{path}", 404)
    page(browser(world.operator), f"/work-items/{uuid.uuid4()}/{path}", 404)


def test_the_menu_says_that_a_task_belongs_to_the_inbox(world: World) -> None:
    item = opened(world)
    html = page(browser(world.analyst), f"/work-items/{item.id}/")
    assert set(re.findall(r'href="([^"]+)" aria-current="page"', html)) == {"/inbox/"}
