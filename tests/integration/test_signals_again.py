"""What had started a step starts it again, where that is tried again or goes on after an undo."""

from __future__ import annotations

import uuid
from typing import Any

from cases import actions
from cases.arrival_tables import Arrival
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, open_item, opened, plan_items, undo
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.test_signals import a_case, heard, send, tasks
from tests.subcases import children
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.actions import reject, start


def refuse(world: World, case_id: uuid.UUID, binding: str) -> None:
    """Let somebody begin a task and reject it."""
    item = open_item(world.analyst, case_id, binding)
    start(item.id, call=Call(world.analyst))
    reject(item.id, call=Call(world.analyst), reason="R")
    drain()


def arrivals(world: World, case_id: uuid.UUID) -> list[Arrival]:
    with tenant_scope(world.operator.tenant_id):
        return list(Arrival.objects.filter(case_id=case_id).order_by("created_at", "id"))


def of_both() -> dict[str, Any]:
    """Return a step that a signal starts, and the context too."""
    step = heard("b", when=".n == 1 or .signal != null")
    return {**step, "on": {"signal": "go", "contextChange": {}}}


def said(world: World, case_id: uuid.UUID, binding: str) -> list[Any]:
    """Return the data of the signal that each task of a step has seen; None: of none."""
    return [
        (each.payload.get("signal") or {}).get("data")
        for each in tasks(world, case_id)
        if each.binding == binding
    ]


def test_a_step_of_several_triggers_is_tried_again_with_the_signal_that_had_started_it(
    world: World,
) -> None:
    both = of_both()
    case_id = a_case(world, both, n=0)
    send(world, case_id, data=7)
    drain()
    refuse(world, case_id, "b")
    actions.retry_case(case_id, call=Call(world.operator))
    drain()
    assert said(world, case_id, "b") == [7, 7]
    (row,) = arrivals(world, case_id)
    assert row.plan_item_id == plan_items(world, case_id)["b"].id
    # Once more: it is the newest try that counts.
    refuse(world, case_id, "b")
    actions.retry_case(case_id, call=Call(world.operator))
    drain()
    assert said(world, case_id, "b") == [7, 7, 7]


def test_one_that_its_context_had_started_is_not_given_an_older_signal(world: World) -> None:
    both = of_both()
    more = human("c", outputMapping=None)
    more["humanTask"]["outputMapping"] = "{n: 1}"
    case_id = a_case(world, both, more, n=0)
    send(world, case_id, data=7)
    drain()
    finish(world.analyst, case_id, "b", None)
    finish(world.analyst, case_id, "c", None)
    assert said(world, case_id, "b") == [7, None]
    refuse(world, case_id, "b")
    actions.retry_case(case_id, call=Call(world.operator))
    drain()
    assert said(world, case_id, "b") == [7, None, None]


def test_a_task_that_a_rollback_called_off_is_opened_again_by_its_signal(world: World) -> None:
    back = {
        "name": "back", "on": {"contextChange": {}}, "when": '.a.outcome == "BAD"',
        "throw": {"scope": "whole"},
    }  # fmt: skip
    case_id = a_case(world, human("a"), heard("b"), heard("c"), back)
    send(world, case_id, data="first")
    drain()
    finish(world.analyst, case_id, "b", None)
    send(world, case_id, data="second")
    drain()
    finish(world.analyst, case_id, "a", "BAD")
    assert case_row(world, case_id).status == "COMPENSATING"
    for _ in range(2):
        undo(world.analyst, case_id)
    drain()
    assert case_row(world, case_id).status == "RUNNING"
    # What was done of the first is undone, and not done again; the second had only begun.
    assert said(world, case_id, "b") == ["first", "second", "second"]
    assert plan_items(world, case_id)["b"].status == "ACTIVE"
    verify()


def test_a_step_that_nobody_waits_for_is_started_by_each_signal(world: World) -> None:
    deploy(world, definition("low", human("task"), success=".task != null"))
    step = {
        "name": "x", "on": {"signal": "go"},
        "subCase": {"name": "low", "waitForCompletion": False},
    }  # fmt: skip
    deploy(world, definition("way", step, success=".over"))
    case_id = opened(world, "tests/way")
    for number in range(3):
        send(world, case_id, data=number)
    drain()
    assert [row.status for row in arrivals(world, case_id)] == ["TAKEN"] * 3
    assert len(children(world, case_id)) == 3
    verify()
