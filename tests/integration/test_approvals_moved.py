"""Approvals whose world has moved, attestations that need approval, and plans that wait for none.

What is about to be granted is looked at again: another undo, another policy, another state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from accounts.acting import authority_of, system_of
from compensation.actions import undo
from compensation.actions.plan_execution import execute
from compensation.actions.waiting_runs import approve_run
from compensation.planning import request_of
from compensation.policy import CompensationPolicy
from ledger.tenancy import set_tenant
from people import actions as people
from tests import states
from tests.approvals import TWO, approve, ask, asked, finished, history, of_item, stored
from tests.clients import api
from tests.draining import drain
from tests.world import World
from verbs import catalogue
from verbs.call import Call
from verbs.move import move
from verbs.subject import subject_of
from workitems import actions
from workitems.models import WorkItem

pytestmark = pytest.mark.django_db(transaction=True)


def changing(world: World, item_id: Any, change: Callable[[WorkItem, Any], Any]) -> None:
    """Change an item past its verbs, in the system's name."""
    tenant_id = world.system.tenant_id
    with transaction.atomic():
        set_tenant(tenant_id)
        item = subject_of("work_item").lock(tenant_id, item_id).row
        change(item, authority_of(system_of(tenant_id)).ref())


def undone_otherwise(item: WorkItem, by: Any) -> None:
    request = request_of(
        CompensationPolicy.from_json(item.policy), reason="An event", requested_by=by.id
    )
    undo.begin(item, request, by=by)


def another_policy(item: WorkItem, by: Any) -> None:
    item.policy = {**item.policy, "candidate_groups": ["compliance"], "performer": "groups"}
    move(item, "edited", before=str(item.status), by=by, fields=["policy"])


def harmless(item: WorkItem, by: Any) -> None:
    item.priority = 4
    move(item, "edited", before=str(item.status), by=by, fields=["priority"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (undone_otherwise, "Only completed work can be undone."),
        (another_policy, "What would be done is not what it was when it was asked for."),
    ],
)
def test_it_is_out_of_date_when_the_world_has_moved(world: World, change: Any, words: str) -> None:
    approval = asked(world)
    changing(world, approval.about_id, change)
    before = states.stored(world, approval.about_id)

    answer = approve(approval.id, call=Call(world.approver))

    assert (answer.status, answer.ended_because) == ("SUPERSEDED", words)
    [step] = stored(approval).ordered
    assert (step.decision, step.decided_by_id) == ("", None)
    assert [(e.action, e.payloads.get("detail")) for e in history(world, approval)[1:]] == [
        ("superseded", words)
    ]
    after = states.stored(world, approval.about_id)
    assert (after.version, after.status) == (before.version, before.status)


def test_a_first_step_notices_it_too(world: World) -> None:
    approval = asked(world, **TWO)
    changing(world, approval.about_id, another_policy)
    assert approve(approval.id, call=Call(world.approver)).status == "SUPERSEDED"


def test_who_was_asked_to_undo_it_may_have_left(world: World) -> None:
    approval = ask(finished(world), world.operator, assignee=world.compliance.username)
    assert world.compliance.membership_id is not None
    people.deactivate(world.compliance.membership_id, call=Call(world.admin))
    answer = approve(approval.id, call=Call(world.approver))
    assert (answer.status, "There is nobody of this name here." in answer.ended_because) == (
        "SUPERSEDED", True,
    )  # fmt: skip
    assert states.stored(world, approval.about_id).status == "COMPLETED"


def test_what_does_not_matter_does_not_put_it_out_of_date(world: World) -> None:
    approval = asked(world)
    changing(world, approval.about_id, harmless)
    assert approve(approval.id, call=Call(world.approver)).status == "GRANTED"


def test_one_that_is_out_of_date_makes_room_for_a_new_one(world: World) -> None:
    approval = asked(world)
    changing(world, approval.about_id, another_policy)
    again = ask(states.stored(world, approval.about_id), world.admin)
    assert [(each.id, each.status) for each in of_item(again_item(world, approval))] == [
        (approval.id, "SUPERSEDED"), (again.id, "PENDING"),
    ]  # fmt: skip


def again_item(world: World, approval: Any) -> WorkItem:
    return states.stored(world, approval.about_id)


def failed(world: World) -> WorkItem:
    """Return an item whose undo was approved, begun, and failed."""
    approval = asked(world)
    approve(approval.id, call=Call(world.approver))
    [attempt] = states.attempts(world, approval.about_id)
    states.undo(attempt.compensation_id, world.analyst, "CANNOT_REVERSE")
    return states.stored(world, approval.about_id)


def test_an_attestation_waits_for_approval_too(world: World) -> None:
    item = failed(world)
    asked_first: Any = actions.attest(item.id, call=Call(world.operator), evidence="Letter 7")
    approval = asked_first.approval
    assert (approval.action, approval.reason) == ("attest", "Letter 7")
    assert states.stored(world, item.id).status == "COMPENSATION_FAULTED"

    assert approve(approval.id, call=Call(world.approver)).status == "GRANTED"

    after = states.stored(world, item.id)
    assert (after.status, after.compensation_state) == ("COMPENSATED", "COMPENSATED")
    attested, granted = (
        states.history(world, "work_item", item.id)[-1],
        history(world, approval)[-1],
    )
    assert (attested.action, attested.payloads["evidence"]) == ("compensation_attested", "Letter 7")
    assert attested.caused_by is not None
    assert attested.caused_by.id == granted.id


def test_an_attestation_of_another_attempt_is_out_of_date(world: World) -> None:
    item = failed(world)
    asked_first: Any = actions.attest(item.id, call=Call(world.operator), evidence="Letter 7")
    actions.retry_compensation(item.id, call=Call(world.operator))
    answer = approve(asked_first.approval.id, call=Call(world.approver))
    assert answer.status == "SUPERSEDED"
    assert states.stored(world, item.id).status == "COMPENSATING"


@pytest.mark.parametrize(
    ("beside", "body"),
    [
        ("notes", {"text": "The bank was closed"}),
        ("labels", {"name": "late"}),
        ("links", {"url": "https://letters.example/7", "title": "Letter 7"}),
    ],
)
def test_what_is_put_beside_it_leaves_an_attestation_as_it_was(
    world: World, beside: str, body: dict[str, str]
) -> None:
    item = failed(world)
    asked_first: Any = actions.attest(item.id, call=Call(world.operator), evidence="Letter 7")
    version = states.stored(world, item.id).version
    address = f"/api/v1/work-items/{item.id}/{beside}"
    added = api(world.bystander).post(address, body, content_type="application/json")
    assert added.status_code == 201
    assert states.stored(world, item.id).version == version + 1
    assert approve(asked_first.approval.id, call=Call(world.approver)).status == "GRANTED"
    assert states.stored(world, item.id).status == "COMPENSATED"


def test_giving_up_waits_for_approval_too(world: World) -> None:
    item = failed(world)
    asked_first: Any = actions.abandon(item.id, call=Call(world.operator), reason="It was sent")
    approval = asked_first.approval
    assert (approval.action, approval.reason) == ("abandon", "It was sent")
    after = states.stored(world, item.id)
    assert (after.status, after.version) == ("COMPENSATION_FAULTED", item.version)

    assert approve(approval.id, call=Call(world.approver)).status == "GRANTED"

    after = states.stored(world, item.id)
    assert (after.status, after.compensation_state) == ("COMPLETED", "NONE")
    given_up, granted = (
        states.history(world, "work_item", item.id)[-1],
        history(world, approval)[-1],
    )
    assert given_up.action == "compensation_abandoned"
    assert given_up.payloads["reason"] == "It was sent"
    assert given_up.caused_by is not None
    assert given_up.caused_by.id == granted.id


def test_giving_up_after_another_attempt_is_out_of_date(world: World) -> None:
    item = failed(world)
    asked_first: Any = actions.abandon(item.id, call=Call(world.operator), reason="It was sent")
    begun = actions.retry_compensation(item.id, call=Call(world.operator))
    states.undo(begun.attempt.compensation_id, world.analyst, "CANNOT_REVERSE")
    answer = approve(asked_first.approval.id, call=Call(world.approver))
    assert answer.status == "SUPERSEDED"
    assert states.stored(world, item.id).status == "COMPENSATION_FAULTED"


def test_giving_up_answers_over_rest_with_the_approval(world: World) -> None:
    item, free = failed(world), states.faulted(world.operator).original
    url = "/api/v1/work-items/{}/compensation/abandon"
    body = {"reason": "It was sent"}
    answer = api(world.operator).post(url.format(item.id), body, content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (202, ["approval"])
    answer = api(world.operator).post(url.format(free.id), body, content_type="application/json")
    assert (answer.status_code, answer.json()["original"]["status"]) == (200, "COMPLETED")


@pytest.mark.parametrize("how", ["left", "lost the role"])
@pytest.mark.parametrize("asked_for", ["compensate", "attest", "abandon"])
def test_nothing_is_done_in_the_name_of_who_may_not_ask_any_more(
    world: World, how: str, asked_for: str
) -> None:
    if asked_for == "compensate":
        approval = asked(world)
    else:
        said = {"evidence" if asked_for == "attest" else "reason": "Letter 7"}
        verb = catalogue.find("work_item", asked_for)
        approval = verb(failed(world).id, call=Call(world.operator), **said).approval
    before = states.stored(world, approval.about_id)
    if how == "left":
        people.deactivate(world.operator.membership_id, call=Call(world.admin))
    else:
        states.change_roles(world, world.operator)
    answer = approve(approval.id, call=Call(world.approver))
    assert (answer.status, answer.ended_because) == (
        "SUPERSEDED", "Who asked for it may not ask for it any more.",
    )  # fmt: skip
    after = states.stored(world, approval.about_id)
    assert (after.status, after.version) == (before.status, before.version)
    # Somebody else asks anew.
    if asked_for == "compensate":
        assert ask(after, world.admin).status == "PENDING"


def test_a_plan_says_that_it_needs_approval_and_waits_for_it(world: World) -> None:
    item = finished(world)
    plan = catalogue.find("work_item", "compensation-plan")(
        item.id, call=Call(world.operator), reason="Forged"
    )
    assert plan.requires_approval
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    assert run.status == "PENDING_APPROVAL"
    drain()
    assert states.stored(world, item.id).status == "COMPLETED"
    approve_run(run.id, call=Call(world.approver))
    drain()
    assert states.stored(world, item.id).status == "COMPENSATING"
    free = finished(world, approval="none")
    assert not catalogue.find("work_item", "compensation-plan")(
        free.id, call=Call(world.operator), reason="Forged"
    ).requires_approval
