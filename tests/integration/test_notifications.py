"""Who is told of what: exact recipients per event, one delivery each, handled once or more."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

import pytest

from accounts.acting import ActingUser
from compensation.actions.undo_verbs import Compensation
from ledger.dispatch.consumer_registry import Event
from ledger.models import LedgerEntry, OutboxEvent, OutboxTask
from ledger.tenancy import tenant_scope
from notifications.actions.telling import handle
from notifications.events import CONSUMER, TOLD
from notifications.models import Delivery
from people.actions import deactivate
from tests.casework import approved_loan, deploy, opened, roll_back, undo
from tests.definitions import automated, definition
from tests.draining import drain
from tests.states import work
from tests.world import World
from verbs.call import Call
from workitems import actions

BASIS = [{"code": "INTERNAL_POLICY", "note": "manual 4.2"}]


def told(world: World, event_type: str, **narrow: Any) -> list[tuple[str, str, str]]:
    """Return (recipient by role, channel, topic) of every delivery about events of a type."""
    names = {world.of(name).actor_id: name for name in World.__slots__ if _is_person(world, name)}
    with tenant_scope(world.operator.tenant_id):
        rows = Delivery.objects.filter(event_type=event_type, **narrow)
        return sorted((names[row.recipient_id], row.channel, row.topic) for row in rows)


def _is_person(world: World, name: str) -> bool:
    return isinstance(getattr(world, name), ActingUser)


def both(people: Iterable[str], topic: str) -> list[tuple[str, str, str]]:
    """Return what `told` says when each of `people` was told once over each channel."""
    return sorted((name, channel, topic) for name in people for channel in ("in_app", "email"))


def item(world: World, by: ActingUser | None = None, **wanted: Any) -> uuid.UUID:
    """Create a task for the analysts, by the operator."""
    asked = {"title": "Check the file", "candidate_groups": ["analysts"], **wanted}
    return actions.create_work_item(call=Call(by or world.operator), **asked).id


def done(world: World, **wanted: Any) -> uuid.UUID:
    """Create a task and let the analyst complete it."""
    item_id = item(world, **wanted)
    work(world.analyst, item_id, None)
    return item_id


def compensate(world: World, item_id: uuid.UUID, **wish: Any) -> Compensation:
    """Let the operator begin to undo it."""
    asked = {"reason": "It was wrong", "regulatory_basis": BASIS, **wish}
    return actions.compensate(item_id, call=Call(world.operator), **asked)


def event_of(world: World, event_type: str, subject_id: uuid.UUID) -> Event:
    """Return the newest event of a type about a subject, as a consumer gets it."""
    with tenant_scope(world.operator.tenant_id):
        news = OutboxEvent.objects.filter(type=event_type, subject_id=subject_id).latest("at")
        entry = LedgerEntry.objects.get(id=news.id)
    return Event(
        entry.id, bytes(entry.hash), entry.tenant_id, news.type, entry.action, entry.subject_type,
        entry.subject_id, entry.subject_version, entry.case_id, entry.from_status, entry.to_status,
        entry.actor_id, entry.correlation_id, entry.at,
    )  # fmt: skip


def test_who_is_named_is_told_that_something_waits_but_not_who_made_it(world: World) -> None:
    item(world, candidate_groups=["analysts", "compliance"],
         candidate_users=[world.surveyor.username, world.operator.username])  # fmt: skip
    drain()
    # What is offered to a group is a matter of its members' inbox.
    assert told(world, "amends.work_item.created.v1") == both(["surveyor"], "task_waiting")
    # The outsider is an analyst too, elsewhere.
    with tenant_scope(world.outsider.tenant_id):
        assert not Delivery.objects.exists()


def test_only_the_assignee_is_told_of_an_item_that_has_one(world: World) -> None:
    item(world, assignee=world.surveyor.username)
    drain()
    assert told(world, "amends.work_item.created.v1") == both(["surveyor"], "task_waiting")


def test_being_given_an_item_is_news_for_both_taking_it_is_not(world: World) -> None:
    item_id = item(world)
    actions.assign(item_id, call=Call(world.operator), assignee=world.surveyor.username)
    drain()
    assert told(world, "amends.work_item.assigned.v1") == both(["surveyor"], "task_waiting")
    other = item(world)
    actions.claim(other, call=Call(world.analyst))
    actions.assign(other, call=Call(world.operator), assignee=world.operator.username)
    drain()
    assert told(world, "amends.work_item.claimed.v1") == []
    assert told(world, "amends.work_item.assigned.v1", subject_id=other) == both(
        ["analyst"], "taken_away"
    )


def test_a_released_item_waits_for_the_named_but_not_who_put_it_back(world: World) -> None:
    item_id = item(world, candidate_users=[world.analyst.username, world.compliance.username])
    actions.claim(item_id, call=Call(world.analyst))
    actions.release(item_id, call=Call(world.analyst))
    drain()
    assert told(world, "amends.work_item.released.v1") == both(["compliance"], "task_waiting")


def test_an_undo_task_waits_and_its_end_is_told_to_actor_and_requester(world: World) -> None:
    item_id = done(world)
    attempt = compensate(world, item_id).attempt
    drain()
    created = told(world, "amends.work_item.created.v1", subject_id=attempt.compensation_id)
    assert created == both(["analyst"], "undo_waiting")
    work(world.analyst, attempt.compensation_id, "REVERSED")
    drain()
    assert told(world, "amends.work_item.compensation_completed.v1") == both(
        ["analyst", "operator"], "undone"
    )
    assert told(world, "amends.work_item.compensation_faulted.v1") == []


def test_who_undoes_it_for_another_is_not_told_that_it_is_undone(world: World) -> None:
    policy = {"performer": "not_original_actor", "candidate_groups": ["compliance"]}
    attempt = compensate(world, done(world, compensation=policy)).attempt
    work(world.compliance, attempt.compensation_id, "CORRECTED")
    drain()
    assert told(world, "amends.work_item.compensation_completed.v1") == both(
        ["analyst", "operator"], "undone"
    )


def test_a_failed_undo_is_told_to_requester_and_operators(world: World) -> None:
    item_id = done(world, compensation={"self_undo": True})
    why = {"reason": "My mistake", "regulatory_basis": BASIS}
    attempt = actions.compensate(item_id, call=Call(world.analyst), **why).attempt
    work(world.analyst, attempt.compensation_id, "CANNOT_REVERSE")
    drain()
    assert told(world, "amends.work_item.compensation_faulted.v1") == both(
        ["admin", "analyst", "operator"], "undo_failed"
    )
    assert told(world, "amends.work_item.compensation_completed.v1") == []


def test_an_automated_undo_that_gives_up_is_told_to_requester_and_operators(world: World) -> None:
    policy = {"mode": "automated", "capability": "demo.fail"}
    compensate(world, done(world, compensation=policy))
    drain(fast_forward=True)
    assert told(world, "amends.work_item.compensation_faulted.v1") == both(
        ["admin", "operator"], "undo_failed"
    )


def test_attesting_settles_it_for_actor_and_requester(world: World) -> None:
    item_id = done(world)
    attempt = compensate(world, item_id).attempt
    work(world.analyst, attempt.compensation_id, "CANNOT_REVERSE")
    actions.attest(item_id, call=Call(world.admin), evidence="See letter 12")
    drain()
    assert told(world, "amends.work_item.compensation_attested.v1") == both(
        ["analyst", "operator"], "undone"
    )


def test_a_rollback_tells_each_original_actor_and_its_requester_of_the_end(world: World) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    for who in ("underwriter", "surveyor", "compliance"):
        undo(world.of(who), case_id)
    drain()
    # Steps are no news of their own: they would be as many as there are steps.
    assert told(world, "amends.work_item.compensation_completed.v1", case_id=case_id) == []
    assert told(world, "amends.execution.compensation_completed.v1", case_id=case_id) == []
    ended = told(world, "amends.compensation_run.compensation_completed.v1", subject_id=run.id)
    did = both(["analyst", "surveyor", "underwriter"], "work_undone")
    assert ended == sorted([*both(["operator"], "rollback_ended"), *did])


def test_a_failed_step_is_told_once_where_it_is_repaired(world: World) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    undo(world.underwriter, case_id, "CANNOT_REVERSE")
    stopped = told(world, "amends.compensation_run.compensation_step_failed.v1")
    assert stopped == both(["admin", "operator"], "rollback_stopped")
    assert told(world, "amends.work_item.compensation_faulted.v1") == []
    assert told(world, "amends.case.compensation_faulted.v1") == []
    with tenant_scope(world.operator.tenant_id):
        subjects = Delivery.objects.filter(topic="rollback_stopped").values_list("subject_id")
        assert {id_ for (id_,) in subjects} == {run.id}


def test_nobody_inactive_is_told_anything(world: World) -> None:
    assert world.analyst.membership_id is not None
    item_id = item(world, assignee=world.analyst.username)
    named = [world.analyst.username, world.compliance.username]
    other = item(world, candidate_groups=[], candidate_users=named)
    drain()
    work(world.analyst, item_id, None)
    deactivate(world.analyst.membership_id, call=Call(world.admin))
    actions.claim(other, call=Call(world.compliance))
    actions.release(other, call=Call(world.compliance))
    attempt = compensate(world, item_id, mode="human", candidate_groups=["compliance"]).attempt
    work(world.compliance, attempt.compensation_id, "REVERSED")
    drain()
    with tenant_scope(world.operator.tenant_id):
        late = Delivery.objects.filter(recipient_id=world.analyst.actor_id)
        assert {row.event_type for row in late} == {"amends.work_item.created.v1"}
        assert late.count() == 4
    # Nobody else may take what was put back: somebody must see to it.
    assert told(world, "amends.work_item.released.v1") == both(
        ["admin", "operator"], "needs_somebody"
    )
    assert told(world, "amends.work_item.compensation_completed.v1") == both(["operator"], "undone")


def test_an_event_handled_twice_makes_one_delivery_per_recipient_and_channel(world: World) -> None:
    item_id = item(world, candidate_users=[world.analyst.username])
    drain()
    before = _rows(world)
    assert len(before) == 2
    marked: list[bool] = []
    event = event_of(world, "amends.work_item.created.v1", item_id)
    handle([event], lambda: marked.append(True))
    assert marked == [True]
    assert _rows(world) == before


def test_a_handler_that_lost_its_lease_leaves_nothing(world: World) -> None:
    item_id = item(world, candidate_users=[world.analyst.username])
    event = event_of(world, "amends.work_item.created.v1", item_id)

    def lost() -> None:
        raise RuntimeError("taken over")

    with pytest.raises(RuntimeError):
        handle([event], lost)
    assert _rows(world) == []
    drain()
    assert len(_rows(world)) == 2


def test_only_news_that_concerns_people_makes_a_task(world: World) -> None:
    done(world)
    with tenant_scope(world.operator.tenant_id):
        tasks = OutboxTask.objects.filter(consumer=CONSUMER).values_list("event_id", flat=True)
        types = OutboxEvent.objects.filter(id__in=list(tasks)).values_list("type", flat=True)
        assert set(types) == {"amends.work_item.created.v1"}
        assert set(types) <= TOLD


def test_a_failed_case_is_told_to_who_opened_it_and_the_operators(world: World) -> None:
    deploy(world, definition("failing", automated("pay", "demo.fail", "true", "{}")))
    opened(world, "tests/failing")
    drain(fast_forward=True)
    assert told(world, "amends.case.faulted.v1") == both(["admin", "operator"], "case_failed")


def _rows(world: World) -> list[tuple[uuid.UUID, str, str]]:
    with tenant_scope(world.operator.tenant_id):
        rows = Delivery.objects.order_by("id")
        return [(row.id, row.channel, str(row.created_at)) for row in rows]
