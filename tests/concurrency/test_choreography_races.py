"""Events that come at once, and together with a person: one undo, and each said once."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from events.actions import receive_event
from events.models import InboundEvent
from ledger.dispatch.consumer_registry import Event
from ledger.models import LedgerEntry, OutboxTask
from ledger.tenancy import tenant_scope
from tests import states
from tests.concurrency.test_races import at_once, split, undos
from tests.integration.test_work_handover import wait_for_a_lock
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.actions import influence
from workitems.actions.choreography import CONSUMER, handle
from workitems.listener_tables import EventReaction
from workitems.models import WorkItem

ON = [{"type": "protocol.violated", "filter": '.data.grade == 3 and (.source | test("lab"))'}]


def sent(world: World, id_: str) -> InboundEvent:
    return receive_event(
        call=Call(world.operator), specversion="1.0", id=id_, source="/lab",
        type="protocol.violated", data={"grade": 3},
    )  # fmt: skip


def news(row: InboundEvent) -> Event:
    """Return the news of an event, as whoever reacts to it is told."""
    with tenant_scope(row.tenant_id):
        entry = LedgerEntry.objects.get(id=row.entry_id)
    return Event(
        id=entry.id, hash=bytes(entry.hash), tenant_id=row.tenant_id,
        type="amends.tenant.event_received.v1", action=entry.action, subject_type="tenant",
        subject_id=entry.subject_id, subject_version=entry.subject_version, case_id=None,
        from_status="ACTIVE", to_status="ACTIVE", actor_id=entry.actor_id,
        correlation_id=entry.correlation_id, at=entry.at,
    )  # fmt: skip


def react(event: Event) -> Any:
    return lambda: handle([event], lambda: None)


def reactions(world: World, item: Any) -> int:
    with tenant_scope(world.system.tenant_id):
        return EventReaction.objects.filter(item_id=item.id).count()


def one_undo(world: World, item: Any) -> None:
    assert states.stored(world, item.id).status == "COMPENSATING"
    assert len(undos(world, item)) == 1
    assert states.actions_of(world, "work_item", item.id)[3:] == ["compensation_started"]


def test_the_same_event_sent_at_once_is_taken_in_once(world: World) -> None:
    won, lost = split(at_once([lambda: sent(world, "same")] * 10))
    assert (len({row.id for row in won}), lost) == (1, [])
    assert states.actions_of(world, "tenant", world.system.tenant_id).count("event_received") == 1


def test_events_at_once_undo_an_item_once(world: World) -> None:
    item = states.completed(world.analyst, compensate_on=ON)
    events = [news(sent(world, str(number))) for number in range(4)]
    answers = at_once([react(event) for event in [*events, *events]])
    assert answers == [None] * 8
    one_undo(world, item)
    assert reactions(world, item) == 1


@pytest.mark.parametrize("round_", range(3))
def test_an_event_and_a_person_at_once_undo_it_once(world: World, round_: int) -> None:
    item = states.completed(world.analyst, compensate_on=ON)
    event = news(sent(world, "one"))

    def by_hand() -> Any:
        return actions.compensate(item.id, call=Call(world.operator), reason="By hand")

    answers = at_once([react(event), by_hand, react(event)])
    one_undo(world, item)
    lost = split(answers)[1]
    # Whoever came second was told so; an event that came second has nothing to say.
    assert reactions(world, item) == len(lost)
    assert [refusal.code for refusal in lost] in ([], ["illegal_state"])


def test_an_event_between_an_end_and_its_commit_is_followed(world: World) -> None:
    """The news is handled while the transaction in which the item was done is still open."""
    item = states.in_progress(world.analyst, compensate_on=ON)
    other = states.in_progress(world.analyst, compensate_on=ON)
    answers: list[Any] = []

    def hear() -> None:
        try:
            answers.append(react(news(sent(world, "between")))())
        finally:
            connection.close()

    hearing = threading.Thread(target=hear)

    def meanwhile(_result: Any) -> None:
        hearing.start()
        wait_for_a_lock()

    call = Call(world.analyst, last_act=meanwhile)
    actions.complete(item.id, call=call, outcome="APPROVED")
    hearing.join(30)
    assert answers == [None]
    one_undo(world, item)
    # What nobody was ending is neither waited for nor touched.
    assert states.stored(world, other.id).status == "IN_PROGRESS"
    assert reactions(world, other) == 0


def test_one_event_has_one_task(world: World) -> None:
    states.completed(world.analyst, compensate_on=ON)
    at_once([lambda: sent(world, "a"), lambda: sent(world, "a"), lambda: sent(world, "b")])
    with tenant_scope(world.system.tenant_id):
        found = OutboxTask.objects.filter(consumer=CONSUMER.name)
        assert found.count() == 2


def test_an_undo_that_is_heard_twice_at_once_asks_for_one_review(world: World) -> None:
    source = states.completed(world.analyst)
    made_of = [{"type": "work_item", "id": str(source.id)}]
    item = states.completed(world.surveyor, derived_from=made_of)
    undo = states.compensate(source, world.operator).attempt.compensation_id
    states.work(world.analyst, undo, "REVERSED")
    with tenant_scope(world.system.tenant_id):
        entry = LedgerEntry.objects.get(subject_id=source.id, action="compensation_completed")
    event = Event(
        id=entry.id, hash=bytes(entry.hash), tenant_id=world.system.tenant_id,
        type="amends.work_item.compensation_completed.v1", action=entry.action,
        subject_type="work_item", subject_id=source.id, subject_version=entry.subject_version,
        case_id=None, from_status=entry.from_status, to_status=entry.to_status,
        actor_id=entry.actor_id, correlation_id=entry.correlation_id, at=entry.at,
    )  # fmt: skip
    assert at_once([lambda: influence.handle([event], lambda: None)] * 5) == [None] * 5
    assert states.actions_of(world, "work_item", item.id)[3:] == ["tainted"]
    with tenant_scope(world.system.tenant_id):
        assert WorkItem.objects.filter(kind="REVIEW").count() == 1
