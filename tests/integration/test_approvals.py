"""Approvals: who decides, in which order, what then happens, and what does not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine

from governance.actions.approval_expiry import expire_due
from governance.lifecycle import OPERATIONS
from governance.models import Approval
from ledger.clock import now
from ledger.errors import Conflict, Invalid, NotPermitted
from ledger.record import EntryRef
from tests import states
from tests.approvals import (
    TWO,
    approve,
    ask,
    asked,
    expiries,
    finished,
    history,
    of_item,
    reject,
    second_approver,
    stored,
    withdraw,
)
from tests.draining import drain
from tests.integration.test_lifecycle_matrix import transitions
from tests.world import World
from verbs.call import Call
from workitems import actions

pytestmark = pytest.mark.django_db(transaction=True)
WEEK = dt.timedelta(days=7)


def item_of(approval: Approval) -> Any:
    """Return the item an approval is about."""
    found: Any = type("Ref", (), {"id": approval.about_id, "tenant_id": approval.tenant_id})
    return found


def state_of(world: World, approval: Approval) -> str:
    """Return the status of the item an approval is about."""
    return str(states.stored(world, approval.about_id).status)


def untouched(world: World, approval: Approval) -> None:
    """Nothing was done about the item: no status, no entry, no attempt."""
    item = states.stored(world, approval.about_id)
    assert (item.status, item.compensation_state, item.version) == ("COMPLETED", "NONE", 3)
    assert states.actions_of(world, "work_item", item.id) == ["created", "started", "completed"]
    assert item.compensation_round == 0


def code_of(error: pytest.ExceptionInfo[Any]) -> str:
    return str(error.value.code)


def test_an_undo_that_needs_approval_waits_and_begins_with_the_grant(world: World) -> None:
    approval = asked(world)
    untouched(world, approval)
    assert (approval.status, approval.action, approval.about_type) == (
        "PENDING", "compensate", "work_item",
    )  # fmt: skip
    assert approval.expires_at - approval.created_at == WEEK

    granted = approve(approval.id, call=Call(world.approver), reason="Rightly so")

    assert (granted.status, granted.version) == ("GRANTED", 2)
    assert expiries(approval) == []
    [step] = stored(approval).ordered
    assert (step.decision, step.decided_by_id, step.reason) == (
        "GRANTED", world.approver.actor_id, "Rightly so",
    )  # fmt: skip
    item = states.stored(world, approval.about_id)
    assert (item.status, item.compensation_round) == ("COMPENSATING", 1)
    [task] = states.attempts(world, item.id)
    assert (task.requested_by_id, task.request["reason"]) == (
        world.operator.actor_id, states.REASON,
    )  # fmt: skip


def test_the_entries_of_an_approval_and_their_links(world: World) -> None:
    approval = asked(world)
    approve(approval.id, call=Call(world.approver), reason="Rightly so")
    [*_, completed, started] = states.history(world, "work_item", approval.about_id)
    requested, granted = history(world, approval)
    assert [
        (e.kind, e.action, e.from_status, e.to_status, e.subject_version, e.actor_id)
        for e in (requested, granted, started)
    ] == [
        ("GOVERNANCE", "requested", "", "PENDING", 1, world.operator.actor_id),
        ("GOVERNANCE", "granted", "PENDING", "GRANTED", 2, world.approver.actor_id),
        ("COMPENSATION", "compensation_started", "COMPLETED", "COMPENSATING", 4,
         world.approver.actor_id),
    ]  # fmt: skip
    assert [e.caused_by for e in (requested, granted, started)] == [
        EntryRef(completed.id, completed.hash), EntryRef(requested.id, requested.hash),
        EntryRef(granted.id, granted.hash),
    ]  # fmt: skip
    assert requested.payloads == {
        "reason": states.REASON,
        "approves": {
            "action": "compensate", "digest": approval.digest, "steps": 1,
            "subject": {"type": "work_item", "id": str(approval.about_id)},
            "expires_at": requested.payloads["approves"]["expires_at"],
        },
    }  # fmt: skip
    assert granted.payloads == {"step": 1, "reason": "Rightly so"}


@pytest.mark.parametrize("name", ["analyst", "bystander", "auditor", "agent"])
def test_who_does_not_approve_may_not_decide(world: World, name: str) -> None:
    approval, who = asked(world), world.of(name)
    for verb, body in ((approve, {}), (reject, {"reason": "No"})):
        with pytest.raises(NotPermitted):
            verb(approval.id, call=Call(who), **body)
    assert stored(approval).status == "PENDING"
    assert [e.action for e in history(world, approval)] == ["requested"]
    untouched(world, approval)


def test_nobody_approves_what_they_asked_for_themselves(world: World) -> None:
    approval = ask(finished(world), world.admin)
    with pytest.raises(NotPermitted):
        approve(approval.id, call=Call(world.admin))
    assert stored(approval).status == "PENDING"
    untouched(world, approval)
    assert approve(approval.id, call=Call(world.approver)).status == "GRANTED"


def test_two_steps_are_granted_in_order_by_two_people(world: World) -> None:
    second = second_approver(world)
    approval = asked(world, **TWO)
    first = approve(approval.id, call=Call(world.approver))
    assert (first.status, first.step) == ("PENDING", 2)
    untouched(world, approval)
    with pytest.raises(Conflict) as again:
        approve(approval.id, call=Call(world.approver))
    assert code_of(again) == "already_decided"
    assert stored(approval).status == "PENDING"
    assert approve(approval.id, call=Call(second)).status == "GRANTED"
    assert [(e.action, e.payloads["step"]) for e in history(world, approval)[1:]] == [
        ("step_granted", 1), ("granted", 2),
    ]  # fmt: skip
    assert state_of(world, approval) == "COMPENSATING"


def test_granted_twice_is_a_conflict_and_undoes_once(world: World) -> None:
    approval = asked(world)
    approve(approval.id, call=Call(world.approver))
    for verb, body in ((approve, {}), (reject, {"reason": "No"})):
        with pytest.raises(Conflict) as refused:
            verb(approval.id, call=Call(world.approver), **body)
        assert code_of(refused) == "illegal_state"
    assert states.actions_of(world, "work_item", approval.about_id).count(
        "compensation_started"
    ) == 1  # fmt: skip


def test_refusing_needs_a_reason_and_does_nothing(world: World) -> None:
    approval = asked(world)
    with pytest.raises(Invalid) as silent:
        reject(approval.id, call=Call(world.approver))
    assert [each.pointer for each in silent.value.errors] == ["/reason"]
    assert stored(approval).status == "PENDING"

    refused = reject(approval.id, call=Call(world.approver), reason="The customer agreed")

    assert (refused.status, refused.ended_because) == ("REFUSED", "The customer agreed")
    assert history(world, approval)[-1].payloads == {"step": 1, "reason": "The customer agreed"}
    assert expiries(approval) == []
    untouched(world, approval)
    again = ask(states.stored(world, approval.about_id), world.operator)
    assert (again.id != approval.id, again.status) == (True, "PENDING")


def test_only_who_asked_withdraws(world: World) -> None:
    approval = asked(world)
    for other in (world.approver, world.admin, world.analyst):
        with pytest.raises(NotPermitted):
            withdraw(approval.id, call=Call(other))
    gone = withdraw(approval.id, call=Call(world.operator), reason="A mistake")
    assert (gone.status, gone.ended_because) == ("WITHDRAWN", "A mistake")
    with pytest.raises(Conflict):
        approve(approval.id, call=Call(world.approver))
    untouched(world, approval)


def test_it_expires_when_nobody_decides(world: World) -> None:
    approval = asked(world)
    drain()
    assert stored(approval).status == "PENDING"
    with time_machine.travel(now() + WEEK, tick=False):
        with pytest.raises(Conflict) as late:
            approve(approval.id, call=Call(world.approver))
        assert code_of(late) == "approval_expired"
    assert not expire_due(approval.tenant_id, approval.id)

    drain(fast_forward=True)

    assert stored(approval).status == "EXPIRED"
    assert not expire_due(approval.tenant_id, approval.id)
    [*_, expired] = history(world, approval)
    assert (expired.action, expired.actor_id) == ("expired", world.system.actor_id)
    untouched(world, approval)


def test_it_does_not_wait_longer_than_it_could_be_undone(world: World) -> None:
    approval = asked(world, window="P2D")
    item = states.stored(world, approval.about_id)
    assert item.completed_at is not None
    assert approval.expires_at == item.completed_at + dt.timedelta(days=2)


def test_the_same_wish_again_is_the_same_approval(world: World) -> None:
    item = finished(world)
    first, again = (ask(item, world.operator) for _ in range(2))
    assert first.id == again.id
    assert [e.action for e in history(world, first)] == ["requested"]
    for by, wish in ((world.admin, {}), (world.operator, {"strategy": "correct"})):
        with pytest.raises(Conflict) as waiting:
            ask(item, by, **wish)
        assert code_of(waiting) == "approval_pending"
        assert waiting.value.extra["approval"] == str(first.id)
    assert [each.id for each in of_item(item)] == [first.id]


def test_what_is_approved_is_what_was_asked_for(world: World) -> None:
    approval = ask(
        finished(world), world.operator, assignee=world.compliance.username, strategy="correct",
        regulatory_basis=[{"code": "COURT_ORDER", "note": "7 C 4/26"}],
    )  # fmt: skip
    approve(approval.id, call=Call(world.approver))
    [attempt] = states.attempts(world, approval.about_id)
    task = states.stored(world, attempt.compensation_id)
    assert (task.assignee_id, attempt.strategy) == (world.compliance.actor_id, "correct")
    assert attempt.request["regulatory_basis"] == [{"code": "COURT_ORDER", "note": "7 C 4/26"}]


def test_a_policy_that_asks_for_none_undoes_at_once(world: World) -> None:
    item = finished(world, approval="none")
    assert states.compensate(item, world.operator).original.status == "COMPENSATING"
    assert of_item(item) == []


def test_a_wish_that_could_not_be_done_asks_nobody(world: World) -> None:
    item = finished(world)
    with pytest.raises(Invalid) as refused:
        ask(item, world.operator, assignee="nobody-at-all")
    assert [each.pointer for each in refused.value.errors] == ["/assignee"]
    assert of_item(item) == []


def test_the_methods_of_an_approval_are_the_table() -> None:
    wanted = {
        row.method: (set(row.sources or ()), " or ".join(row.back) or str(row.target))
        for row in OPERATIONS.values()
    }
    assert transitions(Approval) == wanted


def test_who_finished_it_may_ask_where_the_policy_allows(world: World) -> None:
    item = finished(world, self_undo=True)
    approval = ask(item, world.analyst)
    assert approval.requested_by_id == world.analyst.actor_id
    with pytest.raises(NotPermitted):
        withdraw(approval.id, call=Call(world.operator))
    assert actions.compensate.name == approval.action
