"""Steps that name people and groups are decided in their order; what asking and granting cost."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from accounts.acting import authority_of
from compensation.actions.approval_needed import digest_of_undo
from compensation.actions.undo_verbs import Compensate, request_for
from governance.actions.approval_requests import Wanted, ask
from governance.approvers import ANY_APPROVER, Approvers
from governance.models import Approval
from ledger.errors import Conflict, NotPermitted
from ledger.tenancy import set_tenant
from tests import states
from tests.approvals import approve, finished, history, reject, stored
from tests.clients import api
from tests.lanes import statements
from tests.world import World
from verbs.call import Call
from verbs.subject import subject_of
from workitems import actions

pytestmark = pytest.mark.django_db(transaction=True)
ONE_SUBJECT, FURTHER = 8, 5


def asked_of(world: World, *steps: Approvers) -> Approval:
    """Return an approval of an undo whose steps these decide, as a rule of its own would ask."""
    item_id, who = finished(world).id, world.operator
    with transaction.atomic():
        set_tenant(who.tenant_id)
        item = subject_of("work_item").lock(who.tenant_id, item_id).row
        request = request_for(item, Compensate(reason=states.REASON), requested_by=who.actor_id)
        wanted = Wanted(
            action="compensate", given={}, reason=states.REASON, steps=steps, decisions=[],
            digest=digest_of_undo(item, request),
        )  # fmt: skip
        return ask(item, wanted, by=authority_of(who).ref())


def test_a_named_person_then_a_group_then_a_role(world: World) -> None:
    approval = asked_of(
        world, Approvers(users=(world.analyst.actor_id,)), Approvers(groups=("compliance",)),
        ANY_APPROVER,
    )  # fmt: skip
    order = [world.analyst, world.compliance, world.approver]
    for place, who in enumerate(order):
        for late in order[place + 1 :]:
            for verb, body in ((approve, {}), (reject, {"reason": "No"})):
                with pytest.raises(Conflict) as early:
                    verb(approval.id, call=Call(late), **body)
                assert early.value.code == "not_your_turn"
        with pytest.raises(NotPermitted):
            approve(approval.id, call=Call(world.surveyor))
        assert states.stored(world, approval.about_id).status == "COMPLETED"
        shown = api(who).get("/api/v1/approvals?mine=true").json()["results"]
        assert [each["id"] for each in shown] == [str(approval.id)]
        approve(approval.id, call=Call(who))
    assert [e.action for e in history(world, approval)] == [
        "requested", "step_granted", "step_granted", "granted",
    ]  # fmt: skip
    assert states.stored(world, approval.about_id).status == "COMPENSATING"
    shown = api(world.auditor).get(f"/api/v1/approvals/{approval.id}").json()
    assert [each["approvers"] for each in shown["steps"]] == [
        {"users": [world.analyst.username], "groups": [], "roles": []},
        {"users": [], "groups": ["compliance"], "roles": []},
        {"users": [], "groups": [], "roles": ["approver"]},
    ]
    assert [each["decided_by"] for each in shown["steps"]] == [who.username for who in order]


def test_who_asked_decides_no_step_though_it_names_them(world: World) -> None:
    approval = asked_of(world, Approvers(users=(world.operator.actor_id,)), ANY_APPROVER)
    with pytest.raises(NotPermitted):
        approve(approval.id, call=Call(world.operator))
    assert stored(approval).version == 1


def test_asking_and_granting_are_bounded(world: World) -> None:
    item = finished(world)
    states.compensate(finished(world, approval="none"), world.operator)

    def asks() -> Any:
        answer: Any = actions.compensate(item.id, call=Call(world.operator), reason=states.REASON)
        return answer.approval

    held: list[Approval] = []
    # The item, and the approval that is about it.
    assert len(statements(lambda: held.append(asks()))) <= ONE_SUBJECT + FURTHER
    # The approval, the item, and the undo task.
    granting = statements(lambda: approve(held[0].id, call=Call(world.approver)))
    assert len(granting) <= ONE_SUBJECT + 2 * FURTHER
    assert stored(held[0]).status == "GRANTED"
