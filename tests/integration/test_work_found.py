"""Work is found by each of its fields, by its words and by parts of them, over API and pages."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ledger.clock import now, rfc3339
from ledger.tenancy import tenant_scope
from tests import states
from tests.casework import approved_loan
from tests.clients import api, browser
from tests.integration.workitems_made import page, titles
from tests.integration.workitems_over_rest import JSON, ROOT, opened, read
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.finding import item_texts
from workitems.finding.filter_table import FILTERS
from workitems.finding.finding_tables import ItemText
from workitems.models import WorkItem

pytestmark = pytest.mark.django_db(transaction=True)
DAY = dt.timedelta(days=1)


def listed(client: Client, query: dict[str, Any]) -> list[str]:
    """Return the titles that a list has, and see that a search has the same."""
    answer = client.get(ROOT, query)
    assert answer.status_code == 200, answer.content
    found = [each["title"] for each in answer.json()["results"]]
    assert searched(client, query) == found
    return found


def searched(client: Client, body: dict[str, Any]) -> list[str]:
    answer = client.post(f"{ROOT}/search", body, content_type=JSON)
    assert answer.status_code == 200, answer.content
    return [each["title"] for each in answer.json()["results"]]


@pytest.fixture
def told(world: World) -> World:
    """Have work that differs in every field."""
    operator = api(world.operator)
    late, later = rfc3339(now() - DAY), rfc3339(now() + DAY)
    opened(operator, title="late", due_at=late, candidate_groups=["surveyors"])
    opened(operator, title="urgent", due_at=later, priority="URGENT", skippable=True)
    opened(api(world.analyst), title="mine", assignee=world.analyst.username)
    states.completed(world.analyst, title="done", outcome="PASSED")
    states.completed(
        world.surveyor,
        title="other",
        outcome="REFUSED",
        due_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    )
    states.compensate(states.completed(world.underwriter, title="undone"), world.operator)
    return world


@pytest.mark.parametrize(
    ("query", "titles_found"),
    [
        ({"status": "COMPENSATING"}, ["undone"]),
        ({"status": ["COMPENSATING", "PENDING"]}, ["undone", "urgent", "late"]),
        ({"status": "COMPENSATING,PENDING"}, ["undone", "urgent", "late"]),
        ({"status": "COMPLETED"}, ["other", "done"]),
        ({"priority": "URGENT"}, ["urgent"]),
        ({"group": "surveyors"}, ["late"]),
        ({"group": "nobody"}, []),
        ({"outcome": "REFUSED"}, ["other"]),
        ({"overdue": "true"}, ["late"]),
        ({"overdue": "true", "group": "analysts"}, []),
        ({"due": "late"}, ["other", "late"]),
        ({"due": "week"}, ["other", "urgent", "late"]),
        ({"skippable": "true"}, ["urgent"]),
        ({"tainted": "true"}, []),
        ({"compensation_state": "COMPENSATING", "kind": "TASK"}, ["undone"]),
        ({"created_by": "me", "kind": "TASK"}, ["urgent", "late"]),
        ({"created_by": "nobody"}, []),
        ({"due_before": "2021-01-01T00:00:00Z"}, ["other"]),
        (
            {"due_after": "2021-01-01T00:00:00Z", "due_before": "2100-01-01T00:00:00Z"},
            ["urgent", "late"],
        ),
        ({"created_before": "2021-01-01T00:00:00Z"}, []),
        ({"completed_after": "2021-01-01T00:00:00Z"}, ["undone", "other", "done"]),
        ({"completed_before": "2021-01-01T00:00:00Z"}, []),
        ({"q": "LAT"}, ["late"]),
    ],
)  # fmt: skip
def test_a_field_finds_its_work(
    told: World, query: dict[str, Any], titles_found: list[str]
) -> None:
    assert listed(api(told.operator), query) == titles_found


def test_people_are_found_by_their_names(told: World) -> None:
    client = api(told.operator)
    assert listed(client, {"created_by": told.analyst.username}) == ["done", "mine"]
    assert listed(client, {"completed_by": told.surveyor.username}) == ["other"]
    assert listed(client, {"assignee": told.analyst.username, "status": "ASSIGNED"}) == ["mine"]
    assert listed(api(told.analyst), {"completed_by": "me"}) == ["done"]
    assert listed(api(told.outsider), {"assignee": told.analyst.username}) == []


def test_what_is_not_overdue_is_the_rest(told: World) -> None:
    client = api(told.operator)
    everything = listed(client, {})
    assert listed(client, {"overdue": "false"}) == [each for each in everything if each != "late"]
    assert listed(client, {"tainted": "false"}) == everything
    assert listed(client, {"compensation_state": "NONE"}) == [
        each for each in everything if each in {"other", "done", "mine", "urgent", "late"}
    ]


def test_a_case_finds_its_work(world: World) -> None:
    case_id = approved_loan(world)
    states.new_item(world.operator, title="Loose")
    with tenant_scope(world.operator.tenant_id):
        mine = WorkItem.objects.filter(tenant_id=world.operator.tenant_id, case_id=case_id).count()
    found = listed(api(world.operator), {"case": str(case_id)})
    assert (len(found), "Loose" in found) == (mine, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("status", each) for each in ("OPEN", "PENDING,OPEN", "")),
        *(("kind", each) for each in ("X", "")),
        *(("priority", each) for each in ("3", "high")),
        *((name, "") for name in ("assignee", "group", "outcome", "created_by", "completed_by")),
        *((name, "") for name in ("owner", "stakeholder")),
        ("group", "x" * 201),
        ("candidate", "you"),
        ("case", "7"),
        ("due", "tomorrow"),
        *((name, each) for name in ("due_before", "created_after", "completed_before")
          for each in ("", "today", "2020-01-01", "2020-01-01T00:00:00", "9999-01-01T00:00:00Z")),
        *((name, each) for name in ("overdue", "tainted", "skippable") for each in ("1", "")),
        ("compensation_state", "X"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_read_is_refused_by_name(
    world: World, name: str, value: str
) -> None:
    client = api(world.analyst)
    answer = client.get(ROOT, {name: value})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, name)
    answer = client.post(f"{ROOT}/search", {name: value}, content_type=JSON)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{name}")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"colour": "x"}, ["/colour"]),
        ({"status": 7}, ["/status"]),
        ({"status": []}, ["/status"]),
        ({"status": ["PENDING", None]}, ["/status"]),
        ({"q": None}, ["/q"]),
        ({"q": ["a"]}, ["/q"]),
        ({"overdue": 1}, ["/overdue"]),
        ({"kind": True}, ["/kind"]),
        ({"case": "x", "due": "x"}, ["/case", "/due"]),
        ([], [""]),
    ],
)
def test_a_search_names_all_that_it_cannot_read(
    world: World, body: Any, pointers: list[str]
) -> None:
    answer = api(world.analyst).post(f"{ROOT}/search", body, content_type=JSON)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == pointers


def test_a_search_takes_json_values_and_is_paged(told: World) -> None:
    client = api(told.operator)
    assert searched(client, {"overdue": True}) == ["late"]
    assert searched(client, {"overdue": False, "status": ["PENDING"]}) == ["urgent"]
    first = client.post(f"{ROOT}/search?limit=1", {"status": "PENDING"}, content_type=JSON).json()
    assert [each["title"] for each in first["results"]] == ["urgent"]
    second = client.post(first["next"], {"status": "PENDING"}, content_type=JSON).json()
    assert [each["title"] for each in second["results"]] == ["late"]
    assert second["next"] is None


def test_words_are_found_in_title_and_description_in_any_order(world: World) -> None:
    client = api(world.operator)
    opened(client, title="Check the papers of Müller", payload={"description": "Loan over 5000"})
    opened(client, title="Write to the court", payload={"description": {"not": "papers"}})
    opened(client, title="O'Neil \\ 'quoted' & (odd): *", payload={})
    assert listed(client, {"q": "papers check"}) == ["Check the papers of Müller"]
    assert listed(client, {"q": "Mülle"}) == ["Check the papers of Müller"]
    assert listed(client, {"q": "loan 5000 müller"}) == ["Check the papers of Müller"]
    # A part of a word is found in titles, as it stands there.
    assert listed(client, {"q": "aper"}) == ["Check the papers of Müller"]
    assert listed(client, {"q": "apers of"}) == ["Check the papers of Müller"]
    assert listed(client, {"q": "of apers"}) == []
    assert listed(client, {"q": "ourt"}) == ["Write to the court"]
    assert listed(client, {"q": "\\ 'quo"}) == ["O'Neil \\ 'quoted' & (odd): *"]
    assert listed(client, {"q": "neil's"}) == []
    assert listed(client, {"q": "*"}) == ["O'Neil \\ 'quoted' & (odd): *"]
    assert listed(client, {"q": "%"}) == []
    assert listed(api(world.outsider), {"q": "papers"}) == []


def test_words_follow_what_is_edited(world: World) -> None:
    client = api(world.operator)
    item = opened(client, title="First", payload={"description": "green"})
    client.patch(f"{ROOT}/{item['id']}", {"title": "Second"}, content_type=JSON)
    assert listed(client, {"q": "first"}) == []
    assert listed(client, {"q": "green"}) == ["Second"]
    client.patch(f"{ROOT}/{item['id']}", {"payload": {"description": "blue"}}, content_type=JSON)
    assert [listed(client, {"q": each}) for each in ("green", "blue")] == [[], ["Second"]]
    assert read(client, item["id"])["version"] == 3


def test_a_description_of_any_length_is_taken(world: World) -> None:
    client = api(world.operator)
    words = " ".join(f"{n:x}w" * 9 for n in range(6000))
    opened(client, title="Long", payload={"description": f"{'x' * 3000} {words}"})
    assert listed(client, {"q": "0w0w0w"}) == ["Long"]


def test_few_are_found_by_their_words_wherever_they_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pagination.LOOKED_AT", 2)
    monkeypatch.setattr("workitems.finding.item_texts.FEW", 3)
    client = api(world.operator)
    for title in ("Needle in hay", *("Hay",) * 3):
        actions.create_work_item(call=Call(world.operator), title=title)
    with tenant_scope(world.operator.tenant_id):
        assert item_texts.few_of("hay") is None
        assert len(item_texts.few_of("hay needle") or ()) == 1
        assert item_texts.few_of("!") is None
        # What so little begins is many.
        assert item_texts.few_of("ne") is None
    body = client.get(ROOT, {"q": "needle"}).json()
    assert ([each["title"] for each in body["results"]], body["next"]) == (["Needle in hay"], None)
    # Many are looked for in the list: two are looked at.
    body = client.get(ROOT, {"q": "hay"}).json()
    assert [each["title"] for each in body["results"]] == ["Hay"] * 2
    body = client.get(body["next"]).json()
    assert [each["title"] for each in body["results"]] == ["Hay", "Needle in hay"]


def test_of_a_long_text_the_rarest_parts_find_what_all_of_them_do(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workitems.finding.item_texts.FEW", 3)
    title = r"Read the report's page \777 of the notary who came by post once more, and again"
    titles = [title, *(title.replace("777", str(n)) for n in range(100, 106))]
    made = [actions.create_work_item(call=Call(world.operator), title=each) for each in titles]
    with tenant_scope(world.operator.tenant_id):
        assert item_texts.few_of(title[2:-2]) == [made[0].id]
        assert item_texts.few_of(r"port's page \777") == [made[0].id]
        assert item_texts.few_of(title[30:]) is None
        assert item_texts.few_of(title[2:].replace("777", "778")) == []


def test_what_is_for_a_group_of_few_is_found_wherever_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pagination.LOOKED_AT", 2)
    monkeypatch.setattr("workitems.finding.filter_table.FEW", 3)
    client = api(world.operator)
    for title, group in (("Old", "surveyors"), *((f"New {n}", "analysts") for n in range(4))):
        states.new_item(world.operator, title=title, candidate_groups=[group])
    body = client.get(ROOT, {"group": "surveyors", "status": "PENDING"}).json()
    assert ([each["title"] for each in body["results"]], body["next"]) == (["Old"], None)
    # Many are looked for in the list: two are looked at.
    body = client.get(ROOT, {"group": "analysts"}).json()
    assert [each["title"] for each in body["results"]] == ["New 3", "New 2"]
    assert body["next"] is not None


def test_nobody_writes_the_words_and_no_tenant_reads_those_of_another(world: World) -> None:
    item = states.new_item(world.operator, title="Secret")
    with tenant_scope(world.outsider.tenant_id):
        assert item_texts.few_of("secret") == []
        assert not ItemText.objects.exists()
    with tenant_scope(world.operator.tenant_id):
        assert item_texts.few_of("secret") == [item.id]
    assert item_texts.few_of("secret") is None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT privilege_type::text FROM information_schema.role_table_grants"
            " WHERE table_name = 'workitems_itemtext' AND grantee = 'amends_app'"
        )
        assert cursor.fetchall() == [("SELECT",)]


def test_a_filter_takes_one_statement_more_at_most(told: World) -> None:
    client = api(told.operator)
    values = {
        "status": "PENDING", "kind": "TASK", "priority": "HIGH", "assignee": told.analyst.username,
        "candidate": "me", "group": "analysts", "label": "urgent", "due": "late",
        "case": str(uuid.uuid4()),
        "due_after": "2020-01-01T00:00:00Z", "due_before": "2020-01-01T00:00:00Z",
        "overdue": "true", "created_after": "2020-01-01T00:00:00Z",
        "created_before": "2020-01-01T00:00:00Z", "created_by": "me",
        "completed_after": "2020-01-01T00:00:00Z", "completed_before": "2020-01-01T00:00:00Z",
        "completed_by": "me", "outcome": "X", "compensation_state": "NONE", "tainted": "true",
        "skippable": "true", "q": "late", "owner": "me", "stakeholder": told.analyst.username,
    }  # fmt: skip
    assert values.keys() == FILTERS.keys()
    with CaptureQueriesContext(connection) as captured:
        assert client.get(ROOT, values).status_code == 200
    said = [each["sql"] for each in captured.captured_queries]
    assert len([sql for sql in said if not sql.startswith(("BEGIN", "COMMIT"))]) <= 12
    answer = browser(told.operator).get("/work-items/", values)
    assert answer.status_code == 200
    assert "Opened from: 1 January 2020" in text_of(answer.content)


def test_pages_take_the_filters_of_the_api(told: World) -> None:
    client = browser(told.operator)
    assert titles(page(client, "/work-items/?overdue=true")) == ["late"]
    assert titles(
        page(client, "/work-items/?status=COMPENSATING&status=PENDING&group=surveyors")
    ) == ["late"]
    html = page(client, "/work-items/?status=COMPENSATING,PENDING&outcome=REFUSED")
    assert "State: Being undone, Open" in html
    assert client.get("/work-items/?overdue=1").status_code == 422


def test_the_search_page_finds_words_too(world: World) -> None:
    client = api(world.operator)
    opened(client, title="Write to the court", payload={"description": "about the mortgage"})
    html = browser(world.operator).get("/search/", {"q": "mortgage write"}).content.decode()
    assert "Write to the court" in html


def test_work_is_found_by_its_label_and_by_what_was_noted(world: World) -> None:
    item, other = states.new_item(world.operator), states.new_item(world.operator)
    client = api(world.analyst)
    for path, body in (("labels", {"name": "fraud"}), ("notes", {"text": "Ask the Zurich branch"})):
        said = client.post(f"{ROOT}/{item.id}/{path}", body, content_type=JSON)
        assert said.status_code == 201
    for query in ({"label": "fraud"}, {"q": "zurich"}):
        found = {each["id"] for each in client.get(ROOT, query).json()["results"]}
        assert (str(item.id) in found, str(other.id) in found) == (True, False)
    [note] = client.get(f"{ROOT}/{item.id}/notes").json()["results"]
    assert client.delete(f"{ROOT}/{item.id}/notes/{note['id']}").status_code == 200
    assert client.get(ROOT, {"q": "zurich"}).json()["results"] == []
