"""Cases below are undone depth first, each by a run of its own: a step of the one above."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases.actions import stopping
from compensation.actions.plan_execution import execute
from compensation.actions.run_verbs import pause, resume
from compensation.actions.step_verbs import abandon_step, retry_step
from compensation.errors import ManagedByRun, RunLive
from compensation.models import CompensationRun
from ledger.tenancy import tenant_scope
from tests.casework import (
    case_row,
    deploy,
    finish,
    open_undo,
    opened,
    plan_for,
    plan_items,
    roll_back,
    run_row,
    steps,
    undo,
)
from tests.definitions import definition, human
from tests.draining import drain
from tests.engine_news import news_of
from tests.subcases import below, chain, deploy_levels, statuses
from tests.verifying import verify
from tests.world import World
from verbs.call import Call


def three_levels(world: World) -> list[uuid.UUID]:
    """Return a tree of three cases in which one task was done at the bottom, completed all up."""
    deploy_levels(world)
    top = opened(world, "tests/top")
    low = chain(world, top)[2]
    finish(world.analyst, low.id, "task", "OK")
    return [case.id for case in chain(world, top)]


def runs_about(world: World, case_id: uuid.UUID) -> list[CompensationRun]:
    """Return the runs about a case, oldest first."""
    with tenant_scope(world.operator.tenant_id):
        rows = CompensationRun.objects.filter(about_id=case_id)
        return list(rows.order_by("started_at", "id"))


def run_about(world: World, case_id: uuid.UUID) -> CompensationRun:
    """Return the one run about a case."""
    (found,) = runs_about(world, case_id)
    return found


def test_three_levels_are_undone_from_below(world: World) -> None:
    ids = three_levels(world)
    top, middle, low = ids
    plan = plan_for(world, top)
    (step,) = plan.content["steps"]
    assert step["original"] == {"type": "case", "id": str(middle), "name": "middle"}
    (inner,) = step["nested"]["steps"]
    assert inner["original"]["id"] == str(low)
    assert [each["original"]["name"] for each in inner["nested"]["steps"]] == ["task"]
    assert step["policy_hash"] == step["nested"]["digest"]
    run = roll_back(world, top)
    assert statuses(world, top) == ["COMPENSATING"] * 3
    below_, lowest = run_about(world, middle), run_about(world, low)
    assert (below_.parent_run_id, below_.trigger) == (run.id, "parent")
    assert (lowest.parent_run_id, lowest.trigger) == (below_.id, "parent")
    assert [lowest.above_id, below_.above_id, run.above_id] == [middle, top, None]
    (first,) = steps(world, run.id)
    assert (first.compensation_type, first.compensation_id) == ("compensation_run", below_.id)
    assert first.status == "RUNNING"
    undo(world.analyst, low)
    assert statuses(world, top) == ["COMPENSATED"] * 3
    assert {run_row(world, each.id).status for each in (run, below_, lowest)} == {"COMPLETED"}
    assert [str(each.status) for each in steps(world, run.id)] == ["DONE"]
    assert plan_items(world, top)["middle"].compensation_state == "COMPENSATED"
    verify()


def mixed(world: World, **of_child: Any) -> tuple[uuid.UUID, uuid.UUID]:
    """Return a case that did `before`, a sub-case of `first` and `second`, then `after`; and it."""
    pair = definition(
        "pair", human("first", **of_child.pop("first", {})),
        human("second", when=".first != null and .second == null"), success=".second != null",
    )  # fmt: skip
    deploy(world, pair)
    source = definition(
        "mixed", human("before"),
        below("pair", "pair", ".before != null and .pair == null", **of_child),
        human("after", when=".pair != null and .after == null"), success=".after != null",
    )  # fmt: skip
    deploy(world, source)
    top = opened(world, "tests/mixed")
    finish(world.analyst, top, "before", "OK")
    low = chain(world, top)[1].id
    finish(world.analyst, low, "first", "OK")
    finish(world.analyst, low, "second", "OK")
    finish(world.analyst, top, "after", "OK")
    return top, low


def test_a_sub_case_is_undone_where_it_was_completed(world: World) -> None:
    top, low = mixed(world)
    run = roll_back(world, top)
    order = []
    for case_id in (top, low, low, top):
        order.append(open_undo(world.analyst, case_id).title)
        undo(world.analyst, case_id)
    assert order == [f"Undo: Do {name}" for name in ("after", "second", "first", "before")]
    assert statuses(world, top) == ["COMPENSATED", "COMPENSATED"]
    assert run_row(world, run.id).status == "COMPLETED"
    case = case_row(world, top)
    assert case.invalidated == ["after", "before", "pair"]
    assert sorted(case.context) == ["after", "before", "pair"], "an undo removes nothing"
    verify()


def test_what_fails_below_holds_all_above_until_it_is_repaired_there(world: World) -> None:
    top, low = mixed(world)
    run = roll_back(world, top)
    undo(world.analyst, top)
    undo(world.analyst, low, "CANNOT_REVERSE")
    assert statuses(world, top) == ["COMPENSATION_FAULTED", "COMPENSATION_FAULTED"]
    above, child = run_row(world, run.id), run_about(world, low)
    assert (above.status, child.status) == ("FAULTED", "FAULTED")
    held = steps(world, run.id)[1]
    assert (held.status, held.error) == ("FAILED", "Its own rollback needs a decision.")
    with pytest.raises(ManagedByRun) as refused:
        retry_step(run.id, 2, call=Call(world.operator))
    assert refused.value.extra["run"] == str(child.id)
    retry_step(child.id, 1, call=Call(world.operator))
    drain()
    assert statuses(world, top) == ["COMPENSATING", "COMPENSATING"]
    assert steps(world, run.id)[1].status == "RUNNING"
    for case_id in (low, low, top):
        undo(world.analyst, case_id)
    assert statuses(world, top) == ["COMPENSATED", "COMPENSATED"]
    verify()


def test_what_is_given_up_below_leaves_all_above_in_part(world: World) -> None:
    top, low = mixed(world)
    run = roll_back(world, top)
    undo(world.analyst, top)
    undo(world.analyst, low, "CANNOT_REVERSE")
    child = run_about(world, low)
    abandon_step(child.id, 1, call=Call(world.operator), reason="It was sent")
    drain()
    undo(world.analyst, low)
    undo(world.analyst, top)
    assert statuses(world, top) == ["PARTIALLY_COMPENSATED", "PARTIALLY_COMPENSATED"]
    assert (run_row(world, run.id).status, run_row(world, child.id).status) == (
        "PARTIAL", "PARTIAL",
    )  # fmt: skip
    assert [str(step.status) for step in steps(world, run.id)] == ["DONE", "DONE", "DONE"]
    verify()


def test_one_that_was_undone_on_its_own_is_left_alone(world: World) -> None:
    top, low = mixed(world)
    roll_back(world, low)
    undo(world.analyst, low)
    undo(world.analyst, low)
    plan = plan_for(world, top)
    assert [step["original"]["name"] for step in plan.content["steps"]] == ["after", "before"]
    assert [(out["original"]["name"], out["code"]) for out in plan.content["excluded"]] == [
        ("pair", "already_compensated")
    ]
    roll_back(world, top)
    undo(world.analyst, top)
    undo(world.analyst, top)
    assert statuses(world, top) == ["COMPENSATED", "COMPENSATED"]
    assert len(runs_about(world, low)) == 1
    verify()


def test_nothing_else_starts_in_the_tree_meanwhile(world: World) -> None:
    top, low = mixed(world)
    plan = plan_for(world, low)
    run = roll_back(world, top)
    undo(world.analyst, top)
    for wanted in (plan, plan_for(world, low)):
        with pytest.raises(RunLive) as refused:
            execute(wanted.id, call=Call(world.operator, digest=wanted.digest))
        assert refused.value.extra["run"] == str(run.id)
    assert [each.trigger for each in runs_about(world, low)] == ["parent"]


def test_pausing_above_pauses_below(world: World) -> None:
    top, low = mixed(world)
    run = roll_back(world, top)
    undo(world.analyst, top)
    pause(run.id, call=Call(world.operator))
    undo(world.analyst, low)
    child = run_about(world, low)
    assert [str(step.status) for step in steps(world, child.id)] == ["DONE", "PLANNED"]
    resume(run.id, call=Call(world.operator))
    drain()
    undo(world.analyst, low)
    undo(world.analyst, top)
    assert statuses(world, top) == ["COMPENSATED", "COMPENSATED"]


def test_one_sub_case_alone(world: World) -> None:
    top, low = mixed(world)
    scope = {"kind": "sub_case", "case": str(low)}
    plan = plan_for(world, top, scope=scope)
    assert [step["original"]["name"] for step in plan.content["steps"]] == ["pair"]
    assert [(out["original"]["name"], out["code"]) for out in plan.content["excluded"]] == [
        ("after", "dependents_remain")
    ]
    roll_back(world, top, scope=scope)
    undo(world.analyst, low)
    undo(world.analyst, low)
    assert statuses(world, top) == ["COMPLETED", "COMPENSATED"]
    assert plan_items(world, top)["pair"].compensation_state == "COMPENSATED"
    verify()


def test_of_an_open_one_that_is_undone_which_was_done(world: World) -> None:
    """BPMN undoes nothing of what is still running; here finished work never stands unnamed."""
    deploy(world, definition("pair", human("first"), human("second", when=".first != null")))
    deploy(world, definition("top", human("own"), below("low", "pair"), human("last")))
    top = opened(world, "tests/top")
    low = chain(world, top)[1].id
    finish(world.analyst, low, "first", "OK")
    finish(world.analyst, top, "own", "OK")
    plan = plan_for(world, top)
    assert [step["original"]["name"] for step in plan.content["steps"]] == ["low", "own"]
    roll_back(world, top)
    assert plan_items(world, top)["low"].status == "CANCELLED"
    assert statuses(world, top) == ["COMPENSATING", "COMPENSATING"]
    undo(world.analyst, low)
    undo(world.analyst, top)
    assert statuses(world, top) == ["COMPENSATED", "COMPENSATED"]
    verify()


def test_one_that_cannot_begin_fails_its_step_and_can_be_tried_again(world: World) -> None:
    top, low = mixed(world)
    run = roll_back(world, top)
    done = plan_items(world, low)["second"].target_id
    assert done is not None
    with tenant_scope(world.operator.tenant_id):
        stopping.stopped(news_of(world, done), "jq is gone")
    undo(world.analyst, top)
    held = steps(world, run.id)[1]
    said = "The case cannot go on: its engine has stopped. Try it again first."
    assert (held.status, held.error) == ("FAILED", said)
    assert statuses(world, top) == ["COMPENSATION_FAULTED", "COMPLETED"]
    assert runs_about(world, low) == []
    retry_step(run.id, 2, call=Call(world.operator))
    drain()
    assert steps(world, run.id)[1].status == "FAILED"
    abandon_step(run.id, 2, call=Call(world.operator), reason="Nobody can mend it")
    drain()
    undo(world.analyst, top)
    assert statuses(world, top) == ["PARTIALLY_COMPENSATED", "COMPLETED"]
    verify()
