"""How far a case is: its work and the undo of it, added up apart; neither changes the other."""

from __future__ import annotations

import uuid
from typing import Any

from ledger.tenancy import tenant_scope
from tests import states
from tests.casework import deploy, open_item, open_undo, opened, roll_back
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.test_statements import statements
from tests.integration.workitems_made import page
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.around.progress_reports import report_progress
from workitems.models import WorkItem

NOTHING = {"done": 0, "total": 0, "percent": None}


def started(world: World) -> uuid.UUID:
    """Return a case of three tasks that anybody may take."""
    deploy(world, definition("far", human("one"), human("two"), human("three")))
    return opened(world, "tests/far", {"amount": 7})


def progress(world: World, case_id: uuid.UUID) -> dict[str, Any]:
    answer = api(world.bystander).get(f"/api/v1/cases/{case_id}")
    assert answer.status_code == 200
    return dict(answer.json()["progress"])


def report(world: World, item: WorkItem, value: int, dimension: str = "forward") -> None:
    said = {"dimension": dimension, "shape": "percentage", "value": value}
    report_progress(item.id, call=Call(world.operator), **said)


def test_the_work_is_what_is_done_and_what_is_said_of_the_rest(world: World) -> None:
    case_id = started(world)
    assert progress(world, case_id) == {
        "forward": {"done": 0, "total": 3, "percent": 0}, "undo": NOTHING,
    }  # fmt: skip
    states.work(world.analyst, open_item(world.operator, case_id, "one").id, "DONE")
    drain()
    begun = open_item(world.operator, case_id, "two")
    actions.start(begun.id, call=Call(world.surveyor))
    report(world, begun, 50)
    assert progress(world, case_id) == {
        "forward": {"done": 1, "total": 3, "percent": 50}, "undo": NOTHING,
    }  # fmt: skip
    # Who has no number says nothing of how much that is.
    third = open_item(world.operator, case_id, "three")
    actions.start(third.id, call=Call(world.analyst))
    said: dict[str, Any] = {"dimension": "forward", "shape": "count", "value": 5}
    report_progress(third.id, call=Call(world.analyst), **said)
    assert progress(world, case_id)["forward"]["percent"] == 50


def test_an_undo_is_added_up_apart_and_leaves_the_work_as_it_is(world: World) -> None:
    case_id = started(world)
    for name in ("one", "two", "three"):
        states.work(world.operator, open_item(world.operator, case_id, name).id, "DONE")
        drain()
    done = {"done": 3, "total": 3, "percent": 100}
    assert progress(world, case_id) == {"forward": done, "undo": NOTHING}
    roll_back(world, case_id)
    first = open_undo(world.operator, case_id)
    actions.start(first.id, call=Call(world.operator))
    report(world, first, 40, "undo")
    assert progress(world, case_id) == {
        "forward": done, "undo": {"done": 0, "total": 1, "percent": 40},
    }  # fmt: skip
    actions.complete(first.id, call=Call(world.operator), outcome="REVERSED")
    drain()
    assert progress(world, case_id) == {
        "forward": done, "undo": {"done": 1, "total": 2, "percent": 50},
    }  # fmt: skip
    for _ in range(2):
        states.undo(open_undo(world.operator, case_id).id, world.operator)
        drain()
    assert progress(world, case_id) == {"forward": done, "undo": done}


def test_the_page_shows_both(world: World) -> None:
    case_id = started(world)
    client = browser(world.operator)
    html = page(client, f"/cases/{case_id}/")
    assert "The work: <b>0 of 3 steps done.</b>" in html
    assert "Its undo:" not in html
    states.work(world.operator, open_item(world.operator, case_id, "one").id, "DONE")
    drain()
    roll_back(world, case_id)
    html = page(client, f"/cases/{case_id}/")
    assert "The work: <b>1 of 1 step done.</b>" in html
    # The rollback says how much is undone, and of how many steps: no other number beside it.
    assert "Its undo:" not in html
    assert "0 of 1 step undone." in html


def test_it_takes_two_statements_whatever_the_case(world: World) -> None:
    case_id = started(world)
    client = api(world.operator)

    def read() -> Any:
        return client.get(f"/api/v1/cases/{case_id}")

    before = len(statements(read))
    for name in ("one", "two"):
        item = open_item(world.operator, case_id, name)
        actions.start(item.id, call=Call(world.operator))
        report(world, item, 10)
    assert len(statements(read)) == before
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.filter(case_id=case_id).count() == 3
