"""What settles a row says with that that it is in no trouble: a worker that dies after it, or never
knew of the trouble, leaves nothing behind."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection

from audit.actions.keeping_payloads import set_policy
from cases.arrival_tables import StepDue
from executions.actions import request_execution
from executions.models import ExecutionJob
from ledger.clock import now
from ledger.dispatch.consumer_registry import source_named
from ledger.dispatch.lease_columns import Leased
from ledger.dispatch.runner import work_row
from ledger.erasure import retention
from ledger.erasure.erasure_tables import Retention
from ledger.tenancy import system_scope, tenant_scope
from notifications.events import DELIVERIES_SOURCE
from tests import states
from tests.draining import drain
from tests.integration import test_deadlines as deadlines
from tests.integration import test_schedules as schedules
from tests.integration import test_steps_by_schedule as steps
from tests.integration.test_accepted_work import open_shop
from tests.integration.test_notifications_email import (
    SMTP_DOWN,
    Refusing,
    email_to,
    make_due,
    task_for,
)
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.models import Deadline
from workitems.schedules.schedule_tables import Schedule

LONG_AGO = "troubled_since = ledger_now() - interval '2 days'"


def marked(source: str, id_: uuid.UUID) -> None:
    """Let a row be in trouble for long."""
    found = source_named(source)
    assert found is not None
    table = found.table
    with system_scope("sweep"), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table.table} SET {LONG_AGO} WHERE {table.key} = %s", [id_])  # noqa: S608  -- own words
        assert cursor.rowcount == 1


def worked(world: World, source: str, id_: uuid.UUID) -> None:
    """Do the work of a row in trouble, and no more: whoever did it dies then."""
    marked(source, id_)
    found = source_named(source)
    assert found is not None
    assert found.work(world.system.tenant_id, id_)


def trouble_of(row: type[Leased], **named: Any) -> dt.datetime | None:
    found: Any = row
    return found.objects.values_list("troubled_since", flat=True).get(**named)  # type: ignore[no-any-return]


def test_a_schedule(world: World) -> None:
    row = schedules.scheduled(world)
    drain()
    schedules.come(row, minutes=1)
    worked(world, "work_item_schedules", row.id)
    assert len(schedules.made(row)) == 1
    assert schedules.stored(row).troubled_since is None


def test_a_schedule_that_somebody_changes(world: World) -> None:
    row = schedules.scheduled(world)
    marked("work_item_schedules", row.id)
    actions.edit_schedule(row.id, call=Call(world.operator), cron="0 9 * * *")
    with tenant_scope(row.tenant_id):
        assert trouble_of(Schedule, id=row.id) is None


def test_a_step_by_schedule(world: World) -> None:
    case_id = steps.a_case(world)
    drain()
    row = steps.come(world, case_id, minutes=5)
    worked(world, "case_schedules", row.id)
    with tenant_scope(row.tenant_id):
        assert StepDue.objects.get(id=row.id).due_at > row.due_at
        assert trouble_of(StepDue, id=row.id) is None


def test_a_deadline_that_gives_more_time(world: World) -> None:
    gives = deadlines.limit([{"do": "extend", "by": "P300D"}])
    item = deadlines.opened(world, {"completion": gives})
    drain()
    (id_,) = states.come(item)
    worked(world, "work_item_deadlines", id_)
    assert deadlines.entries(world, item)[-1] == "deadline_extended"
    with tenant_scope(item.tenant_id):
        assert trouble_of(Deadline, id=id_) is None


def test_a_message_that_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    task_for(world, world.analyst)
    Refusing(SMTP_DOWN).install(monkeypatch)
    drain()
    row = email_to(world.analyst)
    make_due(row)
    worked(world, DELIVERIES_SOURCE, row.id)
    row = email_to(world.analyst)
    assert (row.status, row.attempts) == ("FAILED", 2)
    assert row.troubled_since is None


def test_what_was_accepted_and_is_asked_about(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop(monkeypatch)
    shop.results = [None]
    row = request_execution(call=Call(world.operator), capability="test.order", input={})
    drain()
    # Accepting it settles the call, and each answer the question.
    for asked in (1, 2):
        with tenant_scope(row.tenant_id):
            job = ExecutionJob.objects.filter(execution_id=row.id)
            assert job.update(due_at=now() - dt.timedelta(seconds=1)) == 1
        worked(world, "executions", row.id)
        assert len(shop.asked) == asked
        with tenant_scope(row.tenant_id):
            assert trouble_of(ExecutionJob, execution_id=row.id) is None


def test_what_fails_and_is_put_off_by_itself_is_in_trouble(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_given: Any) -> bool:
        raise KeyError("nobody thought of it")

    monkeypatch.setattr(retention, "_portion", fails)
    drain()
    made: Any = set_policy(call=Call(world.admin), kind="TRANSITION", keep="P1D")
    tenant = world.system.tenant_id
    with tenant_scope(tenant):
        Retention.objects.filter(id=made.id).update(due_at=now() - dt.timedelta(seconds=1))
    assert work_row("ledger_retention", tenant, made.id)
    with tenant_scope(tenant):
        row = Retention.objects.get(id=made.id)
    assert row.last_error == "KeyError: 'nobody thought of it'"
    assert row.due_at > now() + dt.timedelta(minutes=4)
    assert row.troubled_since is not None
    assert row.leased_until is None
    # It ends well the next time, and its work has taken the mark back itself.
    monkeypatch.undo()
    with tenant_scope(tenant):
        Retention.objects.filter(id=made.id).update(due_at=now() - dt.timedelta(seconds=1))
    worked(world, "ledger_retention", made.id)
    with tenant_scope(tenant):
        row = Retention.objects.get(id=made.id)
    assert (row.troubled_since, row.lease_token, row.last_error) == (None, None, "")
