"""So many sub-cases of so many: met once, or not to be met any more."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import pytest

from cases import actions
from cases.actions.sub_case_groups import Group, GroupCount
from cases.definitions import relations
from cases.models import Case, PlanItem
from ledger.errors import Invalid
from tests.casework import case_row, deploy, finish, open_item, opened, plan_items
from tests.definitions import definition, human
from tests.draining import drain
from tests.states import actions_of
from tests.subcases import below, children
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems import actions as work_items

THREE = ("a", "b", "c")


def deployed(world: World, *names: str, goal: str | None = None, **group: Any) -> uuid.UUID:
    """Open a case of which several steps are one group of cases with a task each."""
    deploy(world, definition("low", human("task"), success=".task != null"))
    said = {"groupId": "g", **group}
    steps = [below(name, "low", inputMapping=f'{{me: "{name}"}}', **said) for name in names]
    deploy(world, definition("top", *steps, human("own"), success=goal or ".own != null"))
    return opened(world, "tests/top")


def member(world: World, top: uuid.UUID, name: str) -> Case:
    """Return the newest sub-case of a step."""
    return [row for row in children(world, top) if row.context["me"] == name][-1]


def end(world: World, top: uuid.UUID, name: str, *, well: bool = True) -> None:
    """Let the task of a sub-case be done, or fail."""
    low = member(world, top, name).id
    if well:
        finish(world.analyst, low, "task", "OK")
        return
    item = open_item(world.analyst, low, "task")
    work_items.start(item.id, call=Call(world.analyst))
    work_items.fail(item.id, call=Call(world.analyst), detail="no")
    drain()


def items(world: World, top: uuid.UUID) -> dict[str, str]:
    """Return how the steps stand."""
    found = plan_items(world, top)
    return {name: str(item.status) for name, item in found.items() if name != "own"}


def test_it_is_met_once_and_the_rest_goes_on(world: World) -> None:
    top = deployed(world, *THREE, totalInGroup=3, requiredCount=2)
    end(world, top, "a")
    assert case_row(world, top).groups_met == []
    end(world, top, "b")
    assert case_row(world, top).groups_met == ["g"]
    assert items(world, top) == {"a": "COMPLETED", "b": "COMPLETED", "c": "ACTIVE"}
    end(world, top, "c")
    assert items(world, top)["c"] == "COMPLETED"
    assert sorted(case_row(world, top).context) == ["a", "b", "c"]
    assert actions_of(world, "case", top).count("group_met") == 1
    assert case_row(world, top).status == "RUNNING"
    verify()


def test_what_is_open_is_called_off_where_that_is_said(world: World) -> None:
    top = deployed(world, *THREE, totalInGroup=3, requiredCount=2, onThresholdReached="CANCEL")
    task = open_item(world.analyst, member(world, top, "c").id, "task")
    end(world, top, "a")
    end(world, top, "b")
    assert items(world, top) == {"a": "COMPLETED", "b": "COMPLETED", "c": "CANCELLED"}
    assert member(world, top, "c").status == "CANCELLED"
    assert plan_items(world, member(world, top, "c").id)["task"].status == "CANCELLED"
    assert case_row(world, top).status == "RUNNING", "what its group cancelled is no failure"
    assert plan_items(world, top)["own"].status == "ACTIVE", "only the group's is called off"
    finish(world.analyst, top, "own", "OK")
    assert case_row(world, top).status == "COMPLETED"
    assert len(children(world, top)) == 3, "no step of it fires any more"
    assert actions_of(world, "work_item", task.id)[-1] == "cancelled"
    verify()


def test_it_does_without_as_many_as_it_can(world: World) -> None:
    top = deployed(world, *THREE, totalInGroup=3, requiredCount=2)
    end(world, top, "a", well=False)
    assert items(world, top) == {"a": "FAULTED", "b": "ACTIVE", "c": "ACTIVE"}
    assert case_row(world, top).status == "RUNNING"
    end(world, top, "b")
    assert len(children(world, top)) == 3, "what failed is not done again by itself"
    end(world, top, "c")
    assert case_row(world, top).groups_met == ["g"]
    assert plan_items(world, top)["a"].error == ""
    verify()


def test_when_it_can_no_longer_be_met_the_case_fails(world: World) -> None:
    top = deployed(world, *THREE, totalInGroup=3, requiredCount=2)
    end(world, top, "a", well=False)
    end(world, top, "b", well=False)
    case = case_row(world, top)
    assert case.status == "FAULTED"
    assert case.fault == (
        "b: faulted, group g can no longer be met: 2 of 3 were not done, and 2 are required"
    )
    assert items(world, top) == {"a": "FAULTED", "b": "FAULTED", "c": "ACTIVE"}
    # The one that broke it is tried again, and that is enough.
    actions.retry_case(top, call=Call(world.operator))
    drain()
    assert items(world, top) == {"a": "FAULTED", "b": "ACTIVE", "c": "ACTIVE"}
    end(world, top, "b")
    end(world, top, "c")
    case = case_row(world, top)
    assert (case.status, case.groups_met) == ("RUNNING", ["g"])
    verify()


def test_one_that_fails_after_it_was_met_changes_nothing(world: World) -> None:
    top = deployed(world, "a", "b", totalInGroup=2, requiredCount=1)
    end(world, top, "a")
    end(world, top, "b", well=False)
    assert items(world, top) == {"a": "COMPLETED", "b": "FAULTED"}
    assert case_row(world, top).status == "RUNNING"


def test_without_numbers_all_of_it_are_required(world: World) -> None:
    top = deployed(world, "a", "b")
    end(world, top, "a")
    assert case_row(world, top).groups_met == []
    end(world, top, "b", well=False)
    assert case_row(world, top).status == "FAULTED"


def test_a_member_is_waited_for_whatever_it_says(world: World) -> None:
    top = deployed(world, "a", "b", waitForCompletion=False)
    assert items(world, top) == {"a": "ACTIVE", "b": "ACTIVE"}
    end(world, top, "a")
    end(world, top, "b")
    assert case_row(world, top).groups_met == ["g"]


def test_ends_that_are_heard_together_meet_it_once(world: World) -> None:
    top = deployed(world, *THREE, totalInGroup=3, requiredCount=1, onThresholdReached="CANCEL")
    lows = [member(world, top, name).id for name in THREE]
    for low in lows[:2]:
        item = open_item(world.analyst, low, "task")
        work_items.start(item.id, call=Call(world.analyst))
        work_items.complete(item.id, call=Call(world.analyst), outcome="OK")
    drain()
    assert actions_of(world, "case", top).count("group_met") == 1
    assert items(world, top)["a"] == "COMPLETED"
    assert items(world, top)["c"] == "CANCELLED"
    verify()


@pytest.mark.parametrize("well", [True, False])
def test_more_than_there_are_cannot_be_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch, *, well: bool
) -> None:
    if not well:
        with pytest.raises(Invalid) as refused:
            deployed(world, "a", totalInGroup=1, requiredCount=2)
        assert [each.pointer for each in refused.value.errors] == [
            "/spec/bindings/0/subCase/requiredCount"
        ]
    # An earlier version has deployed it.
    monkeypatch.setattr(relations, "impossible_groups", lambda _data: iter(()))
    top = deployed(world, "a", totalInGroup=1, requiredCount=1 if well else 2)
    item = plan_items(world, top)["a"]
    assert (item.target_id is not None) == well
    assert ("group g asks for 2 of 1" in item.error) == (not well)


def test_a_bisection_runs_into_itself_and_comes_back(world: World) -> None:
    """The shape of a queue that splits a failing batch until each culprit stands alone."""
    halves = [
        below(
            f"half-{side}", "bisect", when=f".split != null and .half_{side} == null",
            inputMapping=f"{{n: .split.{side}}}", maxRecursionDepth=10, groupId="halves",
            totalInGroup=2, requiredCount=2, onThresholdReached="KEEP", version="1.0.0",
        )
        for side in ("left", "right")
    ]  # fmt: skip
    split = human(
        "split", when=".n > 1 and .split == null",
        humanTask={"title": "Split", "outputMapping": "{split: .resolution}"},
    )  # fmt: skip
    alone = human("alone", when=".n == 1 and .alone == null")
    goal = ".alone != null or (.half_left != null and .half_right != null)"
    deploy(world, definition("bisect", split, *halves, alone, success=goal))
    top = opened(world, "tests/bisect", {"n": 3})
    finish(world.analyst, top, "split", "OK", {"left": 2, "right": 1})
    left, right = children(world, top)
    finish(world.analyst, right.id, "alone", "OK")
    finish(world.analyst, left.id, "split", "OK", {"left": 1, "right": 1})
    for low in children(world, left.id):
        finish(world.analyst, low.id, "alone", "OK")
    assert [str(row.status) for row in children(world, top)] == ["COMPLETED"] * 2
    case = case_row(world, top)
    assert (case.status, case.groups_met) == ("COMPLETED", ["halves"])
    assert sorted(case.context["half_left"]) == ["half_left", "half_right", "n", "split"]
    verify()


def test_a_case_that_ends_by_what_meets_its_group_calls_off_the_rest_once(world: World) -> None:
    top = deployed(
        world, *THREE, goal=".a != null", requiredCount=1, onThresholdReached="CANCEL"
    )  # fmt: skip
    end(world, top, "a")
    case = case_row(world, top)
    assert (case.status, case.groups_met) == ("COMPLETED", ["g"])
    assert items(world, top) == {"a": "COMPLETED", "b": "CANCELLED", "c": "CANCELLED"}
    said = [actions_of(world, "case", row.id) for row in children(world, top)]
    assert [each.count("cancelled") for each in said] == [0, 1, 1]
    assert plan_items(world, top)["own"].status == "CANCELLED"
    verify()


def test_what_it_did_without_counts_once_it_is_done_after_all(world: World) -> None:
    top = deployed(world, *THREE, totalInGroup=3, requiredCount=2)
    end(world, top, "a", well=False)
    failed = member(world, top, "a").id
    end(world, top, "b")
    assert case_row(world, top).groups_met == []
    actions.retry_case(failed, call=Call(world.operator))
    drain()
    assert items(world, top) == {"a": "FAULTED", "b": "COMPLETED", "c": "ACTIVE"}
    end(world, top, "a", well=False)
    assert actions_of(world, "case", top).count("sub_case_failed") == 1, "heard of once"
    actions.retry_case(failed, call=Call(world.operator))
    drain()
    end(world, top, "a")
    case = case_row(world, top)
    assert (case.status, case.groups_met) == ("RUNNING", ["g"])
    assert items(world, top) == {"a": "COMPLETED", "b": "COMPLETED", "c": "ACTIVE"}
    assert sorted(case.context) == ["a", "b"]
    assert len(children(world, top)) == 3
    drain()
    assert actions_of(world, "case", top).count("sub_case_completed") == 2
    verify()


def test_a_step_that_fires_twice_counts_once_where_there_is_a_step_for_each() -> None:
    group = Group("g", ("a", "b"), total=2, required=2, cancels=False)
    count, larger = (
        GroupCount(each, met=False) for each in (group, dataclasses.replace(group, total=3))
    )
    for name in ("a", "a"):
        for each in (count, larger):
            each.add(PlanItem(binding=name, status="COMPLETED"))
    assert (count.done, larger.done) == (1, 2)
    count.add(PlanItem(binding="b", status="COMPLETED"))
    assert count.done == 2


def test_groups_of_groups_are_met_from_below_and_call_off_the_rest_at_all_levels(
    world: World,
) -> None:
    two: dict[str, Any] = {
        "groupId": "g",
        "totalInGroup": 3,
        "requiredCount": 2,
        "onThresholdReached": "CANCEL",
    }
    deploy(world, definition("low", human("task"), success=".task != null"))
    lows = [below(name, "low", inputMapping=f'{{me: "{name}"}}', **two) for name in THREE]
    # The third never ends by itself: that two have is what ends it.
    goal = "([.a, .b, .c] | map(select(. != null)) | length) >= 2"
    deploy(world, definition("middle", *lows, success=goal))
    middles = [below(name, "middle", inputMapping=f'{{me: "{name}"}}', **two) for name in THREE]
    deploy(world, definition("top", *middles, success=goal))
    top = opened(world, "tests/top")
    for name in ("a", "c"):
        under = member(world, top, name).id
        end(world, under, "b")
        assert case_row(world, under).groups_met == []
        end(world, under, "c")
        assert case_row(world, under).status == "COMPLETED"
        assert items(world, under) == {"a": "CANCELLED", "b": "COMPLETED", "c": "COMPLETED"}
    assert case_row(world, top).status == "COMPLETED"
    assert items(world, top) == {"a": "COMPLETED", "b": "CANCELLED", "c": "COMPLETED"}
    left = member(world, top, "b")
    assert [left.status, *(str(row.status) for row in children(world, left.id))] == [
        "CANCELLED", "CANCELLED", "CANCELLED", "CANCELLED",
    ]  # fmt: skip
    for each in [top, *(member(world, top, name).id for name in ("a", "c"))]:
        assert actions_of(world, "case", each).count("group_met") == 1
    verify()
