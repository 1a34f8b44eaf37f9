"""An undo that is refused leaves its step FAILED with the reason, and nothing else behind."""

from __future__ import annotations

import pytest

from compensation.actions.plan_execution import execute
from compensation.events import ENGINE_LANE
from executions import capability_registry
from executions.models import Execution
from ledger.dispatch.lanes import Lane
from ledger.dispatch.runner import work_lane
from ledger.tenancy import tenant_scope
from tests.bank import actions_of, open_bank, paying_case, stored
from tests.casework import case_row, plan_for, plan_items, run_row, steps
from tests.lanes import statements
from tests.world import World
from verbs.call import Call


def test_nothing_of_a_refused_undo_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = open_bank(monkeypatch)
    case_id, paid = paying_case(world)
    before = actions_of(world, paid)
    plan = plan_for(world, case_id)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    monkeypatch.delitem(capability_registry._capabilities, "test.unpay")  # noqa: SLF001  -- there is no way back
    sent = statements(lambda: work_lane(Lane(world.system.tenant_id, ENGINE_LANE, case_id)))
    assert not [each for each in sent if each.startswith("SAVEPOINT")]
    [step] = steps(world, run.id)
    assert (step.status, step.compensation_id) == ("FAILED", None)
    assert "no capability named 'test.unpay'" in step.error
    assert run_row(world, run.id).status == "FAULTED"
    assert case_row(world, case_id).status == "COMPENSATION_FAULTED"
    now = stored(world, paid.id)
    assert (now.status, now.version, now.compensation_round) == ("SUCCEEDED", paid.version, 0)
    assert actions_of(world, paid) == before
    assert [item.compensation_state for item in plan_items(world, case_id).values()] == ["NONE"]
    with tenant_scope(world.system.tenant_id):
        assert not Execution.objects.filter(undoes_id=paid.id).exists()
    assert bank.out == 5
