"""How far work is: it only goes forward, and the undo is told apart from the work."""

from __future__ import annotations

from typing import Any

import pytest

from tests import states
from tests.clients import api, browser
from tests.integration.around_made import entry
from tests.integration.test_statements import ONE_SUBJECT, statements
from tests.integration.workitems_made import page
from tests.integration.workitems_over_rest import ROOT, entries, post
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.around.progress_reports import report_progress
from workitems.lifecycle import Status

STEPS = [{"name": "Call the bank", "done": True}, {"name": "Write it down", "done": False}]


def said(
    who: Any, item_id: Any, shape: str, value: Any, dimension: str = "forward", *, status: int = 200
) -> dict[str, Any]:
    body = {"dimension": dimension, "shape": shape, "value": value}
    answer = post(api(who), f"/{item_id}/progress", body)
    assert answer.status_code == status, answer.content
    return dict(answer.json())


def told(who: Any, item_id: Any) -> dict[str, Any]:
    answer = api(who).get(f"{ROOT}/{item_id}/progress")
    assert answer.status_code == 200
    return dict(answer.json())


def test_it_goes_forward_and_is_recorded(world: World) -> None:
    item = states.in_progress(world.analyst)
    assert told(world.bystander, item.id) == {"forward": None, "undo": None}
    said(world.analyst, item.id, "percentage", 40)
    after = said(world.analyst, item.id, "percentage", 60)
    assert after["undo"] is None
    assert after["forward"] == {
        "shape": "percentage", "value": 60, "percent": 60,
        "reported_by": world.analyst.username, "reported_at": after["forward"]["reported_at"],
    }  # fmt: skip
    assert told(world.auditor, item.id) == after
    last = entry(world, item.id)
    assert (last.action, last.to_status) == ("progress_reported", "IN_PROGRESS")
    assert last.payloads == {"dimension": "forward", "shape": "percentage", "value": 60}
    assert states.stored(world, item.id).version == item.version + 2


def test_what_was_said_already_changes_nothing(world: World) -> None:
    item = states.in_progress(world.analyst)
    first = said(world.analyst, item.id, "steps", STEPS)
    assert said(world.analyst, item.id, "steps", STEPS) == first
    assert entries(world, str(item.id)).count("progress_reported") == 1


@pytest.mark.parametrize(
    ("shape", "before", "value"),
    [
        ("percentage", 40, 39),
        ("count", {"done": 3, "total": 9}, {"done": 2, "total": 9}),
        ("count", 3, 2),
        ("steps", STEPS, [{**STEPS[0], "done": False}, STEPS[1]]),
        ("steps", STEPS, STEPS[:1]),
    ],
)
def test_it_never_goes_back(world: World, shape: str, before: Any, value: Any) -> None:
    item = states.in_progress(world.analyst)
    kept = said(world.analyst, item.id, shape, before)
    assert said(world.analyst, item.id, shape, value, status=409)["code"] == "backwards"
    other = "percentage" if shape != "percentage" else "count"
    assert said(world.analyst, item.id, other, 90, status=409)["code"] == "other_shape"
    assert told(world.analyst, item.id) == kept
    assert entries(world, str(item.id)).count("progress_reported") == 1


@pytest.mark.parametrize(
    ("shape", "value", "pointer"),
    [
        ("percentage", 101, "/value"),
        ("percentage", -1, "/value"),
        ("percentage", True, "/value"),
        ("percentage", {"done": 1}, "/value"),
        ("count", {"done": 1, "total": 0}, "/value/total"),
        ("count", {"done": 3, "total": 2}, "/value/total"),
        ("count", {"total": 2}, "/value/done"),
        ("steps", [], "/value"),
        ("steps", [{"name": "a"}], "/value/0/done"),
        ("steps", [{"name": "a", "done": True}, {"name": "a", "done": True}], "/value/1/name"),
        ("steps", [{"name": f"step {n}", "done": True} for n in range(101)], "/value"),
        ("weight", 3, "/shape"),
    ],
)
def test_what_its_shape_does_not_know_is_refused(
    world: World, shape: str, value: Any, pointer: str
) -> None:
    item = states.in_progress(world.analyst)
    answer = said(world.analyst, item.id, shape, value, status=422)
    assert [each["pointer"] for each in answer["errors"]] == [pointer]
    assert told(world.analyst, item.id) == {"forward": None, "undo": None}


def test_how_far_the_undo_is_never_changes_how_far_the_work_was(world: World) -> None:
    item = states.in_progress(world.analyst)
    said(world.analyst, item.id, "percentage", 70)
    actions.complete(item.id, call=Call(world.analyst), outcome="PASSED")
    said(world.analyst, item.id, "percentage", 80, status=409)
    forward = told(world.analyst, item.id)["forward"]
    task = states.compensate(states.stored(world, item.id), world.operator).attempt.compensation_id
    actions.start(task, call=Call(world.analyst))
    said(world.analyst, task, "count", {"done": 1, "total": 4}, "undo")
    found = told(world.analyst, item.id)
    assert (found["forward"], found["undo"]["percent"]) == (forward, 25)
    said(world.operator, item.id, "percentage", 50, "undo")
    said(world.operator, item.id, "percentage", 90, "forward", status=409)
    found = told(world.analyst, item.id)
    assert (found["forward"], found["undo"]["percent"]) == (forward, 50)
    assert told(world.analyst, task)["undo"]["percent"] == 25
    assert states.stored(world, item.id).status == "COMPENSATING"


@pytest.mark.parametrize("status", [Status.PENDING, Status.SUSPENDED, Status.CANCELLED])
def test_nobody_says_it_of_what_nobody_works_on(world: World, status: Status) -> None:
    item = states.item_in(status, world.operator)
    answer = said(world.operator, item.id, "percentage", 10, status=409)
    assert answer["code"] == "illegal_state"
    assert told(world.operator, item.id) == {"forward": None, "undo": None}


def test_only_who_has_it_and_operators_say_it(world: World) -> None:
    item = states.in_progress(world.analyst)
    for who in (world.surveyor, world.auditor):
        said(who, item.id, "percentage", 10, status=403)
    said(world.outsider, item.id, "percentage", 10, status=404)
    said(world.operator, item.id, "percentage", 10)


@pytest.mark.parametrize("first", [True, False])
def test_a_report_takes_few_statements(world: World, *, first: bool) -> None:
    item = states.in_progress(world.analyst)
    if not first:
        said(world.analyst, item.id, "percentage", 10)
    body: dict[str, Any] = {"dimension": "forward", "shape": "percentage", "value": 20}
    sent = statements(lambda: report_progress(item.id, call=Call(world.analyst), **body))
    assert len(sent) == 4 <= ONE_SUBJECT, "\n".join(sent)


def test_the_page_shows_it_and_asks_in_its_shape(world: World) -> None:
    item, mine = states.in_progress(world.analyst), browser(world.analyst)
    where = f"/work-items/{item.id}/"
    assert mine.post(f"{where}progress/", {"done": "30"}).status_code == 303
    assert "The work: 30 % done" in text_of(page(mine, where).encode())
    back = mine.post(f"{where}progress/", {"done": "20"})
    assert back.status_code == 422
    assert told(world.analyst, item.id)["forward"]["value"] == 30
    other = states.in_progress(world.analyst)
    said(world.analyst, other.id, "steps", STEPS)
    where = f"/work-items/{other.id}/"
    assert mine.post(f"{where}progress/", {"done": ["0", "1"]}).status_code == 303
    assert "The work: 2 of 2 steps done" in text_of(page(mine, where).encode())
    assert "Say how far it is" not in text_of(page(browser(world.surveyor), where).encode())


def test_a_refused_report_is_still_in_its_form(world: World) -> None:
    item = states.in_progress(world.analyst)
    said(world.analyst, item.id, "percentage", 40)
    client, at = browser(world.analyst), f"/work-items/{item.id}/progress/"
    for typed, status, words in (("30", 422, "40"), ("many", 422, "whole number")):
        answer = client.post(at, {"done": typed})
        html = answer.content.decode()
        assert answer.status_code == status
        assert f'name="done" value="{typed}"' in html
        assert '<a href="#progress_done">Done, of a hundred</a>: ' in html
        assert words in html
    assert told(world.analyst, item.id)["forward"]["value"] == 40
    # Meanwhile it was ended elsewhere: what was typed is there to be copied.
    actions.complete(item.id, call=Call(world.analyst), outcome=None, resolution=None)
    answer = client.post(at, {"done": "70"})
    assert answer.status_code == 409
    assert " readonly>70</textarea>" in answer.content.decode()
