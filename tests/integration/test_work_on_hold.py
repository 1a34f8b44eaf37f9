"""Items on hold, with more time, given up and left out: what they go back to, what follows."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
import time_machine

from compensation.lifecycle import CompensationState
from ledger.clock import now
from ledger.errors import Conflict, Invalid
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from people import actions as people
from tests import states
from tests.casework import case_row, deploy, finish, open_item, opened, plan_items
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.workitems_made import page, titles
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.actions.work_on_hold import resume_due
from workitems.lifecycle import Status
from workitems.models import HoldEnd, WorkItem

HOUR = dt.timedelta(hours=1)


def held(world: World, **wanted: Any) -> WorkItem:
    """Return an item the analyst had begun, on hold."""
    item = states.in_progress(world.analyst)
    return actions.suspend(item.id, call=Call(world.analyst), **wanted)


def ends(world: World, item: WorkItem) -> list[dt.datetime]:
    """Return when an item's hold ends by itself."""
    with tenant_scope(world.system.tenant_id):
        return list(HoldEnd.objects.filter(item_id=item.id).values_list("due_at", flat=True))


@pytest.mark.parametrize("status", [Status.PENDING, Status.ASSIGNED, Status.IN_PROGRESS])
def test_it_goes_back_to_where_it_was(world: World, status: Status) -> None:
    item = states.item_in(status, world.operator)
    on_hold = actions.suspend(item.id, call=Call(world.operator), reason="The file is away")
    assert (on_hold.status, on_hold.assignee_id) == (Status.SUSPENDED, item.assignee_id)
    back = actions.resume(item.id, call=Call(world.operator))
    assert (back.status, back.assignee_id) == (status, item.assignee_id)
    assert states.actions_of(world, "work_item", item.id)[-2:] == ["suspended", "resumed"]


def test_it_goes_on_by_itself_when_its_moment_comes(world: World) -> None:
    until = now() + HOUR
    item = held(world, until=until)
    assert ends(world, item) == [until]
    shown = api(world.analyst).get(f"/api/v1/work-items/{item.id}").json()
    assert dt.datetime.fromisoformat(shown["held_until"]) == until
    drain()
    assert states.stored(world, item.id).status == Status.SUSPENDED
    assert not resume_due(item.tenant_id, item.id)

    drain(fast_forward=True)

    after = states.stored(world, item.id)
    assert (after.status, after.assignee_id) == (Status.IN_PROGRESS, world.analyst.actor_id)
    assert ends(world, item) == []
    [*_, entry] = states.history(world, "work_item", item.id)
    assert (entry.action, entry.actor_id) == ("resumed", world.system.actor_id)


def test_two_workers_let_it_go_on_once(world: World) -> None:
    item = held(world, until=now() + HOUR)
    due_now(item)
    assert resume_due(item.tenant_id, item.id)
    assert not resume_due(item.tenant_id, item.id)
    assert states.actions_of(world, "work_item", item.id).count("resumed") == 1


def test_an_older_moment_ends_no_later_hold(world: World) -> None:
    item = held(world, until=now() + HOUR)
    actions.resume(item.id, call=Call(world.analyst))
    assert ends(world, item) == []
    later = now() + 2 * HOUR
    actions.suspend(item.id, call=Call(world.analyst), until=later)
    assert ends(world, item) == [later]
    actions.resume(item.id, call=Call(world.analyst))
    actions.suspend(item.id, call=Call(world.analyst))
    drain(fast_forward=True)
    assert states.stored(world, item.id).status == Status.SUSPENDED


def test_what_is_given_to_somebody_is_on_hold_no_more(world: World) -> None:
    item = held(world, until=now() + HOUR)
    actions.assign(item.id, call=Call(world.operator), assignee=world.surveyor.username)
    assert ends(world, item) == []
    assert not resume_due(item.tenant_id, item.id)
    assert states.stored(world, item.id).status == Status.ASSIGNED


def due_now(item: WorkItem) -> None:
    """Let the end of a hold have come."""
    with tenant_scope(item.tenant_id):
        HoldEnd.objects.filter(item_id=item.id).update(due_at=now() - HOUR)


def test_it_is_held_until_a_moment_that_is_to_come(world: World) -> None:
    item = states.in_progress(world.analyst)
    with pytest.raises(Invalid) as refused:
        actions.suspend(item.id, call=Call(world.analyst), until=now() - HOUR)
    assert [(each.pointer, each.code) for each in refused.value.errors] == [("/until", "past")]
    assert states.stored(world, item.id).status == Status.IN_PROGRESS
    assert ends(world, item) == []


def test_an_undo_task_on_hold_still_can_be_withdrawn_before_it_was_begun(world: World) -> None:
    begun = states.compensating(world.operator)
    task = begun.attempt.compensation_id
    actions.suspend(task, call=Call(world.operator))
    after = actions.withdraw(begun.original.id, call=Call(world.operator)).original
    assert after.status == Status.COMPLETED
    assert states.stored(world, task).status == Status.CANCELLED


def test_an_undo_task_that_was_begun_cannot_be_withdrawn_on_hold(world: World) -> None:
    begun = states.compensating(world.operator)
    task = begun.attempt.compensation_id
    actions.start(task, call=Call(world.operator))
    actions.suspend(task, call=Call(world.operator))
    with pytest.raises(Conflict):
        actions.withdraw(begun.original.id, call=Call(world.operator))
    assert states.stored(world, begun.original.id).status == Status.COMPENSATING


def test_an_undo_task_cannot_be_left_out(world: World) -> None:
    begun = states.compensating(world.operator)
    with pytest.raises(Conflict) as refused:
        actions.skip(begun.attempt.compensation_id, call=Call(world.operator), reason="Why not")
    assert refused.value.code == "not_skippable"
    assert states.stored(world, begun.original.id).status == Status.COMPENSATING


def test_an_undo_task_that_cannot_be_done_leaves_its_original_to_be_decided(world: World) -> None:
    begun = states.compensating(world.operator)
    task = begun.attempt.compensation_id
    actions.start(task, call=Call(world.operator))
    actions.fail(task, call=Call(world.operator), detail="The bank is gone")
    undo, original = states.stored(world, task), states.stored(world, begun.original.id)
    assert (undo.status, undo.compensation_state) == (
        Status.FAULTED, CompensationState.COMPENSATION_FAULTED,
    )  # fmt: skip
    assert original.status == Status.COMPENSATION_FAULTED
    retried = actions.retry_compensation(original.id, call=Call(world.operator))
    assert retried.original.status == Status.COMPENSATING


def test_what_is_left_by_who_had_it_goes_to_the_pool_and_somebody_is_told(world: World) -> None:
    item = states.new_item(world.operator, assignee=world.analyst.username)
    actions.suspend(item.id, call=Call(world.operator), until=now() + HOUR)
    people.deactivate(world.analyst.membership_id, call=Call(world.admin))
    drain(fast_forward=True)
    after = states.stored(world, item.id)
    assert (after.status, after.assignee_id) == (Status.PENDING, None)
    assert told(world, item.id) == {("operator", "needs_somebody"), ("admin", "needs_somebody")}


def test_who_waits_for_an_undo_hears_that_it_is_on_hold(world: World) -> None:
    begun = states.compensate(states.completed(world.analyst), world.operator)
    task = begun.attempt.compensation_id
    actions.suspend(task, call=Call(world.analyst), reason="The bank is closed")
    assert {("operator", "undo_on_hold"), ("admin", "undo_on_hold")} <= told(world, task)
    plain = states.in_progress(world.analyst)
    actions.suspend(plain.id, call=Call(world.analyst))
    assert told(world, plain.id) == set()


def test_the_only_one_who_may_take_it_lets_it_go_on_without_alarm(world: World) -> None:
    item = states.new_item(world.operator, candidate_users=[world.analyst.username])
    actions.claim(item.id, call=Call(world.analyst))
    actions.release(item.id, call=Call(world.operator))
    actions.suspend(item.id, call=Call(world.operator))
    before = told(world, item.id)
    actions.resume(item.id, call=Call(world.operator))
    assert told(world, item.id) == before | {("analyst", "task_waiting")}


def test_what_i_hold_has_a_place_in_my_inbox(world: World) -> None:
    item = held(world)
    client = browser(world.analyst)
    assert titles(page(client, "/inbox/?tab=held")) == [item.title]
    assert titles(page(client, "/inbox/")) == []
    assert titles(page(browser(world.surveyor), "/inbox/?tab=held")) == []
    actions.resume(item.id, call=Call(world.analyst))
    assert titles(page(client, "/inbox/?tab=held")) == []
    assert titles(page(client, "/inbox/")) == [item.title]


def test_more_time_hides_no_news(world: World) -> None:
    item = states.new_item(world.operator, assignee=world.analyst.username)
    actions.extend(item.id, call=Call(world.operator), due_at=now() + HOUR)
    assert told(world, item.id) == {("analyst", "task_waiting")}


def told(world: World, item_id: uuid.UUID) -> set[tuple[str, str]]:
    """Return who has been told what about an item, by username and topic."""
    drain()
    with tenant_scope(world.system.tenant_id):
        rows = Delivery.objects.filter(subject_id=item_id, channel="in_app")
        names = {world.of(each).actor_id: each for each in ("analyst", "operator", "admin")}
        return {(names[row.recipient_id], row.topic) for row in rows}


def test_what_ends_on_hold_leaves_nothing_behind(world: World) -> None:
    item = held(world, until=now() + HOUR)
    actions.cancel(item.id, call=Call(world.operator), reason="Not needed")
    assert ends(world, item) == []
    undo = states.compensating(world.operator)
    task = undo.attempt.compensation_id
    actions.suspend(task, call=Call(world.operator), until=now() + HOUR)
    assert _queues(world) == ["undo"]
    actions.withdraw(undo.original.id, call=Call(world.operator))
    assert _queues(world) == []


def _queues(world: World) -> list[str]:
    with tenant_scope(world.system.tenant_id):
        return list(HoldEnd.objects.values_list("queue", flat=True))


def test_a_worker_that_dies_over_a_hold_leaves_it_to_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = held(world, until=now() + HOUR)
    due_now(item)
    monkeypatch.setattr("workitems.actions.work_on_hold.move", _dies)
    with pytest.raises(RuntimeError):
        resume_due(item.tenant_id, item.id)
    monkeypatch.undo()
    # Its lease stands, so that nobody tries again at once.
    assert not resume_due(item.tenant_id, item.id)
    assert states.stored(world, item.id).status == Status.SUSPENDED
    with tenant_scope(item.tenant_id):
        HoldEnd.objects.filter(item_id=item.id).update(leased_until=now() - HOUR)
    assert resume_due(item.tenant_id, item.id)
    assert states.stored(world, item.id).status == Status.IN_PROGRESS


def _dies(*_given: Any, **_more: Any) -> None:
    raise RuntimeError("killed")


def test_more_time_is_said_once(world: World) -> None:
    item = states.new_item(world.operator, due_at=now() + HOUR)
    later = now() + 24 * HOUR
    after = actions.extend(item.id, call=Call(world.operator), due_at=later, reason="Holidays")
    assert (after.status, after.due_at, after.version) == (Status.PENDING, later, 2)
    for wrong, code in ((later, "unchanged"), (now() - HOUR, "past")):
        with pytest.raises(Invalid) as refused:
            actions.extend(item.id, call=Call(world.operator), due_at=wrong)
        assert [(e.pointer, e.code) for e in refused.value.errors] == [("/due_at", code)]
    [*_, entry] = states.history(world, "work_item", item.id)
    assert (entry.action, entry.payloads["reason"]) == ("extended", "Holidays")
    assert states.stored(world, item.id).version == 2


def test_what_nobody_said_may_be_left_out_is_not(world: World) -> None:
    item = states.new_item(world.operator)
    with pytest.raises(Conflict) as refused:
        actions.skip(item.id, call=Call(world.operator), reason="Paid already")
    assert refused.value.code == "not_skippable"
    assert states.stored(world, item.id).status == Status.PENDING
    shown = api(world.operator).get(f"/api/v1/work-items/{item.id}").json()
    offers = {each["action"]: each["reason"] for each in shown["available_actions"]}
    assert offers["skip"] == "not_skippable"


def test_a_case_fails_with_a_step_that_cannot_be_done(world: World) -> None:
    deploy(world, definition("one", human("first", None)))
    case_id = opened(world, "tests/one")
    item = open_item(world.analyst, case_id, "first")
    actions.start(item.id, call=Call(world.analyst))
    actions.fail(item.id, call=Call(world.analyst), detail="The register is closed")
    drain()
    case = case_row(world, case_id)
    assert (case.status, case.fault) == ("FAULTED", "first: faulted, The register is closed")
    assert {name: each.status for name, each in plan_items(world, case_id).items()} == {
        "first": "FAULTED"
    }


def test_a_case_goes_on_while_a_step_is_on_hold(world: World) -> None:
    deploy(world, definition("two", human("first", None), human("second", None)))
    case_id = opened(world, "tests/two")
    item = open_item(world.analyst, case_id, "first")
    actions.suspend(item.id, call=Call(world.operator))
    finish(world.analyst, case_id, "second", "DONE")
    drain()
    assert case_row(world, case_id).status == "RUNNING"
    statuses = {name: each.status for name, each in plan_items(world, case_id).items()}
    assert statuses == {"first": "ACTIVE", "second": "COMPLETED"}


def test_the_clock_of_the_application_ends_no_hold(world: World) -> None:
    """What is due is due by the database's clock."""
    item = held(world, until=now() + HOUR)
    with time_machine.travel(now() + 2 * HOUR):
        assert not resume_due(item.tenant_id, item.id)
    assert states.stored(world, item.id).status == Status.SUSPENDED


def test_nothing_is_due_of_an_item_that_nobody_holds(world: World) -> None:
    item = states.new_item(world.operator)
    assert not resume_due(item.tenant_id, item.id)
