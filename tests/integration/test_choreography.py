"""Work that is undone by itself because of an event: from outside, or of this application."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

import pytest
import time_machine
from django.db import connection

from events.actions import receive_event
from ledger.models import OutboxTask, WantedNews
from ledger.selectors import entries_of
from ledger.tenancy import tenant_scope
from tests.clients import api
from tests.draining import drain
from tests.integration import workitems_made as made
from tests.world import World
from verbs.call import Call
from workitems.actions import abandon, cancel, choreography, compensate, complete, start, withdraw
from workitems.listener_tables import EventReaction, Listener
from workitems.models import WorkItem

VIOLATED = "protocol.violated"
NAME = "workitems.choreography"


def listening(world: World, *on: dict[str, str], done: bool = True, **more: Any) -> WorkItem:
    """Return a work item of the analyst that listens, done unless said otherwise."""
    said = list(on) or [{"type": VIOLATED}]
    item = made.opened(
        world, title="Approve the protocol", assignee=world.analyst.username, compensate_on=said,
        **more,
    )  # fmt: skip
    return finished(world, item) if done else item


def finished(world: World, item: Any) -> WorkItem:
    start(item.id, call=Call(world.analyst))
    complete(item.id, call=Call(world.analyst), outcome="APPROVED")
    return fresh(item)


def fresh(item: Any) -> WorkItem:
    with tenant_scope(item.tenant_id):
        return WorkItem.objects.get(id=item.id)


def sent(world: World, type_: str = VIOLATED, **more: Any) -> Any:
    """Let an event come from outside, and what listens react."""
    said = {"specversion": "1.0", "id": secrets.token_hex(6), "source": "/lab", "type": type_}
    row = receive_event(call=Call(world.operator), **{**said, **more})
    drain()
    return row


def history(item: Any) -> list[Any]:
    with tenant_scope(item.tenant_id):
        return entries_of(item.tenant_id, "work_item", item.id)


def actions_of(item: Any) -> list[str]:
    return [each.action for each in history(item)]


def reactions(item: Any) -> list[str]:
    with tenant_scope(item.tenant_id):
        return list(EventReaction.objects.filter(item_id=item.id).values_list("outcome", flat=True))


def tasks(world: World) -> int:
    with tenant_scope(world.operator.tenant_id):
        return OutboxTask.objects.filter(consumer=NAME).count()


def test_an_event_from_outside_undoes_what_listens_for_it(world: World) -> None:
    item, other = listening(world), listening(world, {"type": "something.else"})
    row = sent(world, data={"constraint": "dose"})
    item = fresh(item)
    assert (item.status, item.compensation_state) == ("COMPENSATING", "COMPENSATING")
    entry = history(item)[-1]
    assert (entry.action, entry.kind, entry.actor_type) == (
        "compensation_started", "COMPENSATION", "SYSTEM",
    )  # fmt: skip
    assert entry.caused_by is not None
    assert entry.caused_by.id == row.entry_id
    assert entry.payloads["trigger"] == {"type": VIOLATED, "source": "/lab", "id": row.event_id}
    assert entry.payloads["reason"] == f"Event {VIOLATED} of /lab ({row.event_id})."
    with tenant_scope(item.tenant_id):
        [undo] = WorkItem.objects.filter(compensates_id=item.id)
    assert (undo.kind, undo.assignee_id) == ("COMPENSATION", world.analyst.actor_id)
    assert (fresh(other).status, actions_of(other)[-1]) == ("COMPLETED", "completed")
    assert (reactions(item), reactions(other)) == (["compensated"], [])


def test_it_reads_only_what_may_be_concerned_and_little_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choreography, "_AT_ONCE", 2)
    items = [listening(world, {"type": VIOLATED, "filter": ".data.a == 1"}) for _ in range(3)]
    opened, ended = listening(world, done=False), listening(world, done=False)
    cancel(ended.id, call=Call(world.operator), reason="No longer wanted")
    drain()
    read: list[int] = []

    def counted(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001  -- Django's signature
        found = execute(sql, params, many, context)
        # What is read of a listener for its filters: rows that are locked are read whole.
        if sql.startswith("SELECT") and "compensate_on" in sql and '"version"' not in sql:
            read.append(context["cursor"].rowcount)
        return found

    with connection.execute_wrapper(counted):
        sent(world, data={"a": 1})
    assert read == [2, 1]
    assert [fresh(each).status for each in (*items, opened, ended)] == [
        *["COMPENSATING"] * 3, "ASSIGNED", "CANCELLED",
    ]  # fmt: skip


def test_it_happens_once_for_an_event_and_an_item(world: World) -> None:
    item = listening(world)
    row = sent(world)
    withdraw(item.id, call=Call(world.operator), reason="A false alarm")
    said = {"specversion": "1.0", "id": row.event_id, "source": "/lab", "type": VIOLATED}
    assert receive_event(call=Call(world.operator), **said).id == row.id
    drain()
    assert fresh(item).status == "COMPLETED"
    # And the news itself, told twice.
    with tenant_scope(item.tenant_id):
        OutboxTask.objects.filter(consumer=NAME).update(done_at=None)
    drain()
    assert fresh(item).status == "COMPLETED"
    assert actions_of(item).count("compensation_started") == 1
    # Another event is another matter.
    sent(world)
    assert actions_of(item).count("compensation_started") == 2


def test_a_filter_chooses_by_the_event_and_by_the_item(world: World) -> None:
    said = ".subject == .work_item.payload.site and .data.grade >= 3"
    mine = listening(world, {"type": VIOLATED, "filter": said}, payload={"site": "7"})
    theirs = listening(world, {"type": VIOLATED, "filter": said}, payload={"site": "8"})
    sent(world, subject="7", data={"grade": 2})
    assert (fresh(mine).status, fresh(theirs).status) == ("COMPLETED", "COMPLETED")
    sent(world, subject="7", data={"grade": 3})
    assert (fresh(mine).status, fresh(theirs).status) == ("COMPENSATING", "COMPLETED")
    assert reactions(theirs) == []


@pytest.mark.parametrize(
    ("broken", "code"), [("[limit(1e9; repeat(1))] | length", "timeout"), (".data + 1", "runtime")]
)
def test_a_filter_that_fails_is_no_match_and_blocks_nobody(
    world: World, broken: str, code: str
) -> None:
    bad = listening(world, {"type": VIOLATED, "filter": broken})
    good = listening(world, {"type": VIOLATED, "filter": ".data.a == 1"})
    sent(world, data={"a": 1})
    assert (fresh(bad).status, fresh(good).status) == ("COMPLETED", "COMPENSATING")
    entry = history(bad)[-1]
    assert (entry.action, entry.kind, entry.to_status) == (
        "event_filter_failed", "REFUSAL", "COMPLETED",
    )  # fmt: skip
    assert entry.payloads["code"] in {code, "memory"}
    assert fresh(bad).version == bad.version


@pytest.mark.parametrize(
    ("policy", "reversibility", "code"),
    [({"window": "P1D"}, "compensable", "window_closed"), ({}, "pivot", "pivot"),
     ({}, "irreversible", "irreversible"),
     ({"strategy": "correct"}, "irreversible", "irreversible"),
     ({"approval": "one"}, "compensable", "approval_required")],
)  # fmt: skip
def test_what_is_in_the_way_is_recorded_and_told(
    world: World, policy: dict[str, str], reversibility: str, code: str
) -> None:
    more: dict[str, Any] = {"compensation": policy} if policy else {}
    item = listening(world, reversibility=reversibility, **more)
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(days=2)):
        row = sent(world)
    assert fresh(item).status == "COMPLETED"
    entry = history(item)[-1]
    assert (entry.action, entry.kind, entry.payloads["code"]) == (
        "event_not_followed", "REFUSAL", code,
    )  # fmt: skip
    assert entry.caused_by is not None
    assert entry.caused_by.id == row.entry_id
    assert reactions(item) == [code]
    assert "compensation_started" not in actions_of(item)


def test_what_is_not_done_when_it_comes_is_left_alone(world: World) -> None:
    item = listening(world, done=False)
    sent(world)
    item = finished(world, item)
    drain()
    assert (item.status, fresh(item).status) == ("COMPLETED", "COMPLETED")
    # Also where nobody had got round to it before it was done.
    late = listening(world, done=False)
    said = {"specversion": "1.0", "id": "late", "source": "/lab", "type": VIOLATED}
    receive_event(call=Call(world.operator), **said)
    finished(world, late)
    drain()
    assert fresh(late).status == "COMPLETED"
    assert reactions(late) == []


def test_news_of_this_application_is_followed_and_circles_end(world: World) -> None:
    undone = "amends.work_item.compensation_completed.v1"
    first = listening(world, {"type": VIOLATED}, {"type": undone})
    second = listening(
        world, {"type": undone, "filter": ".data.subject.id == .work_item.payload.after"},
        payload={"after": str(first.id)},
    )  # fmt: skip
    stranger = listening(world, {"type": undone, "filter": '.data.subject.id == "x"'})
    sent(world)
    for item in (first, second):
        with tenant_scope(item.tenant_id):
            [undo] = WorkItem.objects.filter(compensates_id=item.id)
        start(undo.id, call=Call(world.analyst))
        complete(undo.id, call=Call(world.analyst), outcome="REVERSED")
        drain()
    assert [fresh(each).status for each in (first, second, stranger)] == [
        "COMPENSATED", "COMPENSATED", "COMPLETED",
    ]  # fmt: skip
    ended = [each for each in history(first) if each.action == "compensation_completed"]
    began = [each for each in history(second) if each.action == "compensation_started"]
    assert [each.caused_by and each.caused_by.id for each in began] == [ended[0].id]
    assert actions_of(first).count("compensation_started") == 1
    # What can never be undone again listens no more, once something was said.
    sent(world)
    with tenant_scope(world.operator.tenant_id):
        left = Listener.objects.filter(item_id__in=[first.id, second.id], type=VIOLATED)
        assert left.count() == 0


def test_an_item_does_not_listen_to_itself(world: World) -> None:
    item = listening(world, {"type": "amends.work_item.completed.v1"})
    drain()
    assert (fresh(item).status, reactions(item)) == ("COMPLETED", [])
    finished(world, made.opened(world, title="Other", assignee=world.analyst.username))
    drain()
    assert fresh(item).status == "COMPENSATING"


def test_a_tenant_in_which_nothing_listens_has_no_task_of_it(world: World) -> None:
    finished(world, made.opened(world, title="Plain", assignee=world.analyst.username))
    sent(world)
    assert tasks(world) == 0
    listening(world)
    # It listens for what comes from outside: of work done here there is still no task.
    assert tasks(world) == 0
    with tenant_scope(world.operator.tenant_id):
        wanted = list(WantedNews.objects.values_list("type", "consumer"))
    assert wanted == [("amends.tenant.event_received.v1", NAME)]
    sent(world, "nobody.listens")
    assert tasks(world) == 1


def test_an_item_in_trouble_with_its_undo_can_be_given_up_and_asked_again(world: World) -> None:
    item = listening(world)
    sent(world)
    with tenant_scope(item.tenant_id):
        undo = WorkItem.objects.get(compensates_id=item.id)
    start(undo.id, call=Call(world.analyst))
    complete(undo.id, call=Call(world.analyst), outcome="CANNOT_REVERSE", reason="Sent already")
    abandon(item.id, call=Call(world.operator), reason="Accepted")
    assert fresh(item).status == "COMPLETED"
    compensate(item.id, call=Call(world.operator), reason="By hand")
    assert fresh(item).compensation_round == 2


def test_what_cannot_be_listened_for_is_refused_with_its_pointer(world: World) -> None:
    client = api(world.operator)

    def refused(*on: Any, url: str = "/api/v1/work-items", **more: str) -> list[tuple[str, str]]:
        body = {"title": "T", "compensate_on": list(on), **more}
        answer = client.post(url, body, content_type="application/json")
        assert answer.status_code == 422, answer.content
        return [(each["pointer"], each["code"]) for each in answer.json()["errors"]]

    wrong = {"type": VIOLATED, "filter": ".a |"}
    assert refused({"type": "ok"}, wrong) == [("/compensate_on/1/filter", "filter_invalid")]
    templates = {"url": "/api/v1/work-item-templates", "name": "N"}
    assert refused(wrong, **templates) == [("/compensate_on/0/filter", "filter_invalid")]
    for filter_ in ("env.HOME", "input"):
        found = refused({"type": VIOLATED, "filter": filter_})
        assert found == [("/compensate_on/0/filter", "filter_invalid")]
    for type_ in (
        "amends.work_item.vanished.v1",
        "amends.nothing",
        "amends.work_item.completed.v2",
    ):
        assert refused({"type": type_}) == [("/compensate_on/0/type", "unknown")]
    assert refused({"filter": "true"}) == [("/compensate_on/0/type", "required")]
    assert refused({"type": "a", "on": 1}) == [("/compensate_on/0/on", "unknown_field")]
    assert refused(*({"type": f"t{n}"} for n in range(11))) == [("/compensate_on", "too_long")]
    with tenant_scope(world.operator.tenant_id):
        assert WantedNews.objects.count() == 0


def test_an_item_listens_as_its_template_says(world: World) -> None:
    client, json = api(world.operator), "application/json"
    on = [{"type": VIOLATED, "filter": ".subject == .work_item.payload.site"}]
    template = {"name": "Approve", "title": "Approve {site}", "compensate_on": on}
    version = client.post("/api/v1/work-item-templates", template, content_type=json).json()
    url = f"/api/v1/work-item-templates/{version['id']}/instantiate"
    body = {"payload": {"site": "7"}, "assignee": world.analyst.username}
    item = client.post(url, body, content_type=json).json()
    assert item["compensate_on"] == on
    # A later version changes no item that there is.
    client.post("/api/v1/work-item-templates", {**template, "compensate_on": []}, content_type=json)
    with tenant_scope(world.operator.tenant_id):
        row = WorkItem.objects.get(id=item["id"])
    finished(world, row)
    sent(world, subject="8")
    assert fresh(row).status == "COMPLETED"
    sent(world, subject="7")
    assert fresh(row).status == "COMPENSATING"


def test_another_tenant_hears_nothing(world: World) -> None:
    item = listening(world)
    said = {"specversion": "1.0", "id": "1", "source": "/lab", "type": VIOLATED}
    receive_event(call=Call(world.outsider), **said)
    drain()
    assert (fresh(item).status, reactions(item)) == ("COMPLETED", [])
