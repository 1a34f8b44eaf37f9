"""Schedules: an item at each moment, once, however many look; the last of what was missed."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from django.db import connection

from ledger.clock import now, rfc3339
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from people import actions as people
from tests import states
from tests.clients import api, browser
from tests.draining import drain
from tests.integration.workitems_made import page
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.models import WorkItem
from workitems.schedules.schedule_due import make_due
from workitems.schedules.schedule_tables import Schedule

ROOT = "/api/v1/schedules"
JSON = "application/json"


def template(world: World, **more: Any) -> Any:
    said = {"name": "Check", "title": "Check the till", "candidate_groups": ["analysts"], **more}
    return actions.add_template(call=Call(world.operator), **said)


def scheduled(world: World, **more: Any) -> Schedule:
    row = more.pop("row", None) or template(world)
    said = {"name": "Daily", "cron": "0 8 * * *", "zone": "Europe/Berlin", **more}
    return actions.add_schedule(call=Call(world.operator), template=str(row.id), **said)


def come(row: Schedule, **ago: float) -> None:
    """Let the moment of a schedule have come."""
    with tenant_scope(row.tenant_id):
        Schedule.objects.filter(id=row.id).update(due_at=now() - dt.timedelta(**ago))


def stored(row: Schedule) -> Schedule:
    with tenant_scope(row.tenant_id):
        return Schedule.objects.get(id=row.id)


def made(row: Schedule) -> list[WorkItem]:
    with tenant_scope(row.tenant_id):
        return list(WorkItem.objects.order_by("id"))


def tenant_said(world: World) -> list[str]:
    actions_ = states.actions_of(world, "tenant", world.operator.tenant_id)
    return [each for each in actions_ if each.startswith("schedule_")]


def test_a_schedule_is_added_read_changed_and_ended(world: World) -> None:
    row = template(world)
    client = api(world.operator)
    body = {
        "name": "Daily", "template": str(row.id), "cron": " 0  8 * * *", "zone": "Europe/Berlin",
        "values": {"priority": "HIGH"},
    }  # fmt: skip
    with time_machine.travel("2026-11-26T12:00:00Z", tick=False):
        answer = client.post(ROOT, body, content_type=JSON)
    assert answer.status_code == 201, answer.content
    shape = answer.json()
    assert answer.headers["Location"] == f"{ROOT}/{shape['id']}"
    wanted = {
        "name": "Daily", "cron": "0 8 * * *", "zone": "Europe/Berlin", "active": True,
        "values": {"priority": "HIGH"}, "next_at": "2026-11-27T07:00:00.000000Z", "last_at": None,
        "last_item": None, "last_problem": None, "version": 1, "ended_at": None,
        "template": {"id": str(row.id), "name": "Check", "version": 1},
        "created_by": world.operator.username,
    }  # fmt: skip
    assert {name: shape[name] for name in wanted} == wanted
    one = f"{ROOT}/{shape['id']}"
    assert api(world.analyst).get(one).json()["available_actions"] == [
        {"action": "edit", "allowed": False, "reason": "not_operator"},
        {"action": "end", "allowed": False, "reason": "not_operator"},
    ]
    rests = client.patch(one, {"active": False}, content_type=JSON, headers={"If-Match": '"v1"'})
    assert (rests.json()["next_at"], rests.json()["version"]) == (None, 2)
    assert client.patch(one, {"active": False}, content_type=JSON).json()["version"] == 2
    assert client.patch(one, {"cron": "0 9 * * *"}, content_type=JSON, headers={
        "If-Match": '"v1"'}).status_code == 412  # fmt: skip
    ended = client.delete(one)
    assert (ended.status_code, ended.json()["ended_at"] is not None) == (200, True)
    assert client.get(one).status_code == 404
    assert client.get(ROOT).json()["results"] == []
    assert tenant_said(world) == ["schedule_added", "schedule_changed", "schedule_ended"]


def test_a_moment_makes_one_item_and_sets_the_next(world: World) -> None:
    row = scheduled(world, values={"title": "Count the till"})
    assert made(row) == []
    come(row, minutes=1)
    due = stored(row).due_at
    drain()
    [item] = made(row)
    after = stored(row)
    assert (item.title, item.status, item.created_by_id) == (
        "Count the till", "PENDING", world.operator.actor_id,
    )  # fmt: skip
    assert item.template is not None
    assert item.template["name"] == "Check"
    [entry] = states.history(world, "work_item", item.id)
    assert entry.actor_id == world.system.actor_id
    assert entry.payloads["schedule"] == {"name": "Daily", "moment": rfc3339(due)}
    assert (after.last_at, after.last_item_id, after.last_problem) == (due, item.id, "")
    assert after.due_at > now()
    assert (after.leased_until, after.lease_token) == (None, None)
    drain()
    assert len(made(row)) == 1


def test_of_what_was_missed_the_last_is_made_up_for(world: World) -> None:
    row = scheduled(world, cron="0 * * * *", zone="UTC")
    come(row, days=3)
    drain()
    assert len(made(row)) == 1
    hour = now().replace(minute=0, second=0, microsecond=0)
    assert stored(row).last_at == hour
    assert stored(row).due_at == hour + dt.timedelta(hours=1)


def test_however_many_look_each_moment_makes_one(world: World) -> None:
    rows = [scheduled(world)]
    rows += [scheduled(world, name=f"Other {n}", row=rows[0].template) for n in range(2)]
    for row in rows:
        come(row, minutes=5)

    def look(row: Schedule) -> bool:
        try:
            return make_due(row.tenant_id, row.id)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(look, rows * 4))
    assert found.count(True) == len(rows)
    assert len(made(rows[0])) == len(rows)


def test_what_rests_or_was_ended_makes_nothing(world: World) -> None:
    rests, ended = scheduled(world), scheduled(world, name="Ended", row=template(world, name="T"))
    actions.edit_schedule(rests.id, call=Call(world.operator), active=False)
    actions.end_schedule(ended.id, call=Call(world.operator))
    for row in (rests, ended):
        come(row, minutes=5)
    drain()
    assert made(rests) == []
    again = actions.edit_schedule(rests.id, call=Call(world.operator), active=True)
    # What was missed while it rested is not made up for.
    assert again.due_at > now()
    drain()
    assert made(rests) == []


def test_what_cannot_be_made_is_said_and_the_next_moment_comes(world: World) -> None:
    row = scheduled(world, values={"assignee": world.surveyor.username})
    assert world.surveyor.membership_id is not None
    people.deactivate(world.surveyor.membership_id, call=Call(world.admin))
    come(row, minutes=1)
    drain()
    after = stored(row)
    assert made(row) == []
    assert "no active member is called" in after.last_problem
    assert after.due_at > now()
    assert tenant_said(world) == ["schedule_added", "schedule_failed"]
    drain()
    with tenant_scope(world.operator.tenant_id):
        told = Delivery.objects.filter(topic="schedule_failed", channel="in_app")
        assert world.operator.actor_id in set(told.values_list("recipient_id", flat=True))
    actions.edit_schedule(row.id, call=Call(world.operator), values={"priority": "LOW"})
    come(row, minutes=1)
    drain()
    assert [item.priority for item in made(row)] == [1]
    assert stored(row).last_problem == ""


def test_a_template_that_was_ended_makes_nothing_more(world: World) -> None:
    row = scheduled(world)
    actions.end_template(row.template_id, call=Call(world.operator))
    come(row, minutes=1)
    drain()
    assert (made(row), stored(row).last_problem) == ([], "Check 1 was ended.")


@pytest.mark.parametrize(
    ("said", "pointer", "code"),
    [
        ({"cron": "60 8 * * *"}, "/cron", "unsupported"),
        ({"cron": "every day"}, "/cron", "unsupported"),
        ({"cron": 5}, "/cron", "invalid"),
        ({"zone": "Mars/Olympus"}, "/zone", "unknown"),
        ({"template": "01a218e5-1f64-70bd-aa31-9a8231584cb8"}, "/template", "unknown"),
        ({"template": "x"}, "/template", "invalid"),
        ({"values": {"assignee": "nobody-here"}}, "/values/assignee", "unknown"),
        ({"values": {"strange": 1}}, "/values/strange", "unknown_field"),
        ({"name": ""}, "/name", "blank"),
        ({"every": 1}, "/every", "unknown_field"),
    ],
)
def test_what_cannot_be_read_names_its_field(
    world: World, said: dict[str, Any], pointer: str, code: str
) -> None:
    body = {"name": "D", "template": str(template(world).id), "cron": "0 8 * * *", "zone": "UTC"}
    answer = api(world.operator).post(ROOT, {**body, **said}, content_type=JSON)
    assert answer.status_code == 422, answer.content
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]
    with tenant_scope(world.operator.tenant_id):
        assert Schedule.objects.count() == 0


def test_a_name_is_taken_once(world: World) -> None:
    row = scheduled(world)
    body = {"name": "Daily", "template": str(row.template_id), "cron": "0 8 * * *", "zone": "UTC"}
    answer = api(world.operator).post(ROOT, body, content_type=JSON)
    assert (answer.status_code, answer.json()["code"]) == (422, "name_taken")
    actions.end_schedule(row.id, call=Call(world.operator))
    assert api(world.operator).post(ROOT, body, content_type=JSON).status_code == 201


def test_the_page_shows_them_and_adds_and_ends_one(world: World) -> None:
    row = template(world)
    client, address = browser(world.operator), "/work-items/schedules/"
    assert "No tasks come again" in page(client, address)
    body = {"name": "Daily", "template": str(row.id), "cron": "0 8 * * MON", "zone": "UTC"}
    broken = client.post(address, {**body, "cron": "soon"})
    assert broken.status_code == 422
    assert "must have five fields" in broken.content.decode()
    assert client.post(address, body).status_code == 303
    html = page(client, address)
    assert '<span title="0 8 * * MON">Monday at 08:00</span> · UTC' in html
    assert "Another schedule" not in page(browser(world.analyst), address)
    made_ = Schedule.objects
    with tenant_scope(world.operator.tenant_id):
        schedule = made_.get()
    assert client.post(f"{address}{schedule.id}/end/").status_code == 303
    assert "No tasks come again" in page(client, address)
