"""Two at once: one rollback starts, one step is decided about once, one definition is stored."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

from cases import actions
from cases.models import CaseDefinition
from compensation.actions.plan_execution import execute
from compensation.actions.step_verbs import abandon_step, attest_step, retry_step
from compensation.models import CompensationRun
from ledger.errors import Refusal
from ledger.tenancy import tenant_scope
from tests.casework import (
    LOAN,
    approved_loan,
    case_row,
    finish,
    open_item,
    opened,
    plan_for,
    preview,
    roll_back,
    steps,
    undo,
)
from tests.definitions import definition, human
from tests.draining import drain
from tests.states import work
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.actions import compensate
from workitems.models import WorkItem

TWINS = 8


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run the calls at the same moment, each on a connection of its own; a refusal is its code."""
    gate = threading.Barrier(len(calls))

    def one(call: Callable[[], Any]) -> Any:
        gate.wait()
        try:
            return call()
        except Refusal as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def done_case(world: World) -> uuid.UUID:
    """A completed case of one task."""
    actions.deploy_definition(
        call=Call(world.operator), source=definition("one", human("a"), success=".a != null")
    )
    case_id = opened(world, "tests/one")
    finish(world.analyst, case_id, "a", None)
    return case_id


def test_of_simultaneous_executes_one_run_starts(world: World) -> None:
    case_id = approved_loan(world)
    plans = [plan_for(world, case_id) for _ in range(TWINS)]
    answers = at_once(
        *(
            lambda plan=plan: execute(plan.id, call=Call(world.operator, digest=plan.digest)).id
            for plan in plans
        )
    )
    assert sorted(map(str, answers))[-(TWINS - 1) :] == ["run_live"] * (TWINS - 1)
    with tenant_scope(world.operator.tenant_id):
        assert CompensationRun.objects.count() == 1
    drain()
    verify()


def test_a_case_run_and_an_item_run_share_one_slot(world: World) -> None:
    case_id = approved_loan(world)
    whole = plan_for(world, case_id)
    item = next(
        step["original"]["id"]
        for step in whole.content["steps"]
        if step["original"]["type"] == "work_item"
    )
    alone = preview(("work_item", uuid.UUID(item)), call=Call(world.operator), reason="Alone")
    at_once(
        lambda: execute(whole.id, call=Call(world.operator, digest=whole.digest)),
        lambda: execute(alone.id, call=Call(world.operator, digest=alone.digest)),
    )
    with tenant_scope(world.operator.tenant_id):
        assert CompensationRun.objects.count() == 1


def test_a_run_and_an_undo_of_one_item_do_not_both_begin_it(world: World) -> None:
    case_id = done_case(world)
    plan = plan_for(world, case_id)
    item = uuid.UUID(plan.content["steps"][0]["original"]["id"])
    at_once(
        lambda: execute(plan.id, call=Call(world.operator, digest=plan.digest)),
        lambda: compensate(item, call=Call(world.operator), reason="Alone"),
    )
    drain()
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.filter(compensates_id=item).count() == 1
    verify()


def test_completing_and_rolling_back_at_once_leave_nothing_behind(world: World) -> None:
    actions.deploy_definition(
        call=Call(world.operator), source=definition("pair", human("a"), human("b"))
    )
    case_id = opened(world, "tests/pair")
    finish(world.analyst, case_id, "a", None)
    plan = plan_for(world, case_id)
    task = open_item(world.analyst, case_id, "b")
    answers = at_once(
        lambda: work(world.analyst, task.id, None),
        lambda: execute(plan.id, call=Call(world.operator, digest=plan.digest)),
    )
    drain()
    with tenant_scope(world.operator.tenant_id):
        ended = WorkItem.objects.get(id=task.id).status
    # Whoever took the task's row first won: either it was called off, or the plan is stale.
    assert (ended, answers[1] == "plan_stale") in {("CANCELLED", False), ("COMPLETED", True)}
    verify()


def test_one_failed_step_is_decided_about_once(world: World) -> None:
    case_id = done_case(world)
    run = roll_back(world, case_id)
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    answers = at_once(
        lambda: retry_step(run.id, 1, call=Call(world.operator)).id,
        lambda: abandon_step(run.id, 1, call=Call(world.operator), reason="x").id,
        lambda: attest_step(run.id, 1, call=Call(world.operator), evidence="x").id,
    )
    assert sorted(answer == run.id for answer in answers) == [False, False, True]
    drain()
    (step,) = steps(world, run.id)
    assert step.status in {"RUNNING", "ABANDONED", "RESOLVED"}
    assert case_row(world, case_id).status != "COMPENSATION_FAULTED"
    verify()


def test_deploying_the_same_definition_at_once_stores_it_once(world: World) -> None:
    answers = at_once(
        *(
            lambda: actions.deploy_definition(call=Call(world.operator), source=LOAN).id
            for _ in range(TWINS)
        )
    )
    assert len(set(answers)) == 1
    with tenant_scope(world.operator.tenant_id):
        assert CaseDefinition.objects.count() == 1
    verify()


def test_different_definitions_are_deployed_at_once(world: World) -> None:
    names = [f"d{index}" for index in range(4)]
    for version in ("1.0.0", "1.0.1", "1.0.2"):
        sources = [definition(name, human("a")) | {"version": version} for name in names]
        answers = at_once(
            *(
                lambda source=source: (
                    actions.deploy_definition(call=Call(world.operator), source=source).name
                )
                for source in sources
            )
        )
        assert answers == names
    with tenant_scope(world.operator.tenant_id):
        assert CaseDefinition.objects.count() == 12
    verify()
