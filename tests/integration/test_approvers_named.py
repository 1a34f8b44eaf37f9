"""A policy that names who has to agree to an undo, step by step."""

from __future__ import annotations

from typing import Any

import pytest

from governance.errors import AlreadyDecided, NotYourTurn
from ledger.errors import Invalid, NotPermitted
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from people.actions import deactivate
from tests.approvals import approve, ask, asked, finished, stored
from tests.clients import api, browser
from tests.draining import drain
from tests.integration.workitems_made import page
from tests.pages import text_of
from tests.states import stored as item_of
from tests.world import World
from verbs.call import Call
from workitems import actions


def named(world: World) -> list[dict[str, Any]]:
    """Return two steps: the surveyor or the bystander, then whoever is an underwriter."""
    users = [world.surveyor.username, world.bystander.username]
    return [{"users": users}, {"groups": ["underwriters"]}]


def test_only_those_who_are_named_agree_and_in_their_order(world: World) -> None:
    approval = asked(world, approval=named(world))
    item = approval.about_id
    # A role is not a name: an approver has no say here.
    with pytest.raises(NotPermitted):
        approve(approval.id, call=Call(world.approver))
    with pytest.raises(NotYourTurn):
        approve(approval.id, call=Call(world.underwriter))
    approve(approval.id, call=Call(world.bystander))
    assert (stored(approval).status, item_of(world, item).status) == ("PENDING", "COMPLETED")
    with pytest.raises(AlreadyDecided):
        approve(approval.id, call=Call(world.bystander))
    approve(approval.id, call=Call(world.underwriter))
    assert (stored(approval).status, item_of(world, item).status) == ("GRANTED", "COMPENSATING")


def test_whoever_asked_does_not_agree_though_they_are_named(world: World) -> None:
    steps = [{"users": [world.operator.username, world.bystander.username]}]
    approval = asked(world, approval=steps)
    with pytest.raises(NotPermitted):
        approve(approval.id, call=Call(world.operator))
    assert stored(approval).status == "PENDING"
    approve(approval.id, call=Call(world.bystander))
    assert stored(approval).status == "GRANTED"


def told(world: World) -> set[Any]:
    drain()
    with tenant_scope(world.operator.tenant_id):
        rows = Delivery.objects.filter(topic="approval_waiting", channel="in_app")
        return set(rows.values_list("recipient_id", flat=True))


def test_those_who_are_named_are_told_when_it_is_their_turn(world: World) -> None:
    approval = asked(world, approval=named(world))
    first = {world.surveyor.actor_id, world.bystander.actor_id}
    assert told(world) == first
    approve(approval.id, call=Call(world.surveyor))
    assert told(world) == first | {world.underwriter.actor_id}


def test_nobody_decides_for_who_has_left_and_the_operators_hear(world: World) -> None:
    item = finished(world, approval=[{"users": [world.bystander.username]}])
    deactivate(world.bystander.membership_id, call=Call(world.admin))
    approval = ask(item, world.operator)
    assert stored(approval).ordered[0].users == [str(world.bystander.actor_id)]
    with pytest.raises(NotPermitted):
        approve(approval.id, call=Call(world.approver))
    assert world.admin.actor_id in told(world)


def test_they_are_named_on_pages_and_in_the_api(world: World) -> None:
    item = finished(world, approval=named(world))
    text = text_of(page(browser(world.analyst), f"/work-items/{item.id}/").encode())
    assert "Has to agree to its undo" in text
    assert "then group Underwriters" in text
    approval = ask(item, world.operator)
    shown = api(world.operator).get(f"/api/v1/approvals/{approval.id}").json()
    assert [each["approvers"] for each in shown["steps"]] == [
        {
            "users": sorted(named(world)[0]["users"]), "groups": [], "roles": [],
        },
        {"users": [], "groups": ["underwriters"], "roles": []},
    ]  # fmt: skip
    assert shown["decisions"][0]["reason"] == "approval: 2 named"


def test_who_is_nobody_is_refused(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        actions.create_work_item(
            call=Call(world.operator),
            title="Pay",
            compensation={"approval": [{"groups": ["law"]}, {"users": ["nobody"]}]},
        )
    assert [(each.pointer, each.code) for each in refused.value.errors] == [
        ("/compensation/approval/1/users/0", "unknown")
    ]
