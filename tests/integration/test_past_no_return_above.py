"""A point of no return that a case above has passed is one for the cases below it, too."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases import actions
from compensation.actions.plan_execution import execute
from compensation.actions.waiting_runs import approve_run
from compensation.models import CompensationRun
from ledger.errors import NotPermitted
from ledger.tenancy import tenant_scope
from tests.casework import (
    case_row,
    deploy,
    finish,
    open_item,
    opened,
    plan_for,
    plan_items,
    run_row,
    steps,
    undo,
)
from tests.definitions import definition, human
from tests.draining import drain
from tests.lanes import Cost
from tests.subcases import below, child, statuses
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.actions import compensate, reject, start
from workitems.models import WorkItem

STAYS = "reversibility: what cannot be undone stays"


def low(*more: dict[str, Any], ends: bool = True, **spec: Any) -> dict[str, Any]:
    """Return the case below: a task, and what else it has."""
    found = definition("low", human("x"), *more, success=".x != null" if ends else None)
    found["spec"] |= spec
    return found


def point(name: str = "p", when: str | None = None, declared: str = "pivot") -> dict[str, Any]:
    return human(name, when, reversibility=declared)


def opened_top(world: World, *bindings: dict[str, Any]) -> tuple[uuid.UUID, uuid.UUID]:
    """Return a case with these steps, and the one below it."""
    deploy(world, definition("top", *bindings, human("last", ".never != null")))
    top = opened(world, "tests/top")
    return top, child(world, top).id


def undos(world: World) -> int:
    with tenant_scope(world.operator.tenant_id):
        rows = WorkItem.objects.filter(kind="COMPENSATION", tenant_id=world.operator.tenant_id)
        return rows.count()


def runs(world: World) -> list[CompensationRun]:
    with tenant_scope(world.operator.tenant_id):
        return list(CompensationRun.objects.select_related("plan").order_by("started_at"))


def asks(world: World, case_id: uuid.UUID) -> bool:
    """Whether a run over all of a case waits for somebody, as its plan says; nothing has begun
    then."""
    plan = plan_for(world, case_id)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    waits: bool = run.status == "PENDING_APPROVAL"
    assert plan.requires_approval == waits
    assert [each["reason"] for each in run.decisions] == [STAYS] * waits
    assert (undos(world) == 0) == waits
    return waits


@pytest.mark.parametrize("declared", ["pivot", "irreversible"])
def test_nothing_below_is_undone_before_another_person_agrees(world: World, declared: str) -> None:
    deploy(world, low())
    after = point("p", ".low != null and .p == null", declared)
    top, case_id = opened_top(world, below("low", "low"), after)
    finish(world.analyst, case_id, "x", "OK")
    finish(world.analyst, top, "p", "OK")
    assert asks(world, case_id)
    assert statuses(world, top) == ["RUNNING", "COMPLETED"]
    [run] = runs(world)
    with pytest.raises(NotPermitted):
        approve_run(run.id, call=Call(world.operator))
    approve_run(run.id, call=Call(world.approver))
    drain()
    assert [step.original_name for step in steps(world, run.id)] == ["x"]
    undo(world.analyst, case_id)
    assert run_row(world, run.id).status == "COMPLETED"
    assert statuses(world, top) == ["RUNNING", "COMPENSATED"]
    verify()


def test_what_came_before_or_can_be_undone_asks_nobody(world: World) -> None:
    deploy(world, low())
    late = below("low", "low", ".p != null and .low == null")
    deploy(world, definition("top", point(), late, human("z", ".low != null and .z == null")))
    top = opened(world, "tests/top")
    finish(world.analyst, top, "p", "OK")
    case_id = child(world, top).id
    finish(world.analyst, case_id, "x", "OK")
    finish(world.analyst, top, "z", "OK")
    assert not asks(world, case_id)


@pytest.mark.parametrize("passed", [True, False])
def test_while_it_is_open_all_that_was_passed_since_it_began_counts(
    world: World, *, passed: bool
) -> None:
    deploy(world, low(ends=False))
    first = point("a", ".a == null")
    late = below("low", "low", ".a != null and .low == null")
    deploy(world, definition("top", first, late, point("p", ".a != null and .p == null")))
    top = opened(world, "tests/top")
    finish(world.analyst, top, "a", "OK")
    case_id = child(world, top).id
    finish(world.analyst, case_id, "x", "OK")
    if passed:
        finish(world.analyst, top, "p", "OK")
    assert asks(world, case_id) == passed


def test_one_that_was_passed_before_it_was_tried_again_counts(world: World) -> None:
    deploy(world, low(human("y"), ends=False))
    top, case_id = opened_top(world, below("low", "low"), point())
    finish(world.analyst, case_id, "x", "OK")
    finish(world.analyst, top, "p", "OK")
    refuse(world, case_id, "y")
    assert statuses(world, top) == ["FAULTED", "FAULTED"]
    actions.retry_case(top, call=Call(world.operator))
    drain()
    assert statuses(world, top) == ["RUNNING", "RUNNING"]
    items = plan_items(world, top)
    taken = items["p"].taken_version
    assert taken is not None
    assert taken <= items["low"].case_version
    assert asks(world, case_id)


def test_one_further_up_counts(world: World) -> None:
    deploy(world, low())
    deploy(world, definition("middle", below("low", "low"), success=".low != null"))
    after = point("p", ".middle != null and .p == null")
    top, middle = opened_top(world, below("middle", "middle"), after)
    case_id = child(world, middle).id
    finish(world.analyst, case_id, "x", "OK")
    finish(world.analyst, top, "p", "OK")
    assert asks(world, case_id)


@pytest.mark.parametrize("declared", ["pivot", "compensable"])
def test_one_within_a_case_beside_it_counts(world: World, declared: str) -> None:
    deploy(world, low())
    deploy(world, definition("side", point(declared=declared), success=".p != null"))
    late = below("side", "side", ".low != null and .side == null")
    top, case_id = opened_top(world, below("low", "low"), late)
    finish(world.analyst, case_id, "x", "OK")
    side = plan_items(world, top)["side"].target_id
    assert side is not None
    finish(world.analyst, side, "p", "OK")
    assert asks(world, case_id) == (declared == "pivot")


def test_what_is_asked_above_is_asked_at_once_however_much_there_is(world: World) -> None:
    deploy(world, low())
    spent = []
    for name, count in (("few", 1), ("many", 8)):
        others = [human(f"s{n}", f".low != null and .s{n} == null") for n in range(count)]
        last = human("last", ".never != null")
        deploy(world, definition(name, below("low", "low"), *others, last))
        top = opened(world, f"tests/{name}")
        case_id = child(world, top).id
        finish(world.analyst, case_id, "x", "OK")
        for n in range(count):
            finish(world.analyst, top, f"s{n}", "OK")
        cost = Cost()
        cost.of(lambda case_id=case_id: plan_for(world, case_id))  # type: ignore[misc]
        spent.append(len(cost.statements))
    assert spent[0] == spent[1]


def refuse(world: World, case_id: uuid.UUID, step: str) -> None:
    item = open_item(world.analyst, case_id, step)
    start(item.id, call=Call(world.analyst))
    reject(item.id, call=Call(world.analyst), reason="No papers")
    drain()


def failing_below(world: World, *, first: bool) -> tuple[uuid.UUID, uuid.UUID]:
    """Return a case that has passed a point, before it opened the one below or while that went on,
    and that one, which undoes itself when it fails, and has failed."""
    deploy(world, low(human("y"), ends=False, on_fault="compensate"))
    when = ".p != null and .low == null" if first else None
    deploy(world, definition("top", point(), below("low", "low", when)))
    top = opened(world, "tests/top")
    if first:
        finish(world.analyst, top, "p", "OK")
    case_id = child(world, top).id
    finish(world.analyst, case_id, "x", "OK")
    if not first:
        finish(world.analyst, top, "p", "OK")
    refuse(world, case_id, "y")
    return top, case_id


def test_a_case_that_fails_does_not_go_past_what_the_one_above_has_passed(world: World) -> None:
    top, case_id = failing_below(world, first=False)
    assert statuses(world, top) == ["FAULTED", "FAULTED"]
    assert (runs(world), undos(world)) == ([], 0)
    assert plan_items(world, case_id)["x"].compensation_state == "NONE"


def test_a_case_that_began_after_it_undoes_itself(world: World) -> None:
    top, case_id = failing_below(world, first=True)
    [run] = runs(world)
    assert (run.about_id, run.trigger) == (case_id, "fault")
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "COMPENSATED"
    assert plan_items(world, top)["p"].compensation_state == "NONE"


def test_a_step_below_that_throws_does_not_go_past_it_either(world: World) -> None:
    back = {
        "name": "back", "on": {"contextChange": {}}, "when": ".z != null",
        "throw": {"scope": "whole", "then": "end"},
    }  # fmt: skip
    deploy(world, low(human("z"), back, ends=False))
    top, case_id = opened_top(world, below("low", "low"), point())
    finish(world.analyst, case_id, "x", "OK")
    finish(world.analyst, top, "p", "OK")
    finish(world.analyst, case_id, "z", "OK")
    [run] = runs(world)
    left = {each["original"]["name"]: each["code"] for each in run.left_out}
    assert (left, steps(world, run.id), undos(world)) == ({"z": "pivot", "x": "pivot"}, [], 0)
    assert (run.status, case_row(world, case_id).status) == ("PARTIAL", "PARTIALLY_COMPENSATED")


def failing_above(
    world: World, done: list[str], *, first: bool = False, alone: str = ""
) -> uuid.UUID:
    """Return a case that undoes itself when it fails, with one below that has not ended, after
    these steps in this order and the failure. `first`: the one below begins once the point was
    passed. `alone`: a step of it that is undone by itself before the failure."""
    deploy(world, low(human("y"), ends=False))
    late = below("low", "low", ".p != null and .low == null" if first else None)
    found = definition("top", late, point(), human("q"), human("f"))
    found["spec"] |= {"on_fault": "compensate"}
    deploy(world, found)
    top = opened(world, "tests/top")
    for name in done:
        finish(world.analyst, child(world, top).id if name == "x" else top, name, "OK")
    if alone:
        case_id = child(world, top).id
        item = plan_items(world, case_id)[alone].work[1]
        compensate(item, call=Call(world.operator), reason="Alone")
        drain()
        undo(world.analyst, case_id)
    refuse(world, top, "f")
    return top


def left_out(run: CompensationRun) -> dict[str, str]:
    return {each["original"]["name"]: each["code"] for each in run.left_out}


def test_what_an_open_case_below_did_before_it_stays(world: World) -> None:
    top = failing_above(world, ["x", "p", "q"])
    [run] = runs(world)
    assert [step.original_name for step in steps(world, run.id)] == ["q"]
    assert left_out(run) == {"low": "pivot", "p": "pivot", "f": "not_completed"}
    undo(world.analyst, top)
    case_id = child(world, top).id
    assert plan_items(world, case_id)["x"].compensation_state == "NONE"
    assert statuses(world, top) == ["PARTIALLY_COMPENSATED", "CANCELLED"]
    assert (len(runs(world)), undos(world)) == (1, 1)
    verify()


def test_where_nothing_else_was_done_nothing_begins(world: World) -> None:
    top = failing_above(world, ["x", "p"])
    assert (case_row(world, top).status, runs(world), undos(world)) == ("FAULTED", [], 0)
    assert plan_items(world, child(world, top).id)["x"].compensation_state == "NONE"


@pytest.mark.parametrize(
    ("done", "first"), [(["p", "x"], True), (["x"], False)], ids=["began after", "not passed"]
)
def test_what_it_did_after_it_is_undone(world: World, done: list[str], *, first: bool) -> None:
    top = failing_above(world, done, first=first)
    case_id = child(world, top).id
    undo(world.analyst, case_id)
    assert plan_items(world, case_id)["x"].compensation_state == "COMPENSATED"
    ends = "PARTIALLY_COMPENSATED" if first else "COMPENSATED"
    assert statuses(world, top) == [ends, "COMPENSATED"]
    verify()


def test_one_in_which_nothing_was_done_is_called_off_as_ever(world: World) -> None:
    top = failing_above(world, ["p", "q"])
    [run] = runs(world)
    assert left_out(run) == {"low": "not_completed", "p": "pivot", "f": "not_completed"}
    undo(world.analyst, top)
    assert statuses(world, top) == ["PARTIALLY_COMPENSATED", "CANCELLED"]


def test_nothing_stays_of_one_in_which_all_was_undone_by_itself(world: World) -> None:
    top = failing_above(world, ["x", "p", "q"], alone="x")
    assert plan_items(world, child(world, top).id)["x"].compensation_state == "COMPENSATED"
    run = runs(world)[0]
    assert "low" not in left_out(run)
    assert [step.original_name for step in steps(world, run.id)] == ["low", "q"]
    undo(world.analyst, top)
    assert statuses(world, top) == ["PARTIALLY_COMPENSATED", "COMPENSATED"]
