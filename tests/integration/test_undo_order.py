"""A rollback that goes by the order that its definition declares."""

from __future__ import annotations

import uuid

from compensation.actions.run_turn import MOST_BESIDE
from compensation.actions.run_verbs import pause, resume
from compensation.actions.step_verbs import abandon_step, hand_step_to_human, retry_step
from compensation.models import CompensationStep
from ledger.tenancy import tenant_scope
from tests.casework import (
    case_row,
    deploy,
    finish,
    opened,
    plan_for,
    roll_back,
    run_row,
    undo,
)
from tests.casework import steps as steps_of
from tests.clients import browser
from tests.concurrency.test_cases import at_once
from tests.definitions import definition, human
from tests.draining import drain
from tests.states import actions_of, work
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem


def test_a_run_undoes_first_what_says_so(world: World) -> None:
    steps = [
        human("a", compensationOrder=2), human("b"), human("c", compensationOrder=1),
        human("d", compensationOrder=2), human("e"),
    ]  # fmt: skip
    deploy(world, definition("order", *steps))
    case_id = opened(world, "tests/order")
    for name in "abcde":
        finish(world.analyst, case_id, name, "OK")
    wanted = ["c", "d", "a", "e", "b"]
    plan = plan_for(world, case_id)
    assert [step["original"]["name"] for step in plan.content["steps"]] == wanted
    page = browser(world.operator).get(f"/compensation-plans/{plan.id}/").content.decode()
    places = [page.find(f'<p class="step-name"><a href="{url}"') for url in _urls(world, plan)]
    assert places == sorted(places)
    assert -1 not in places
    assert "at the same time as 3" in " ".join(page.split())
    run = roll_back(world, case_id)
    found = []
    while asked := undos(world, case_id):
        found.append(sorted(asked))
        for task in asked.values():
            work(world.analyst, task, "REVERSED")
        drain()
    assert found == [["c"], ["a", "d"], ["e"], ["b"]]
    assert case_row(world, case_id).status == "COMPENSATED"
    with tenant_scope(world.operator.tenant_id):
        rows = CompensationStep.objects.filter(run_id=run.id).order_by("n")
        assert [(row.original_name, row.undo_order) for row in rows] == [
            ("c", 1), ("d", 2), ("a", 2), ("e", None), ("b", None),
        ]  # fmt: skip


def side_by_side(world: World) -> tuple[uuid.UUID, uuid.UUID]:
    """Begin to roll back a case of three steps that are undone together before a fourth."""
    steps = [human(name, compensationOrder=1) for name in "abc"]
    deploy(world, definition("order", *steps, human("d")))
    case_id = opened(world, "tests/order")
    for name in "abcd":
        finish(world.analyst, case_id, name, "OK")
    return case_id, roll_back(world, case_id).id


def undos(world: World, case_id: uuid.UUID) -> dict[str, uuid.UUID]:
    """Return the open undo tasks of a case by the steps they undo."""
    with tenant_scope(world.operator.tenant_id):
        tasks = WorkItem.objects.filter(
            case_id=case_id, kind="COMPENSATION", status__in=["PENDING", "ASSIGNED", "IN_PROGRESS"]
        )
        names = dict(WorkItem.objects.filter(case_id=case_id).values_list("id", "binding"))
        return {names[task.undoes_id]: task.id for task in tasks if task.undoes_id is not None}


def statuses(world: World, run_id: uuid.UUID) -> dict[str, str]:
    return {step.original_name: str(step.status) for step in steps_of(world, run_id)}


def test_what_comes_after_waits_for_all_of_them(world: World) -> None:
    case_id, run_id = side_by_side(world)
    asked = undos(world, case_id)
    assert sorted(asked) == ["a", "b", "c"]
    for name in "bca":
        assert statuses(world, run_id)["d"] == "PLANNED"
        assert "d" not in undos(world, case_id)
        work(world.analyst, asked[name], "REVERSED")
        drain()
    assert sorted(undos(world, case_id)) == ["d"]
    verify()


def test_one_that_fails_holds_what_comes_after_and_no_other_that_has_begun(world: World) -> None:
    case_id, run_id = side_by_side(world)
    asked = undos(world, case_id)
    for name in "ab":
        work(world.analyst, asked[name], "CANNOT_REVERSE")
        drain()
    assert statuses(world, run_id) == {
        "a": "FAILED", "b": "FAILED", "c": "RUNNING", "d": "PLANNED",
    }  # fmt: skip
    work(world.analyst, asked["c"], "REVERSED")
    drain()
    assert statuses(world, run_id)["c"] == "DONE"
    held = (run_row(world, run_id).status, case_row(world, case_id).status)
    assert held == ("FAULTED", "COMPENSATION_FAULTED")
    number = {step.original_name: step.n for step in steps_of(world, run_id)}
    call = Call(world.operator)
    retry_step(run_id, number["a"], call=call)
    # The other one still holds it.
    held = (run_row(world, run_id).status, case_row(world, case_id).status)
    assert held == ("FAULTED", "COMPENSATION_FAULTED")
    drain()
    work(world.analyst, undos(world, case_id)["a"], "REVERSED")
    drain()
    assert statuses(world, run_id)["d"] == "PLANNED"
    assert actions_of(world, "case", case_id).count("compensation_faulted") == 1
    abandon_step(run_id, number["b"], call=call, reason="It is gone")
    drain()
    assert run_row(world, run_id).status == "RUNNING"
    undo(world.analyst, case_id)
    assert statuses(world, run_id) == {"a": "DONE", "b": "ABANDONED", "c": "DONE", "d": "DONE"}
    assert case_row(world, case_id).status == "PARTIALLY_COMPENSATED"
    verify()


def test_a_loop_is_undone_one_time_after_the_other_beside_what_else_has_its_number(
    world: World,
) -> None:
    again = human("a", '.a == null or .a.outcome == "AGAIN"', compensationOrder=1)
    deploy(world, definition("loop", human("b", compensationOrder=1), again))
    case_id = opened(world, "tests/loop")
    first, second = (finish(world.analyst, case_id, "a", outcome) for outcome in ("AGAIN", "OK"))
    last = finish(world.analyst, case_id, "b", "OK")
    plan = plan_for(world, case_id).content["steps"]
    assert [(step["original"]["id"], step["depends_on"]) for step in plan] == [
        (str(last), []), (str(second), []), (str(first), [2]),
    ]  # fmt: skip
    run_id = roll_back(world, case_id).id
    asked = undos(world, case_id)
    assert sorted(asked) == ["a", "b"]
    assert [step.original_id for step in steps_of(world, run_id) if step.status == "RUNNING"] == [
        last, second,
    ]  # fmt: skip
    work(world.analyst, asked["a"], "REVERSED")
    drain()
    assert [step.original_id for step in steps_of(world, run_id) if step.status == "RUNNING"] == [
        last, first,
    ]  # fmt: skip
    for task in undos(world, case_id).values():
        work(world.analyst, task, "REVERSED")
    drain()
    assert case_row(world, case_id).status == "COMPENSATED"


def test_none_begins_beside_one_that_failed_or_while_the_run_is_paused(world: World) -> None:
    undo_a = {"name": "undo-a", "compensation": True, "humanTask": {
        "title": "U", "inputMapping": "42 | .",
    }}  # fmt: skip
    first = human("a", compensation=None, compensate="undo-a", compensationOrder=1)
    steps = [human("b", compensationOrder=1), first, undo_a]
    deploy(world, definition("order", *steps))
    case_id = opened(world, "tests/order")
    for name in "ba":
        finish(world.analyst, case_id, name, "OK")
    run_id = roll_back(world, case_id).id
    assert statuses(world, run_id) == {"a": "FAILED", "b": "PLANNED"}
    assert undos(world, case_id) == {}
    hand_step_to_human(run_id, 1, call=Call(world.operator), assignee=world.analyst.username)
    pause(run_id, call=Call(world.operator))
    drain()
    assert sorted(undos(world, case_id)) == ["a"]
    resume(run_id, call=Call(world.operator))
    drain()
    assert sorted(undos(world, case_id)) == ["a", "b"]


def test_news_of_all_of_them_at_once_ends_each_once(world: World) -> None:
    case_id, run_id = side_by_side(world)
    for task in undos(world, case_id).values():
        work(world.analyst, task, "REVERSED")
    at_once(*[drain] * 3)
    drain()
    assert sorted(undos(world, case_id)) == ["d"]
    undo(world.analyst, case_id)
    told = actions_of(world, "compensation_run", run_id)
    assert (told.count("compensation_step_started"), told.count("compensation_step_completed")) == (
        4, 4,
    )  # fmt: skip
    assert case_row(world, case_id).status == "COMPENSATED"
    verify()


def _urls(world: World, plan: object) -> list[str]:
    content = vars(plan)["content"]
    return [f"/work-items/{step['original']['id']}/" for step in content["steps"]]


def test_so_many_go_on_side_by_side_and_the_rest_follow_as_these_end(world: World) -> None:
    steps = [human(f"s{n}", compensationOrder=1) for n in range(MOST_BESIDE + 2)]
    deploy(world, definition("wide", *steps))
    case_id = opened(world, "tests/wide")
    for n in range(MOST_BESIDE + 2):
        finish(world.analyst, case_id, f"s{n}", "OK")
    run_id = roll_back(world, case_id).id
    asked = undos(world, case_id)
    assert len(asked) == MOST_BESIDE
    work(world.analyst, min(asked.values()), "REVERSED")
    drain()
    assert len(undos(world, case_id)) == MOST_BESIDE
    found = list(statuses(world, run_id).values())
    assert {status: found.count(status) for status in set(found)} == {
        "DONE": 1, "RUNNING": MOST_BESIDE, "PLANNED": 1,
    }  # fmt: skip
