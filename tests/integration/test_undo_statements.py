"""What one undo step of a rollback costs, from the start of the undo to the opening of the next.

BEGIN and COMMIT aside; savepoints, leases and notices included.
"""

from __future__ import annotations

import uuid

import pytest

from compensation.actions.plan_execution import execute
from compensation.actions.run_turn import steps_of
from compensation.events import ENGINE_LANE, RUNS
from executions.lifecycle import JOBS_SOURCE
from executions.models import Execution, ExecutionJob
from ledger.dispatch.lanes import Lane
from ledger.dispatch.runner import work_lane, work_row
from ledger.tenancy import tenant_scope
from tests.bank import open_bank
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
)
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.lanes import Cost, waiting
from tests.world import World
from verbs.call import Call
from workitems.actions import complete, start

STEPS = 5
# The bounds, and what it takes now, exactly: one more is a decision.
HUMAN_STEP, AUTOMATED_STEP = 40, 30
BY_A_PERSON, BY_A_PROGRAM = 18, 18
# Start, complete, lease, engine, notices. A program's: begin, settle, lease, engine, notices.
TRANSACTIONS = 5
#: Telling people, in bulk: one transaction, its lane leased by the one before.
NOTICES = 4


def human_case(world: World) -> uuid.UUID:
    """Return a case of five finished human steps, each of which stands on the one before."""
    when = [None, *[f".s{n} != null and .s{n + 1} == null" for n in range(STEPS - 1)]]
    deploy(world, definition("five", *[human(f"s{n}", when[n]) for n in range(STEPS)]))
    case_id = opened(world, "tests/five")
    for n in range(STEPS):
        finish(world.analyst, case_id, f"s{n}", "DONE")
    return case_id


def automated_case(world: World) -> uuid.UUID:
    """Return a case of five finished payments, each of which stands on the one before."""
    when = ["true", *[f".s{n} != null" for n in range(STEPS - 1)]]
    bindings = [automated(f"s{n}", "test.pay", when[n], "{amount: 5}") for n in range(STEPS)]
    deploy(world, definition("five", *bindings))
    case_id = opened(world, "tests/five")
    drain()
    return case_id


def news_of_a_run(world: World, case_id: uuid.UUID) -> int:
    """Return how much news the run has; the engine has none, and nobody has any in another lane."""
    tasks = waiting(world)
    consumers = {consumer for consumer, _lane, _shard in tasks}
    assert consumers <= {RUNS, "notifications.deliver"}
    return tasks.get((RUNS, ENGINE_LANE, case_id), 0)


def carry_on(world: World, case_id: uuid.UUID) -> None:
    """Do what is due in the lane of a case, as a worker does."""
    work_lane(Lane(world.system.tenant_id, ENGINE_LANE, case_id))


def test_the_bounds_hold() -> None:
    assert BY_A_PERSON + NOTICES <= HUMAN_STEP
    assert BY_A_PROGRAM <= AUTOMATED_STEP


def test_a_human_undo_step(world: World) -> None:
    case_id = human_case(world)
    run = roll_back(world, case_id)
    for n in reversed(range(STEPS)):
        task, cost = open_undo(world.analyst, case_id).id, Cost()
        cost.of(lambda task=task: start(task, call=Call(world.analyst)))  # type: ignore[misc]
        assert news_of_a_run(world, case_id) == 0
        said = {"outcome": "REVERSED"}
        cost.of(lambda task=task, said=said: complete(task, call=Call(world.analyst), **said))  # type: ignore[misc]
        assert news_of_a_run(world, case_id) == 1
        cost.of(lambda: carry_on(world, case_id))
        assert news_of_a_run(world, case_id) == 0
        assert steps(world, run.id)[STEPS - 1 - n].status == "DONE"
        if n:
            assert steps(world, run.id)[STEPS - n].status == "RUNNING"
            assert len(cost.statements) == BY_A_PERSON, "\n".join(cost.statements)
            assert cost.transactions + 1 <= TRANSACTIONS
        drain()
    assert [step.status for step in steps(world, run.id)] == ["DONE"] * STEPS
    states = {item.compensation_state for item in plan_items(world, case_id).values()}
    assert states == {"COMPENSATED"}
    assert run_row(world, run.id).status == "COMPLETED"
    case = case_row(world, case_id)
    assert (case.status, case.invalidated) == ("COMPENSATED", [f"s{n}" for n in range(STEPS)])


def test_a_step_of_a_long_run_reads_no_other_steps(world: World) -> None:
    deploy(world, definition("long", *[human(f"s{n}") for n in range(4 * STEPS)]))
    case_id = opened(world, "tests/long")
    for n in range(4 * STEPS):
        finish(world.analyst, case_id, f"s{n}", "DONE")
    run = roll_back(world, case_id)
    with tenant_scope(world.system.tenant_id):
        assert sorted(step.n for step in steps_of(run.tenant_id, run.id)) == [1, 2]
    task, cost = open_undo(world.analyst, case_id).id, Cost()
    cost.of(lambda: start(task, call=Call(world.analyst)))
    cost.of(lambda: complete(task, call=Call(world.analyst), outcome="REVERSED"))
    cost.of(lambda: carry_on(world, case_id))
    assert len(cost.statements) == BY_A_PERSON
    with tenant_scope(world.system.tenant_id):
        assert sorted(step.n for step in steps_of(run.tenant_id, run.id)) == [2, 3]


def test_an_automated_undo_step(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = open_bank(monkeypatch)
    case_id = automated_case(world)
    there = dict(bank.paid)
    assert list(there.values()) == [5] * STEPS
    plan = plan_for(world, case_id)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    carry_on(world, case_id)
    for n in reversed(range(STEPS)):
        cost = Cost()
        undo_id = due_undo(world)
        cost.of(lambda undo_id=undo_id: work_row(JOBS_SOURCE, world.system.tenant_id, undo_id))  # type: ignore[misc]
        assert news_of_a_run(world, case_id) == 1
        cost.of(lambda: carry_on(world, case_id))
        assert news_of_a_run(world, case_id) == 0
        if n:
            assert len(cost.statements) == BY_A_PROGRAM, "\n".join(cost.statements)
            assert cost.transactions + 1 <= TRANSACTIONS
    drain()
    assert [step.status for step in steps(world, run.id)] == ["DONE"] * STEPS
    assert run_row(world, run.id).status == "COMPLETED"
    assert case_row(world, case_id).status == "COMPENSATED"
    with tenant_scope(world.operator.tenant_id):
        done = Execution.objects.filter(undoes_id__isnull=True).order_by("-completion_seq")
        originals = [row.id for row in done]
    back = {f"comp:{id_}:1": -5 for id_ in originals}
    # Each effect once, in the opposite order.
    assert list(bank.paid.items()) == [*there.items(), *back.items()]


def due_undo(world: World) -> uuid.UUID:
    """Return the one execution that is due."""
    with tenant_scope(world.system.tenant_id):
        return ExecutionJob.objects.get().execution_id
