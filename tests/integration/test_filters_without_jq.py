"""Filters that cannot be read while no jq is to be had: nobody is told that they are wrong, and
nothing is lost."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from cases.models import CaseDefinition
from json_values.jq.child_pool import Answer, EvaluatorError, JqPool
from ledger.clock import now
from ledger.dispatch.consumer_registry import Trouble
from ledger.tenancy import tenant_scope
from tests import states
from tests.clients import api
from tests.definitions import definition, human
from tests.integration.foundation_calls import code
from tests.world import World
from verbs.call import Call
from workitems import actions, listening_input
from workitems.models import WorkItem
from workitems.schedules.schedule_due import make_due
from workitems.schedules.schedule_tables import Schedule

V1 = "/api/v1"
ON = [{"type": "protocol.violated", "filter": '(.data.x | ascii_downcase) == "a"'}]


@pytest.fixture(name="schedule")
def _schedule(world: World, monkeypatch: pytest.MonkeyPatch) -> Schedule:
    """A schedule of a template with a filter, whose moment has come; from here on no child of jq
    can be started, and this process has forgotten what it knew of filters."""
    call = Call(world.operator)
    said = {"name": "Check", "title": "Check the till", "candidate_groups": ["analysts"]}
    template = actions.add_template(call=call, **said, compensate_on=ON)
    row: Schedule = actions.add_schedule(
        call=call, name="Daily", template=str(template.id), cron="0 8 * * *", zone="UTC"
    )
    _come(row)

    def away(*_asked: object) -> list[Answer]:
        raise EvaluatorError("no child can be started")

    monkeypatch.setattr(JqPool, "answer", away)
    listening_input._checked.cache_clear()  # noqa: SLF001  -- as in a new process
    return row


def _come(row: Schedule) -> None:
    """Let its moment have come, and no lease be left of it."""
    before = now() - dt.timedelta(minutes=1)
    with tenant_scope(row.tenant_id):
        Schedule.objects.filter(id=row.id).update(due_at=before, leased_until=None)


def _stored(row: Schedule) -> Schedule:
    with tenant_scope(row.tenant_id):
        return Schedule.objects.get(id=row.id)


def _count(world: World, model: Any) -> int:
    with tenant_scope(world.operator.tenant_id):
        found: int = model.objects.count()
    return found


def test_a_moment_waits_for_jq(
    world: World, schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = _stored(schedule).due_at
    with pytest.raises(Trouble):
        make_due(schedule.tenant_id, schedule.id)
    after = _stored(schedule)
    assert (after.due_at, after.last_at, after.last_problem) == (due, None, "")
    assert _count(world, WorkItem) == 0
    said = states.actions_of(world, "tenant", schedule.tenant_id)
    assert said[1:] == ["template_added", "schedule_added"]
    monkeypatch.undo()
    _come(schedule)
    assert make_due(schedule.tenant_id, schedule.id)
    assert _count(world, WorkItem) == 1


@pytest.mark.usefixtures("schedule")
def test_whoever_writes_one_is_told_to_try_again(world: World) -> None:
    with tenant_scope(world.operator.tenant_id):
        template = Schedule.objects.get().template_id
    client = api(world.operator)
    flow = definition("asks", {**human("look"), "when": '(.a | ascii_downcase) == "b"'})
    for url, body in (
        ("work-items", {"title": "T", "compensate_on": ON}),
        ("work-item-templates", {"name": "N", "title": "T", "compensate_on": ON}),
        (f"work-item-templates/{template}/instantiate", {}),
        ("case-definitions", flow),
    ):
        refused = client.post(f"{V1}/{url}", body, content_type="application/json")
        assert code(refused) == (503, "unavailable"), refused.content
        assert refused.headers["Retry-After"] == "1"
    assert (_count(world, WorkItem), _count(world, CaseDefinition)) == (0, 0)
