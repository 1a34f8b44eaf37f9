"""A step that is a case of its own: opened, done, failed, and how deep it may stand."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from cases import actions
from cases.actions import sub_case_news, sub_cases
from cases.actions.engine import handle
from cases.lifecycle import CaseStatus, PlanItemStatus, PlanItemType
from cases.models import Case
from executions.models import Execution
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, open_item, opened, plan_items
from tests.clients import api
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.engine_news import event_of, news_of
from tests.states import actions_of
from tests.subcases import (
    below,
    chain,
    child,
    children,
    deploy_levels,
    every_item,
    own_entries,
    statuses,
)
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems import actions as work_items


def fail(world: World, case_id: uuid.UUID, binding: str) -> None:
    """Let somebody begin a task and fail at it."""
    item = open_item(world.analyst, case_id, binding)
    work_items.start(item.id, call=Call(world.analyst))
    work_items.fail(item.id, call=Call(world.analyst), detail="no")
    drain()


def test_three_levels_complete_from_below(world: World) -> None:
    deploy_levels(world)
    top = opened(world, "tests/top", {"x": 1})
    rows = chain(world, top)
    assert [row.definition_id for row in rows] != []
    assert [str(row.status) for row in rows] == ["RUNNING"] * 3
    assert [(row.parent_id, row.root_id) for row in rows] == [
        (None, top), (top, top), (rows[1].id, top),
    ]  # fmt: skip
    assert [row.context for row in rows] == [{"x": 1}] * 3
    item = plan_items(world, top)["middle"]
    assert (item.type, item.target_id, item.status) == (
        PlanItemType.SUB_CASE, rows[1].id, PlanItemStatus.ACTIVE,
    )  # fmt: skip
    finish(world.analyst, rows[2].id, "task", "OK", {"a": 2})
    assert statuses(world, top) == ["COMPLETED"] * 3
    low = {"x": 1, "task": case_row(world, rows[2].id).context["task"]}
    assert low["task"]["outcome"] == "OK"
    assert case_row(world, top).context == {"x": 1, "middle": {"x": 1, "low": low}}
    item = plan_items(world, top)["middle"]
    assert (item.status, item.completion_seq, item.written) == ("COMPLETED", 1, ["middle"])
    verify()


def test_both_ledgers_say_what_led_to_what(world: World) -> None:
    deploy_levels(world)
    top = opened(world, "tests/top")
    middle = child(world, top).id
    finish(world.analyst, child(world, middle).id, "task", "OK")
    assert [entry.action for entry in own_entries(world, top)] == [
        "opened", "sub_case_opened", "sub_case_completed", "context_changed", "completed",
    ]  # fmt: skip
    above, under = own_entries(world, top), own_entries(world, middle)
    assert under[0].caused_by_id == above[1].id
    assert above[2].caused_by_id == under[-1].id
    assert (under[-1].action, above[2].completion_seq) == ("completed", 1)


def test_what_fails_below_fails_all_above(world: World) -> None:
    deploy_levels(world)
    top = opened(world, "tests/top")
    low = chain(world, top)[2].id
    fail(world, low, "task")
    assert statuses(world, top) == ["FAULTED"] * 3
    assert case_row(world, top).fault == "middle: faulted, low: faulted, task: faulted, no"
    item = plan_items(world, top)["middle"]
    assert (item.status, item.completion_seq, item.written) == ("FAULTED", None, [])
    assert "middle" not in case_row(world, top).context
    verify()


def test_a_goal_that_speaks_of_it_ends_the_case_otherwise(world: World) -> None:
    deploy(world, definition("low", human("task"), success=".task != null"))
    source = definition("top", below("low", "low"), human("own"), success=".own != null")
    deploy(world, source)
    top = opened(world, "tests/top")
    low = child(world, top).id
    fail(world, low, "task")
    assert case_row(world, top).status == CaseStatus.FAULTED
    # What is open goes on and is taken in, as beside any other step that failed.
    finish(world.analyst, top, "own", "OK")
    assert case_row(world, top).context["own"]["outcome"] == "OK"


def test_without_an_output_mapping_nothing_is_taken_over(world: World) -> None:
    deploy(world, definition("low", human("task"), success=".task != null"))
    step = below("low", "low", when=".x == 1", outputMapping=None, inputMapping="{y: .x}")
    deploy(world, definition("top", step))
    top = opened(world, "tests/top", {"x": 1})
    low = child(world, top)
    assert low.context == {"y": 1}
    finish(world.analyst, low.id, "task", "OK")
    assert case_row(world, top).context == {"x": 1}
    assert plan_items(world, top)["low"].status == PlanItemStatus.COMPLETED


def test_who_does_not_wait_goes_on_at_once(world: World) -> None:
    deploy(world, definition("low", human("task"), success=".task != null"))
    step = below("low", "low", when=".own == null", waitForCompletion=False)
    deploy(world, definition("top", step, human("own"), success=".own != null"))
    top = opened(world, "tests/top")
    item, low = plan_items(world, top)["low"], child(world, top)
    assert (item.status, item.completion_seq, item.target_id) == ("COMPLETED", 1, low.id)
    finish(world.analyst, top, "own", "OK")
    assert statuses(world, top) == ["COMPLETED", "RUNNING"], "it is on its own"
    finish(world.analyst, low.id, "task", "OK")
    assert statuses(world, top) == ["COMPLETED", "COMPLETED"]
    assert "low" not in case_row(world, top).context
    assert "sub_case_completed" not in actions_of(world, "case", top)
    verify()


@pytest.mark.parametrize(
    ("named", "expected"),
    [(None, "2.0.0"), ("1.0.0", "1.0.0"), ("1.0", "1.0.0"), ("9.9.9", "2.0.0")],
)
def test_the_version_that_is_named_or_the_highest(
    world: World, named: str | None, expected: str
) -> None:
    for version in ("1.0.0", "2.0.0", "3.0.0-rc.1"):
        deploy(world, definition("low", human("task")) | {"version": version})
    deploy(world, definition("top", below("low", "low", version=named)))
    top = opened(world, "tests/top")
    with tenant_scope(world.operator.tenant_id):
        row = Case.objects.select_related("definition").get(parent_id=top)
    assert row.definition.version == expected


SCHEMA = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"namespace": "tests"}, "no case definition tests/nowhere is deployed"),
        ({"inputMapping": "[1] | ."}, "the inputMapping must give an object"),
        ({"inputMapping": "error(1)"}, "(in: error(1))"),
    ],
    ids=["unknown", "list", "broken"],
)
def test_what_cannot_be_opened_fails_its_step(
    world: World, target: dict[str, Any], said: str
) -> None:
    deploy(world, definition("top", below("low", "nowhere", **target), human("own")))
    top = opened(world, "tests/top")
    step = plan_items(world, top)["low"]
    assert (step.type, step.status, step.target_id) == ("sub_case", "FAULTED", None)
    assert said in step.error
    assert case_row(world, top).status == CaseStatus.FAULTED
    assert children(world, top) == []
    assert plan_items(world, top)["own"].status == PlanItemStatus.ACTIVE, "the others are open"


def test_what_does_not_fit_its_schema_is_not_opened(world: World) -> None:
    low = definition("low", human("task"))
    low["spec"]["inputSchema"] = SCHEMA
    deploy(world, low)
    deploy(world, definition("top", below("low", "low")))
    top = opened(world, "tests/top", {"amount": "much"})
    assert "does not fit tests/low 1.0.0. /context/amount" in plan_items(world, top)["low"].error
    assert children(world, top) == []
    good = opened(world, "tests/top", {"amount": 3})
    assert child(world, good).context == {"amount": 3}


def test_a_case_stands_in_itself_as_deep_as_is_said(world: World) -> None:
    again = below("again", "again", maxRecursionDepth=2)
    deploy(world, definition("again", again, success=".again != null"))
    top = opened(world, "tests/again")
    rows = chain(world, top)
    assert len(rows) == 3
    (deepest,) = every_item(world, rows[-1].id)
    assert (deepest.status, deepest.target_id) == ("FAULTED", None)
    assert "would stand in itself more than 2 deep (maxRecursionDepth)" in deepest.error
    assert statuses(world, top) == ["FAULTED"] * 3
    verify()


def test_no_depth_at_all_still_allows_others(world: World) -> None:
    deploy_levels(world, maxRecursionDepth=0)
    assert statuses(world, opened(world, "tests/top")) == ["RUNNING"] * 3


def test_the_house_ends_what_nobody_bounded(world: World) -> None:
    deploy(world, definition("again", below("again", "again"), success=".again != null"))
    top = opened(world, "tests/again")
    assert statuses(world, top) == ["FAULTED"] * (sub_cases.MOST_ABOVE + 1)
    assert "more than 20 cases deep" in case_row(world, top).fault


def test_a_tree_has_so_many_cases_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sub_cases, "MOST_IN_TREE", 2)
    deploy(world, definition("low", human("task")))
    deploy(world, definition("top", *(below(f"s{n}", "low") for n in range(2)), human("own")))
    top = opened(world, "tests/top")
    assert len(children(world, top)) == 2
    deploy(world, definition("later", *(below(f"s{n}", "low", f".n >= {n}") for n in range(4))))
    # Those that open at once do not see each other; what comes later does.
    assert len(children(world, opened(world, "tests/later", {"n": 3}))) == 4


def test_a_number_of_its_own_pattern(world: World) -> None:
    low = definition("low", human("task"))
    low["spec"]["caseNumber"] = "SUB-{n}"
    deploy(world, low)
    deploy(world, definition("top", below("a", "low"), below("b", "low")))
    top = opened(world, "tests/top")
    assert sorted(row.number for row in children(world, top)) == ["SUB-1", "SUB-2"]


def test_an_end_heard_twice_is_taken_in_once(world: World) -> None:
    deploy(
        world,
        definition(
            "low", automated("go", "demo.flaky", "true", "{fail_times: 0}"), success=".go != null"
        ),
    )
    deploy(world, definition("top", below("low", "low"), human("own")))
    top = opened(world, "tests/top")
    before, done = case_row(world, top).version, list[bool]()
    end = own_entries(world, child(world, top).id)[-1]
    assert end.action == "completed"
    sub_case_news.hear([event_of(end)], lambda: done.append(True))
    assert (case_row(world, top).version, done) == (before, [True])
    assert actions_of(world, "case", top).count("sub_case_completed") == 1


def test_one_that_was_tried_again_before_anybody_heard_has_not_failed(world: World) -> None:
    deploy_levels(world)
    top = opened(world, "tests/top")
    low = chain(world, top)[2].id
    item = open_item(world.analyst, low, "task")
    work_items.start(item.id, call=Call(world.analyst))
    work_items.fail(item.id, call=Call(world.analyst), detail="no")
    handle([news_of(world, item.id)], lambda: None)
    failed = own_entries(world, low)[-1]
    assert failed.action == "faulted"
    actions.retry_case(low, call=Call(world.operator))
    sub_case_news.hear([event_of(failed)], lambda: None)
    drain()
    assert statuses(world, top) == ["RUNNING"] * 3
    finish(world.analyst, low, "task", "OK")
    assert statuses(world, top) == ["COMPLETED"] * 3
    verify()


def test_programs_people_and_a_case_of_another_namespace_come_to_the_goal(world: World) -> None:
    """The shape of a plan of care: what programs report from outside, an episode in between."""
    episode = definition("episode", human("visit"), success=".visit != null")
    deploy(world, episode | {"namespace": "others"})
    assess = automated("assessment", "care.assess", ".request != null", "{request}")
    check = automated("health", "care.check", ".episode != null", "{episode}")
    step = below(
        "episode", "episode", when=".carer != null and .episode == null", namespace="others",
        version="1.0.0", inputMapping="{request, assessment}",
    )  # fmt: skip
    steps = (
        assess,
        human("carer", when=".assessment != null and .carer == null"),
        step,
        check,
        human("concern", when=".health.concern and .concern == null"),
        human("review", when="(.health.concern == false or .concern != null) and .review == null"),
    )
    deploy(world, definition("care", *steps, success=".review != null"))
    top = opened(world, "tests/care", {"request": {"hours": 3}})
    report(world, top, "care.assess", {"level": 2})
    finish(world.analyst, top, "carer", "OK")
    low = child(world, top)
    assert low.context == {"request": {"hours": 3}, "assessment": {"level": 2}}
    finish(world.analyst, low.id, "visit", "OK")
    report(world, top, "care.check", {"concern": True})
    finish(world.analyst, top, "concern", "OK")
    finish(world.analyst, top, "review", "OK")
    case = case_row(world, top)
    assert case.status == CaseStatus.COMPLETED
    assert sorted(case.context["episode"]) == ["assessment", "request", "visit"]
    verify()


def report(world: World, case_id: uuid.UUID, capability: str, output: dict[str, Any]) -> None:
    """Post the result of a program that nobody registered here."""
    with tenant_scope(world.operator.tenant_id):
        row = Execution.objects.get(case_id=case_id, capability=capability, status="WAITING")
    answer = api(world.operator).post(
        f"/api/v1/executions/{row.id}/result",
        json.dumps({"outcome": "succeeded", "output": output}),
        content_type="application/json",
    )
    assert answer.status_code == 200, answer.content
    drain()
