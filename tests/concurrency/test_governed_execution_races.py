"""Executions that wait for approval, decided, called back and out of time at once: real threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from executions import actions
from governance.actions.approval_expiry import expire_due
from tests import states
from tests.approvals import due_now, second_approver
from tests.bank import open_bank
from tests.concurrency.test_races import at_once, split
from tests.draining import drain
from tests.integration.test_governed_executions import approval, pay, policy, stored
from tests.world import World
from verbs.call import Call

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 3


@pytest.mark.parametrize("other", ["reject", "cancel", "expire"])
def test_a_grant_and_its_opposite_end_in_one_order(
    world: World, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    bank = open_bank(monkeypatch)
    policy(world, "require_approval")
    for number in range(ROUNDS):
        row = pay(world)
        waits = approval(world, row.id)
        due_now(waits)
        rivals: dict[str, Callable[[], Any]] = {
            "reject": partial(
                actions.reject_execution, row.id, call=Call(world.admin), reason="No"
            ),
            "cancel": partial(
                actions.cancel_execution, row.id, call=Call(world.operator), reason="No"
            ),
            "expire": partial(expire_due, row.tenant_id, waits.id),
        }
        grant = partial(actions.approve_execution, row.id, call=Call(world.approver))
        at_once([grant, rivals[other]])
        after, ended = stored(world, row.id), approval(world, row.id).status
        granted = ended == "GRANTED"
        # What was granted may still be called back before a worker has it.
        run = granted and after.status == "PENDING"
        assert run or after.status in {"REJECTED", "CANCELLED", "EXPIRED"}
        assert granted or ended in {"REFUSED", "WITHDRAWN", "EXPIRED"}
        told = states.actions_of(world, "execution", row.id)
        assert told.count("approved") == int(granted)
        before = len(bank.paid)
        drain()
        assert len(bank.paid) - before == int(run), number


def test_of_many_grants_one_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = open_bank(monkeypatch)
    policy(world, "require_approval")
    row, second = pay(world), second_approver(world)
    people = [world.approver, second, world.admin]
    won, lost = split(
        at_once([partial(actions.approve_execution, row.id, call=Call(who)) for who in people * 2])
    )
    assert (len(won), {each.code for each in lost}) == (1, {"illegal_state"})
    drain()
    assert list(bank.paid.values()) == [5]
