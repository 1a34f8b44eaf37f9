"""Each way an undo can end: what becomes of the original, what the operator sees, and that a retry
works. Nothing stays COMPENSATING with nobody responsible."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from compensation.actions.undo_verbs import Compensation
from compensation.lifecycle import CompensationState
from ledger.errors import Conflict, NotPermitted
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from people import actions as people
from tests import states
from tests.clients import browser
from tests.draining import drain
from tests.integration.workitems_made import page
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.lifecycle import OfferedTo, Status
from workitems.models import WorkItem

TITLE = "Check the credit of R. Vega"
FAULT = Status.COMPENSATION_FAULTED


def begun(world: World, **policy: Any) -> Compensation:
    """Let the analyst complete an item, and the operator take it back."""
    policy = {"mode": "human", "deadline": "PT48H", **policy}
    item = states.completed(world.analyst, title=TITLE, compensation=policy)
    return states.compensate(item, world.operator)


def _ended(outcome: str) -> Callable[[World, uuid.UUID], Any]:
    return lambda world, task: states.undo(task, world.analyst, outcome)


def _failed(world: World, task: uuid.UUID) -> None:
    actions.start(task, call=Call(world.analyst))
    actions.fail(task, call=Call(world.analyst), detail="The archive burnt down")


ENDINGS: dict[str, tuple[Callable[[World, uuid.UUID], Any], str, str]] = {
    "reversed": (_ended("REVERSED"), Status.COMPLETED, Status.COMPENSATED),
    "corrected": (_ended("CORRECTED"), Status.COMPLETED, Status.COMPENSATED),
    "partly": (_ended("PARTIALLY_REVERSED"), Status.COMPLETED, FAULT),
    "cannot be": (_ended("CANNOT_REVERSE"), Status.COMPLETED, FAULT),
    "rejected": (
        lambda world, task: actions.reject(task, call=Call(world.analyst), reason="Not mine"),
        Status.REJECTED,
        FAULT,
    ),
    "failed": (_failed, Status.FAULTED, FAULT),
    "cancelled": (
        lambda world, task: actions.cancel(task, call=Call(world.operator), reason="Wrong one"),
        Status.CANCELLED,
        FAULT,
    ),
    "escalated": (
        lambda world, task: states.miss(states.stored(world, task)),
        Status.ESCALATED,
        FAULT,
    ),
    "withdrawn": (
        lambda world, task: actions.withdraw(
            states.stored(world, task).undoes_id, call=Call(world.operator)
        ),
        Status.CANCELLED,
        Status.COMPLETED,
    ),
}
SAID = {
    "partly": states.WHY_NOT,
    "cannot be": states.WHY_NOT,
    "rejected": "Not mine",
    "failed": "The archive burnt down",
    "cancelled": "Wrong one",
    "escalated": "It was not done in time.",
}


def told(world: World, item: WorkItem, topic: str) -> set[uuid.UUID]:
    with tenant_scope(world.operator.tenant_id):
        rows = Delivery.objects.filter(subject_id=item.id, topic=topic, channel="in_app")
        return set(rows.values_list("recipient_id", flat=True))


def open_undos(world: World, item: WorkItem) -> list[WorkItem]:
    with tenant_scope(world.operator.tenant_id):
        rows = WorkItem.objects.filter(undoes_id=item.id)
        return list(rows.filter(status__in=["PENDING", "ASSIGNED", "IN_PROGRESS"]))


@pytest.mark.parametrize("ending", sorted(ENDINGS))
def test_what_becomes_of_the_original(world: World, ending: str) -> None:
    end, task_status, status = ENDINGS[ending]
    answer = begun(world)
    original, task_id = answer.original, answer.attempt.compensation_id
    end(world, task_id)
    drain()

    task, row = states.stored(world, task_id), states.stored(world, original.id)
    assert (task.status, row.status) == (task_status, status)
    assert open_undos(world, original) == []
    assert (row.outcome, row.completed_by_id) == ("PASSED", world.analyst.actor_id)
    if status == Status.COMPLETED:
        assert row.compensation_state == task.compensation_state == CompensationState.NONE
    else:
        assert row.compensation_state == task.compensation_state == status
    queue = page(browser(world.operator), "/decisions/")
    assert (TITLE in queue) == (status == FAULT)
    if status == FAULT:
        assert SAID[ending] in queue
        assert world.operator.actor_id in told(world, original, "undo_failed")
    else:
        assert told(world, original, "undo_failed") == set()


@pytest.mark.parametrize("ending", sorted(name for name, row in ENDINGS.items() if row[2] == FAULT))
def test_a_retry_works(world: World, ending: str) -> None:
    answer = begun(world)
    original = answer.original
    ENDINGS[ending][0](world, answer.attempt.compensation_id)
    drain()

    again = actions.retry_compensation(original.id, call=Call(world.operator))

    [task] = open_undos(world, original)
    assert (task.id, again.attempt.number) == (again.attempt.compensation_id, 2)
    assert states.stored(world, original.id).status == Status.COMPENSATING
    assert TITLE not in page(browser(world.operator), "/decisions/")
    states.undo(task.id, world.analyst)
    drain()
    row = states.stored(world, original.id)
    assert (row.status, row.compensation_state) == (Status.COMPENSATED, Status.COMPENSATED)
    assert told(world, original, "undone") >= {world.operator.actor_id, world.analyst.actor_id}


def test_what_was_withdrawn_can_be_taken_back_anew(world: World) -> None:
    answer = begun(world)
    actions.withdraw(answer.original.id, call=Call(world.operator))
    again = states.compensate(states.stored(world, answer.original.id), world.operator)
    assert (again.attempt.round, again.attempt.number) == (2, 1)
    states.undo(again.attempt.compensation_id, world.analyst)
    assert states.stored(world, answer.original.id).status == Status.COMPENSATED


def test_an_undo_task_is_never_left_out(world: World) -> None:
    answer = begun(world)
    with pytest.raises(Conflict) as refused:
        actions.skip(answer.attempt.compensation_id, call=Call(world.operator), reason="No need")
    assert refused.value.code == "not_skippable"
    assert states.stored(world, answer.original.id).status == Status.COMPENSATING


def test_the_undo_of_somebody_who_is_gone_is_the_operators(world: World) -> None:
    item = states.completed(world.analyst, title=TITLE)
    people.deactivate(world.analyst.membership_id, call=Call(world.admin))
    answer = states.compensate(item, world.operator)
    task = states.stored(world, answer.attempt.compensation_id)
    assert (task.assignee_id, task.offered_to) == (None, OfferedTo.OPERATORS)
    assert task.compensation is not None
    assert task.compensation["replaced_performer"] == "original_actor_not_available"
    drain()
    # Who asked for it knows; the other operator is told.
    assert told(world, task, "needs_somebody") == {world.admin.actor_id}
    states.undo(task.id, world.operator, "CANNOT_REVERSE")
    again = actions.retry_compensation(item.id, call=Call(world.operator))
    states.undo(again.attempt.compensation_id, world.operator)
    assert states.stored(world, item.id).status == Status.COMPENSATED


def test_the_undo_of_which_they_are_excluded_is_for_others(world: World) -> None:
    answer = begun(
        world, performer="not_original_actor", candidate_groups=["analysts", "surveyors"]
    )
    task_id = answer.attempt.compensation_id
    with pytest.raises(NotPermitted):
        actions.claim(task_id, call=Call(world.analyst))
    states.undo(task_id, world.surveyor, "CANNOT_REVERSE")
    again = actions.retry_compensation(answer.original.id, call=Call(world.operator))
    with pytest.raises(NotPermitted):
        actions.claim(again.attempt.compensation_id, call=Call(world.analyst))
    states.undo(again.attempt.compensation_id, world.surveyor)
    assert states.stored(world, answer.original.id).status == Status.COMPENSATED
