"""Undoing one risky item by itself: nobody vouches for it, or gives it up, alone."""

from __future__ import annotations

from typing import Any

import pytest

from executions.capability_registry import Failed, capability
from ledger.errors import NotPermitted
from tests import states
from tests.approvals import approve
from tests.bank import open_bank
from tests.draining import drain
from tests.world import World
from verbs.call import Call
from workitems import actions

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("risk", ["medium", "high"])
def test_nobody_vouches_alone_for_what_is_risky(
    world: World, monkeypatch: pytest.MonkeyPatch, risk: str
) -> None:
    """Also where no policy asks for approval: of an item by itself as of a step of a rollback."""
    open_bank(monkeypatch)

    def refuse(_call: Any) -> Any:
        raise Failed("the bank is closed")

    capability("test.refuse", risk=risk)(refuse)
    how = {"mode": "automated", "capability": "test.refuse"}
    item = states.completed(world.analyst, compensation=how)
    states.compensate(item, world.operator)
    drain(fast_forward=True)
    assert states.stored(world, item.id).status == "COMPENSATION_FAULTED"
    answer: Any = actions.attest(item.id, call=Call(world.operator), evidence="Letter 7")
    if risk == "medium":
        assert answer.original.status == "COMPENSATED"
        return
    assert states.stored(world, item.id).status == "COMPENSATION_FAULTED"
    [rule] = answer.approval.decisions
    assert (rule["policy"], rule["reason"]) == ("four_eyes", "risk: high")
    with pytest.raises(NotPermitted):
        approve(answer.approval.id, call=Call(world.operator))
    approve(answer.approval.id, call=Call(world.approver))
    assert states.stored(world, item.id).status == "COMPENSATED"
