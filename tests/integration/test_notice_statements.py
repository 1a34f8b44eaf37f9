"""What it takes to tell people: as many statements for a batch of news as for one of it.

BEGIN, COMMIT and the mark "done" aside. A batch begins with the setting of the tenant.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger.dispatch.consumer_registry import Event
from ledger.models import OutboxEvent, OutboxTask
from ledger.tenancy import tenant_scope
from notifications.actions.telling import handle
from notifications.events import CONSUMER
from notifications.models import Delivery
from people.actions import deactivate
from tests import states
from tests.casework import roll_back
from tests.draining import drain
from tests.integration.test_notices_counted import done_case, undo_all
from tests.integration.test_notifications import compensate, done, event_of, item
from tests.world import World
from verbs.call import Call

CREATED = "amends.work_item.created.v1"
RELEASED = "amends.work_item.released.v1"
RUN_ENDED = "amends.compensation_run.compensation_completed.v1"


def statements(events: Sequence[Event]) -> list[str]:
    """Return the first words of the statements with which a batch is told."""
    with CaptureQueriesContext(connection) as captured:
        handle(events, lambda: None)
    sent = [" ".join(query["sql"].split()[:3]) for query in captured.captured_queries]
    assert (sent[0], sent[-1]) == ("BEGIN", "COMMIT")
    return sent[1:-1]


def about(world: World, event_type: str, ids: Iterable[uuid.UUID]) -> list[Event]:
    return [event_of(world, event_type, id_) for id_ in ids]


def offered_to_a_group(world: World, number: int) -> list[Event]:
    return about(world, CREATED, [item(world) for _ in range(number)])


def given_to_somebody(world: World, number: int) -> list[Event]:
    items = [item(world, assignee=world.analyst.username) for _ in range(number)]
    return about(world, CREATED, items)


def nobody_left(world: World, number: int) -> list[Event]:
    return about(
        world, CREATED, [item(world, candidate_groups=["nobodies"]) for _ in range(number)]
    )


def undone(world: World, number: int) -> list[Event]:
    items = [done(world) for _ in range(number)]
    for item_id in items:
        states.undo(compensate(world, item_id).attempt.compensation_id, world.analyst)
    return about(world, "amends.work_item.compensation_completed.v1", items)


def undo_failed(world: World, number: int) -> list[Event]:
    failed = [states.faulted(world.operator).original.id for _ in range(number)]
    return about(world, "amends.work_item.compensation_faulted.v1", failed)


def mixed(world: World, number: int) -> list[Event]:
    return [*given_to_somebody(world, number), *undone(world, number)]


@pytest.mark.parametrize(
    ("made", "expected"),
    [(offered_to_a_group, 1), (given_to_somebody, 2), (nobody_left, 3), (undone, 3),
     (undo_failed, 3), (mixed, 4)],
)  # fmt: skip
def test_a_batch_takes_as_many_statements_as_one_event(
    world: World, made: Callable[[World, int], list[Event]], expected: int
) -> None:
    one, many = made(world, 1), made(world, 12)
    assert len(many) == 12 * len(one)
    first = statements(one)
    assert (len(first), statements(many)) == (expected, first)


@pytest.mark.parametrize("number", [2, 12])
def test_the_end_of_a_rollback_costs_the_same_however_long_it_was(
    world: World, number: int
) -> None:
    case_id = done_case(world, number)
    run = roll_back(world, case_id)
    undo_all(world, case_id, "analyst", number)
    assert len(statements([event_of(world, RUN_ENDED, run.id)])) == 4


def test_tasks_of_a_rollback_that_fall_to_the_operators_are_told_as_one(world: World) -> None:
    case_id = done_case(world, 2)
    assert world.analyst.membership_id is not None
    deactivate(world.analyst.membership_id, call=Call(world.admin))
    roll_back(world, case_id)
    with tenant_scope(world.operator.tenant_id):
        news = OutboxEvent.objects.filter(type=CREATED, case_id=case_id).latest("at")
        said = Delivery.objects.filter(topic="needs_somebody", channel="in_app")
        assert said.count() == 2
    # Tenant, task, operators, what was said of the rollback: nothing is left to be stored.
    assert len(statements([event_of(world, CREATED, news.subject_id)])) == 2 + 1


def test_what_a_batch_tells_is_what_its_events_told_one_by_one(world: World) -> None:
    news = mixed(world, 2)
    handle(news, lambda: None)
    with tenant_scope(world.operator.tenant_id):
        rows = Delivery.objects.filter(channel="in_app")
        told = sorted((row.event_id, row.topic, row.recipient_id) for row in rows)
    waits, ended = news[:2], news[2:]
    people = (world.analyst.actor_id, world.operator.actor_id)
    assert told == sorted(
        [(event.id, "task_waiting", world.analyst.actor_id) for event in waits]
        + [(event.id, "undone", actor) for event in ended for actor in people]
    )
    # Told once: the tasks behind them are nobody's news any more.
    drain()
    with tenant_scope(world.operator.tenant_id):
        ids = [event.id for event in news]
        assert Delivery.objects.filter(event_id__in=ids, channel="in_app").count() == 6


def test_in_a_rollback_the_end_of_a_single_undo_makes_no_task(world: World) -> None:
    case_id = done_case(world, 3)
    roll_back(world, case_id)
    undo_all(world, case_id, "analyst", 2)
    states.undo(compensate(world, done(world)).attempt.compensation_id, world.analyst)
    with tenant_scope(world.operator.tenant_id):
        ended = OutboxEvent.objects.filter(type="amends.work_item.compensation_completed.v1")
        tasks = OutboxTask.objects.filter(consumer=CONSUMER, event_id__in=ended.values("id"))
        heard = OutboxEvent.objects.filter(id__in=tasks.values("event_id"))
        assert ended.filter(case_id=case_id).count() == 2
        # That of the one outside a rollback.
        assert [event.case_id for event in heard] == [None]
