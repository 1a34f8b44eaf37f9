"""What is made of something that is undone already: marked when it is heard, and reviewed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ledger.models import OutboxTask
from ledger.tenancy import tenant_scope
from tests.clients import api, browser
from tests.draining import drain
from tests.integration import workitems_made as made
from tests.integration.test_influence import (
    JSON,
    URL,
    answer,
    fresh,
    history,
    made_of,
    related,
    reviews,
    undo,
)
from tests.integration.test_statements import statements
from tests.world import World
from verbs.call import Call
from workitems.actions import start
from workitems.around.additions import REMOVE
from workitems.models import WorkItem


def undone(world: World) -> WorkItem:
    source = made.done(world)
    undo(world, source)
    return fresh(world, source.id)


def sources(*of: WorkItem) -> dict[str, Any]:
    return {"derived_from": [{"type": "work_item", "id": str(each.id)} for each in of]}


def created(world: World, source: WorkItem) -> str:
    body = {"title": "Value the property", **sources(source)}
    return str(api(world.operator).post(URL, body, content_type=JSON).json()["id"])


def instantiated(world: World, source: WorkItem) -> str:
    client = api(world.operator)
    templates = "/api/v1/work-item-templates"
    body = {"name": "valuation", "title": "Value the property"}
    template = client.post(templates, body, content_type=JSON).json()["id"]
    answered = client.post(
        f"{templates}/{template}/instantiate", sources(source), content_type=JSON
    )
    assert answered.status_code == 201, answered.content
    return str(answered.json()["id"])


def spawned(world: World, source: WorkItem) -> str:
    parent = made.opened(world, assignee=world.surveyor.username)
    start(parent.id, call=Call(world.surveyor))
    body = {"children": [{"title": "Value the property", **sources(source)}]}
    answered = api(world.surveyor).post(
        f"{URL}/{parent.id}/spawn", body, content_type=JSON, headers={"Idempotency-Key": "one"}
    )
    assert answered.status_code == 201, answered.content
    with tenant_scope(world.operator.tenant_id):
        return str(WorkItem.objects.get(title="Value the property").id)


@pytest.mark.parametrize("make", [created, instantiated, spawned])
def test_what_is_opened_of_something_undone_is_marked_and_reviewed(
    world: World, make: Callable[[World, WorkItem], str]
) -> None:
    source = undone(world)
    item = fresh(world, make(world, source))
    assert (item.tainted, reviews(world)) == (False, [])
    drain()
    item = fresh(world, item.id)
    assert (item.tainted, item.status) == (True, "PENDING")
    entry = history(world, item)[-1]
    assert entry.action == "tainted"
    assert entry.caused_by is not None
    assert entry.caused_by.id == history(world, source)[-1].id
    assert entry.payloads == {
        "source": {"type": "work_item", "id": str(source.id), "title": source.title}
    }
    [review] = reviews(world)
    assert review.payload == {
        "work_item": str(item.id), "title": item.title, "undone": entry.payloads["source"],
    }  # fmt: skip
    opened = history(world, review)[0]
    assert opened.caused_by is not None
    assert opened.caused_by.id == entry.id


def test_it_is_reviewed_once_however_often_it_is_heard(world: World) -> None:
    source = undone(world)
    item = fresh(world, created(world, source))
    for _ in range(3):
        drain()
        with tenant_scope(world.operator.tenant_id):
            OutboxTask.objects.filter(consumer="workitems.influence").update(done_at=None)
    drain()
    assert len(reviews(world)) == 1
    assert [each.action for each in history(world, item)].count("tainted") == 1


def test_several_sources_undone_are_one_review(world: World) -> None:
    first, second, still_done = undone(world), undone(world), made.done(world)
    item = made_of(world, first, second, still_done)
    drain()
    [review] = reviews(world)
    ids = [each["id"] for each in review.payload["undone"]]
    assert sorted(ids) == sorted([str(first.id), str(second.id)])
    entry = history(world, fresh(world, item.id))[-1]
    assert [each["id"] for each in entry.payloads["sources"]] == ids
    page = browser(world.surveyor).get(f"/work-items/{review.id}/").content.decode()
    assert page.count(first.title) >= 2
    assert f">{first.id}<" not in page
    # What is undone only later asks anew, once.
    undo(world, still_done)
    assert len(reviews(world)) == 2
    assert reviews(world)[-1].payload["undone"]["id"] == str(still_done.id)


def test_its_review_may_undo_it(world: World) -> None:
    item = made_of(world, undone(world), compensation={"self_undo": True})
    drain()
    answer(world, reviews(world)[0], "compensate", "Worthless")
    assert fresh(world, item.id).status == "COMPENSATING"


def test_a_relation_to_something_undone_marks(world: World) -> None:
    source = undone(world)
    item, unrelated = made_of(world), made_of(world)
    row = related(world, item, source)
    drain()
    assert (fresh(world, item.id).tainted, fresh(world, unrelated.id).tainted) == (True, False)
    [review] = reviews(world)
    assert review.payload["undone"]["id"] == str(source.id)
    # Said again it is no other undo.
    REMOVE["relation"](item.id, row.id, call=Call(world.surveyor))
    related(world, fresh(world, item.id), source)
    drain()
    assert len(reviews(world)) == 1


def test_a_relation_removed_before_it_is_heard_marks_nothing(world: World) -> None:
    source, item = undone(world), made_of(world)
    row = related(world, item, source)
    REMOVE["relation"](item.id, row.id, call=Call(world.surveyor))
    drain()
    assert (fresh(world, item.id).tainted, reviews(world)) == (False, [])


def test_what_is_being_undone_or_was_not_marks_nothing_yet(world: World) -> None:
    source = made.done(world)
    under_way = made.undo_task(world)
    assert under_way.compensates_id is not None
    item = fresh(world, created(world, fresh(world, under_way.compensates_id)))
    other = fresh(world, created(world, source))
    drain()
    assert [fresh(world, each.id).tainted for each in (item, other)] == [False, False]
    assert reviews(world) == []


def test_what_is_made_of_nothing_is_heard_by_nobody_here(world: World) -> None:
    source = undone(world)
    created(world, source)
    drain()
    with tenant_scope(world.operator.tenant_id):
        before = OutboxTask.objects.filter(consumer="workitems.influence").count()
    plain = statements(lambda: made.opened(world))
    made_of_it = statements(lambda: made.opened(world, **sources(source)))
    with tenant_scope(world.operator.tenant_id):
        assert OutboxTask.objects.filter(consumer="workitems.influence").count() == before + 1
    # It is read, it wants to hear of the undo; who hears of the item costs no statement of its own.
    assert len(made_of_it) == len(plain) + 2
