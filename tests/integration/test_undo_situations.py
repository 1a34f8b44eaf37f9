"""Situations of BPMN 2.0 (13.4.5, 13.5.5) and LRA, and the gaps of a design that knew only finished
cases: each a test, with what the standard says, or why it is answered otherwise here.
"""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases import actions
from compensation.actions.plan_execution import execute
from compensation.actions.step_verbs import abandon_step, retry_step
from compensation.errors import AlreadyCompensated, NothingToUndo, RunLive
from ledger.errors import Conflict
from ledger.tenancy import tenant_scope
from tests import states
from tests.casework import (
    case_row,
    deploy,
    finish,
    open_item,
    open_undo,
    opened,
    plan_for,
    plan_items,
    preview,
    roll_back,
    run_row,
    steps,
    undo,
)
from tests.definitions import definition, human
from tests.draining import drain
from tests.subcases import below, child
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems import actions as work_items
from workitems.models import WorkItem


def started(world: World, *bindings: dict[str, Any], done: str = "") -> uuid.UUID:
    """Return a case of these tasks, of which those named by one letter each were finished."""
    deploy(world, definition("tasks", *bindings))
    case_id = opened(world, "tests/tasks")
    for name in done:
        finish(world.analyst, case_id, name, "OK")
    return case_id


def fail(world: World, case_id: uuid.UUID, binding: str) -> None:
    """Let somebody begin a task and fail at it."""
    item = open_item(world.analyst, case_id, binding)
    work_items.start(item.id, call=Call(world.analyst))
    work_items.fail(item.id, call=Call(world.analyst), detail="no")
    drain()


def undone(world: World, case_id: uuid.UUID) -> list[str]:
    """Roll the whole case back, do what is asked, and return what was undone, in order."""
    run = roll_back(world, case_id)
    for _ in steps(world, run.id):
        undo(world.analyst, case_id)
    return [step.original_name for step in steps(world, run.id)]


def codes(world: World, case_id: uuid.UUID) -> dict[str, str]:
    """Return why a plan of the whole case leaves out what it leaves out."""
    excluded = plan_for(world, case_id).content["excluded"]
    return {each["original"]["name"]: each["code"] for each in excluded}


def test_active(world: World) -> None:
    """BPMN: only Completed activities are compensated; an active one is terminated."""
    case_id = started(world, human("a"), human("b"), done="a")
    assert codes(world, case_id) == {"b": "not_completed"}
    assert undone(world, case_id) == ["a"]
    assert plan_items(world, case_id)["b"].status == "CANCELLED"
    assert case_row(world, case_id).status == "COMPENSATED"


def test_failed(world: World) -> None:
    """BPMN: what failed is not compensated, and it is no error; its completed siblings are."""
    case_id = started(world, human("a"), human("b"), done="a")
    fail(world, case_id, "b")
    assert codes(world, case_id) == {"b": "not_completed"}
    assert undone(world, case_id) == ["a"]
    assert plan_items(world, case_id)["b"].compensation_state == "NONE"


def test_cancelled_and_never_run(world: World) -> None:
    """BPMN: silently nothing for what was terminated, or never began."""
    case_id = started(world, human("a"), human("b"), human("c", ".b != null"), done="a")
    actions.cancel_case(case_id, call=Call(world.operator), reason="Called off")
    drain()
    assert codes(world, case_id) == {"b": "not_completed"}
    assert undone(world, case_id) == ["a"]
    assert sorted(plan_items(world, case_id)) == ["a", "b"]


def test_already_compensated_and_compensated_twice(world: World) -> None:
    """BPMN: at most once. WS-BusinessActivity: asked again, it is answered as done."""
    case_id = started(world, human("a"), human("b"), done="ab")
    with tenant_scope(world.operator.tenant_id):
        item = WorkItem.objects.get(case_id=case_id, binding="b", kind="TASK")
    work_items.compensate(item.id, call=Call(world.operator), reason="Wrong")
    undo(world.analyst, case_id)
    assert codes(world, case_id) == {"b": "already_compensated"}
    assert undone(world, case_id) == ["a"]
    plan = preview(("work_item", item.id), call=Call(world.operator), reason="Again")
    with pytest.raises((AlreadyCompensated, NothingToUndo)):
        execute(plan.id, call=Call(world.operator, digest=plan.digest))
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.filter(case_id=case_id, kind="COMPENSATION").count() == 2


def test_a_loop_that_ran_twice_is_undone_twice(world: World) -> None:
    """BPMN: as many times as it ran, the last time first."""
    loop = human("a", when='.a == null or .a.outcome == "AGAIN"')
    case_id = started(world, loop)
    finish(world.analyst, case_id, "a", "AGAIN")
    finish(world.analyst, case_id, "a", "OK")
    run = roll_back(world, case_id)
    assert [(step.original_name, step.completion_seq) for step in steps(world, run.id)] == [
        ("a", 2), ("a", 1),
    ]  # fmt: skip
    undo(world.analyst, case_id)
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "COMPENSATED"


def test_an_incomplete_group_of_sub_cases(world: World) -> None:
    """BPMN: a body that has not completed has nothing to compensate. Here each instance that was
    finished is undone: none of them would ever be, otherwise."""
    deploy(world, definition("one", human("task"), success=".task != null"))
    group = {"groupId": "all"}
    deploy(world, definition("many", below("m", "one", **group), below("n", "one", **group)))
    top = opened(world, "tests/many")
    first = plan_items(world, top)["m"].target_id
    assert first is not None
    finish(world.analyst, first, "task", "OK")
    assert codes(world, top) == {"n": "not_completed"}
    roll_back(world, top)
    undo(world.analyst, first)
    assert [case_row(world, id_).status for id_ in (top, first)] == ["COMPENSATED"] * 2
    verify()


def test_a_sub_case_that_failed_after_finished_steps(world: World) -> None:
    """BPMN: out of reach once its scope has failed. Here its finished work is undone with the rest:
    that a case has failed is the reason most rollbacks begin."""
    deploy(world, definition("inner", human("x"), human("y", ".x != null and .y == null")))
    deploy(world, definition("outer", human("a"), below("c", "inner")))
    top = opened(world, "tests/outer")
    low = child(world, top).id
    finish(world.analyst, top, "a", "OK")
    finish(world.analyst, low, "x", "OK")
    fail(world, low, "y")
    assert case_row(world, top).status == "FAULTED"
    roll_back(world, top)
    undo(world.analyst, low)
    undo(world.analyst, top)
    assert [case_row(world, id_).status for id_ in (top, low)] == ["COMPENSATED"] * 2
    assert plan_items(world, low)["y"].compensation_state == "NONE"
    verify()


def test_nothing_to_undo(world: World) -> None:
    """BPMN: a throw with nothing to compensate does nothing."""
    case_id = started(world, human("a", reversibility="not_needed"), done="a")
    plan = plan_for(world, case_id)
    with pytest.raises(NothingToUndo):
        execute(plan.id, call=Call(world.operator, digest=plan.digest))
    assert case_row(world, case_id).status == "RUNNING"


def test_a_handler_that_fails(world: World) -> None:
    """LRA: FailedToCompensate is no end: it is reported, and an administrator intervenes."""
    case_id = started(world, human("a"), human("b"), done="ab")
    run = roll_back(world, case_id)
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    assert (run_row(world, run.id).status, case_row(world, case_id).status) == (
        "FAULTED", "COMPENSATION_FAULTED",
    )  # fmt: skip
    assert steps(world, run.id)[1].status == "PLANNED", "nothing went past it"
    with pytest.raises(Conflict):
        actions.cancel_case(case_id, call=Call(world.operator), reason="Enough")
    abandon_step(run.id, 1, call=Call(world.operator), reason="It was sent")
    drain()
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "PARTIALLY_COMPENSATED"


def test_hazard_a_handler_that_fails_midway(world: World) -> None:
    """BPMN: a hazard, work that is neither done nor undone, ends in no compensated state. Part of
    it was reversed: what stays is told, and the rest is done by a second attempt."""
    case_id = started(world, human("a"), human("b"), done="ab")
    run = roll_back(world, case_id)
    said = "The second transfer bounced"
    states.undo(
        open_undo(world.analyst, case_id).id, world.analyst, "PARTIALLY_REVERSED", reason=said
    )
    drain()
    [first, second] = steps(world, run.id)
    assert [str(first.status), str(second.status)] == ["FAILED", "PLANNED"]
    assert said in first.error
    assert case_row(world, case_id).status == "COMPENSATION_FAULTED"
    retry_step(run.id, 1, call=Call(world.operator))
    drain()
    undo(world.analyst, case_id)
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "COMPENSATED"
    with tenant_scope(world.operator.tenant_id):
        undos = WorkItem.objects.filter(case_id=case_id, kind="COMPENSATION")
        assert undos.count() == 3, "the half-done one, its second attempt, and that of the other"


def test_explicit_order(world: World) -> None:
    """BPMN: an event sub-process of the author decides the order, against that of completion."""
    declared = [human("a", compensationOrder=1), human("b", compensationOrder=2), human("c")]
    case_id = started(world, *declared, done="abc")
    assert undone(world, case_id) == ["a", "b", "c"]
    assert case_row(world, case_id).status == "COMPENSATED"


def test_partial_by_step(world: World) -> None:
    """BPMN: `activityRef` names one activity: that is compensated, all the times it ran, and others
    are not."""
    case_id = started(world, human("a"), human("b"), human("c"), done="abc")
    scope = {"kind": "steps", "steps": ["b"], "only_this": True}
    run = roll_back(world, case_id, scope=scope)
    undo(world.analyst, case_id)
    assert [step.original_name for step in steps(world, run.id)] == ["b"]
    assert {name: item.compensation_state for name, item in plan_items(world, case_id).items()} == {
        "a": "NONE", "b": "COMPENSATED", "c": "NONE",
    }  # fmt: skip
    assert codes(world, case_id) == {"b": "already_compensated"}


# The gaps of a design that undoes finished cases only.


def test_gap_a_case_that_failed_can_be_rolled_back(world: World) -> None:
    case_id = started(world, human("a"), human("b"), done="a")
    fail(world, case_id, "b")
    assert case_row(world, case_id).status == "FAULTED"
    assert undone(world, case_id) == ["a"]
    assert case_row(world, case_id).status == "COMPENSATED"


def test_gap_a_rejected_undo_task_is_a_failure_that_can_be_tried_again(world: World) -> None:
    case_id = started(world, human("a"), done="a")
    run = roll_back(world, case_id)
    item = open_undo(world.analyst, case_id)
    work_items.start(item.id, call=Call(world.analyst))
    work_items.reject(item.id, call=Call(world.analyst), reason="Not mine")
    drain()
    assert [str(step.status) for step in steps(world, run.id)] == ["FAILED"]
    retry_step(run.id, 1, call=Call(world.operator))
    drain()
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "COMPENSATED"


def test_gap_the_order_is_that_of_completion_also_of_what_is_independent(world: World) -> None:
    case_id = started(world, human("a"), human("b"), human("c"), done="bca")
    assert undone(world, case_id) == ["a", "c", "b"]


def test_gap_two_triggers_begin_one_rollback(world: World) -> None:
    case_id = started(world, human("a"), done="a")
    one, two = plan_for(world, case_id), plan_for(world, case_id)
    run = execute(one.id, call=Call(world.operator, digest=one.digest))
    with pytest.raises(RunLive) as refused:
        execute(two.id, call=Call(world.operator, digest=two.digest))
    assert refused.value.extra["run"] == str(run.id)


def test_gap_an_undo_task_is_linked_and_knows_what_it_undoes_from_the_first_moment(
    world: World,
) -> None:
    case_id = started(world, human("a"), done="a")
    run = roll_back(world, case_id)
    item = open_undo(world.analyst, case_id)
    with tenant_scope(world.operator.tenant_id):
        original = WorkItem.objects.get(case_id=case_id, kind="TASK")
    assert item.undoes_id == original.id
    block = item.compensation
    assert block is not None
    snapshot = block["original_snapshot"]
    assert (block["run"], snapshot["outcome"]) == (str(run.id), "OK")
    assert (snapshot["payload"], snapshot["resolution"]) == (original.payload, original.resolution)
    [done] = [
        each
        for each in states.history(world, "work_item", original.id)
        if each.action == "completed"
    ]
    opened_by = states.history(world, "work_item", item.id)[0]
    assert opened_by.original is not None
    assert opened_by.original.id == done.id, "in the entry that opens it"


def test_gap_a_step_that_nobody_declared_leaves_the_case_in_part(world: World) -> None:
    case_id = started(world, human("a", compensation=None), human("b"), done="ab")
    assert codes(world, case_id) == {"a": "no_compensation_declared"}
    assert undone(world, case_id) == ["b"]
    assert case_row(world, case_id).status == "PARTIALLY_COMPENSATED"
