"""Items handed on, taken over or not, and forwarded: who has them then, who is told, what stays."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from ledger.errors import Conflict, Invalid, NotPermitted
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from people import actions as people
from tests import states
from tests.clients import api
from tests.draining import drain
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.lifecycle import Status
from workitems.models import WorkItem


def handed_on(world: World, **wanted: Any) -> WorkItem:
    """Return an item of the analyst that the surveyor is asked to take over."""
    item = states.new_item(world.operator, assignee=world.analyst.username, **wanted)
    return actions.delegate(
        item.id, call=Call(world.analyst), to=world.surveyor.username, reason="On leave"
    )


def told(world: World, item: WorkItem) -> set[tuple[str, str]]:
    """Return who has been told what about an item, by username and topic."""
    drain()
    with tenant_scope(item.tenant_id):
        rows = Delivery.objects.filter(subject_id=item.id, channel="in_app")
        names = {world.of(each).actor_id: each for each in ("analyst", "surveyor", "operator")}
        return {(names[row.recipient_id], row.topic) for row in rows}


def test_who_is_asked_has_it_when_they_take_it_over(world: World) -> None:
    item = handed_on(world)
    assert (item.status, item.assignee_id) == (Status.DELEGATED, world.surveyor.actor_id)
    assert told(world, item) == {("surveyor", "task_waiting")}
    with pytest.raises(Conflict):
        actions.start(item.id, call=Call(world.surveyor))
    taken = actions.accept_delegation(item.id, call=Call(world.surveyor))
    assert (taken.status, taken.assignee_id) == (Status.ASSIGNED, world.surveyor.actor_id)
    shown = api(world.operator).get(f"/api/v1/work-items/{item.id}").json()["delegations"]
    assert [(d["from"], d["to"], d["by"], d["answer"]) for d in shown] == [
        (
            world.analyst.username, world.surveyor.username, world.analyst.username, "accepted",
        )
    ]  # fmt: skip
    # Nobody hears that their own answer was given; who asked hears the answer.
    assert told(world, item) == {("surveyor", "task_waiting"), ("analyst", "taken_away")}


def test_what_is_declined_goes_back_to_who_handed_it_on(world: World) -> None:
    item = handed_on(world)
    back = actions.decline_delegation(item.id, call=Call(world.surveyor), reason="Too much to do")
    assert (back.status, back.assignee_id) == (Status.ASSIGNED, world.analyst.actor_id)
    entry = states.history(world, "work_item", item.id)[-1]
    assert (entry.action, entry.payloads["reason"]) == ("delegation_declined", "Too much to do")
    with pytest.raises(NotPermitted):
        actions.decline_delegation(item.id, call=Call(world.surveyor))
    drain()
    with tenant_scope(item.tenant_id):
        rows = Delivery.objects.filter(
            subject_id=item.id, recipient_id=world.analyst.actor_id,
            event_type="amends.work_item.delegation_declined.v1",
        )  # fmt: skip
        assert {row.topic for row in rows} == {"task_waiting"}


def test_what_is_declined_goes_to_the_pool_where_who_had_it_is_gone(world: World) -> None:
    item = handed_on(world, candidate_groups=["surveyors"])
    people.deactivate(world.analyst.membership_id, call=Call(world.admin))
    back = actions.decline_delegation(item.id, call=Call(world.surveyor))
    assert (back.status, back.assignee_id) == (Status.PENDING, None)
    assert actions.claim(item.id, call=Call(world.surveyor)).status == Status.ASSIGNED


def test_who_declines_leaves_the_pool_as_it_was(world: World) -> None:
    item = actions.claim(states.new_item(world.operator).id, call=Call(world.analyst))
    actions.delegate(item.id, call=Call(world.analyst), to=world.surveyor.username)
    actions.decline_delegation(item.id, call=Call(world.surveyor))
    back = actions.release(item.id, call=Call(world.analyst))
    assert back.offered_to == "ANYBODY"
    assert actions.claim(item.id, call=Call(world.bystander)).status == Status.ASSIGNED


@pytest.mark.parametrize("name", ["forward", "suspend"])
def test_who_may_take_an_item_neither_keeps_nor_gives_it_away(world: World, name: str) -> None:
    item = states.new_item(world.operator)
    more = {"candidate_groups": ["analysts"]} if name == "forward" else {}
    with pytest.raises(NotPermitted):
        getattr(actions, name)(item.id, call=Call(world.bystander), **more)
    assert states.stored(world, item.id).status == Status.PENDING
    assert actions.claim(item.id, call=Call(world.surveyor)).status == Status.ASSIGNED


def test_who_could_take_what_an_operator_holds_cannot_let_it_go_on(world: World) -> None:
    item = states.new_item(world.operator, candidate_groups=["analysts"])
    actions.suspend(item.id, call=Call(world.operator))
    with pytest.raises(NotPermitted):
        actions.resume(item.id, call=Call(world.analyst))
    assert states.stored(world, item.id).status == Status.SUSPENDED


@pytest.mark.parametrize("name", ["assign", "delegate"])
def test_an_auditor_is_given_no_work(world: World, name: str) -> None:
    item = states.new_item(world.operator, assignee=world.analyst.username)
    member = {"assign": "assignee", "delegate": "to"}[name]
    with pytest.raises(Invalid) as refused:
        getattr(actions, name)(
            item.id, call=Call(world.operator), **{member: world.auditor.username}
        )
    assert [(each.pointer, each.code) for each in refused.value.errors] == [
        (f"/{member}", "only_looks")
    ]
    assert states.stored(world, item.id).assignee_id == world.analyst.actor_id


def test_an_operator_hands_on_in_the_name_of_who_has_it(world: World) -> None:
    item = states.new_item(world.operator, assignee=world.analyst.username)
    actions.delegate(item.id, call=Call(world.operator), to=world.surveyor.username)
    assert ("analyst", "taken_away") in told(world, item)
    back = actions.decline_delegation(item.id, call=Call(world.surveyor))
    assert back.assignee_id == world.analyst.actor_id
    assert [each["by"] for each in back.delegations] == [str(world.operator.actor_id)]


@pytest.mark.parametrize(
    ("to", "code"), [("nobody", "unknown"), ("outsider", "unknown"), ("analyst", "unchanged")]
)
def test_whom_it_cannot_be_handed_to_is_said_at_the_field(world: World, to: str, code: str) -> None:
    item = states.new_item(world.operator, assignee=world.analyst.username)
    name = world.of(to).username if to != "nobody" else to
    with pytest.raises(Invalid) as refused:
        actions.delegate(item.id, call=Call(world.analyst), to=name)
    assert [(each.pointer, each.code) for each in refused.value.errors] == [("/to", code)]
    after = states.stored(world, item.id)
    assert (after.status, after.assignee_id) == (Status.ASSIGNED, world.analyst.actor_id)
    assert after.delegations == []


def test_nobody_is_asked_who_is_excluded(world: World) -> None:
    done = states.completed(world.analyst, compensation={"performer": "not_original_actor"})
    begun = states.compensate(done, world.operator, candidate_groups=["surveyors"])
    task = begun.attempt.compensation_id
    actions.assign(task, call=Call(world.operator), assignee=world.surveyor.username)
    with pytest.raises(Invalid) as refused:
        actions.delegate(task, call=Call(world.surveyor), to=world.analyst.username)
    assert refused.value.errors[0].code == "excluded"
    assert states.stored(world, task).status == Status.ASSIGNED


def test_a_chain_of_delegations_has_an_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workitems.actions.work_handover.MOST_DELEGATIONS", 1)
    item = handed_on(world)
    actions.decline_delegation(item.id, call=Call(world.surveyor))
    with pytest.raises(Conflict) as refused:
        actions.delegate(item.id, call=Call(world.analyst), to=world.surveyor.username)
    assert refused.value.code == "delegated_too_often"
    assert states.stored(world, item.id).status == Status.ASSIGNED


def test_what_is_given_to_somebody_is_not_asked_of_another_any_more(world: World) -> None:
    item = handed_on(world)
    actions.assign(item.id, call=Call(world.operator), assignee=world.analyst.username)
    with pytest.raises(NotPermitted):
        actions.accept_delegation(item.id, call=Call(world.surveyor))
    after = states.stored(world, item.id)
    assert [each["answer"] for each in after.delegations] == ["ended"]


def test_what_is_handed_over_waits_in_the_inbox_of_who_is_asked(world: World) -> None:
    item = handed_on(world)
    shown = api(world.surveyor).get("/api/v1/work-items?assignee=me&status=DELEGATED").json()
    assert [each["id"] for each in shown["results"]] == [str(item.id)]
    offers = {each["action"]: each["allowed"] for each in shown["results"][0]["available_actions"]}
    assert (offers["accept-delegation"], offers["complete"]) == (True, False)


def test_what_is_forwarded_is_for_others_alone(world: World) -> None:
    item = states.new_item(
        world.operator, candidate_groups=["analysts"], candidate_users=[world.analyst.username]
    )
    actions.claim(item.id, call=Call(world.analyst))
    given = actions.forward(
        item.id, call=Call(world.analyst), candidate_groups=["surveyors"], reason="Their field"
    )
    assert (given.status, given.assignee_id) == (Status.PENDING, None)
    with pytest.raises(NotPermitted):
        actions.claim(item.id, call=Call(world.analyst))
    shown = api(world.operator).get(f"/api/v1/work-items/{item.id}").json()
    assert (shown["candidate_users"], shown["candidate_groups"]) == ([], ["surveyors"])
    assert actions.claim(item.id, call=Call(world.surveyor)).status == Status.ASSIGNED
    entry = states.history(world, "work_item", item.id)[-3]
    assert entry.payloads["candidate_groups"] == ["surveyors"]


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/candidate_users", "required"),
        ({"candidate_users": ["nobody"]}, "/candidate_users/0", "unknown"),
    ],
)
def test_it_is_forwarded_to_somebody(
    world: World, body: dict[str, Any], pointer: str, code: str
) -> None:
    item = states.new_item(world.operator, candidate_groups=["analysts"])
    with pytest.raises(Invalid) as refused:
        actions.forward(item.id, call=Call(world.operator), **body)
    assert [(each.pointer, each.code) for each in refused.value.errors] == [(pointer, code)]
    assert actions.claim(item.id, call=Call(world.analyst)).status == Status.ASSIGNED


def test_who_waits_to_take_what_is_forwarded_does_not_get_it(world: World) -> None:
    """A claim that waits for the lock of `forward` sees whom it names after that."""
    item = states.new_item(world.operator, candidate_groups=["analysts"])
    found: list[Any] = []

    def claim() -> None:
        try:
            found.append(actions.claim(item.id, call=Call(world.analyst)).status)
        except NotPermitted as refused:
            found.append(refused.code)
        finally:
            connection.close()

    claiming = threading.Thread(target=claim)

    def meanwhile(_result: Any) -> None:
        claiming.start()
        wait_for_a_lock()

    actions.forward(
        item.id, call=Call(world.operator, last_act=meanwhile), candidate_groups=["surveyors"]
    )
    claiming.join(30)
    assert found == ["not_permitted"]
    assert states.stored(world, item.id).assignee_id is None


def wait_for_a_lock() -> None:
    """Return when another connection waits for a lock of this one."""
    with connection.cursor() as cursor:
        for _ in range(100_000):
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            row = cursor.fetchone()
            if row[0]:
                return
    raise AssertionError("nobody waits for a lock")
