"""A case goes on although the news of itself was lost: of being opened, resumed, tried again, of a
signal, of a change that an undo made, and of failing where its definition wants that undone."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection

from cases import actions
from cases.actions import unheard_cases
from cases.actions.missed_news import SOURCE
from cases.models import MissedNewsCheck
from cases.startup import ENGINE_CONSUMER, ON_FAULT_CONSUMER
from ledger.models import OutboxEvent, OutboxTask
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, open_item, open_undo, opened
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.test_missed_news import (
    as_owner,
    checked,
    lose_news,
    made_due,
    not_heard,
    statuses,
    two_steps,
)
from tests.states import actions_of, work
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems import actions as item_actions


def lose_all(case_id: uuid.UUID) -> None:
    """Delete the tasks of a case that wait, and the events that are nobody's then."""
    lose_news(case_id)
    sql = (
        "DELETE FROM ledger_outboxevent e WHERE shard = %s AND NOT EXISTS"
        " (SELECT 1 FROM ledger_outboxtask t WHERE t.event_id = e.id)"
    )
    as_owner(sql, case_id)


def forget(case_id: uuid.UUID, type_: str) -> None:
    """Delete what was told of a case by events of one type."""
    sql = (
        "DELETE FROM ledger_outboxtask t USING ledger_outboxevent e"
        " WHERE e.id = t.event_id AND e.shard = %s AND e.type = %s"
    )
    assert as_owner(sql, case_id, type_) > 0


def tasks(world: World, case_id: uuid.UUID) -> int:
    with tenant_scope(world.operator.tenant_id):
        return OutboxTask.objects.filter(shard=case_id).count()


def refused(world: World, case_id: uuid.UUID, step: str) -> None:
    item_id = open_item(world.analyst, case_id, step).id
    item_actions.claim(item_id, call=Call(world.analyst))
    item_actions.reject(item_id, call=Call(world.analyst), reason="No")


def test_one_that_was_opened_begins(world: World) -> None:
    deploy(world, definition("way", human("a"), success=".a != null"))
    case_id = actions.open_case(call=Call(world.operator), definition="tests/way", context={}).id
    lose_all(case_id)
    drain()
    assert statuses(world, case_id) == {}
    checked(world)
    assert statuses(world, case_id) == {"a": "ACTIVE"}
    with tenant_scope(world.operator.tenant_id):
        event = OutboxEvent.objects.get(shard=case_id, type="amends.case.opened.v1")
    assert (event.subject_type, event.subject_id) == ("case", case_id)
    before = tasks(world, case_id)
    checked(world)
    assert (statuses(world, case_id), tasks(world, case_id)) == ({"a": "ACTIVE"}, before)
    verify()


def test_one_that_was_resumed_goes_on(world: World) -> None:
    case_id = two_steps(world)
    actions.suspend_case(case_id, call=Call(world.operator))
    finish(world.analyst, case_id, "a", None)
    assert statuses(world, case_id) == {"a": "COMPLETED"}
    actions.resume_case(case_id, call=Call(world.operator))
    lose_all(case_id)
    drain()
    assert statuses(world, case_id) == {"a": "COMPLETED"}
    checked(world)
    assert statuses(world, case_id) == {"a": "COMPLETED", "b": "ACTIVE"}


def test_one_that_is_tried_again_is(world: World) -> None:
    case_id = two_steps(world)
    refused(world, case_id, "a")
    drain()
    assert case_row(world, case_id).status == "FAULTED"
    actions.retry_case(case_id, call=Call(world.operator))
    lose_all(case_id)
    drain()
    assert statuses(world, case_id) == {"a": "REJECTED"}
    checked(world)
    assert statuses(world, case_id) == {"a": "ACTIVE"}
    assert actions_of(world, "case", case_id).count("retried") == 1


def test_a_signal_starts_its_step_once(world: World) -> None:
    step = human("a", on={"signal": {"name": "go"}}, when="true")
    deploy(world, definition("way", step, human("b"), success=".over"))
    case_id = opened(world, "tests/way")
    actions.signal_case(case_id, call=Call(world.operator), name="go", data=1)
    lose_all(case_id)
    checked(world)
    assert statuses(world, case_id) == {"a": "ACTIVE", "b": "ACTIVE"}
    finish(world.analyst, case_id, "a", None)
    checked(world)
    assert statuses(world, case_id) == {"a": "COMPLETED", "b": "ACTIVE"}


def test_what_an_undo_has_changed_is_answered_to(world: World) -> None:
    back = {
        "name": "back", "on": {"contextChange": {}}, "compensation": True,
        "humanTask": {"title": "Take back", "outputMapping": "{again: true}"},
    }  # fmt: skip
    first = human("a", compensate="back", compensation=None)
    then = human("b", ".again and .b == null")
    deploy(world, definition("way", first, then, back, success=".over"))
    case_id = opened(world, "tests/way")
    item_id = finish(world.analyst, case_id, "a", None)
    item_actions.compensate(item_id, call=Call(world.operator), reason="Wrong")
    drain()
    work(world.analyst, open_undo(world.analyst, case_id).id, "REVERSED")
    with not_heard(ENGINE_CONSUMER, "amends.case.context_changed.v1"):
        drain()
    forget(case_id, "amends.case.context_changed.v1")
    assert "again" in case_row(world, case_id).context
    assert "b" not in statuses(world, case_id)
    checked(world)
    assert statuses(world, case_id)["b"] == "ACTIVE"


def test_one_that_failed_is_undone_where_its_definition_wants_it(world: World) -> None:
    source = definition("way", human("a"), human("b", ".a != null"), success=".b != null")
    source["spec"]["on_fault"] = "compensate"
    deploy(world, source)
    case_id = opened(world, "tests/way")
    finish(world.analyst, case_id, "a", None)
    refused(world, case_id, "b")
    with not_heard(ON_FAULT_CONSUMER, "amends.case.faulted.v1"):
        drain()
    forget(case_id, "amends.case.faulted.v1")
    assert case_row(world, case_id).status == "FAULTED"
    checked(world)
    assert case_row(world, case_id).status == "COMPENSATING"


def test_a_failed_one_whose_definition_says_nothing_stays(world: World) -> None:
    case_id = two_steps(world)
    finish(world.analyst, case_id, "a", None)
    refused(world, case_id, "b")
    drain()
    as_owner("DELETE FROM ledger_outboxtask WHERE shard = %s", case_id)
    checked(world)
    assert case_row(world, case_id).status == "FAULTED"
    assert tasks(world, case_id) == 0


def test_nothing_is_told_of_what_is_well_and_on_hold(world: World) -> None:
    case_id, other = two_steps(world), opened(world, "tests/way")
    finish(world.analyst, case_id, "a", None)
    actions.suspend_case(other, call=Call(world.operator))
    drain()
    before = [tasks(world, each) for each in (case_id, other)]
    as_owner("DELETE FROM ledger_outboxtask WHERE shard = %s", other)
    checked(world)
    assert [tasks(world, each) for each in (case_id, other)] == [before[0], 0]


def test_behind_a_dead_task_nothing_is_told(world: World) -> None:
    case_id = two_steps(world)
    actions.suspend_case(case_id, call=Call(world.operator))
    actions.resume_case(case_id, call=Call(world.operator))
    lose_all(case_id)
    work(world.analyst, open_item(world.analyst, case_id, "a").id, None)
    sql = "UPDATE ledger_outboxtask SET dead_at = now() WHERE shard = %s AND done_at IS NULL"
    assert as_owner(sql, case_id) >= 1
    before = tasks(world, case_id)
    checked(world)
    assert tasks(world, case_id) == before


def test_so_many_are_looked_at_at_once_and_all_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unheard_cases, "AT_ONCE", 2)
    two_steps(world)
    last = max(opened(world, "tests/way") for _ in range(3))
    actions.suspend_case(last, call=Call(world.operator))
    actions.resume_case(last, call=Call(world.operator))
    lose_all(last)
    before = tasks(world, last)
    places = [checked(world).definition_id is None for _ in range(3)]
    assert places == [False, False, True]
    assert tasks(world, last) == before + 1
    assert checked(world).definition_id is not None, "it begins again"


def test_what_is_looked_for_is_found_by_an_index(world: World) -> None:
    two_steps(world)
    given: list[Any] = [world.system.tenant_id, uuid.UUID(int=0), uuid.UUID(int=0), 500]
    with tenant_scope(world.system.tenant_id), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        # In a table that is almost empty sorting costs nothing: where an index has the order, it is
        # taken now, whatever other tests have left.
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN {unheard_cases._NEXT}", given)  # noqa: SLF001  -- what is sent
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index Scan using cases_listening" in plan
    assert "Sort" not in plan


def test_killed_in_the_middle_it_looks_at_the_same_once_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(world, definition("way", human("a"), success=".a != null"))
    case_id = actions.open_case(call=Call(world.operator), definition="tests/way", context={}).id
    lose_all(case_id)

    def dies(*_given: object, **_said: object) -> None:
        raise KeyboardInterrupt

    row = made_due(world)
    with monkeypatch.context() as patched:
        patched.setattr("cases.actions.missed_news._keep", dies)
        with pytest.raises(KeyboardInterrupt):
            SOURCE.work(row.tenant_id, row.id)
    assert tasks(world, case_id) == 0
    with tenant_scope(row.tenant_id):
        assert MissedNewsCheck.objects.get().leased_until is not None
    with tenant_scope(row.tenant_id):
        MissedNewsCheck.objects.update(leased_until=None)
    checked(world)
    assert statuses(world, case_id) == {"a": "ACTIVE"}
