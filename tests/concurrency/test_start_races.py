"""Several at once: signals, events and moments that come together start each step once for each."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from cases import actions
from cases.actions.event_rounds import go_round
from cases.actions.step_schedules import moment_due
from cases.arrival_tables import Arrival, EventRound, StepDue
from compensation.models import CompensationRun
from events.actions import receive_event
from ledger.clock import now
from ledger.dispatch.runner import do, find_due
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, opened, plan_items, undo
from tests.concurrency.test_cases import TWINS, at_once
from tests.definitions import definition, human
from tests.draining import drain
from tests.states import actions_of
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem


def worker() -> None:
    """Do what is due, as a worker among others."""
    for _ in range(5):
        do(find_due(limit=10))


def heard(name: str = "a", **on: Any) -> dict[str, Any]:
    step = human(name, on=on)
    del step["when"]
    return step


def a_case(world: World, *steps: dict[str, Any]) -> uuid.UUID:
    deploy(world, definition("way", *steps, success=".over"))
    return opened(world, "tests/way")


def said(world: World, case_id: uuid.UUID) -> list[Any]:
    """Return what started the tasks of a case, sorted."""
    with tenant_scope(world.operator.tenant_id):
        rows = WorkItem.objects.filter(case_id=case_id, kind="TASK")
        return sorted(each.payload["signal"]["data"] for each in rows)


def sending(world: World, case_id: uuid.UUID, data: Any) -> Callable[[], Any]:
    return lambda: (
        actions.signal_case(case_id, call=Call(world.operator), name="go", data=data).version
    )


def test_signals_that_are_sent_at_once_each_start_their_step_once(world: World) -> None:
    case_id = a_case(world, heard(signal="go"))
    before = case_row(world, case_id).version
    versions = at_once(*(sending(world, case_id, n) for n in range(TWINS)), worker)
    assert sorted(versions[:TWINS]) == list(range(before + 1, before + 1 + TWINS))
    # A worker that met a case that moved has put its news off.
    drain(fast_forward=True)
    for _ in range(TWINS):
        finish(world.analyst, case_id, "a", None)
    assert said(world, case_id) == list(range(TWINS))
    with tenant_scope(world.operator.tenant_id):
        assert {each.status for each in Arrival.objects.filter(case_id=case_id)} == {"TAKEN"}
    verify()


def test_two_workers_at_once_take_in_each_signal_once(world: World) -> None:
    case_id = a_case(world, heard("a", signal="go"), heard("b", signal="go"))
    for n in range(3):
        sending(world, case_id, n)()
    at_once(*[worker] * 4)
    drain(fast_forward=True)
    assert said(world, case_id) == [0, 0]
    assert {name: item.status for name, item in plan_items(world, case_id).items()} == {
        "a": "ACTIVE", "b": "ACTIVE",
    }  # fmt: skip
    with tenant_scope(world.operator.tenant_id):
        rows = Arrival.objects.filter(case_id=case_id)
        assert sorted(each.status for each in rows) == ["TAKEN"] * 2 + ["WAITING"] * 4
    verify()


def test_a_signal_and_the_end_of_a_case_leave_nothing_open(world: World) -> None:
    case_id = a_case(world, heard(signal="go"))
    sent, _ = at_once(
        sending(world, case_id, 1),
        lambda: actions.cancel_case(case_id, call=Call(world.operator)).version,
    )
    drain()
    assert case_row(world, case_id).status == "CANCELLED"
    told = actions_of(world, "case", case_id).count("signalled")
    assert told == (0 if sent == "illegal_state" else 1)
    assert plan_items(world, case_id) == {}
    verify()


def test_one_event_and_many_workers_tell_each_case_once(world: World) -> None:
    deploy(world, definition("way", heard(cloudEvent="paid"), success=".over"))
    cases = [opened(world, "tests/way") for _ in range(5)]
    receive_event(call=Call(world.operator), specversion="1.0", id="e", source="/bank", type="paid")
    at_once(*[worker] * 4)
    drain(fast_forward=True)
    assert [actions_of(world, "case", each).count("event_arrived") for each in cases] == [1] * 5
    assert [plan_items(world, each)["a"].status for each in cases] == ["ACTIVE"] * 5
    with tenant_scope(world.operator.tenant_id):
        assert not EventRound.objects.exists()
    verify()


def test_a_round_is_gone_by_one_worker(world: World) -> None:
    case_id = a_case(world, heard(cloudEvent="paid"))
    row = receive_event(
        call=Call(world.operator), specversion="1.0", id="e", source="/bank", type="paid"
    )
    with tenant_scope(world.operator.tenant_id):
        found = EventRound(tenant_id=row.tenant_id, entry_id=row.entry_id)
        found.save(force_insert=True)
    looked = at_once(*[lambda: go_round(row.tenant_id, found.id)] * TWINS)
    assert looked.count(True) == 1
    drain()
    assert actions_of(world, "case", case_id).count("event_arrived") == 1


def test_a_moment_and_the_end_of_its_case_leave_nothing_due(world: World) -> None:
    case_id = a_case(world, heard(schedule={"every": "PT1H"}))
    with tenant_scope(world.operator.tenant_id):
        StepDue.objects.filter(case_id=case_id).update(due_at=now())
        due = StepDue.objects.get(case_id=case_id)
    at_once(
        lambda: moment_due(due.tenant_id, due.id),
        lambda: actions.cancel_case(case_id, call=Call(world.operator)).version,
    )
    drain()
    assert case_row(world, case_id).status == "CANCELLED"
    with tenant_scope(world.operator.tenant_id):
        assert not WorkItem.objects.filter(case_id=case_id).exclude(status="CANCELLED").exists()
    verify()


def test_two_workers_at_once_begin_one_rollback_for_a_throw(world: World) -> None:
    step = {
        "name": "back", "on": {"contextChange": {}}, "when": ".a != null",
        "throw": {"scope": "whole"},
    }  # fmt: skip
    case_id = a_case(world, human("a"), step, heard("b", signal="go"))
    sending(world, case_id, 1)()
    with tenant_scope(world.operator.tenant_id):
        item = WorkItem.objects.get(case_id=case_id, binding="a")
    assert item.status == "PENDING"
    finish(world.analyst, case_id, "a", None)
    at_once(*[worker] * 3)
    drain(fast_forward=True)
    with tenant_scope(world.operator.tenant_id):
        assert [each.trigger for each in CompensationRun.objects.filter(whole_id=case_id)] == [
            "rule"
        ]
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "RUNNING"
    verify()
