"""Approvals decided at the same moment, by several and by the clock: real threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from accounts.acting import ActingUser
from governance.actions.approval_expiry import expire_due
from governance.models import Approval
from tests import states
from tests.approvals import (
    TWO,
    approve,
    ask,
    asked,
    due_now,
    finished,
    history,
    of_item,
    reject,
    second_approver,
    stored,
    withdraw,
)
from tests.concurrency.test_races import at_once, split
from tests.world import World
from verbs.call import Call

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 4


def granting(approval: Approval, who: ActingUser) -> Callable[[], Any]:
    return partial(approve, approval.id, call=Call(who))


def begun(world: World, item_id: Any) -> int:
    """Return how often the undo of an item has begun."""
    return states.actions_of(world, "work_item", item_id).count("compensation_started")


@pytest.mark.parametrize("other", ["reject", "withdraw", "expire"])
def test_a_grant_and_its_opposite_end_in_one_order(world: World, other: str) -> None:
    for _ in range(ROUNDS):
        approval = asked(world)
        due_now(approval)
        rivals: dict[str, Callable[[], Any]] = {
            "reject": partial(reject, approval.id, call=Call(world.admin), reason="No"),
            "withdraw": partial(withdraw, approval.id, call=Call(world.operator)),
            "expire": partial(expire_due, approval.tenant_id, approval.id),
        }
        at_once([granting(approval, world.approver), rivals[other]])
        after = stored(approval)
        assert after.version == 2
        assert len(history(world, approval)) == 2
        granted = after.status == "GRANTED"
        assert granted or after.status in {"REFUSED", "WITHDRAWN", "EXPIRED"}
        assert begun(world, approval.about_id) == int(granted)


def test_of_many_grants_one_counts(world: World) -> None:
    second = second_approver(world)
    approval = asked(world)
    people = [world.approver, second, world.admin]
    won, lost = split(at_once([granting(approval, who) for who in people * 2]))
    assert (len(won), {each.code for each in lost}) == (1, {"illegal_state"})
    assert begun(world, approval.about_id) == 1


def test_one_person_is_one_of_two_however_often_they_press(world: World) -> None:
    approval = asked(world, **TWO)
    won, lost = split(at_once([granting(approval, world.approver)] * 4))
    assert (len(won), {each.code for each in lost}) == (1, {"already_decided"})
    assert (stored(approval).status, stored(approval).step) == ("PENDING", 2)
    assert begun(world, approval.about_id) == 0


def test_of_two_who_ask_at_once_one_is_asked_for(world: World) -> None:
    item = finished(world)
    both = (world.operator, world.admin)
    won, lost = split(at_once([partial(ask, item, by) for by in both * 3]))
    [approval] = of_item(item)
    assert {each.id for each in won} == {approval.id}
    assert {each.code for each in lost} == {"approval_pending"}
    assert len(won) == len(lost) == 3
    assert [e.action for e in history(world, approval)] == ["requested"]
