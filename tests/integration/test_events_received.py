"""Events from outside: both modes of sending one, bounds, and that one is taken in once."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.test import Client

from events.models import InboundEvent
from ledger.clock import now, rfc3339
from ledger.selectors import entries_of
from ledger.tenancy import tenant_scope
from tests.clients import api, browser
from tests.world import World

URL = "/api/v1/events"
JSON = "application/json"
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "A-1",
    "source": "/trials/42",
    "type": "protocol.violated",
    "subject": "site 7",
    "data": {"constraint": "dose", "found": 12},
    "traceparent": "00-ab",
}


def post(client: Client, body: Any, content_type: str = JSON, **headers: str) -> Any:
    return client.post(URL, body, content_type=content_type, headers=headers)


def entries(world: World) -> list[Any]:
    with tenant_scope(world.operator.tenant_id):
        found = entries_of(world.operator.tenant_id, "tenant", world.operator.tenant_id)
    return [each for each in found if each.action == "event_received"]


def kept(world: World) -> int:
    with tenant_scope(world.operator.tenant_id):
        return InboundEvent.objects.filter(tenant_id=world.operator.tenant_id).count()


def problems(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.content
    return [(each["pointer"], each["code"]) for each in answer.json()["errors"]]


def test_an_accepted_event_is_a_row_and_an_entry(world: World) -> None:
    answer = post(api(world.operator), EVENT)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert answer["Location"] == f"{URL}/{body['id']}"
    assert body["cloud_event"] == EVENT
    assert (body["event_id"], body["received_by"]) == ("A-1", world.operator.username)
    assert (body["subject"], body["extensions"]) == ("site 7", {"traceparent": "00-ab"})
    [entry] = entries(world)
    assert (entry.kind, entry.actor_id, str(entry.id)) == (
        "MESSAGE", world.operator.actor_id, body["entry"],
    )  # fmt: skip
    assert entry.payloads == {"inbound_event": body["id"], "event": EVENT}
    read = api(world.auditor).get(f"{URL}/{body['id']}")
    assert read.json() == body


def test_a_whole_number_written_with_a_point_is_that_number(world: World) -> None:
    """`7.0` is an integer to JSON Schema; of a part of one there is no attribute."""
    client = api(world.operator)
    text = json.dumps({**EVENT, "count": 7.0})
    assert '"count": 7.0' in text
    answer = post(client, text)
    assert answer.status_code == 201, answer.content
    assert '"count":7,' in answer.content.decode().replace(" ", "")
    for value in (7.5, 2.0**31):
        refused = post(client, json.dumps({**EVENT, "id": "A-2", "count": value}))
        assert problems(refused) == [("/count", "invalid")]
    assert kept(world) == 1


def test_a_body_in_chunks_is_411_and_nothing_is_taken_in(world: World) -> None:
    """Of a body without its length the server hands on nothing: an event would lose its data, and
    its name would be taken."""
    client = api(world.operator)
    names = {"ce-specversion": "1.0", "ce-id": "2", "ce-source": "/lab", "ce-type": "a.b"}
    for headers, body in ((names, {"grade": 4}), ({}, EVENT)):
        answer = client.post(
            URL, body, content_type=JSON, headers={**headers, "transfer-encoding": "chunked"},
            CONTENT_LENGTH="",
        )  # fmt: skip
        assert (answer.status_code, answer.json()["code"]) == (411, "length_required")
    assert (kept(world), entries(world)) == (0, [])
    other = client.post(
        "/api/v1/work-items", {"title": "T"}, content_type=JSON,
        headers={"transfer-encoding": "chunked"}, CONTENT_LENGTH="",
    )  # fmt: skip
    assert other.status_code == 411
    # With its length it is read, whatever else is said of it.
    again = post(client, {"grade": 4}, **names, **{"transfer-encoding": "chunked"})
    assert again.json()["cloud_event"]["data"] == {"grade": 4}


def test_both_modes_say_the_same(world: World) -> None:
    client = api(world.operator)
    structured = post(client, {**EVENT, "id": "1"}, "application/cloudevents+json; charset=utf-8")
    assert structured.status_code == 201, structured.content
    binary = post(
        client, EVENT["data"],
        **{"ce-specversion": "1.0", "ce-id": "2", "ce-source": "/trials/42",
           "ce-type": "protocol.violated", "ce-subject": "site%207", "ce-traceparent": "00-ab"},
    )  # fmt: skip
    assert binary.status_code == 201, binary.content
    said = {**EVENT, "id": "2", "datacontenttype": JSON}
    assert binary.json()["cloud_event"] == said
    bare = client.post(URL, "", content_type=JSON, headers={
        "ce-specversion": "1.0", "ce-id": "3", "ce-source": "/t", "ce-type": "bare",
    })  # fmt: skip
    assert bare.json()["cloud_event"] == {
        "specversion": "1.0", "id": "3", "source": "/t", "type": "bare",
    }  # fmt: skip
    text = client.post(URL, "x", content_type="text/plain", headers={"ce-specversion": "1.0"})
    assert text.status_code == 415
    assert kept(world) == 3


def test_the_same_event_again_is_answered_with_the_first(world: World) -> None:
    client = api(world.operator)
    first = post(client, EVENT)
    again = post(client, {**EVENT, "data": {"constraint": "age"}})
    assert (again.status_code, again.json()) == (201, first.json())
    assert post(client, {**EVENT, "source": "/trials/43"}).json()["id"] != first.json()["id"]
    assert kept(world) == 2
    assert len(entries(world)) == 2


def test_what_is_too_old_or_ahead_is_refused(world: World) -> None:
    client = api(world.operator)
    for moment, code in (
        (now() - dt.timedelta(days=7, seconds=5), "too_old"),
        (now() + dt.timedelta(minutes=6), "future"),
    ):
        refused = post(client, {**EVENT, "time": rfc3339(moment)})
        assert problems(refused) == [("/time", code)]
    assert post(client, {**EVENT, "time": rfc3339(now())}).status_code == 201
    # Known already: answered as it was, however old it is by now.
    old = post(client, {**EVENT, "time": rfc3339(now() - dt.timedelta(days=30))})
    assert old.status_code == 201
    assert kept(world) == 1


def test_what_breaks_a_rule_is_named_and_nothing_is_kept(world: World) -> None:
    client = api(world.operator)
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    for wrong, found in (
        ({"specversion": "0.3"}, [("/specversion", "invalid_choice")]),
        ({"id": ""}, [("/id", "blank")]),
        ({"source": "a b"}, [("/source", "invalid")]),
        ({"type": "amends.work_item.completed.v1"}, [("/type", "reserved")]),
        ({"time": "yesterday"}, [("/time", "invalid")]),
        ({"datacontenttype": "text/plain"}, [("/datacontenttype", "invalid")]),
        ({"Big": "x"}, [("/Big", "unknown_field")]),
        ({"data_base64": "AA=="}, [("/data_base64", "unknown_field")]),
        ({"far": {"a": 1}}, [("/far", "invalid")]),
        ({"data": deep}, [("/data", "too_deep")]),
        ({"data": "x" * (257 * 1024)}, [("/data", "too_large")]),
        ({f"e{n}": n for n in range(21)}, [("", "too_many")]),
    ):
        assert problems(post(client, {**EVENT, **wrong})) == found, wrong
    missing = post(client, {"specversion": "1.0"})
    assert problems(missing) == [
        ("/id", "required"),
        ("/source", "required"),
        ("/type", "required"),
    ]
    assert post(client, "x" * 8_000_000, JSON).status_code == 413
    assert (kept(world), entries(world)) == (0, [])


def test_others_neither_send_nor_read(world: World) -> None:
    for who in (world.analyst, world.agent, world.auditor):
        assert post(api(who), EVENT).status_code == 403
    assert kept(world) == 0
    made = post(api(world.operator), EVENT).json()
    assert api(world.analyst).get(URL).status_code == 403
    assert api(world.outsider).get(f"{URL}/{made['id']}").status_code == 404
    # Of another tenant the same event is another one.
    other = post(api(world.outsider), EVENT)
    assert other.status_code == 201
    assert other.json()["id"] != made["id"]


@pytest.mark.parametrize(
    ("query", "found"),
    [("", ["3", "2", "1"]), ("type=b", ["2"]), ("source=/y", ["3"]), ("subject=s", ["2", "1"]),
     ("type=b&subject=s", ["2"]), ("type=c", [])],
)  # fmt: skip
def test_lists_are_narrowed(world: World, query: str, found: list[str]) -> None:
    client = api(world.operator)
    for id_, type_, source, subject in (
        ("1", "a", "/x", "s"), ("2", "b", "/x", "s"), ("3", "a", "/y", "t"),
    ):  # fmt: skip
        event = {"specversion": "1.0", "id": id_, "type": type_, "source": source}
        assert post(client, {**event, "subject": subject}).status_code == 201
    page = client.get(f"{URL}?{query}").json()
    assert [each["event_id"] for each in page["results"]] == found
    shown = browser(world.auditor).get(f"/events/?{query}").content.decode()
    assert shown.count("data-row") == len(found)


def test_pages_show_what_it_said(world: World) -> None:
    made = post(api(world.operator), EVENT).json()
    page = browser(world.operator).get(f"/events/{made['id']}/").content.decode()
    for text in (
        "protocol.violated",
        "/trials/42",
        "site 7",
        "dose",
        f"/ledger/entries/{made['entry']}/",
    ):
        assert text in page, text
    assert browser(world.analyst).get("/events/").status_code == 403
    listed = browser(world.operator).get("/admin/events/inboundevent/").content.decode()
    assert "protocol.violated" in listed
