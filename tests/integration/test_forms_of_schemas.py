"""A resolution is asked for as its schema declares it: rows, groups, money, days; and every broken
rule is said at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.clients import browser
from tests.integration.workitems_made import opened, page, stored
from tests.pages import text_of
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
LINE = {
    "type": "object",
    "required": ["what", "sum"],
    "properties": {
        "what": {"type": "string", "title": "Item"},
        "sum": {"type": "integer", "format": "money", "currency": "EUR", "minimum": 100},
        "paid": {"type": "boolean"},
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["value", "lines", "house"],
    "properties": {
        "value": {
            "type": "integer", "format": "money", "currency": "EUR", "title": "Value",
            "maximum": 100_000_000,
        },
        "seen_on": {"type": "string", "format": "date", "title": "Seen on"},
        "lines": {"type": "array", "title": "Damages", "items": LINE, "minItems": 1},
        "house": {
            "type": "object", "title": "The house", "required": ["street"],
            "properties": {"street": {"type": "string"}, "floors": {"type": "integer"}},
        },
        "second": {
            "type": "object", "title": "A second house", "required": ["street"],
            "properties": {"street": {"type": "string"}, "floors": {"type": "integer"}},
        },
        "remarks": {"type": "array", "items": {"type": "string", "maxLength": 9}},
    },
}  # fmt: skip
GOOD = {
    "version": "1",
    "resolution.value": "180,000.50",
    "resolution.seen_on": "2026-03-11",
    "resolution.lines.rows": "3",
    "resolution.lines.0.what": "Roof",
    "resolution.lines.0.sum": "1250",
    "resolution.lines.2.what": "Door",
    "resolution.lines.2.sum": "75.5",
    "resolution.lines.2.paid": "on",
    "resolution.house.street": "Lane 1",
    "resolution.remarks": "wet\n\n old \n",
}


@pytest.fixture
def at(world: World) -> str:
    item = opened(world, assignee=world.analyst.username, resolution_schema=SCHEMA)
    return f"/work-items/{item.id}/"


def _sent(client: Client, at: str, **changed: str) -> Any:
    body = {**GOOD, **{name.replace("__", "."): said for name, said in changed.items()}}
    return client.post(f"{at}complete/", {name: said for name, said in body.items() if said})


def _resolution(world: World, at: str) -> Any:
    return stored(world, at.split("/")[2]).resolution  # type: ignore[arg-type]


def test_rows_groups_money_and_days_become_json(world: World, at: str) -> None:
    client = browser(world.analyst)
    assert _sent(client, at).status_code == 303
    assert _resolution(world, at) == {
        "value": 18_000_050,
        "seen_on": "2026-03-11",
        "lines": [
            {"what": "Roof", "sum": 125_000, "paid": False},
            {"what": "Door", "sum": 7_550, "paid": True},
        ],
        "house": {"street": "Lane 1"},
        "remarks": ["wet", "old"],
    }
    text = text_of(page(client, at).encode())
    assert "Value 180,000.50 EUR" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "Seen on 11 March 2026" in text
    assert "Roof 1,250.00 EUR no" in text.replace("\N{NO-BREAK SPACE}", " ")


def test_a_row_more_is_asked_for_without_a_script_and_nothing_is_judged(
    world: World, at: str
) -> None:
    client = browser(world.analyst)
    html = page(client, at)
    assert html.count('name="resolution.lines.0.what"') == 1
    assert "Written as JSON" not in html
    more = _sent(client, at, resolution__value="not money", add_row="resolution.lines")
    shown = more.content.decode()
    assert more.status_code == 200
    assert 'name="resolution.lines.3.what"' in shown
    assert 'name="resolution.lines.rows" value="4"' in shown
    assert 'value="not money"' in shown
    assert 'value="Door"' in shown
    assert "Please look at this again" not in shown
    assert _resolution(world, at) is None


def test_there_is_an_end_to_rows_and_only_the_assignee_gets_one(world: World, at: str) -> None:
    full = _sent(
        browser(world.analyst), at,
        resolution__lines__rows="99999999999", add_row="resolution.lines",
    )  # fmt: skip
    assert full.content.decode().count('.what" ') <= 50 * 2
    many = _sent(
        browser(world.analyst), at, resolution__lines__rows="500", add_row="resolution.lines"
    ).content.decode()
    assert 'name="resolution.lines.49.what"' in many
    assert 'name="resolution.lines.50.what"' not in many
    assert "Add a row" not in many
    other = _sent(browser(world.surveyor), at, add_row="resolution.lines")
    assert other.status_code == 303


def test_every_broken_rule_is_said_at_once_with_a_link_and_at_its_field(
    world: World, at: str
) -> None:
    client = browser(world.analyst)
    answer = _sent(
        client, at,
        resolution__value="2,000,000.00",
        resolution__seen_on="11.3.2026",
        resolution__lines__0__sum="0.50",
        resolution__lines__2__sum="",
        resolution__house__street="",
        resolution__remarks="much too long",
    )  # fmt: skip
    html = answer.content.decode()
    assert answer.status_code == 422
    for name in (
        "resolution.value",
        "resolution.seen_on",
        "resolution.lines.0.sum",
        "resolution.lines.2.sum",
        "resolution.house.street",
        "resolution.remarks",
    ):
        assert f'href="#id_{name}"' in html, name
    assert html.count('aria-invalid="true"') == 6
    text = text_of(answer.content).replace("\N{NO-BREAK SPACE}", " ")
    assert "At most 1,000,000.00 EUR." in text
    assert "At least 1.00 EUR." in text
    assert "Sum, row 3 (EUR)" in text or "Sum, row 3" in text
    assert _resolution(world, at) is None


def test_what_a_group_needs_is_asked_for_only_if_it_is_begun(world: World, at: str) -> None:
    client = browser(world.analyst)
    answer = _sent(client, at, resolution__second__floors="2")
    assert answer.status_code == 422
    assert 'href="#id_resolution.second.street"' in answer.content.decode()
    assert _sent(client, at, resolution__second__street="Lane 2").status_code == 303
    assert _resolution(world, at)["second"] == {"street": "Lane 2"}


def test_no_row_at_all_is_said_of_the_list(world: World, at: str) -> None:
    none = dict.fromkeys([name for name in GOOD if name.startswith("resolution.lines.")], "")
    answer = _sent(browser(world.analyst), at, **none)
    assert answer.status_code == 422
    assert "Damages:" in text_of(answer.content)


@pytest.mark.parametrize("odd", ["1.2.3", "12e3", "1,00", "١٢", "0x1", "9" * 40, "1.005"])
def test_an_amount_that_is_none_is_refused_in_words(world: World, at: str, odd: str) -> None:
    answer = _sent(browser(world.analyst), at, resolution__value=odd)
    assert answer.status_code == 422
    assert 'href="#id_resolution.value"' in answer.content.decode()


def test_all_that_is_wrong_with_a_new_task_is_said_at_once(world: World) -> None:
    answer = browser(world.operator).post(
        "/work-items/new/", {"title": "", "priority": "HIGH", "assignee": "nobody", "due_at": "x"}
    )
    assert answer.status_code == 422
    for name in ("title", "assignee", "due_at"):
        assert f'href="#id_{name}"' in answer.content.decode(), name
