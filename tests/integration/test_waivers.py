"""What cannot be undone may stay on somebody's word; what fails need not stop the rest."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from compensation.actions.plan_execution import execute
from compensation.actions.step_verbs import abandon_step, retry_step
from compensation.actions.waiting_runs import approve_run
from compensation.errors import PlanStale
from ledger.errors import Invalid
from ledger.models import LedgerEntry
from ledger.selectors import open_entries
from ledger.tenancy import tenant_scope
from tests.casework import (
    case_row,
    deploy,
    finish,
    opened,
    plan_for,
    roll_back,
    run_row,
    steps,
    undo,
)
from tests.clients import api
from tests.definitions import definition, human
from tests.draining import drain
from tests.subcases import below, child
from tests.verifying import verify
from tests.world import World
from verbs.call import Call

WHY = "The airline does not refund it"


def done(world: World, *bindings: dict[str, Any]) -> uuid.UUID:
    """Return a case of tasks that were finished in order."""
    deploy(world, definition("tasks", *bindings))
    case_id = opened(world, "tests/tasks")
    for binding in bindings:
        finish(world.analyst, case_id, binding["name"], "OK")
    return case_id


def two(world: World) -> uuid.UUID:
    """Return a case of one task that can be undone, and one that cannot."""
    return done(world, human("hotel"), human("flight", reversibility="irreversible"))


def test_a_waiver_is_in_plan_run_and_ledger(world: World) -> None:
    case_id = two(world)
    waive = [{"step": "flight", "reason": WHY}]
    plan = plan_for(world, case_id, waive=waive)
    (out,) = plan.content["excluded"]
    assert (out["code"], out["waived"]) == ("irreversible", WHY)
    assert plan.digest != plan_for(world, case_id).digest, "what was waived is agreed to with it"
    said = plan_for(world, case_id, waive=[{"step": "flight", "reason": "Another reason"}])
    assert said.digest == plan.digest, "no reason is in a digest"
    # A waiver says why it may stay; that all before it is undone takes somebody else as well.
    assert plan.requires_approval
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    assert (run.status, case_row(world, case_id).status) == ("PENDING_APPROVAL", "RUNNING")
    approve_run(run.id, call=Call(world.approver))
    drain()
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "PARTIALLY_COMPENSATED"
    assert run_row(world, run.id).status == "PARTIAL"
    with tenant_scope(world.operator.tenant_id):
        rows = LedgerEntry.objects.filter(subject_id=run.id, action="compensation_step_waived")
        (entry,) = open_entries(rows)
    assert (entry.payloads["step"], entry.payloads["reason"]) == ("flight", WHY)
    assert (entry.compensation or {})["undoing"] == {
        "type": "work_item", "id": out["original"]["id"],
    }  # fmt: skip
    verify()


def test_the_api_takes_and_shows_it(world: World) -> None:
    case_id = two(world)
    client = api(world.operator)
    body = {
        "reason": "The trip is off",
        "waive": [{"step": "flight", "reason": WHY}],
        "resume_after": True,
    }
    answer = client.post(
        f"/api/v1/cases/{case_id}/compensation-plan", body, content_type="application/json"
    )
    assert answer.status_code == 201, answer.content
    said = answer.json()
    assert said["waive"] == [{"step": "flight", "reason": WHY}]
    assert said["resume_after"] is True
    assert [each["waived"] for each in said["excluded"]] == [WHY]


@pytest.mark.parametrize(
    ("waive", "pointer", "code"),
    [
        ([{"step": "nowhere", "reason": WHY}], "/waive/0/step", "unknown_step"),
        ([{"step": "hotel", "reason": WHY}], "/waive/0/step", "not_left_out"),
        ([{"step": "flight"}], "/waive/0/reason", "required"),
        ([{"step": "flight", "reason": " "}], "/waive/0/reason", "blank"),
        ([{"step": "flight", "reason": WHY, "by": "me"}], "/waive/0/by", "unknown_field"),
        ("flight", "/waive", "invalid"),
    ],
)
def test_a_wrong_waiver_is_refused_at_its_field(
    world: World, waive: Any, pointer: str, code: str
) -> None:
    case_id = two(world)
    with pytest.raises(Invalid) as refused:
        plan_for(world, case_id, waive=waive)
    assert [(each.pointer, each.code) for each in refused.value.errors] == [(pointer, code)]


def test_one_below_is_waived_from_above(world: World) -> None:
    inner = definition(
        "pair", human("room"), human("seat", reversibility="irreversible"),
        success=".room != null and .seat != null",
    )  # fmt: skip
    deploy(world, inner)
    deploy(world, definition("trip", below("booking", "pair"), success=".booking != null"))
    top = opened(world, "tests/trip")
    low = child(world, top).id
    finish(world.analyst, low, "room", "OK")
    finish(world.analyst, low, "seat", "OK")
    run = roll_back(world, top, waive=[{"step": "seat", "reason": WHY}])
    assert run.status == "PENDING_APPROVAL"
    approve_run(run.id, call=Call(world.approver))
    drain()
    undo(world.analyst, low)
    assert [case_row(world, id_).status for id_ in (top, low)] == ["PARTIALLY_COMPENSATED"] * 2
    assert run_row(world, run.id).status == "PARTIAL"
    with tenant_scope(world.operator.tenant_id):
        rows = LedgerEntry.objects.filter(action="compensation_step_waived", case_id=low)
        assert rows.count() == 1
    verify()


def test_what_is_irreversible_is_corrected_where_its_policy_says_so(world: World) -> None:
    filed = human("filing", reversibility="irreversible", compensation={"strategy": "correct"})
    case_id = done(world, filed)
    (step,) = plan_for(world, case_id).content["steps"]
    assert (step["original"]["name"], step["strategy"]) == ("filing", "correct")
    (out,) = plan_for(world, case_id, strategy="restore").content["excluded"]
    assert out["code"] == "irreversible"
    # What cannot be undone nobody corrects on their own word alone.
    run = roll_back(world, case_id)
    assert run.status == "PENDING_APPROVAL"
    approve_run(run.id, call=Call(world.approver))
    drain()
    undo(world.analyst, case_id, "CORRECTED")
    assert case_row(world, case_id).status == "COMPENSATED"


def three(world: World) -> uuid.UUID:
    """Return a case of three tasks, of which the undo of the second may fail without stopping."""
    goes_on = human("b", compensation={"on_failure": "continue"})
    return done(world, human("a"), goes_on, human("c"))


def test_what_may_fail_does_not_stop_the_rest(world: World) -> None:
    case_id = three(world)
    run = roll_back(world, case_id)
    undo(world.analyst, case_id)
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    assert [str(step.status) for step in steps(world, run.id)] == ["DONE", "FAILED", "RUNNING"]
    assert (run_row(world, run.id).status, case_row(world, case_id).status) == (
        "RUNNING", "COMPENSATING",
    )  # fmt: skip
    undo(world.analyst, case_id)
    # Nothing is left but what failed: that holds the end, and nobody calls it undone.
    assert [str(step.status) for step in steps(world, run.id)] == ["DONE", "FAILED", "DONE"]
    assert (run_row(world, run.id).status, case_row(world, case_id).status) == (
        "FAULTED", "COMPENSATION_FAULTED",
    )  # fmt: skip
    retry_step(run.id, 2, call=Call(world.operator))
    drain()
    assert case_row(world, case_id).status == "COMPENSATING"
    undo(world.analyst, case_id)
    assert (run_row(world, run.id).status, case_row(world, case_id).status) == (
        "COMPLETED", "COMPENSATED",
    )  # fmt: skip
    verify()


def test_what_may_fail_is_decided_about_while_the_rest_goes_on(world: World) -> None:
    case_id = three(world)
    run = roll_back(world, case_id)
    undo(world.analyst, case_id)
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    abandon_step(run.id, 2, call=Call(world.operator), reason=WHY)
    drain()
    assert [str(step.status) for step in steps(world, run.id)] == ["DONE", "ABANDONED", "RUNNING"]
    undo(world.analyst, case_id)
    assert (run_row(world, run.id).status, case_row(world, case_id).status) == (
        "PARTIAL", "PARTIALLY_COMPENSATED",
    )  # fmt: skip
    verify()


def test_one_that_holds_still_holds_beside_one_that_does_not(world: World) -> None:
    case_id = three(world)
    run = roll_back(world, case_id)
    undo(world.analyst, case_id)
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    assert [str(step.status) for step in steps(world, run.id)] == ["DONE", "FAILED", "FAILED"]
    abandon_step(run.id, 2, call=Call(world.operator), reason=WHY)
    drain()
    assert run_row(world, run.id).status == "FAULTED"
    abandon_step(run.id, 3, call=Call(world.operator), reason=WHY)
    drain()
    assert run_row(world, run.id).status == "PARTIAL"
    verify()


def test_a_plan_with_a_waiver_that_the_world_has_overtaken_is_stale(world: World) -> None:
    case_id = two(world)
    plan = plan_for(world, case_id, waive=[{"step": "flight", "reason": WHY}])
    again = plan_for(world, case_id, strategy="correct")
    assert again.content["excluded"] == []
    scope = {"kind": "steps", "steps": ["hotel"], "only_this": True}
    alone = roll_back(world, case_id, scope=scope)
    # What cannot be undone came after it, and stays: that takes somebody else too.
    approve_run(alone.id, call=Call(world.approver))
    drain()
    undo(world.analyst, case_id)
    with pytest.raises(PlanStale):
        execute(plan.id, call=Call(world.operator, digest=plan.digest))
