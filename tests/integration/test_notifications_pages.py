"""One's notifications in the browser and over the API; deliveries for those who look after them."""

from __future__ import annotations

import dataclasses
import uuid

import pytest
from django.db import ProgrammingError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ledger.tenancy import tenant_scope
from notifications import actions as reading
from notifications.models import Delivery
from notifications.selectors import unread_count
from notifications.texts import in_case, texts_of
from tests.casework import approved_loan, open_undo, roll_back
from tests.clients import api, browser
from tests.draining import drain
from tests.states import work
from tests.world import World
from verbs import subject
from verbs.call import Call
from verbs.subject import subject_of
from workitems import actions

BASIS = [{"code": "INTERNAL_POLICY", "note": ""}]


def three_tasks(world: World) -> list[uuid.UUID]:
    """Give the analyst three tasks, by the operator."""
    found = [
        actions.create_work_item(
            call=Call(world.operator), title=f"Check file {number}", assignee=world.analyst.username
        ).id
        for number in (1, 2, 3)
    ]
    drain()
    return found


def newest(world: World) -> Delivery:
    """Return the analyst's newest in-app notification."""
    with tenant_scope(world.analyst.tenant_id):
        rows = Delivery.objects.filter(recipient_id=world.analyst.actor_id, channel="in_app")
        return rows.latest("created_at", "id")


def unread(world: World, name: str = "analyst") -> int:
    """Return how many notifications a person has not read."""
    with tenant_scope(world.of(name).tenant_id):
        return unread_count(world.of(name))


def test_the_list_shows_ones_own_newest_first_with_the_count_in_the_navigation(
    world: World,
) -> None:
    three_tasks(world)
    page = browser(world.analyst).get("/notifications/")
    text = page.content.decode()
    assert page.status_code == 200
    titles = [f"Task waiting: Check file {number}" for number in (3, 2, 1)]
    places = [text.index(title) for title in titles]
    assert places == sorted(places)
    assert "3 you have not read." in text
    (link,) = [each for each in page.context["shell"]["nav"] if each["key"] == "notifications"]
    assert (link["count"], link["current"], link["url"]) == (3, True, "/notifications/")
    others = browser(world.surveyor).get("/notifications/").content.decode()
    assert "Check file" not in others
    assert "Nothing to tell you" in others


def test_reading_one_and_reading_all(world: World) -> None:
    three_tasks(world)
    client = browser(world.analyst)
    row = newest(world)
    answer = client.post(f"/notifications/{row.id}/read/")
    assert (answer.status_code, answer["Location"]) == (303, "/notifications/")
    assert unread(world) == 2
    assert newest(world).read_at is not None
    only = client.get("/notifications/?unread=1").content.decode()
    assert "Check file 2" in only
    assert "Check file 3" not in only
    assert client.post("/notifications/read/").status_code == 303
    assert unread(world) == 0
    assert "You have read everything." in client.get("/notifications/").content.decode()


def test_reading_again_keeps_the_first_moment(world: World) -> None:
    three_tasks(world)
    first = reading.mark_read(newest(world).id, call=Call(world.analyst)).read_at
    assert first is not None
    assert reading.mark_read(newest(world).id, call=Call(world.analyst)).read_at == first
    assert reading.mark_all_read(call=Call(world.analyst)) == 2
    assert newest(world).read_at == first


@pytest.mark.parametrize("name", ["operator", "auditor", "admin", "outsider"])
def test_nobody_reads_anothers_notifications(world: World, name: str) -> None:
    three_tasks(world)
    row = newest(world)
    with tenant_scope(world.analyst.tenant_id):
        email = Delivery.objects.get(event_id=row.event_id, channel="email")
    assert browser(world.of(name)).post(f"/notifications/{row.id}/read/").status_code == 404
    answer = api(world.of(name)).post(
        f"/api/v1/notifications/{row.id}/read", {}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert newest(world).read_at is None
    listed = api(world.of(name)).get("/api/v1/notifications").json()["results"]
    assert str(row.id) not in {each["id"] for each in listed}
    # An email is no notification of the page, not even one's own.
    assert (
        api(world.analyst)
        .post(f"/api/v1/notifications/{email.id}/read", {}, content_type="application/json")
        .status_code
        == 404
    )


def test_the_api_says_it_in_words_and_marks_it_read(world: World) -> None:
    *_, item_id = three_tasks(world)
    client = api(world.analyst)
    body = client.get("/api/v1/notifications?limit=2").json()
    assert body["previous"] is None
    assert len(body["results"]) == 2
    found = body["results"][0]
    row = newest(world)
    assert found == {
        "id": str(row.id),
        "event": str(row.event_id),
        "event_type": "amends.work_item.created.v1",
        "topic": "task_waiting",
        "subject": {"type": "work_item", "id": str(item_id)},
        "created_at": found["created_at"],
        "title": "Task waiting: Check file 3",
        "text": "",
        "url": f"/work-items/{item_id}/",
        "case": None,
        "in_place_of": None,
        "read_at": None,
    }
    (last,) = client.get(body["next"]).json()["results"]
    assert last["title"] == "Task waiting: Check file 1"
    answer = client.post(
        f"/api/v1/notifications/{row.id}/read", {}, content_type="application/json"
    )
    assert answer.status_code == 200
    assert answer.json()["read_at"] is not None
    left = client.get("/api/v1/notifications?unread=true").json()["results"]
    assert [each["title"][-1] for each in left] == ["2", "1"]
    assert len(client.get("/api/v1/notifications?unread=false").json()["results"]) == 1
    refused = client.get("/api/v1/notifications?unread=maybe")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "unread")


def test_words_carry_the_reason_and_lead_to_the_undo_task(world: World) -> None:
    item_id = actions.create_work_item(
        call=Call(world.operator), title="Approve", assignee=world.analyst.username
    ).id
    work(world.analyst, item_id, None)
    why = {"reason": "The file was forged", "regulatory_basis": BASIS}
    undo_id = actions.compensate(item_id, call=Call(world.operator), **why).attempt.compensation_id
    drain()
    body = api(world.analyst).get("/api/v1/notifications").json()["results"]
    assert body[0]["title"] == "Undo task waiting: Undo: Approve"
    assert body[0]["text"] == "Because: The file was forged"
    assert body[0]["url"] == f"/work-items/{undo_id}/"
    work(world.analyst, undo_id, "CANNOT_REVERSE")
    drain()
    failed = api(world.operator).get("/api/v1/notifications").json()["results"][0]
    assert failed["title"] == "Undo failed: Approve"
    assert failed["url"] == f"/work-items/{item_id}/"


def test_what_has_no_page_of_its_own_leads_to_its_ledger(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, item_id = three_tasks(world)
    pageless = dataclasses.replace(subject_of("work_item"), named=None)
    monkeypatch.setitem(vars(subject)["_subjects"], "work_item", pageless)
    found = api(world.analyst).get("/api/v1/notifications").json()["results"][0]
    # Its title is the news' own; only where it leads to is asked of whom it is about.
    assert found["title"] == "Task waiting: Check file 3"
    assert found["url"] == f"/ledger/subjects/work_item/{item_id}/"


def test_deliveries_are_for_operators_auditors_and_admins(world: World) -> None:
    three_tasks(world)
    for name in ("analyst", "approver", "bystander", "agent"):
        refused = api(world.of(name)).get("/api/v1/deliveries")
        assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    for name in ("operator", "auditor", "admin"):
        found = api(world.of(name)).get("/api/v1/deliveries").json()["results"]
        assert len(found) == 6
    assert api(world.outsider).get("/api/v1/deliveries").json()["results"] == []
    with tenant_scope(world.analyst.tenant_id):
        row = Delivery.objects.filter(channel="email").latest("created_at", "id")
    client = api(world.auditor)
    (found,) = client.get(f"/api/v1/deliveries?channel=email&event={row.event_id}").json()[
        "results"
    ]
    assert found == {
        "id": str(row.id),
        "event": str(row.event_id),
        "event_type": "amends.work_item.created.v1",
        "topic": "task_waiting",
        "subject": {"type": "work_item", "id": str(row.subject_id)},
        "created_at": found["created_at"],
        "channel": "email",
        "recipient": world.analyst.username,
        "status": "ACCEPTED",
        "attempts": [
            {
                "at": found["attempts"][0]["at"],
                "status_code": None,
                "latency_ms": found["attempts"][0]["latency_ms"],
                "error": "",
            }
        ],
        "next_attempt_at": None,
    }
    assert client.get("/api/v1/deliveries?status=DEAD").json()["results"] == []
    for query in ("status=SENT", "channel=pigeon", "event=7"):
        refused = client.get(f"/api/v1/deliveries?{query}")
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == query.partition("=")[0]


def test_the_admin_shows_deliveries_and_changes_nothing(world: World) -> None:
    three_tasks(world)
    row = newest(world)
    client = browser(world.auditor)
    listed = client.get("/admin/notifications/delivery/")
    assert listed.status_code == 200
    assert world.analyst.username in listed.content.decode()
    page = client.get(f"/admin/notifications/delivery/{row.id}/change/")
    assert page.status_code == 200
    assert 'name="_save"' not in page.content.decode()
    assert client.get("/admin/notifications/delivery/add/").status_code == 403
    assert client.post(f"/admin/notifications/delivery/{row.id}/delete/").status_code == 403
    assert browser(world.operator).get("/admin/notifications/delivery/").status_code == 403
    elsewhere = browser(world.outsider).get(f"/admin/notifications/delivery/{row.id}/change/")
    assert row.event_type not in elsewhere.content.decode()


def queries(client: Client) -> int:
    """Return how many statements the page costs."""
    with CaptureQueriesContext(connection) as captured:
        client.get("/notifications/")
    return len(captured)


def test_the_list_costs_the_same_however_long_it_is(world: World) -> None:
    three_tasks(world)
    client = browser(world.analyst)
    client.get("/notifications/")
    few = queries(client)
    three_tasks(world)
    three_tasks(world)
    assert queries(client) == few


def test_deliveries_stay_within_their_tenant(world: World) -> None:
    three_tasks(world)
    row = newest(world)
    assert not Delivery.objects.exists()
    with tenant_scope(world.outsider.tenant_id):
        assert not Delivery.objects.filter(id=row.id).exists()
        changed = Delivery.objects.filter(id=row.id).update(attempts=9)
        assert changed == 0
    with (
        pytest.raises(ProgrammingError),
        tenant_scope(world.outsider.tenant_id),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO notifications_deliveryattempt"
            " (id, tenant_id, delivery_id, at, latency_ms, error)"
            " VALUES (%s, %s, %s, now(), 1, '')",
            [uuid.uuid4(), world.analyst.tenant_id, row.id],
        )


def test_a_notification_names_its_case_on_the_page_and_in_the_mail(world: World) -> None:
    case = approved_loan(world)
    roll_back(world, case)
    task = open_undo(world.underwriter, case).id
    actions.start(task, call=Call(world.underwriter))
    actions.reject(task, call=Call(world.underwriter), reason="The register is closed")
    drain()
    who = world.operator
    page = browser(who).get("/notifications/")
    [row] = [each for each in page.context["rows"] if "needs a decision" in each["title"]]
    assert row["case_title"] == "Loan approval 1"
    assert "Loan approval 1" in page.content.decode()
    with tenant_scope(who.tenant_id):
        mine = Delivery.objects.filter(case_id=case, recipient_id=who.actor_id)
        [told] = texts_of(list(mine.filter(topic="rollback_stopped", channel="email"))).values()
    assert in_case(told) == "Case: Loan approval 1"
    # What is about the case itself does not say it twice, nor does what has none.
    three_tasks(world)
    rows = browser(world.analyst).get("/notifications/").context["rows"]
    assert {each["case_title"] for each in rows if "Check file" in each["title"]} == {""}


def test_whoever_opens_what_it_is_about_has_read_it(world: World) -> None:
    three_tasks(world)
    client = browser(world.analyst)
    row = newest(world)
    page = client.get("/notifications/").content.decode()
    assert f'href="/notifications/{row.id}/open/"' in page
    answer = client.get(f"/notifications/{row.id}/open/")
    assert (answer.status_code, answer["Location"]) == (303, f"/work-items/{row.subject_id}/")
    assert unread(world) == 2
    first = newest(world).read_at
    assert client.get(f"/notifications/{row.id}/open/").status_code == 303
    assert newest(world).read_at == first
    for other in ("operator", "outsider"):
        assert browser(world.of(other)).get(f"/notifications/{row.id}/open/").status_code == 404
