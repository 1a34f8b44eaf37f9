"""Cancelling, holding and trying again a case with cases below it: all levels go along."""

from __future__ import annotations

import uuid

import pytest

from cases import actions
from cases.actions.awaited_cases import ParentOnHold
from cases.actions.engine import handle
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, open_item, opened, plan_items
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain, leave_behind
from tests.engine_news import news_of
from tests.states import actions_of, stored, work
from tests.subcases import below, chain, child, children, deploy_levels, own_entries, statuses
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems import actions as work_items
from workitems.models import WorkItem


def fail(world: World, case_id: uuid.UUID, binding: str) -> None:
    """Let somebody begin a task and fail at it."""
    item = open_item(world.analyst, case_id, binding)
    work_items.start(item.id, call=Call(world.analyst))
    work_items.fail(item.id, call=Call(world.analyst), detail="no")
    drain()


def test_cancelling_calls_off_all_levels_at_once(world: World) -> None:
    deploy_levels(world)
    top = opened(world, "tests/top")
    rows = chain(world, top)
    task = open_item(world.analyst, rows[2].id, "task").id
    actions.cancel_case(top, call=Call(world.operator), reason="Enough")
    # Not by a worker: it is so as soon as it is said.
    assert statuses(world, top) == ["CANCELLED"] * 3
    assert stored(world, task).status == "CANCELLED"
    items = [plan_items(world, row.id) for row in rows]
    assert [str(item.status) for found in items for item in found.values()] == ["CANCELLED"] * 3
    ends = [own_entries(world, row.id)[-1] for row in rows]
    assert [entry.action for entry in ends] == ["cancelled"] * 3
    assert [entry.caused_by_id for entry in ends] == [None, ends[0].id, ends[1].id]
    drain()
    assert "sub_case_cancelled" not in actions_of(world, "case", top)
    verify()


def test_one_that_is_cancelled_by_itself_fails_the_step_above(world: World) -> None:
    deploy_levels(world)
    top = opened(world, "tests/top")
    middle = child(world, top).id
    actions.cancel_case(middle, call=Call(world.operator), reason="Enough")
    drain()
    assert statuses(world, top) == ["FAULTED", "CANCELLED", "CANCELLED"]
    assert plan_items(world, top)["middle"].status == "CANCELLED"
    assert case_row(world, top).fault == "middle: cancelled"
    # Tried again, the step opens another: of this one nothing will come.
    actions.retry_case(top, call=Call(world.operator))
    drain()
    assert [str(row.status) for row in children(world, top)] == ["CANCELLED", "RUNNING"]
    verify()


def test_a_case_that_completes_calls_off_what_is_open_below(world: World) -> None:
    deploy_levels(world)
    source = definition("both", below("middle", "middle"), human("own"), success=".own != null")
    deploy(world, source)
    top = opened(world, "tests/both")
    finish(world.analyst, top, "own", "OK")
    assert statuses(world, top) == ["COMPLETED", "CANCELLED", "CANCELLED"]
    assert plan_items(world, top)["middle"].status == "CANCELLED"
    verify()


def test_all_levels_are_held_and_let_go_together(world: World) -> None:
    deploy_levels(world)
    top = opened(world, "tests/top")
    rows = chain(world, top)
    actions.suspend_case(top, call=Call(world.operator), reason="Wait")
    assert statuses(world, top) == ["SUSPENDED"] * 3
    assert [row.held_by for row in chain(world, top)] == [None, top, top]
    with pytest.raises(ParentOnHold):
        actions.resume_case(rows[1].id, call=Call(world.operator))
    # What was begun is still taken in, and nothing follows.
    finish(world.analyst, rows[2].id, "task", "OK")
    assert case_row(world, rows[2].id).context["task"]["outcome"] == "OK"
    assert statuses(world, top) == ["SUSPENDED"] * 3
    actions.resume_case(top, call=Call(world.operator))
    assert statuses(world, top) == ["RUNNING"] * 3
    drain()
    assert statuses(world, top) == ["COMPLETED"] * 3
    verify()


def test_what_somebody_held_by_itself_stays_held(world: World) -> None:
    deploy_levels(world)
    top = opened(world, "tests/top")
    middle = child(world, top).id
    actions.suspend_case(middle, call=Call(world.operator))
    assert statuses(world, top) == ["RUNNING", "SUSPENDED", "SUSPENDED"]
    actions.suspend_case(top, call=Call(world.operator))
    with pytest.raises(ParentOnHold):
        actions.resume_case(middle, call=Call(world.operator))
    actions.resume_case(top, call=Call(world.operator))
    assert statuses(world, top) == ["RUNNING", "SUSPENDED", "SUSPENDED"]
    actions.resume_case(middle, call=Call(world.operator))
    assert statuses(world, top) == ["RUNNING"] * 3


def test_who_is_not_waited_for_is_neither_held_nor_cancelled(world: World) -> None:
    deploy(world, definition("low", human("task"), success=".task != null"))
    step = below("low", "low", when=".own == null", waitForCompletion=False)
    deploy(world, definition("top", step, human("own"), success=".own != null"))
    top = opened(world, "tests/top")
    actions.suspend_case(top, call=Call(world.operator))
    assert statuses(world, top) == ["SUSPENDED", "RUNNING"]
    actions.cancel_case(top, call=Call(world.operator))
    assert statuses(world, top) == ["CANCELLED", "RUNNING"]


def test_a_failed_step_is_tried_again_in_the_case_it_has(world: World) -> None:
    pair = definition(
        "pair", human("first"), human("second", when=".first != null and .second == null"),
        success=".second != null",
    )  # fmt: skip
    deploy(world, pair)
    deploy(world, definition("top", below("low", "pair"), success=".low != null"))
    top = opened(world, "tests/top")
    low = child(world, top).id
    finish(world.analyst, low, "first", "OK")
    fail(world, low, "second")
    assert statuses(world, top) == ["FAULTED", "FAULTED"]
    actions.retry_case(top, call=Call(world.operator))
    drain()
    assert statuses(world, top) == ["RUNNING", "RUNNING"]
    assert plan_items(world, top)["low"].status == "ACTIVE"
    assert len(children(world, top)) == 1
    finish(world.analyst, low, "second", "OK")
    assert statuses(world, top) == ["COMPLETED", "COMPLETED"]
    with tenant_scope(world.operator.tenant_id):
        # What was done there is not done once more.
        assert WorkItem.objects.filter(case_id=low, binding="first").count() == 1
    verify()


def test_one_that_was_tried_again_by_itself_is_taken_in_later(world: World) -> None:
    deploy_levels(world)
    top = opened(world, "tests/top")
    rows = chain(world, top)
    fail(world, rows[2].id, "task")
    assert statuses(world, top) == ["FAULTED"] * 3
    actions.retry_case(rows[2].id, call=Call(world.operator))
    drain()
    finish(world.analyst, rows[2].id, "task", "OK")
    assert statuses(world, top) == ["FAULTED", "FAULTED", "COMPLETED"]
    actions.retry_case(top, call=Call(world.operator))
    drain()
    assert statuses(world, top) == ["COMPLETED"] * 3
    assert [len(children(world, row.id)) for row in rows] == [1, 1, 0]
    verify()


def done_unheard(world: World, low: uuid.UUID) -> None:
    """Complete the task of a sub-case, and let nobody but its own engine hear of it."""
    item = open_item(world.analyst, low, "task")
    work(world.analyst, item.id, "OK")
    handle([news_of(world, item.id)], lambda: None)


def test_an_end_that_nobody_heard_of_is_found_when_the_case_goes_on(world: World) -> None:
    deploy(world, definition("low", human("task"), success=".task != null"))
    deploy(world, definition("top", below("low", "low"), success=".low.task != null"))
    top = opened(world, "tests/top")
    done_unheard(world, child(world, top).id)
    leave_behind()
    drain()
    assert statuses(world, top) == ["RUNNING", "COMPLETED"]
    actions.suspend_case(top, call=Call(world.operator))
    actions.resume_case(top, call=Call(world.operator))
    drain()
    assert statuses(world, top) == ["COMPLETED", "COMPLETED"]
    assert actions_of(world, "case", top).count("sub_case_completed") == 1
    verify()


def test_what_is_done_before_it_is_cancelled_is_still_heard_of(world: World) -> None:
    deploy(world, definition("low", human("task"), success=".task != null"))
    deploy(world, definition("top", below("low", "low"), success=".low.task != null"))
    top = opened(world, "tests/top")
    done_unheard(world, child(world, top).id)
    actions.cancel_case(top, call=Call(world.operator))
    assert plan_items(world, top)["low"].status == "ACTIVE"
    drain()
    assert statuses(world, top) == ["CANCELLED", "COMPLETED"]
    item = plan_items(world, top)["low"]
    assert (item.status, item.completion_seq) == ("COMPLETED", 1)
    assert case_row(world, top).context == {}, "of a case that is over nothing changes"
    verify()


def test_neither_is_one_tried_again_while_the_case_above_is_on_hold(world: World) -> None:
    deploy(world, definition("low", human("task"), success=".task != null"))
    deploy(world, definition("top", below("low", "low"), success=".low != null"))
    top = opened(world, "tests/top")
    low = child(world, top).id
    actions.suspend_case(top, call=Call(world.operator))
    item = open_item(world.analyst, low, "task")
    work_items.start(item.id, call=Call(world.analyst))
    work_items.fail(item.id, call=Call(world.analyst), detail="no")
    handle([news_of(world, item.id)], lambda: None)
    assert statuses(world, top) == ["SUSPENDED", "FAULTED"]
    with pytest.raises(ParentOnHold):
        actions.retry_case(low, call=Call(world.operator))
    assert statuses(world, top) == ["SUSPENDED", "FAULTED"]
    shown = api(world.operator).get(f"/api/v1/cases/{low}").json()
    assert shown["parent"] == str(top)
    (retry,) = [each for each in shown["available_actions"] if each["action"] == "retry"]
    assert (retry["allowed"], retry["reason"]) == (False, "parent_on_hold")
    drain()
    assert statuses(world, top) == ["FAULTED", "FAULTED"]
    actions.retry_case(top, call=Call(world.operator))
    drain()
    assert statuses(world, top) == ["RUNNING", "RUNNING"]
    assert child(world, top).held_by is None


def test_over_rest_both_ends_of_the_link_are_told(world: World) -> None:
    deploy_levels(world)
    top = opened(world, "tests/top")
    middle = child(world, top).id
    client = api(world.operator)
    (item,) = client.get(f"/api/v1/cases/{top}/plan-items").json()["results"]
    assert (item["type"], item["target_id"], item["status"]) == (
        "sub_case", str(middle), "ACTIVE",
    )  # fmt: skip
    listed = client.get("/api/v1/cases").json()["results"]
    assert {row["id"]: row["parent"] for row in listed}[str(middle)] == str(top)
    actions.suspend_case(top, call=Call(world.operator))
    refused = client.post(f"/api/v1/cases/{middle}/resume", {}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (409, "parent_on_hold")


def test_the_pages_link_a_case_with_those_above_and_below(world: World) -> None:
    deploy_levels(world)
    rows = chain(world, opened(world, "tests/top"))
    client = browser(world.operator)
    pages = [client.get(f"/cases/{row.id}/").content.decode() for row in rows]
    links = [f'href="/cases/{row.id}/"' for row in rows]
    assert [[link in page for link in links] for page in pages] == [
        [False, True, False], [True, False, True], [False, True, False],
    ]  # fmt: skip
    assert "opened a sub-case" in pages[0] or "Sub-case opened" in pages[0]


def test_what_a_failed_case_held_goes_on_when_the_case_above_tries_it_again(world: World) -> None:
    deploy(world, definition("low", human("task"), success=".task != null"))
    middle = definition("middle", below("low", "low"), human("own"), success=".low.task != null")
    deploy(world, middle)
    deploy(world, definition("top", below("middle", "middle"), success=".middle != null"))
    top = opened(world, "tests/top")
    half = child(world, top).id
    actions.suspend_case(half, call=Call(world.operator))
    fail(world, half, "own")
    assert statuses(world, top) == ["FAULTED", "FAULTED", "SUSPENDED"]
    actions.retry_case(top, call=Call(world.operator))
    drain()
    assert statuses(world, top) == ["RUNNING"] * 3
    assert [row.held_by for row in chain(world, top)] == [None] * 3
    verify()


def test_who_is_not_waited_for_goes_on_by_itself(world: World) -> None:
    deploy(world, definition("low", human("task"), success=".task != null"))
    step = below("low", "low", when=".own == null", waitForCompletion=False)
    deploy(world, definition("top", step, human("own"), success=".own != null"))
    top = opened(world, "tests/top")
    low = child(world, top).id
    actions.suspend_case(low, call=Call(world.operator))
    actions.suspend_case(top, call=Call(world.operator))
    actions.resume_case(low, call=Call(world.operator))
    assert statuses(world, top) == ["SUSPENDED", "RUNNING"]


def test_none_goes_on_below_one_that_failed_on_hold(world: World) -> None:
    deploy(world, definition("low", human("task"), success=".task != null"))
    middle = definition("middle", below("low", "low"), human("own"), success=".low.task != null")
    deploy(world, middle)
    # Its own end is heard later: it stays on hold.
    deploy(world, definition("top", below("middle", "middle"), success=".middle != null"))
    top = opened(world, "tests/top")
    half, low = (row.id for row in chain(world, top)[1:])
    actions.suspend_case(top, call=Call(world.operator))
    item = open_item(world.analyst, half, "own")
    work_items.start(item.id, call=Call(world.analyst))
    work_items.fail(item.id, call=Call(world.analyst), detail="no")
    handle([news_of(world, item.id)], lambda: None)
    assert statuses(world, top) == ["SUSPENDED", "FAULTED", "SUSPENDED"]
    with pytest.raises(ParentOnHold):
        actions.resume_case(low, call=Call(world.operator))
    shown = api(world.operator).get("/api/v1/cases").json()["results"]
    (resume,) = [
        each
        for row in shown
        if row["id"] == str(low)
        for each in row["available_actions"]
        if each["action"] == "resume"
    ]
    assert (resume["allowed"], resume["reason"]) == (False, "parent_on_hold")
