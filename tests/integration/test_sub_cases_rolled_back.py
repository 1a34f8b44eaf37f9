"""What a rollback makes of the cases below: named, never dropped, and never called undone."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
import time_machine
from django.urls import reverse

from cases import actions
from cases.actions.engine import handle
from compensation.actions.plan_execution import execute
from compensation.errors import PlanStale
from compensation.models import CompensationPlan
from tests.casework import (
    case_row,
    deploy,
    finish,
    open_item,
    opened,
    plan_for,
    plan_items,
    roll_back,
    run_row,
    undo,
)
from tests.clients import browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.engine_news import news_of
from tests.states import work
from tests.subcases import below, child, children, statuses
from tests.verifying import verify
from tests.world import World
from verbs.call import Call


def deployed(world: World, **target: Any) -> None:
    """Deploy a case with a task and a sub-case of two tasks, and a last task that keeps it open."""
    pair = definition(
        "pair", human("first"), human("second", when=".first != null and .second == null"),
        success=".second != null",
    )  # fmt: skip
    deploy(world, pair)
    source = definition("top", human("own"), below("low", "pair", **target), human("last"))
    deploy(world, source)


def left_out(plan: CompensationPlan) -> dict[str, tuple[str, str, list[str]]]:
    """Return what a plan leaves out, by step: type, code and what could be done instead."""
    return {
        out["original"]["name"]: (out["original"]["type"], out["code"], out["alternatives"])
        for out in plan.content["excluded"]
    }


def both_done(world: World, **target: Any) -> tuple[uuid.UUID, uuid.UUID]:
    """Return a case whose own task and sub-case are done, and the latter."""
    deployed(world, **target)
    top = opened(world, "tests/top")
    low = child(world, top).id
    finish(world.analyst, low, "first", "OK")
    finish(world.analyst, low, "second", "OK")
    finish(world.analyst, top, "own", "OK")
    return top, low


def test_an_open_one_in_which_nothing_was_done_is_cancelled(world: World) -> None:
    deployed(world)
    top = opened(world, "tests/top")
    finish(world.analyst, top, "own", "OK")
    plan = plan_for(world, top)
    assert left_out(plan)["low"] == ("case", "not_completed", ["cancel_if_open"])
    roll_back(world, top)
    assert statuses(world, top) == ["COMPENSATING", "CANCELLED"]
    assert plan_items(world, top)["low"].status == "CANCELLED"
    undo(world.analyst, top)
    assert statuses(world, top) == ["COMPENSATED", "CANCELLED"]
    verify()


def test_one_that_nobody_waits_for_is_called_off_and_undone(world: World) -> None:
    deployed(world, waitForCompletion=False)
    top = opened(world, "tests/top")
    # Its step is done when it is opened, and fires anew with every change of the context.
    low = children(world, top)[0]
    finish(world.analyst, low.id, "first", "OK")
    finish(world.analyst, top, "own", "OK")
    plan = plan_for(world, top)
    assert [
        (step["original"]["name"], [inner["original"]["name"] for inner in undone_in(step)])
        for step in plan.content["steps"]
    ] == [("low", []), ("own", []), ("low", ["first"])]
    roll_back(world, top)
    # Called off at once: what it went on to do would not have been in the plan.
    ended = sorted(str(row.status) for row in children(world, top))
    assert ended == ["CANCELLED", "COMPENSATED"], "there was nothing to undo in the other"
    undo(world.analyst, top)
    undo(world.analyst, low.id)
    assert case_row(world, top).status == "COMPENSATED"
    assert {str(row.status) for row in children(world, top)} == {"COMPENSATED"}
    verify()


def test_what_is_done_while_a_plan_is_looked_at_makes_it_stale(world: World) -> None:
    deployed(world)
    top = opened(world, "tests/top")
    finish(world.analyst, top, "own", "OK")
    plan = plan_for(world, top)
    work(world.analyst, open_item(world.analyst, child(world, top).id, "first").id, "OK")
    with pytest.raises(PlanStale):
        roll_back_by(world, plan)
    assert statuses(world, top) == ["RUNNING", "RUNNING"]


def undone_in(step: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the steps that a step of a plan has inside."""
    return list(step.get("nested", {}).get("steps", ()))


def roll_back_by(world: World, plan: CompensationPlan) -> None:
    """Execute a plan that somebody has seen."""
    execute(plan.id, call=Call(world.operator, digest=plan.digest))


@pytest.mark.parametrize("clock", [(0, 0), (0, -7200)], ids=["stands still", "jumps back"])
def test_open_ones_are_undone_one_by_one_the_last_opened_first(
    world: World, clock: tuple[int, int]
) -> None:
    deploy(world, definition("pair", human("first"), human("second")))
    late = below("late", "pair", ".own and .late == null")
    source = definition("top", human("own"), below("m", "pair"), below("n", "pair"), late)
    deploy(world, source)
    began = time.time()
    with time_machine.travel(began + clock[0], tick=False):
        top = opened(world, "tests/top")
    with time_machine.travel(began + clock[1], tick=False):
        finish(world.analyst, top, "own", "OK")
    items = plan_items(world, top).items()
    low = {name: item.target_id for name, item in items if item.is_case and item.target_id}
    for id_ in low.values():
        finish(world.analyst, id_, "first", "OK")
    plan = plan_for(world, top)
    names = [step["original"]["name"] for step in plan.content["steps"]]
    assert (names[0], sorted(names[1:3]), names[3]) == ("late", ["m", "n"], "own")
    waits = [step["depends_on"] for step in plan.content["steps"]]
    assert waits == [[], [1], [2], [3]], "none beside another: nobody declared that"
    roll_back_by(world, plan)
    drain()
    for n, name in enumerate(names[:3]):
        found = {each: str(case_row(world, low[each]).status) for each in names[:3]}
        assert found[name] == "COMPENSATING"
        assert [found[each] for each in names[:n]] == ["COMPENSATED"] * n
        assert "COMPENSATING" not in [found[each] for each in names[n + 1 : 3]]
        undo(world.analyst, low[name])
    undo(world.analyst, top)
    assert case_row(world, top).status == "COMPENSATED"
    verify()


@pytest.mark.parametrize("declared", ["irreversible", "pivot"])
def test_what_is_declared_of_its_step_is_said(world: World, declared: str) -> None:
    top, _low = both_done(world, reversibility=declared)
    assert left_out(plan_for(world, top))["low"] == ("case", declared, ["accept"])


def test_what_needs_no_undo_is_left_out_as_anywhere(world: World) -> None:
    top, _low = both_done(world, reversibility="not_needed")
    assert "low" not in left_out(plan_for(world, top))


def test_a_closed_one_stays_for_good(world: World) -> None:
    top, low = both_done(world)
    actions.close_case(low, call=Call(world.operator))
    assert left_out(plan_for(world, top))["low"] == ("case", "case_closed", ["accept"])
    roll_back(world, top)
    undo(world.analyst, top)
    assert case_row(world, top).status == "PARTIALLY_COMPENSATED"


def test_one_that_is_undone_while_it_is_waited_for_fails_its_step(world: World) -> None:
    deployed(world)
    top = opened(world, "tests/top")
    low = child(world, top).id
    finish(world.analyst, low, "first", "OK")
    roll_back(world, low)
    undo(world.analyst, low)
    drain()
    assert statuses(world, top) == ["FAULTED", "COMPENSATED"]
    assert plan_items(world, top)["low"].status == "CANCELLED"
    actions.retry_case(top, call=Call(world.operator))
    drain()
    assert [str(row.status) for row in children(world, top)] == ["COMPENSATED", "RUNNING"]
    verify()


def test_so_does_one_that_alone_is_undone_from_above(world: World) -> None:
    deployed(world)
    top = opened(world, "tests/top")
    low = child(world, top).id
    finish(world.analyst, low, "first", "OK")
    run = roll_back(world, top, scope={"kind": "sub_case", "case": str(low)})
    assert statuses(world, top) == ["COMPENSATING", "COMPENSATING"]
    undo(world.analyst, low)
    assert run_row(world, run.id).status == "COMPLETED"
    assert statuses(world, top) == ["FAULTED", "COMPENSATED"]
    item = plan_items(world, top)["low"]
    assert (item.status, item.compensation_state) == ("CANCELLED", "COMPENSATED")
    verify()


def test_what_is_done_below_during_a_rollback_is_taken_in_and_undone(world: World) -> None:
    deployed(world)
    top = opened(world, "tests/top")
    low = child(world, top).id
    finish(world.analyst, top, "own", "OK")
    finish(world.analyst, low, "first", "OK")
    work(world.analyst, open_item(world.analyst, low, "second").id, "OK")
    handle([news_of(world, open_news(world, low))], lambda: None)
    # Done, and not heard of yet.
    assert statuses(world, top) == ["RUNNING", "COMPLETED"]
    plan = plan_for(world, top)
    assert [step["original"]["name"] for step in plan.content["steps"]] == ["low", "own"]
    roll_back_by(world, plan)
    drain()
    item = plan_items(world, top)["low"]
    assert (item.status, item.completion_seq) == ("COMPLETED", 2)
    for case_id in (low, low, top):
        undo(world.analyst, case_id)
    assert statuses(world, top) == ["COMPENSATED", "COMPENSATED"]
    verify()


def open_news(world: World, low: uuid.UUID) -> uuid.UUID:
    """Return the second task of a sub-case."""
    found = plan_items(world, low)["second"].target_id
    assert found is not None
    return found


def test_the_pages_of_a_plan_say_it(world: World) -> None:
    top, low = both_done(world)
    client = browser(world.operator)
    plan = plan_for(world, top)
    text = client.get(reverse("compensation:plan", args=[plan.id])).content.decode()
    assert "Its own rollback" in text
    assert 'data-step="2.1"' in text
    assert 'data-step="2.2"' in text
    assert f"/cases/{low}" in text
    asked = client.get(reverse("compensation:rollback-case", args=[top])).content.decode()
    assert "A case of its own" in asked
