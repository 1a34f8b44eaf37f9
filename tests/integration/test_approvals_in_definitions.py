"""What a definition, or a capability, says of who agrees before its work is undone."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases.actions.deploy import check_definition, warnings_of
from compensation.actions.plan_execution import execute
from compensation.actions.waiting_runs import approve_run
from compensation.models import CompensationRun
from executions.capability_registry import Invocation, Result, capability
from governance.models import Approval
from ledger.errors import NotPermitted
from ledger.tenancy import tenant_scope
from tests.approvals import second_approver
from tests.bank import Bank, open_bank
from tests.casework import case_row, deploy, finish, opened, plan_for, undo
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.states import actions_of, history
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems import actions as item_actions
from workitems.models import WorkItem

AGREES: dict[str, Any] = {"mode": "human", "approval": "one"}


def way(world: World, *steps: dict[str, Any], **more: Any) -> uuid.UUID:
    """Open a case that ends with its last step."""
    source = definition("way", *steps, success=f".{steps[-1]['name']} != null")
    source["spec"] |= more
    deploy(world, source)
    return opened(world, "tests/way")


def asked(world: World, case_id: uuid.UUID) -> CompensationRun:
    plan = plan_for(world, case_id)
    assert plan.requires_approval
    return execute(plan.id, call=Call(world.operator, digest=plan.digest))


def undos(world: World) -> int:
    with tenant_scope(world.operator.tenant_id):
        return WorkItem.objects.filter(kind="COMPENSATION").count()


def test_a_rollback_waits_for_whom_a_step_of_its_definition_names(world: World) -> None:
    named = [{"users": [world.compliance.username]}, {"groups": ["underwriters"]}]
    case_id = way(
        world, human("a", compensation={"mode": "human", "approval": named}),
        human("b", ".a != null and .b == null"),
    )  # fmt: skip
    finish(world.analyst, case_id, "a", None)
    finish(world.analyst, case_id, "b", None)
    run = asked(world, case_id)
    assert run.status == "PENDING_APPROVAL"
    drain()
    assert (undos(world), case_row(world, case_id).status) == (0, "COMPLETED")
    with pytest.raises(NotPermitted):
        approve_run(run.id, call=Call(world.operator))
    approve_run(run.id, call=Call(world.compliance))
    drain()
    assert undos(world) == 0
    approve_run(run.id, call=Call(world.underwriter))
    drain()
    for _ in range(2):
        undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "COMPENSATED"
    with tenant_scope(run.tenant_id):
        [rule] = Approval.objects.get(about_id=run.id).decisions
    assert (rule["policy"], rule["reason"]) == ("compensation", "approval: 2 named")
    verify()


def test_so_does_the_undo_of_its_work_alone(world: World) -> None:
    case_id = way(world, human("a", compensation=AGREES))
    item_id = finish(world.analyst, case_id, "a", None)
    answer: Any = item_actions.compensate(item_id, call=Call(world.operator), reason="Wrong")
    assert answer.approval.status == "PENDING"
    drain()
    assert undos(world) == 0
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.get(id=item_id).status == "COMPLETED"


def test_a_rollback_that_begins_by_itself_is_left_to_people(world: World) -> None:
    case_id = way(
        world, human("a", compensation=AGREES),
        automated("b", "demo.fail", ".a != null", "{}", compensation={"mode": "human"}),
        on_fault="compensate",
    )  # fmt: skip
    finish(world.analyst, case_id, "a", None)
    drain(fast_forward=True)
    assert (case_row(world, case_id).status, undos(world)) == ("FAULTED", 0)
    refused = [e for e in history(world, "case", case_id) if e.action == "compensation_refused"]
    assert [each.payloads["code"] for each in refused] == ["approval_required"]
    run = asked(world, case_id)
    approve_run(run.id, call=Call(world.approver))
    drain()
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status in {"COMPENSATED", "PARTIALLY_COMPENSATED"}


def test_a_capability_may_say_so_for_all_that_it_does(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank: Bank = open_bank(monkeypatch)

    @capability(
        "test.pay-agreed", reversibility="compensable",
        compensation={"mode": "automated", "capability": "test.unpay", "approval": "two"},
    )  # fmt: skip
    def _pay(call: Invocation) -> Result:
        """Pay."""
        return bank.pay(call)

    case_id = way(world, automated("a", "test.pay-agreed", "true", "{amount: 5}"))
    drain()
    assert bank.out == 5
    run = asked(world, case_id)
    approve_run(run.id, call=Call(world.approver))
    drain()
    assert (bank.out, case_row(world, case_id).status) == (5, "COMPLETED")
    approve_run(run.id, call=Call(second_approver(world)))
    drain()
    assert (bank.out, case_row(world, case_id).status) == (0, "COMPENSATED")
    assert actions_of(world, "compensation_run", run.id)[0] == "compensation_requested"


def test_whoever_is_named_and_is_nobody_is_told_of(world: World) -> None:
    named = [{"users": ["nobody-here"], "groups": ["no-such-group"]}]
    source = definition("way", human("a", compensation={"mode": "human", "approval": named}))
    compiled = check_definition(source)
    with tenant_scope(world.operator.tenant_id):
        found = {
            each.pointer: each.message for each in warnings_of(world.operator.tenant_id, compiled)
        }
    at = "/spec/bindings/0/compensation/approval/0"
    assert "nobody-here" in found[f"{at}/users/0"]
    assert "no-such-group" in found[f"{at}/groups/0"]
