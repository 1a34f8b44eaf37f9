"""Trouble with a due row leaves the moment at which it was due as it is: that is recorded, and the
next one is counted from it."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection

from cases.actions import milestone_moves, step_schedules
from cases.models import MilestoneDue
from ledger.clock import now, rfc3339
from ledger.dispatch.consumer_registry import Trouble, source_named
from ledger.dispatch.runner import work_row
from ledger.tenancy import system_scope, tenant_scope
from tests import states
from tests.draining import drain
from tests.integration import test_milestones as milestones
from tests.integration import test_schedules as schedules
from tests.integration import test_steps_by_schedule as steps
from tests.integration.test_ledger_health import chain
from tests.world import World
from workitems.schedules import schedule_due

FAILS = Trouble("jq cannot be started")


def in_trouble(tenant: uuid.UUID, name: str, id_: uuid.UUID, module: Any, what: str) -> None:
    """Let the work of a row be met by trouble once, and its rest be over."""
    source = source_named(name)
    assert source is not None

    def raised(*_given: Any, **_more: Any) -> None:
        raise FAILS

    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(module, what, raised)
        assert work_row(name, tenant, id_)
    assert not work_row(name, tenant, id_)
    with system_scope("sweep"), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {source.table.table} SET leased_until = NULL"  # noqa: S608  -- own words
            " WHERE id = %s AND troubled_since IS NOT NULL AND lease_token IS NULL",
            [id_],
        )
        assert cursor.rowcount == 1


def test_a_step_by_schedule_starts_for_its_moment_and_the_next_is_counted_from_that(
    world: World,
) -> None:
    case_id = steps.a_case(world)
    drain()
    row = steps.come(world, case_id, minutes=5)
    in_trouble(row.tenant_id, "case_schedules", row.id, step_schedules, "_come")
    drain()
    (task,) = steps.tasks(world, case_id)
    assert task.payload == {"schedule": {"moment": rfc3339(row.due_at)}}
    after = steps.due(world, case_id)
    assert after.due_at == row.due_at + dt.timedelta(hours=1)
    assert (after.leased_until, after.lease_token, after.troubled_since) == (None, None, None)


def test_a_milestone_is_late_since_its_moment(world: World) -> None:
    case_id = milestones.a_case(world, milestones.SLA)
    drain()
    tenant = world.operator.tenant_id
    with tenant_scope(tenant):
        rows = MilestoneDue.objects.filter(case_id=case_id)
        assert rows.update(due_at=now() - dt.timedelta(minutes=5)) == 1
        row = rows.get()
    in_trouble(tenant, "case_milestones", row.id, milestone_moves, "compiled_of")
    drain()
    (late,) = [e for e in chain(world, "case", case_id) if e.action == "milestone_overdue"]
    assert late.payloads["due_at"] == rfc3339(row.due_at)


def test_a_schedule_makes_the_item_of_its_moment(world: World) -> None:
    row = schedules.scheduled(world, cron="0 0 1 1 *")
    drain()
    schedules.come(row, minutes=5)
    moment = schedules.stored(row).due_at
    in_trouble(row.tenant_id, "work_item_schedules", row.id, schedule_due, "open_instances")
    drain()
    (item,) = schedules.made(row)
    (entry,) = states.history(world, "work_item", item.id)
    assert entry.payloads["schedule"] == {"name": "Daily", "moment": rfc3339(moment)}
    after = schedules.stored(row)
    assert after.last_at == moment
    assert (after.leased_until, after.lease_token, after.troubled_since) == (None, None, None)
