"""Who stands in for somebody hears of that person's new work, and for whom that is."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger.clock import now
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from people.actions import edit_member
from tests import states
from tests.clients import api, browser
from tests.draining import drain
from tests.integration.test_notifications import both, told
from tests.integration.test_substitutes import DAY, stand_in
from tests.integration.workitems_made import page
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions

CREATED = "amends.work_item.created.v1"


def opened(world: World, **wanted: Any) -> uuid.UUID:
    """Open a task for the analyst, unless it is said for whom, and let it be told."""
    wanted = wanted or {"assignee": world.analyst.username}
    item = states.new_item(world.operator, title="Read the file", **wanted)
    drain()
    return item.id


def in_place_of(world: World, item_id: uuid.UUID) -> dict[uuid.UUID, uuid.UUID | None]:
    with tenant_scope(world.operator.tenant_id):
        rows = Delivery.objects.filter(subject_id=item_id, channel="in_app")
        return dict(rows.values_list("recipient_id", "in_place_of_id"))


def test_a_substitute_hears_of_it_and_for_whom(world: World) -> None:
    stand_in(world, world.bystander, world.analyst)
    item = opened(world)
    assert told(world, CREATED) == both(["analyst", "bystander"], "task_waiting")
    assert in_place_of(world, item) == {
        world.analyst.actor_id: None, world.bystander.actor_id: world.analyst.actor_id,
    }  # fmt: skip
    [said] = api(world.bystander).get("/api/v1/notifications").json()["results"]
    name = api(world.analyst).get("/api/v1/notifications").json()["results"][0]
    assert (name["title"], name["in_place_of"]) == ("Task waiting: Read the file", None)
    assert said["title"].startswith("Task waiting: Read the file (for ")
    assert said["in_place_of"] == world.analyst.username
    client = browser(world.bystander)
    with CaptureQueriesContext(connection) as captured:
        assert "Read the file (for " in text_of(page(client, "/notifications/").encode())
    asked = [each["sql"] for each in captured.captured_queries]
    assert len([sql for sql in asked if not sql.startswith(("BEGIN", "COMMIT"))]) <= 12
    drain()
    assert [each.subject for each in mail.outbox if each.to[0].startswith("bystander@")] == [
        said["title"]
    ]


def test_work_that_is_named_or_handed_to_the_person_is_told_too(world: World) -> None:
    stand_in(world, world.bystander, world.analyst)
    stand_in(world, world.bystander, world.surveyor)
    names = [world.analyst.username, world.surveyor.username]
    item = opened(world, candidate_users=names)
    # Once, though two are stood in for.
    assert told(world, CREATED) == both(["analyst", "surveyor", "bystander"], "task_waiting")
    actions.assign(item, call=Call(world.operator), assignee=world.surveyor.username)
    drain()
    assert told(world, "amends.work_item.assigned.v1") == both(
        ["surveyor", "bystander"], "task_waiting"
    )


def test_an_undo_task_of_the_person_is_told_as_one(world: World) -> None:
    stand_in(world, world.bystander, world.analyst)
    done = states.completed(world.analyst, candidate_groups=["analysts"])
    task = states.compensate(done, world.operator)
    drain()
    assert told(world, CREATED, subject_id=task.attempt.compensation_id) == both(
        ["analyst", "bystander"], "undo_waiting"
    )


@pytest.mark.parametrize(
    "wanted",
    [
        {"excluded_users": ["bystander"]},
        {"excluded_groups": ["compliance"]},
        {"required_skills": ["notary"]},
    ],
    ids=lambda wanted: next(iter(wanted)),
)
def test_nobody_hears_of_what_they_may_not_do(world: World, wanted: dict[str, Any]) -> None:
    if "excluded_users" in wanted:
        wanted = {"excluded_users": [world.bystander.username]}
    by = world.compliance if "excluded_groups" in wanted else world.bystander
    stand_in(world, by, world.analyst)
    edit_member(world.analyst.actor_id, call=Call(world.admin), skills=["notary"])
    opened(world, assignee=world.analyst.username, **wanted)
    assert told(world, CREATED) == both(["analyst"], "task_waiting")


def test_only_while_it_holds_and_only_for_the_group_it_is_for(world: World) -> None:
    later = now() + DAY
    stand_in(world, world.bystander, world.analyst, since=later)
    stand_in(world, world.surveyor, world.analyst, group="analysts")
    opened(world)
    assert told(world, CREATED) == both(["analyst"], "task_waiting")
    in_group = opened(world, candidate_groups=["analysts"], assignee=world.analyst.username)
    assert told(world, CREATED, subject_id=in_group) == both(
        ["analyst", "surveyor"], "task_waiting"
    )


def test_who_handed_it_out_is_not_told_of_it(world: World) -> None:
    stand_in(world, world.operator, world.analyst)
    opened(world)
    assert told(world, CREATED) == both(["analyst"], "task_waiting")


def test_who_only_looks_hears_of_nobodys_work(world: World) -> None:
    stand_in(world, world.bystander, world.analyst)
    edit_member(world.bystander.actor_id, call=Call(world.admin), roles=["auditor"])
    opened(world)
    assert told(world, CREATED) == both(["analyst"], "task_waiting")


def test_a_group_in_which_nobody_has_the_skills_is_nobody(world: World) -> None:
    item = opened(world, candidate_groups=["analysts"], required_skills=["notary"])
    topics = {topic for _who, _channel, topic in told(world, CREATED, subject_id=item)}
    assert topics == {"needs_somebody"}
    edit_member(world.analyst.actor_id, call=Call(world.admin), skills=["notary"])
    able = opened(world, candidate_groups=["analysts"], required_skills=["notary"])
    assert told(world, CREATED, subject_id=able) == []
