"""Steps that start by schedule: at each moment once, however many look; missed ones once."""

from __future__ import annotations

import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from django.db import connection

from cases import actions
from cases.actions.step_schedules import moment_due
from cases.arrival_tables import Arrival, StepDue
from ledger.clock import now, rfc3339
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, opened, plan_items
from tests.definitions import definition, human
from tests.draining import drain
from tests.states import actions_of
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem


def timed(name: str = "a", when: str | None = None, **schedule: Any) -> dict[str, Any]:
    """Return a task that is started by schedule; without `when` under any condition."""
    step = human(name, on={"schedule": schedule or {"every": "PT1H"}})
    return {**step, "when": when} if when else {k: v for k, v in step.items() if k != "when"}


def a_case(world: World, *steps: dict[str, Any], **context: Any) -> uuid.UUID:
    deploy(world, definition("way", *(steps or (timed(),)), success=".over"))
    return opened(world, "tests/way", context)


def due(world: World, case_id: uuid.UUID) -> StepDue:
    with tenant_scope(world.operator.tenant_id):
        return StepDue.objects.get(case_id=case_id)


def come(world: World, case_id: uuid.UUID, **ago: float) -> StepDue:
    """Let the moment of its step have come."""
    with tenant_scope(world.operator.tenant_id):
        rows = StepDue.objects.filter(case_id=case_id)
        assert rows.update(due_at=now() - dt.timedelta(**(ago or {"seconds": 1}))) == 1
        return rows.get()


def tasks(world: World, case_id: uuid.UUID) -> list[WorkItem]:
    with tenant_scope(world.operator.tenant_id):
        return list(WorkItem.objects.filter(case_id=case_id).order_by("created_at", "id"))


def waiting(world: World, case_id: uuid.UUID) -> int:
    with tenant_scope(world.operator.tenant_id):
        return Arrival.objects.filter(case_id=case_id, status="WAITING").count()


def test_each_moment_starts_its_step_once_and_sets_the_next(world: World) -> None:
    case_id = a_case(world)
    opened_at = case_row(world, case_id).created_at
    assert due(world, case_id).due_at == opened_at + dt.timedelta(hours=1)
    assert plan_items(world, case_id) == {}
    row = come(world, case_id, minutes=5)
    drain()
    (task,) = tasks(world, case_id)
    assert task.payload == {"schedule": {"moment": rfc3339(row.due_at)}}
    assert due(world, case_id).due_at == row.due_at + dt.timedelta(hours=1)
    assert due(world, case_id).leased_until is None
    assert actions_of(world, "case", case_id).count("moment_came") == 1
    drain()
    assert len(tasks(world, case_id)) == 1
    verify()


def test_a_cron_is_read_in_its_time_zone(world: World) -> None:
    with time_machine.travel("2030-11-26T12:00:00Z", tick=False):
        case_id = a_case(world, timed(cron="0 8 * * *", timezone="Europe/Berlin"))
    assert due(world, case_id).due_at == dt.datetime(2030, 11, 27, 7, tzinfo=dt.UTC)


def test_of_missed_moments_the_last_is_made_up_for(world: World) -> None:
    case_id = a_case(world)
    row = come(world, case_id, hours=3, minutes=10)
    drain()
    last = row.due_at + dt.timedelta(hours=3)
    assert [each.payload["schedule"]["moment"] for each in tasks(world, case_id)] == [rfc3339(last)]
    assert due(world, case_id).due_at == last + dt.timedelta(hours=1)


def test_while_its_step_is_open_a_moment_is_passed_over(world: World) -> None:
    case_id = a_case(world)
    come(world, case_id)
    drain()
    row = come(world, case_id)
    drain()
    assert (len(tasks(world, case_id)), waiting(world, case_id)) == (1, 0)
    assert due(world, case_id).due_at == row.due_at + dt.timedelta(hours=1)
    finish(world.analyst, case_id, "a", None)
    assert len(tasks(world, case_id)) == 1
    come(world, case_id)
    drain()
    assert len(tasks(world, case_id)) == 2
    assert actions_of(world, "case", case_id).count("moment_came") == 2


def test_a_condition_decides_whether_it_starts(world: World) -> None:
    case_id = a_case(world, timed(when=".n == 1 and .schedule.moment != null"), n=2)
    come(world, case_id)
    drain()
    assert (tasks(world, case_id), waiting(world, case_id)) == ([], 0)
    assert case_row(world, case_id).status == "RUNNING"


def test_a_case_on_hold_makes_up_for_one_and_one_that_is_over_forgets(world: World) -> None:
    case_id = a_case(world)
    actions.suspend_case(case_id, call=Call(world.operator))
    for _ in range(3):
        come(world, case_id)
        drain()
    assert (tasks(world, case_id), waiting(world, case_id)) == ([], 1)
    actions.resume_case(case_id, call=Call(world.operator))
    drain()
    assert (len(tasks(world, case_id)), waiting(world, case_id)) == (1, 0)
    actions.cancel_case(case_id, call=Call(world.operator))
    come(world, case_id)
    drain()
    with tenant_scope(world.operator.tenant_id):
        assert not StepDue.objects.filter(case_id=case_id).exists()
    assert len(tasks(world, case_id)) == 1


def test_two_workers_at_one_moment_start_it_once(world: World) -> None:
    case_id = a_case(world)
    row = come(world, case_id)

    def look(_: int) -> bool:
        try:
            return moment_due(row.tenant_id, row.id)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        looked = list(pool.map(look, range(8)))
    assert looked.count(True) == 1
    drain()
    assert len(tasks(world, case_id)) == 1
    assert actions_of(world, "case", case_id).count("moment_came") == 1


def test_a_worker_that_was_killed_in_between_is_followed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = a_case(world)
    row = come(world, case_id)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("cases.actions.step_schedules._come", killed)
        with pytest.raises(KeyboardInterrupt):
            moment_due(row.tenant_id, row.id)
    assert actions_of(world, "case", case_id).count("moment_came") == 0
    assert moment_due(row.tenant_id, row.id) is False, "its lease is not over"
    with tenant_scope(row.tenant_id):
        StepDue.objects.update(leased_until=now() - dt.timedelta(seconds=1))
    drain()
    assert len(tasks(world, case_id)) == 1


def test_a_sub_case_has_moments_of_its_own(world: World) -> None:
    deploy(world, definition("low", timed(), success=".over"))
    step = {
        "name": "child", "on": {"contextChange": {}}, "when": ".child == null",
        "subCase": {"name": "low"},
    }  # fmt: skip
    case_id = a_case(world, step)
    below = plan_items(world, case_id)["child"].target_id
    assert below is not None
    come(world, below)
    drain()
    assert len(tasks(world, below)) == 1
    with tenant_scope(world.operator.tenant_id):
        assert not StepDue.objects.filter(case_id=case_id).exists()
