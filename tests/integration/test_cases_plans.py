"""A preview says what would be undone and changes nothing; only that can be executed."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, ProgrammingError, connection

from cases import actions
from compensation.actions.plan_execution import execute
from compensation.errors import (
    AlreadyCompensated,
    CaseClosed,
    NotCompensable,
    NothingToUndo,
    PlanExpired,
    PlanStale,
    RunLive,
)
from compensation.errors import RunLive as ItemRunLive
from compensation.models import CompensationPlan
from ledger.errors import Conflict, Invalid, NotFound, NotPermitted, PreconditionRequired
from ledger.tenancy import tenant_scope
from tests.casework import (
    REASON,
    approved_loan,
    case_row,
    counted,
    deploy,
    finish,
    open_item,
    open_loan,
    open_undo,
    opened,
    plan_for,
    plan_items,
    preview,
    roll_back,
    steps,
    undo,
)
from tests.definitions import definition, human
from tests.draining import drain
from tests.world import World
from verbs.call import Call
from workitems.actions import compensate, withdraw

THREE = ("a", "b", "c")


def done_case(world: World, *bindings: dict[str, Any], order: str = "abc") -> uuid.UUID:
    """Open a case of tasks that are all ready at once and complete those of `order`, in order."""
    deploy(world, definition("three", *bindings))
    case_id = opened(world, "tests/three")
    for name in order:
        finish(world.analyst, case_id, name, None)
    return case_id


def names(plan: CompensationPlan) -> list[str]:
    return [step["original"]["name"] for step in plan.content["steps"]]


def codes(plan: CompensationPlan) -> dict[str, str]:
    return {each["original"]["name"]: each["code"] for each in plan.content["excluded"]}


def test_a_preview_writes_its_plan_and_nothing_else(world: World) -> None:
    case_id = approved_loan(world)
    before, case = counted(world), case_row(world, case_id)
    plan = plan_for(world, case_id)
    assert counted(world) == before
    assert case_row(world, case_id).version == case.version
    assert plan.expires_at - plan.created_at == dt.timedelta(minutes=15)
    assert plan.requires_approval is False
    assert plan_for(world, case_id).digest == plan.digest


def test_only_operators_preview_and_execute(world: World) -> None:
    case_id = approved_loan(world)
    for who in (world.analyst, world.approver, world.auditor):
        with pytest.raises(NotPermitted):
            preview(("case", case_id), call=Call(who), reason=REASON)
    plan = plan_for(world, case_id)
    with pytest.raises(NotPermitted):
        execute(plan.id, call=Call(world.analyst, digest=plan.digest))
    with pytest.raises(NotFound):
        execute(plan.id, call=Call(world.outsider, digest=plan.digest))
    assert case_row(world, case_id).status == "COMPLETED"


def test_every_broken_field_is_named(world: World) -> None:
    case_id = approved_loan(world)
    with pytest.raises(Invalid) as refused:
        preview(
            ("case", case_id),
            call=Call(world.operator),
            reason=" ",
            scope={"kind": "from_step"},
            strategy="undo",
            include="x",
            regulatory_basis=[{"code": "NO_SUCH"}],
        )
    assert [error.pointer for error in refused.value.errors] == [
        "/reason", "/scope/step", "/include", "/regulatory_basis/0/code", "/strategy",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "pointer"),
    [
        ({"kind": "sub_case", "case": "x"}, "/scope/case"),
        ({"kind": "sub_case", "case": "valuation"}, "/scope/case"),
        ({"kind": "sub_case"}, "/scope/case"),
        ({"kind": "half"}, "/scope/kind"),
        ("whole", "/scope"),
        ({"kind": "whole", "step": "a"}, "/scope/step"),
        ({"kind": "steps", "steps": []}, "/scope/steps"),
        ({"kind": "steps", "steps": ["a"], "only_this": "yes"}, "/scope/only_this"),
        ({"kind": "from_step", "step": "nowhere"}, "/scope/step"),
        ({"kind": "steps", "steps": ["valuation", "nowhere"]}, "/scope/steps/1"),
    ],
)
def test_a_wrong_scope_is_refused_at_its_field(world: World, scope: Any, pointer: str) -> None:
    case_id = approved_loan(world)
    with pytest.raises(Invalid) as refused:
        plan_for(world, case_id, scope=scope)
    assert [error.pointer for error in refused.value.errors] == [pointer]


def test_the_order_is_that_of_completion_reversed(world: World) -> None:
    case_id = done_case(world, *(human(name) for name in THREE), order="bca")
    assert names(plan_for(world, case_id)) == ["a", "c", "b"]


def test_scopes_take_dependents_along_unless_told_not_to(world: World) -> None:
    case_id = done_case(world, *(human(name) for name in THREE))
    assert names(plan_for(world, case_id, scope={"kind": "from_step", "step": "b"})) == ["c", "b"]
    assert names(plan_for(world, case_id, scope={"kind": "steps", "steps": ["b"]})) == ["c", "b"]
    only = plan_for(world, case_id, scope={"kind": "steps", "steps": ["b"], "only_this": True})
    assert names(only) == ["b"]
    assert codes(only) == {"c": "dependents_remain"}


def test_what_cannot_be_undone_is_excluded_by_its_code(world: World) -> None:
    case_id = done_case(
        world,
        human("a", compensation=None),
        human("b", reversibility="irreversible"),
        human("c", reversibility="pivot"),
        human("d", reversibility="not_needed"),
        human("e", compensation={"mode": "human", "window": "PT1H"}),
        human("f"),
        order="abcde",
    )
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(hours=2), tick=False):
        plan = plan_for(world, case_id)
    assert names(plan) == []
    assert codes(plan) == {
        "a": "no_compensation_declared",
        "b": "irreversible",
        "c": "pivot",
        "e": "window_closed",
        "f": "not_completed",
    }
    assert {
        each["original"]["name"]: each["alternatives"] for each in plan.content["excluded"]
    } == {
        "a": ["include", "accept"],
        "b": ["correct", "accept"],
        "c": ["undo_item", "accept"],
        "e": ["override_window", "accept"],
        "f": ["cancel_if_open"],
    }
    # What is offered holds: the strategy lifts neither a pivot nor a window that is over.
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(hours=2), tick=False):
        corrected = plan_for(world, case_id, strategy="correct")
    assert (names(corrected), codes(corrected)["c"], codes(corrected)["e"]) == (
        ["b"], "pivot", "window_closed",
    )  # fmt: skip
    pivot = plan_items(world, case_id)["c"].work[1]
    undone = compensate(pivot, call=Call(world.operator), reason="Alone")
    assert undone.original.status == "COMPENSATING"
    withdraw(pivot, call=Call(world.operator))
    included = plan_for(world, case_id, include=["a"])
    (step,) = [s for s in included.content["steps"] if s["original"]["name"] == "a"]
    assert (step["mode"], step["performer"]) == ("human", "original_actor")
    assert names(plan_for(world, case_id, strategy="correct")) == ["e", "b"]
    with pytest.raises(Invalid) as refused:
        plan_for(world, case_id, include=["zzz"])
    assert [error.pointer for error in refused.value.errors] == ["/include/0"]


def test_execution_needs_the_digest_in_time(world: World) -> None:
    case_id = approved_loan(world)
    plan = plan_for(world, case_id)
    with pytest.raises(PreconditionRequired):
        execute(plan.id, call=Call(world.operator, digest=None))
    with pytest.raises(PlanStale):
        execute(plan.id, call=Call(world.operator, digest="0" * 64))
    late = plan.expires_at + dt.timedelta(seconds=1)
    with time_machine.travel(late, tick=False), pytest.raises(PlanExpired):
        execute(plan.id, call=Call(world.operator, digest=plan.digest))
    assert case_row(world, case_id).status == "COMPLETED"


def test_a_world_that_moved_makes_the_plan_stale_and_says_how(world: World) -> None:
    case_id = open_loan(world)
    finish(world.analyst, case_id, "credit-check", "PASSED")
    plan = plan_for(world, case_id)
    finish(world.surveyor, case_id, "valuation", "VALUED")
    before = counted(world)
    with pytest.raises(PlanStale) as refused:
        execute(plan.id, call=Call(world.operator, digest=plan.digest))
    difference = refused.value.extra["difference"]
    assert difference["added"] == ["valuation"]
    assert difference["removed"] == []
    assert counted(world) == before
    assert case_row(world, case_id).status == "RUNNING"


def test_claiming_does_not_make_a_plan_stale(world: World) -> None:
    case_id = open_loan(world)
    finish(world.analyst, case_id, "credit-check", "PASSED")
    plan = plan_for(world, case_id)
    task = open_item(world.surveyor, case_id, "valuation")
    from_pool = task.version
    execute(plan.id, call=Call(world.operator, digest=plan.digest))
    with tenant_scope(world.operator.tenant_id):
        task = task.__class__.objects.get(id=task.id)
    assert (task.status, task.version) == ("CANCELLED", from_pool + 1)


def test_while_a_run_is_live_no_other_starts(world: World) -> None:
    case_id = approved_loan(world)
    first, second = plan_for(world, case_id), plan_for(world, case_id)
    run = execute(first.id, call=Call(world.operator, digest=first.digest))
    with pytest.raises(RunLive) as refused:
        execute(second.id, call=Call(world.operator, digest=second.digest))
    assert refused.value.extra["run"] == str(run.id)
    for verb in (actions.cancel_case, actions.close_case):
        with pytest.raises(Conflict):
            verb(case_id, call=Call(world.operator))
    item = steps(world, run.id)[1].original_id
    with pytest.raises(ItemRunLive):
        compensate(item, call=Call(world.operator), reason=REASON)


def test_what_has_changed_is_said_before_that_a_run_is_live(world: World) -> None:
    """As everywhere: the precondition first. The answer names the run all the same."""
    case_id = approved_loan(world)
    first, second = plan_for(world, case_id), plan_for(world, case_id)
    run = execute(first.id, call=Call(world.operator, digest=first.digest))
    drain()
    undo(world.underwriter, case_id)
    undone = [step.original_name for step in steps(world, run.id) if step.status == "DONE"]
    before = counted(world)
    with pytest.raises(PlanStale) as refused:
        execute(second.id, call=Call(world.operator, digest=second.digest))
    assert refused.value.extra["run"] == str(run.id)
    assert refused.value.extra["difference"]["removed"] == sorted(undone) != []
    # What is previewed anew is up to date, and waits for the live one.
    third = plan_for(world, case_id)
    with pytest.raises(RunLive) as busy:
        execute(third.id, call=Call(world.operator, digest=third.digest))
    assert busy.value.extra["run"] == str(run.id)
    assert counted(world) == before


def test_a_closed_case_is_never_rolled_back(world: World) -> None:
    case_id = approved_loan(world)
    plan = plan_for(world, case_id)
    actions.close_case(case_id, call=Call(world.operator))
    with pytest.raises(CaseClosed):
        plan_for(world, case_id)
    with pytest.raises(CaseClosed):
        execute(plan.id, call=Call(world.operator, digest=plan.digest))


def test_a_case_that_is_undone_has_nothing_left(world: World) -> None:
    case_id = done_case(world, human("a"), order="a")
    roll_back(world, case_id)
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "COMPENSATED"
    with pytest.raises(AlreadyCompensated):
        plan_for(world, case_id)


def test_a_plan_without_steps_is_not_executed(world: World) -> None:
    deploy(world, definition("ends", human("a", compensation=None), success=".a != null"))
    case_id = opened(world, "tests/ends")
    finish(world.analyst, case_id, "a", None)
    plan = plan_for(world, case_id)
    with pytest.raises(NothingToUndo) as refused:
        execute(plan.id, call=Call(world.operator, digest=plan.digest))
    (excluded,) = refused.value.extra["excluded"]
    assert excluded["code"] == "no_compensation_declared"
    assert case_row(world, case_id).status == "COMPLETED"


def test_an_undo_is_not_itself_planned(world: World) -> None:
    case_id = done_case(world, human("a"), order="a")
    roll_back(world, case_id)
    task = open_undo(world.analyst, case_id)
    with pytest.raises(NotCompensable):
        preview(("work_item", task.id), call=Call(world.operator), reason=REASON)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cases_case SET status = 'COMPENSATED', version = version + 1",
        "UPDATE compensation_compensationrun SET status = 'COMPLETED', version = version + 1",
        "UPDATE compensation_compensationstep SET status = 'DONE', version = version + 1",
        "UPDATE cases_case SET fault = 'x'",
        "UPDATE compensation_compensationstep SET error = 'x'",
    ],
)
def test_the_database_refuses_a_change_without_an_entry(world: World, statement: str) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    with pytest.raises(IntegrityError):
        _execute(world, statement)
    assert case_row(world, case_id).status == "COMPENSATING"
    assert [step.status for step in steps(world, run.id)] == [
        "DONE",
        "RUNNING",
        "PLANNED",
        "PLANNED",
    ]


@pytest.mark.parametrize("table", ["cases_casedefinition", "compensation_compensationplan"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET digest = 'x'", "DELETE FROM {}"])
def test_definitions_and_plans_never_change(world: World, table: str, verb: str) -> None:
    plan_for(world, approved_loan(world))
    with pytest.raises(ProgrammingError):
        _execute(world, verb.format(table))


def _execute(world: World, statement: str) -> None:
    with tenant_scope(world.operator.tenant_id), connection.cursor() as cursor:
        cursor.execute(statement)
