"""A run that meets trouble: failure holds it where people decide, and never reaches other cases."""

from __future__ import annotations

import uuid

import pytest

from accounts.acting import ActingUser
from cases import actions
from compensation.actions.plan_execution import execute
from compensation.actions.run_verbs import pause as pause_run
from compensation.actions.run_verbs import resume as resume_run
from compensation.actions.step_verbs import (
    abandon_step,
    attest_step,
    hand_step_to_human,
    reassign_step,
    retry_step,
)
from compensation.errors import ManagedByRun, UndoNotBegun
from compensation.models import CompensationRun
from compensation.sentences import INPUT_UNKNOWN
from config.demo.transfers import balances, open_accounts
from executions.actions import record_result
from executions.models import Execution
from ledger.errors import Conflict, Invalid, NotFound, NotPermitted
from ledger.tenancy import tenant_scope
from tests.casework import (
    case_row,
    deploy,
    finish,
    open_item,
    open_loan,
    open_undo,
    opened,
    plan_for,
    plan_items,
    roll_back,
    run_row,
    steps,
    undo,
)
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.states import work
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.actions import abandon as abandon_item
from workitems.actions import cancel, compensate, reject, retry_compensation, start, withdraw
from workitems.models import WorkItem

TWO = (human("a"), human("b", when=".a != null and .b == null"))


def two_done(world: World, *, ends: bool = True) -> uuid.UUID:
    """A case of two tasks, a before b, both done by the analyst."""
    deploy(world, definition("two", *TWO, success=".b != null" if ends else None))
    case_id = opened(world, "tests/two")
    finish(world.analyst, case_id, "a", None)
    finish(world.analyst, case_id, "b", None)
    return case_id


def failed_run(world: World, case_id: uuid.UUID) -> CompensationRun:
    """A run whose first step, by a person, could not reverse."""
    run = roll_back(world, case_id)
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    return run


def states(world: World, run: CompensationRun) -> list[str]:
    return [str(step.status) for step in steps(world, run.id)]


def test_a_failed_step_holds_run_and_case_and_starts_nothing_else(world: World) -> None:
    case_id, other = two_done(world), open_loan(world)
    run = failed_run(world, case_id)
    assert states(world, run) == ["FAILED", "PLANNED"]
    assert (run_row(world, run.id).status, case_row(world, case_id).status) == (
        "FAULTED",
        "COMPENSATION_FAULTED",
    )
    items = plan_items(world, case_id)
    assert items["b"].compensation_state == "COMPENSATION_FAULTED"
    assert items["a"].compensation_state == "NONE"
    assert case_row(world, other).status == "RUNNING"
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.filter(case_id=case_id, kind="COMPENSATION").count() == 1


def test_retrying_it_leads_to_compensated(world: World) -> None:
    case_id = two_done(world)
    run = failed_run(world, case_id)
    with pytest.raises(NotPermitted):
        retry_step(run.id, 1, call=Call(world.analyst))
    with pytest.raises(Conflict):
        retry_step(run.id, 2, call=Call(world.operator))
    with pytest.raises(NotFound):
        retry_step(run.id, 1, call=Call(world.outsider))
    retry_step(run.id, 1, call=Call(world.operator))
    assert case_row(world, case_id).status == "COMPENSATING"
    undo(world.analyst, case_id)
    undo(world.analyst, case_id)
    assert states(world, run) == ["DONE", "DONE"]
    assert case_row(world, case_id).status == "COMPENSATED"
    verify()


def test_abandoning_it_leaves_the_case_partially_compensated(world: World) -> None:
    case_id = two_done(world)
    run = failed_run(world, case_id)
    with pytest.raises(Invalid):
        abandon_step(run.id, 1, call=Call(world.operator), reason=" ")
    abandon_step(run.id, 1, call=Call(world.operator), reason="Not worth it")
    drain()
    undo(world.analyst, case_id)
    assert states(world, run) == ["ABANDONED", "DONE"]
    assert run_row(world, run.id).status == "PARTIAL"
    assert case_row(world, case_id).status == "PARTIALLY_COMPENSATED"
    items = plan_items(world, case_id)
    assert (items["b"].compensation_state, items["a"].compensation_state) == ("NONE", "COMPENSATED")
    # What is left can be undone later.
    second = roll_back(world, case_id)
    undo(world.analyst, case_id)
    assert states(world, second) == ["DONE"]
    assert case_row(world, case_id).status == "COMPENSATED"
    verify()


def test_attesting_it_needs_evidence_and_counts_as_undone(world: World) -> None:
    case_id = two_done(world)
    run = failed_run(world, case_id)
    with pytest.raises(Invalid) as refused:
        attest_step(run.id, 1, call=Call(world.operator), evidence="")
    assert [e.pointer for e in refused.value.errors] == ["/evidence"]
    attest_step(run.id, 1, call=Call(world.operator), evidence="Letter of 4 May")
    drain()
    undo(world.analyst, case_id)
    assert states(world, run) == ["RESOLVED", "DONE"]
    assert case_row(world, case_id).status == "COMPENSATED"


def test_reassigning_it_asks_somebody_else(world: World) -> None:
    case_id = two_done(world)
    run = failed_run(world, case_id)
    with pytest.raises(Invalid):
        reassign_step(run.id, 1, call=Call(world.operator))
    reassign_step(run.id, 1, call=Call(world.operator), assignee=world.surveyor.username)
    assert open_undo(world.surveyor, case_id).assignee_id == world.surveyor.actor_id
    undo(world.surveyor, case_id)
    assert states(world, run)[0] == "DONE"


@pytest.mark.parametrize("how", ["reject", "cancel"])
def test_an_undo_task_that_ends_badly_fails_its_step(world: World, how: str) -> None:
    case_id = two_done(world)
    run = roll_back(world, case_id)
    task = open_undo(world.analyst, case_id)
    if how == "reject":
        start(task.id, call=Call(world.analyst))
        reject(task.id, call=Call(world.analyst), reason="Not me")
    else:
        cancel(task.id, call=Call(world.operator), reason="Mistake")
    drain()
    assert states(world, run) == ["FAILED", "PLANNED"]
    assert steps(world, run.id)[0].error != ""


def test_an_undo_of_a_run_is_repaired_through_its_step(world: World) -> None:
    case_id = two_done(world)
    run = failed_run(world, case_id)
    original = steps(world, run.id)[0].original_id
    with pytest.raises(ManagedByRun) as refused:
        retry_compensation(original, call=Call(world.operator))
    assert refused.value.extra["run"] == str(run.id)
    with pytest.raises(ManagedByRun):
        abandon_item(original, call=Call(world.operator), reason="x")
    assert states(world, run) == ["FAILED", "PLANNED"]


def test_an_automated_undo_that_keeps_failing_is_visible_and_handed_to_a_person(
    world: World,
) -> None:
    open_accounts(world.operator.tenant_id)
    pay = automated(
        "pay", "demo.transfer", "true", '{from: "bank", to: "customer", amount: 5}',
        compensate="fail", reversibility="compensable",
    )  # fmt: skip
    failing = {
        "name": "fail", "compensation": True, "on": {"contextChange": {}},
        "capability": "demo.fail", "inputMapping": "{}",
    }  # fmt: skip
    deploy(world, definition("pays", pay, failing, success=".pay != null"))
    case_id = opened(world, "tests/pays")
    run = roll_back(world, case_id)
    drain(fast_forward=True)
    (step,) = steps(world, run.id)
    assert (step.status, case_row(world, case_id).status) == ("FAILED", "COMPENSATION_FAULTED")
    assert step.error != ""
    assert balances(world.operator.tenant_id) == {"bank": 999_995, "customer": 5}
    hand_step_to_human(run.id, 1, call=Call(world.operator), candidate_groups=["compliance"])
    undo(world.compliance, case_id, "CORRECTED")
    assert case_row(world, case_id).status == "COMPENSATED"
    verify()


@pytest.mark.parametrize(
    ("how", "status"), [("abandon", "PARTIALLY_COMPENSATED"), ("hand over", "COMPENSATED")]
)
def test_a_step_that_cannot_begin_fails_and_is_decided_about(
    world: World, how: str, status: str
) -> None:
    bad = human("undo-a", compensation=True, when=".x", humanTask={
        "title": "Undo A", "inputMapping": "[1] | .",
    })  # fmt: skip
    del bad["when"]
    first = human("a", compensate="undo-a", compensation=None)
    deploy(world, definition("bad", first, bad, success=".a != null"))
    case_id = opened(world, "tests/bad")
    finish(world.analyst, case_id, "a", None)
    run = roll_back(world, case_id)
    (step,) = steps(world, run.id)
    assert (step.status, step.compensation_id) == ("FAILED", None)
    assert step.error == f"{INPUT_UNKNOWN} undo-a: the inputMapping must give an object"
    with pytest.raises(UndoNotBegun):
        attest_step(run.id, 1, call=Call(world.operator), evidence="x")
    retry_step(run.id, 1, call=Call(world.operator))
    drain()
    assert steps(world, run.id)[0].status == "FAILED"
    if how == "abandon":
        abandon_step(run.id, 1, call=Call(world.operator), reason="Wrong definition")
        drain()
    else:
        hand_step_to_human(run.id, 1, call=Call(world.operator), assignee=world.analyst.username)
        undo(world.analyst, case_id)
    assert case_row(world, case_id).status == status
    verify()


def test_what_nobody_declared_leaves_a_case_partial_unless_it_is_included(world: World) -> None:
    deploy(world, definition("gap", human("a", compensation=None), human("b")))
    case_id = opened(world, "tests/gap")
    finish(world.analyst, case_id, "a", None)
    finish(world.analyst, case_id, "b", None)
    roll_back(world, case_id)
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "PARTIALLY_COMPENSATED"
    roll_back(world, case_id, include=["a"])
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "COMPENSATED"


def test_a_partial_run_returns_the_case_to_where_it_was(world: World) -> None:
    case_id = two_done(world)
    ended = case_row(world, case_id).ended_at
    assert ended is not None
    run = roll_back(world, case_id, scope={"kind": "from_step", "step": "b"})
    undo(world.analyst, case_id)
    assert states(world, run) == ["DONE"]
    case = case_row(world, case_id)
    assert (case.status, case.ended_at) == ("COMPLETED", ended)
    roll_back(world, case_id)
    undo(world.analyst, case_id)
    case = case_row(world, case_id)
    assert (case.status, case.ended_at is not None) == ("COMPENSATED", True)
    assert case.ended_at != ended


@pytest.mark.parametrize(("resume", "status"), [(False, "SUSPENDED"), (True, "RUNNING")])
def test_a_running_case_waits_after_a_partial_run_unless_told_to_go_on(
    world: World, *, resume: bool, status: str
) -> None:
    case_id = two_done(world, ends=False)
    plan = plan_for(world, case_id, scope={"kind": "steps", "steps": ["b"]})
    execute(plan.id, call=Call(world.operator, digest=plan.digest), resume_after=resume)
    drain()
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == status


def test_a_paused_run_starts_nothing_until_it_is_resumed(world: World) -> None:
    case_id = two_done(world)
    run = roll_back(world, case_id)
    actions.suspend_case(case_id, call=Call(world.operator), reason="Wait")
    assert run_row(world, run.id).status == "PAUSED"
    undo(world.analyst, case_id)
    assert states(world, run) == ["DONE", "PLANNED"]
    resume_run(run.id, call=Call(world.operator))
    drain()
    assert states(world, run) == ["DONE", "RUNNING"]
    pause_run(run.id, call=Call(world.operator))
    actions.resume_case(case_id, call=Call(world.operator))
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "COMPENSATED"


def test_a_case_that_faulted_midway_is_rolled_back(world: World) -> None:
    case_id = open_loan(world)
    finish(world.analyst, case_id, "credit-check", "PASSED")
    item = open_item(world.surveyor, case_id, "valuation")
    start(item.id, call=Call(world.surveyor))
    reject(item.id, call=Call(world.surveyor), reason="No access")
    drain()
    assert case_row(world, case_id).status == "FAULTED"
    run = roll_back(world, case_id)
    undo(world.compliance, case_id)
    assert states(world, run) == ["DONE"]
    assert case_row(world, case_id).status == "COMPENSATED"


def test_an_undo_under_way_is_adopted_and_awaited(world: World) -> None:
    case_id = two_done(world)
    original = plan_items(world, case_id)["b"].work[1]
    compensate(original, call=Call(world.operator), reason="Alone")
    drain()
    run = roll_back(world, case_id)
    first = steps(world, run.id)[0]
    assert (first.status, first.adopted) == ("RUNNING", True)
    undo(world.analyst, case_id)
    undo(world.analyst, case_id)
    assert states(world, run) == ["DONE", "DONE"]
    assert case_row(world, case_id).status == "COMPENSATED"


def test_an_adopted_undo_that_is_withdrawn_is_begun_anew_by_the_run(world: World) -> None:
    case_id = two_done(world)
    original = plan_items(world, case_id)["b"].work[1]
    compensate(original, call=Call(world.operator), reason="Alone")
    drain()
    run = roll_back(world, case_id)
    withdraw(original, call=Call(world.operator), reason="No")
    drain()
    first = steps(world, run.id)[0]
    assert (first.status, first.adopted) == ("RUNNING", False)
    assert open_undo(world.analyst, case_id).run_id == run.id


def test_a_result_that_comes_in_during_a_rollback_is_undone_first(world: World) -> None:
    outside = automated("pay", "bank.pay", "true", "{}", compensation={"mode": "human"})
    deploy(world, definition("late", human("a"), outside))
    case_id = opened(world, "tests/late")
    finish(world.analyst, case_id, "a", None)
    plan = plan_for(world, case_id)
    assert [each["code"] for each in plan.content["excluded"]] == ["in_flight"]
    run = roll_back(world, case_id)
    assert states(world, run) == ["PLANNED"]
    with tenant_scope(world.operator.tenant_id):
        execution = Execution.objects.get(case_id=case_id)
    _report(world.operator, execution.id)
    drain()
    amended = steps(world, run.id)
    assert [(s.original_name, s.status, s.amendment) for s in amended] == [
        ("a", "PLANNED", False),
        ("pay", "RUNNING", True),
    ]
    with tenant_scope(world.operator.tenant_id):
        task = WorkItem.objects.get(case_id=case_id, kind="COMPENSATION")
    work(world.operator, task.id, "REVERSED")
    drain()
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "COMPENSATED"
    verify()


def _report(who: ActingUser, execution_id: uuid.UUID) -> None:
    record_result(execution_id, call=Call(who), outcome="succeeded", output={"paid": 1})
