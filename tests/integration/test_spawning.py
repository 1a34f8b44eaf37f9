"""Parts that are spawned of an item: opened with it, waited for where asked, cancelled with it."""

from __future__ import annotations

import contextlib
import threading
import uuid
from typing import Any

import pytest
from django.db import connection

from ledger.errors import Conflict, NotPermitted
from ledger.tenancy import tenant_scope
from tests import states
from tests.clients import api, browser
from tests.integration.test_statements import statements
from tests.integration.workitems_made import page
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.around.addition_tables import Relation
from workitems.models import WorkItem

JSON = "application/json"


def begun(world: World, **wanted: Any) -> WorkItem:
    """Return an item that the analyst works on."""
    item = states.new_item(world.operator, **wanted)
    return actions.start(item.id, call=Call(world.analyst))


def spawned(world: World, item: WorkItem, *titles: str, **more: Any) -> list[WorkItem]:
    children = [{"title": title} for title in titles]
    done = actions.spawn(item.id, call=Call(world.analyst), children=children, **more)
    return list(done.children)


def status(world: World, item: WorkItem) -> str:
    return str(states.stored(world, item.id).status)


def test_parts_are_items_of_their_own_that_say_what_they_are_part_of(world: World) -> None:
    item = begun(world)
    template = actions.add_template(
        call=Call(world.operator), name="Check", title="Check {what}", priority="HIGH",
        candidate_groups=["surveyors"],
    )  # fmt: skip
    body = {
        "children": [
            {"title": "Ask the bank", "assignee": world.surveyor.username},
            {"template": str(template.id), "payload": {"what": "the house"}},
        ],
        "blocking": True,
    }
    answer = api(world.analyst).post(
        f"/api/v1/work-items/{item.id}/spawn", body, content_type=JSON,
        headers={"Idempotency-Key": "parts-1"},
    )  # fmt: skip
    assert answer.status_code == 201, answer.content
    first, second = answer.json()["children"]
    assert answer.json()["item"]["id"] == str(item.id)
    assert answer.headers["ETag"] == f'"v{item.version + 1}"'
    assert (first["title"], first["status"], first["assignee"]) == (
        "Ask the bank", "ASSIGNED", world.surveyor.username,
    )  # fmt: skip
    assert (second["title"], second["priority"], second["candidate_groups"]) == (
        "Check the house", "HIGH", ["surveyors"],
    )  # fmt: skip
    assert second["template"] == {"id": str(template.id), "name": "Check", "version": 1}
    for part in (first, second):
        related = api(world.analyst).get(f"/api/v1/work-items/{part['id']}/relations").json()
        [row] = related["results"]
        assert (row["type"], row["target"]) == (
            "PART_OF", {"type": "work_item", "id": str(item.id)},
        )  # fmt: skip
        assert (row["enforced"], row["created_by"]) == (True, world.analyst.username)
    [entry] = [e for e in states.history(world, "work_item", item.id) if e.action == "spawned"]
    assert entry.payloads["parts"] == [first["id"], second["id"]]
    [created] = states.history(world, "work_item", uuid.UUID(first["id"]))
    assert created.caused_by is not None
    assert created.caused_by.id == entry.id
    again = api(world.analyst).post(
        f"/api/v1/work-items/{item.id}/spawn", body, content_type=JSON,
        headers={"Idempotency-Key": "parts-1"},
    )  # fmt: skip
    assert again.json() == answer.json()
    with tenant_scope(world.operator.tenant_id):
        assert Relation.objects.filter(target_id=item.id).count() == 2


def test_the_whole_waits_for_parts_that_block_it_and_for_no_others(world: World) -> None:
    item = begun(world)
    [must] = spawned(world, item, "Must", blocking=True)
    spawned(world, item, "May")
    with pytest.raises(Conflict) as refused:
        actions.complete(item.id, call=Call(world.analyst))
    assert refused.value.code == "blocked"
    assert refused.value.extra["blocked_by"] == [str(must.id)]
    assert status(world, item) == "IN_PROGRESS"
    # Only completing waits: it can be paused and begun again.
    actions.stop(item.id, call=Call(world.analyst))
    actions.start(item.id, call=Call(world.analyst))
    shown = api(world.analyst).get(f"/api/v1/work-items/{item.id}").json()["available_actions"]
    assert {"action": "complete", "allowed": False, "reason": "blocked"} in shown
    actions.cancel(must.id, call=Call(world.operator), reason="Not needed")
    assert actions.complete(item.id, call=Call(world.analyst)).status == "COMPLETED"


def test_cancelling_the_whole_cancels_what_is_open_of_it_and_of_that(world: World) -> None:
    item = begun(world)
    done, open_, held = spawned(world, item, "Done", "Open", "Held", blocking=True)
    states.work(world.surveyor, done.id, None)
    actions.claim(open_.id, call=Call(world.analyst))
    [below] = spawned(world, open_, "Below")
    actions.suspend(held.id, call=Call(world.operator))
    beside = states.new_item(world.operator)
    api(world.analyst).post(
        f"/api/v1/work-items/{beside.id}/relations",
        {"type": "PART_OF", "target": {"type": "work_item", "id": str(item.id)}},
        content_type=JSON,
    )
    actions.cancel(item.id, call=Call(world.operator), reason="Withdrawn")
    found = {each.title: status(world, each) for each in (done, open_, held, below)}
    assert found == {
        "Done": "COMPLETED", "Open": "CANCELLED", "Held": "CANCELLED", "Below": "CANCELLED",
    }  # fmt: skip
    # Somebody related it, but it was not spawned.
    assert status(world, beside) == "PENDING"
    [_, entry] = states.history(world, "work_item", below.id)
    whole = states.history(world, "work_item", item.id)[-1]
    assert (entry.action, whole.action) == ("cancelled", "cancelled")
    assert entry.caused_by is not None
    assert entry.caused_by.id == whole.id
    assert entry.payloads["reason"] == "What it is part of was cancelled."


def test_other_endings_leave_the_parts_alone(world: World) -> None:
    item = begun(world)
    [part] = spawned(world, item, "Part", blocking=True)
    actions.reject(item.id, call=Call(world.analyst), reason="No")
    assert status(world, part) == "PENDING"


def test_what_another_spawns_meanwhile_is_cancelled_too(world: World) -> None:
    item = begun(world)
    [part] = spawned(world, item, "Part")
    actions.claim(part.id, call=Call(world.analyst))
    barrier = threading.Barrier(2)
    made: list[WorkItem] = []

    def spawn_below() -> None:
        barrier.wait(10)
        # Whoever is second finds what the first left.
        with contextlib.suppress(Conflict), contextlib.closing(connection):
            made.extend(spawned(world, part, "Below"))

    thread = threading.Thread(target=spawn_below)
    thread.start()
    barrier.wait(10)
    actions.cancel(item.id, call=Call(world.operator), reason="No")
    thread.join(30)
    assert {status(world, each) for each in (item, part, *made)} == {"CANCELLED"}


def test_who_has_it_spawns_and_an_operator(world: World) -> None:
    item = begun(world)
    for who in (world.surveyor, world.auditor):
        with pytest.raises(NotPermitted):
            actions.spawn(item.id, call=Call(who), children=[{"title": "T"}])
    waiting = states.new_item(world.operator)
    with pytest.raises(NotPermitted):
        actions.spawn(waiting.id, call=Call(world.analyst), children=[{"title": "T"}])
    actions.spawn(waiting.id, call=Call(world.operator), children=[{"title": "T"}])
    over = states.completed(world.analyst)
    with pytest.raises(Conflict) as refused:
        actions.spawn(over.id, call=Call(world.analyst), children=[{"title": "T"}])
    assert refused.value.code == "illegal_state"


@pytest.mark.parametrize(
    ("children", "pointers"),
    [
        ([], ["/children"]),
        ([{"title": "T"}] * 21, ["/children"]),
        ([{"title": "T"}, {}], ["/children/1/title"]),
        ([{"title": "T", "assignee": "nobody-here"}], ["/children/0/assignee"]),
        ([{"title": "T", "strange": 1}], ["/children/0/strange"]),
        ([{"title": "T", "group": {"instances": 2, "required": 1}}], ["/children/0/group"]),
        ([{"template": str(uuid.uuid4())}], ["/children/0/template"]),
        ([{"template": "x"}], ["/children/0/template"]),
        (
            [{"title": "T", "priority": "HUGE"}, {"title": "T", "payload": []}],
            ["/children/0/priority", "/children/1/payload"],
        ),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_opened(
    world: World, children: list[Any], pointers: list[str]
) -> None:
    item = begun(world)
    answer = api(world.analyst).post(
        f"/api/v1/work-items/{item.id}/spawn", {"children": children}, content_type=JSON
    )
    assert answer.status_code == 422, answer.content
    assert [each["pointer"] for each in answer.json()["errors"]] == pointers
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.count() == 1
    assert states.actions_of(world, "work_item", item.id) == ["created", "started"]


def test_no_part_is_made_from_what_was_ended(world: World) -> None:
    item = begun(world)
    row = actions.add_template(call=Call(world.operator), name="Old", title="Old")
    actions.end_template(row.id, call=Call(world.operator))
    answer = api(world.analyst).post(
        f"/api/v1/work-items/{item.id}/spawn", {"children": [{"template": str(row.id)}]},
        content_type=JSON,
    )  # fmt: skip
    assert answer.json()["errors"][0]["pointer"] == "/children/0/template"


def test_a_part_is_opened_from_the_page_of_the_whole(world: World) -> None:
    item = begun(world)
    client = browser(world.analyst)
    address = f"/work-items/{item.id}/spawn/"
    assert f'href="{address}"' in page(client, f"/work-items/{item.id}/")
    assert f'href="{address}"' not in page(browser(world.surveyor), f"/work-items/{item.id}/")
    assert "which is part of “Check the credit”" in page(client, address)
    refused = client.post(address, {"title": "Ask", "priority": "LOW", "assignee": "nobody-here"})
    assert refused.status_code == 422
    assert "no active member is called" in refused.content.decode()
    sent = client.post(address, {"title": "Ask", "priority": "LOW", "blocking": "on"})
    assert sent.status_code == 303
    assert "Part of, and has to end before" in page(client, sent.headers["Location"])
    assert "Waits for the end of its part" in page(client, f"/work-items/{item.id}/")


def test_spawning_takes_few_statements(world: World) -> None:
    item = begun(world)
    sent = statements(lambda: spawned(world, item, *(f"Part {n}" for n in range(10))))
    assert len(sent) == 3
