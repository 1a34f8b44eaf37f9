"""What policies or approvers refuse is not asked for again: REROUTE is about people who decline."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases import actions
from cases.models import PlanItem
from executions import capability_registry
from executions.models import Execution
from governance.actions.policy_verbs import add_policy, end_policy
from governance.models import Approval
from ledger.tenancy import tenant_scope
from tests.approvals import reject
from tests.bank import Bank, open_bank
from tests.casework import case_row, deploy, opened
from tests.definitions import automated, definition
from tests.draining import drain
from tests.world import World
from verbs.call import Call

pytestmark = pytest.mark.django_db(transaction=True)
AGAIN = {"onDecline": "REROUTE", "onFailure": "REROUTE", "onExpired": "REROUTE"}


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    known = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known)
    return open_bank(monkeypatch)


def _policy(world: World, effect: str) -> Any:
    return add_policy(
        call=Call(world.admin), name=effect, priority=10, reason="House rule", effect=effect,
        when="true",
    )  # fmt: skip


def _a_case(world: World) -> uuid.UUID:
    step = automated("pay", "test.pay", "true", "{amount: 5}", outcomePolicy=AGAIN)
    deploy(world, definition("paid", step, success=".pay"))
    return opened(world, "tests/paid")


def _rows(world: World, case_id: uuid.UUID) -> tuple[list[tuple[str, int]], list[str]]:
    with tenant_scope(world.operator.tenant_id):
        items = PlanItem.objects.filter(case_id=case_id).order_by("created_at", "id")
        rows = Execution.objects.filter(case_id=case_id).order_by("created_at", "id")
        return [(str(each.status), each.rerouted) for each in items], [str(r.status) for r in rows]


def test_what_an_approver_refused_is_not_put_before_anybody_again(world: World, bank: Bank) -> None:
    _policy(world, "require_approval")
    case_id = _a_case(world)
    with tenant_scope(world.operator.tenant_id):
        asked = Approval.objects.get()
    reject(asked.id, call=Call(world.approver), reason="No")
    drain()
    assert case_row(world, case_id).status == "FAULTED"
    assert _rows(world, case_id) == ([("REJECTED", 0)], ["REJECTED"])
    with tenant_scope(world.operator.tenant_id):
        assert Approval.objects.count() == 1
    assert bank.paid == {}


def test_what_a_policy_denies_is_not_asked_for_again_until_somebody_tries(
    world: World, bank: Bank
) -> None:
    denied = _policy(world, "deny")
    case_id = _a_case(world)
    assert case_row(world, case_id).status == "FAULTED"
    assert _rows(world, case_id) == ([("REJECTED", 0)], ["REJECTED"])
    end_policy(denied.id, call=Call(world.admin))
    drain()
    assert len(_rows(world, case_id)[0]) == 1
    assert bank.paid == {}
    actions.retry_case(case_id, call=Call(world.operator))
    drain()
    assert case_row(world, case_id).status == "COMPLETED"
    assert list(bank.paid.values()) == [5]
