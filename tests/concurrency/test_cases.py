"""Two at once: one rollback starts, one step is decided about once, one definition is stored."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

from cases import actions
from cases.models import CaseDefinition, CompensationRun
from ledger.errors import Refusal
from ledger.tenancy import tenant_scope
from ledger.verify import verify
from tests.casework import (
    LOAN,
    approved_loan,
    case_row,
    finish,
    open_item,
    opened,
    plan_for,
    roll_back,
    steps,
    undo,
    work,
)
from tests.definitions import definition, human
from tests.draining import drain
from tests.world import World
from workitems.actions import compensate
from workitems.actions.compensating import Wish
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
        definition("one", human("a"), success=".a != null"), acting_user=world.operator
    )
    case_id = opened(world, "tests/one")
    finish(world.analyst, case_id, "a", None)
    return case_id


def test_of_simultaneous_executes_one_run_starts(world: World) -> None:
    case_id = approved_loan(world)
    plans = [plan_for(world, case_id) for _ in range(TWINS)]
    answers = at_once(
        *(
            lambda plan=plan: (
                actions.execute(plan.id, digest=plan.digest, acting_user=world.operator).id
            )
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
    alone = actions.preview(
        ("work_item", uuid.UUID(item)), reason="Alone", acting_user=world.operator
    )
    at_once(
        lambda: actions.execute(whole.id, digest=whole.digest, acting_user=world.operator),
        lambda: actions.execute(alone.id, digest=alone.digest, acting_user=world.operator),
    )
    with tenant_scope(world.operator.tenant_id):
        assert CompensationRun.objects.count() == 1


def test_a_run_and_an_undo_of_one_item_do_not_both_begin_it(world: World) -> None:
    case_id = done_case(world)
    plan = plan_for(world, case_id)
    item = uuid.UUID(plan.content["steps"][0]["original"]["id"])
    at_once(
        lambda: actions.execute(plan.id, digest=plan.digest, acting_user=world.operator),
        lambda: compensate(item, Wish(reason="Alone"), acting_user=world.operator),
    )
    drain()
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.filter(compensates_id=item).count() == 1
    verify()


def test_completing_and_rolling_back_at_once_leave_nothing_behind(world: World) -> None:
    actions.deploy_definition(
        definition("pair", human("a"), human("b")), acting_user=world.operator
    )
    case_id = opened(world, "tests/pair")
    finish(world.analyst, case_id, "a", None)
    plan = plan_for(world, case_id)
    task = open_item(world.analyst, case_id, "b")
    answers = at_once(
        lambda: work(world.analyst, task.id, None),
        lambda: actions.execute(plan.id, digest=plan.digest, acting_user=world.operator),
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
        lambda: actions.retry_step(run.id, 1, acting_user=world.operator).id,
        lambda: actions.abandon_step(run.id, 1, reason="x", acting_user=world.operator).id,
        lambda: actions.attest_step(run.id, 1, evidence="x", acting_user=world.operator).id,
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
            lambda: actions.deploy_definition(LOAN, acting_user=world.operator).id
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
                    actions.deploy_definition(source, acting_user=world.operator).name
                )
                for source in sources
            )
        )
        assert answers == names
    with tenant_scope(world.operator.tenant_id):
        assert CaseDefinition.objects.count() == 12
    verify()
