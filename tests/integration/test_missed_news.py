"""A step whose work has ended is not open for ever, whatever has become of the news of that."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import os
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from cases.actions import missed_news
from cases.actions.missed_news import SOURCE
from cases.events import ENGINE
from cases.models import MissedNewsCheck
from cases.startup import ENGINE_CONSUMER, SUB_CASE_CONSUMER
from compensation.actions.plan_execution import execute
from ledger.clock import now
from ledger.dispatch import consumer_registry
from ledger.dispatch.consumer_registry import Consumer, Done, Event
from ledger.models import OutboxTask
from ledger.tenancy import set_tenant, tenant_scope
from tests.casework import case_row, deploy, entries, open_item, opened, plan_for, plan_items
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.lanes import statements, waiting
from tests.states import actions_of, work
from tests.subcases import child, deploy_levels
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems import actions as item_actions


def as_owner(sql: str, *given: object) -> int:
    """Run a statement that the application's role may not; of how many rows."""
    url, name = os.environ["DATABASE_OWNER_URL"], connection.settings_dict["NAME"]
    with psycopg.connect(psycopg.conninfo.make_conninfo(url, dbname=name)) as owner:
        return owner.execute(sql, given).rowcount


def lose_news(case_id: uuid.UUID) -> None:
    """Delete what the engine was to hear of a case, as somebody with the rights may."""
    assert as_owner("DELETE FROM ledger_outboxtask WHERE shard = %s AND done_at IS NULL", case_id)


def made_due(world: World) -> MissedNewsCheck:
    """Let all that is open be looked at, and nothing that was only recorded."""
    at = now()
    return made_ready(world, recent_at=at, recent_id=None, whole_due_at=at)


def made_ready(world: World, **place: Any) -> MissedNewsCheck:
    """Let it be due, from a place on; what was recorded on the day before is not looked at again,
    unless that is said."""
    place = {"replay_at": None, "replay_id": None, **place}
    with transaction.atomic():
        set_tenant(world.system.tenant_id)
        assert MissedNewsCheck.objects.update(due_at="2000-01-01T00:00:00Z", **place) == 1
        return MissedNewsCheck.objects.get()


def checked(world: World) -> MissedNewsCheck:
    """Let all that is open of the tenant be looked at, and do all that follows."""
    return looked_through(world, made_due(world))


def looked_through(world: World, row: MissedNewsCheck) -> MissedNewsCheck:
    tenant_id = world.system.tenant_id
    assert SOURCE.work(tenant_id, row.id) is True
    assert SOURCE.work(tenant_id, row.id) is False, "it is not due again at once"
    drain()
    with tenant_scope(tenant_id):
        return MissedNewsCheck.objects.get()


def two_steps(world: World) -> uuid.UUID:
    deploy(world, definition("way", human("a"), human("b", ".a != null"), success=".b != null"))
    return opened(world, "tests/way")


def statuses(world: World, case_id: uuid.UUID) -> dict[str, str]:
    return {name: item.status for name, item in plan_items(world, case_id).items()}


def test_a_task_that_is_done_and_was_never_heard_of_is(world: World) -> None:
    case_id = two_steps(world)
    work(world.analyst, open_item(world.analyst, case_id, "a").id, None)
    lose_news(case_id)
    drain()
    assert statuses(world, case_id) == {"a": "ACTIVE"}
    checked(world)
    assert statuses(world, case_id) == {"a": "COMPLETED", "b": "ACTIVE"}
    work(world.analyst, open_item(world.analyst, case_id, "b").id, None)
    drain()
    assert case_row(world, case_id).status == "COMPLETED"
    verify()


def test_so_is_one_that_was_rejected(world: World) -> None:
    case_id = two_steps(world)
    work_item = open_item(world.analyst, case_id, "a")
    item_actions.claim(work_item.id, call=Call(world.analyst))
    item_actions.reject(work_item.id, call=Call(world.analyst), reason="No")
    lose_news(case_id)
    checked(world)
    assert statuses(world, case_id) == {"a": "REJECTED"}
    assert case_row(world, case_id).status == "FAULTED"


@contextlib.contextmanager
def not_heard(consumer: Consumer, *types: str) -> Iterator[None]:
    """Let news of some types be taken for heard of, with nothing made of it."""

    def handle(events: Sequence[Event], done: Done) -> None:
        if not all(event.type in types for event in events):
            consumer.handle(events, done)
            return
        with transaction.atomic(durable=True):
            set_tenant(events[0].tenant_id)
            done()

    with pytest.MonkeyPatch.context() as patched:
        own = dataclasses.replace(consumer, handle=handle, at_once=1)
        patched.setitem(consumer_registry._consumers, own.name, own)  # noqa: SLF001  -- there is no other way
        consumer_registry.consumers_of.cache_clear()
        yield
    consumer_registry.consumers_of.cache_clear()


def test_so_is_what_a_program_did(world: World) -> None:
    step = automated("a", "demo.slow", "true", "{seconds: 0}", compensation={"mode": "human"})
    deploy(world, definition("way", step, success=".a != null"))
    with not_heard(ENGINE_CONSUMER, "amends.execution.succeeded.v1"):
        case_id = opened(world, "tests/way")
    assert statuses(world, case_id) == {"a": "ACTIVE"}
    checked(world)
    assert statuses(world, case_id) == {"a": "COMPLETED"}
    assert case_row(world, case_id).status == "COMPLETED"


def test_so_is_a_case_below_and_the_cases_above_it_go_on(world: World) -> None:
    deploy_levels(world)
    case_id = opened(world, "tests/top")
    middle = child(world, case_id)
    low = child(world, middle.id)
    with not_heard(SUB_CASE_CONSUMER, "amends.case.completed.v1"):
        work(world.analyst, open_item(world.analyst, low.id, "task").id, None)
        drain()
    assert case_row(world, low.id).status == "COMPLETED"
    assert case_row(world, middle.id).status == "RUNNING"
    checked(world)
    assert [case_row(world, id_).status for id_ in (middle.id, case_id)] == ["COMPLETED"] * 2
    assert actions_of(world, "case", middle.id).count("sub_case_completed") == 1
    verify()


def test_nothing_happens_to_cases_that_are_well(world: World) -> None:
    case_id = two_steps(world)
    before = len(entries(world, case_id))

    def one() -> list[str]:
        return statements(lambda: checked(world))

    few = len(one())
    for _ in range(5):
        opened(world, "tests/way")
    # News that waits for the engine is on its way: nobody takes it for lost.
    work(world.analyst, open_item(world.analyst, case_id, "a").id, None)
    with tenant_scope(world.system.tenant_id):
        task = OutboxTask.objects.get(shard=case_id, consumer=ENGINE, done_at=None)
        row = MissedNewsCheck.objects.get()
    made_due(world)
    SOURCE.work(row.tenant_id, row.id)
    with tenant_scope(world.system.tenant_id):
        assert [task] == list(
            OutboxTask.objects.filter(shard=case_id, consumer=ENGINE, done_at=None)
        )
    drain()
    assert len(one()) == few
    assert statuses(world, case_id) == {"a": "COMPLETED", "b": "ACTIVE"}
    assert actions_of(world, "case", case_id).count("context_changed") == 1
    assert waiting(world) == {}
    assert before < len(entries(world, case_id))


def test_so_many_are_compared_at_once_and_all_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed_news, "AT_ONCE", 2)
    two_steps(world)
    cases = sorted(opened(world, "tests/way") for _ in range(3))
    lost = cases[-1]
    work(world.analyst, open_item(world.analyst, lost, "a").id, None)
    lose_news(lost)
    places = [checked(world) for _ in range(3)]
    assert [place.case_id is None for place in places] == [False, False, True]
    assert places[0].due_at - now() < dt.timedelta(seconds=10) < places[2].due_at - now()
    assert statuses(world, lost) == {"a": "COMPLETED", "b": "ACTIVE"}


def test_behind_a_dead_task_nothing_is_told_again(world: World) -> None:
    case_id = two_steps(world)
    work(world.analyst, open_item(world.analyst, case_id, "a").id, None)
    dead = as_owner(
        "UPDATE ledger_outboxtask SET dead_at = now() WHERE shard = %s AND done_at IS NULL", case_id
    )
    assert dead == 1
    checked(world)
    assert statuses(world, case_id) == {"a": "ACTIVE"}
    with tenant_scope(world.system.tenant_id):
        assert OutboxTask.objects.filter(shard=case_id, done_at=None).count() == 1


def test_what_is_looked_for_is_found_by_an_index(world: World) -> None:
    two_steps(world)
    given: list[Any] = [world.system.tenant_id, uuid.UUID(int=0), "", 500]
    with tenant_scope(world.system.tenant_id), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {missed_news._NEXT}", given)  # noqa: SLF001  -- what is sent
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index Scan using cases_planitem_one_open" in plan
    assert "Sort" not in plan


def test_a_case_below_that_was_undone_by_itself_and_never_heard_of_is(world: World) -> None:
    deploy_levels(world)
    top = opened(world, "tests/top")
    middle = child(world, top).id
    low = child(world, middle).id
    roll_back_partly(world, low)
    assert case_row(world, low).status == "COMPENSATED"
    assert statuses(world, middle) == {"low": "ACTIVE"}
    checked(world)
    assert statuses(world, middle) == {"low": "CANCELLED"}
    assert case_row(world, middle).status == "FAULTED"


def roll_back_partly(world: World, case_id: uuid.UUID) -> None:
    """Roll a case back that others wait for, and lose the news of that."""
    plan = plan_for(world, case_id)
    execute(plan.id, call=Call(world.operator, digest=plan.digest))
    with not_heard(SUB_CASE_CONSUMER, "amends.case.rollback_settled.v1"):
        drain()
