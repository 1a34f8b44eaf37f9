"""What a definition declares of values is how they are shown wherever people meet them."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from accounts.actions import create_user
from accounts.models import User
from people.actions import add_member
from tests.casework import (
    approved_loan,
    deploy,
    finish,
    open_item,
    open_undo,
    opened,
    roll_back,
    undo,
)
from tests.clients import browser
from tests.definitions import definition
from tests.pages import text_of
from tests.world import World
from verbs.call import Call

pytestmark = pytest.mark.django_db(transaction=True)
MONEY = {"type": "integer", "format": "money", "currency": "EUR"}
SCHEMA = {
    "type": "object",
    "required": ["zsum"],
    "properties": {
        "zsum": {"$ref": "#/$defs/money", "title": "Amount asked for"},
        "who": {"type": "string", "format": "person", "title": "Adviser"},
        "born": {"type": "string", "format": "date", "title": "Born on"},
        "seen": {"type": "string", "format": "date-time", "title": "Seen at"},
        "assets": {
            "type": "array",
            "title": "Assets",
            "items": {"properties": {"what": {"type": "string"}, "worth": MONEY}},
        },
    },
    "$defs": {"money": MONEY},
}


def step(name: str, **more: Any) -> dict[str, Any]:
    """Return a step of people that reads the amount and the adviser, and states a value."""
    task = {
        "title": f"Do {name}",
        "inputMapping": "{zsum, adviser: .who, twice: (.zsum * 2)}",
        "outputMapping": f"{{{name}: .}}",
        "resolutionSchema": {"properties": {"value": {**MONEY, "title": "Worth"}}},
    }
    return {
        "name": name, "on": {"contextChange": {}}, "when": f".{name} == null", "humanTask": task,
        **more,
    }  # fmt: skip


def source() -> dict[str, Any]:
    """Return a definition whose step is undone by a step of its own."""
    undo = {
        "name": "undo-value", "compensation": True, "on": {"contextChange": {}},
        "humanTask": {
            "title": "Withdraw the value",
            "inputMapping": "{asked: .context.zsum, stated: .original.resolution.value}",
        },
    }  # fmt: skip
    made = definition("shown", step("value", compensate="undo-value"), undo, success=".end != null")
    made["spec"]["inputSchema"] = SCHEMA
    return made


def read(html: bytes) -> str:
    """Return what is said on a page."""
    return text_of(html).replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture
def case_id(world: World) -> uuid.UUID:
    """A case at its first step; its adviser's username is a word like any other."""
    name = f"sam{''.join(c for c in world.slug if c.isalpha())}"
    create_user(name, password=None, name="Sam Okafor", email="s@o.example")
    add_member(call=Call(world.admin), username=name, roles=[], groups=[])
    deploy(world, source())
    User.objects.filter(username=world.operator.username).update(time_zone="Asia/Tokyo")
    context = {
        "extra": 5, "seen": "2026-03-11T20:00:00Z", "assets": [{"what": "Car", "worth": 750_000}],
        "born": "1980-02-03", "who": name, "zsum": 25_000_000,
    }  # fmt: skip
    return opened(world, "tests/shown", context)


def test_what_a_case_knows_is_told_as_its_schema_says(world: World, case_id: uuid.UUID) -> None:
    finish(world.analyst, case_id, "value", None, {"value": 31_000_000})
    html = browser(world.operator).get(f"/cases/{case_id}/").content
    said = read(html)
    assert (
        "Amount asked for 250,000.00 EUR Adviser Sam Okafor Born on 3 February 1980"
        " Seen at 12 March 2026, 05:00 Assets What Worth Car 7,500.00 EUR Value"
        " Worth 310,000.00 EUR"
    ) in said
    assert "Extra 5" in said
    assert re.search(r'title="sam[a-z]*">Sam Okafor</span>', html.decode())
    # And on the line that stands for it all.
    assert "Amount asked for 250,000.00 EUR · Sam Okafor · 3 February 1980" in said
    assert "25000000" not in said
    admin = browser(world.admin).get(f"/admin/cases/case/{case_id}/change/").content
    assert "Amount asked for 250,000.00 EUR" in read(admin)


def test_what_a_step_was_given_is_told_alike(world: World, case_id: uuid.UUID) -> None:
    item = open_item(world.analyst, case_id, "value")
    said = read(browser(world.analyst).get(f"/work-items/{item.id}/").content)
    assert "Amount asked for 250,000.00 EUR Adviser Sam Okafor Twice 50000000" in said


def test_what_an_undo_was_decided_by_is_not_said_again_as_news(world: World) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    undo(world.underwriter, case_id)
    task = open_undo(world.surveyor, case_id)
    said = read(browser(world.surveyor).get(f"/work-items/{task.id}/").content)
    now = said.partition(" Now ")[2].partition(" What you can do ")[0]
    assert now == "Asked Withdraw the valuation of the property"
    assert said.count("2,500.00 EUR") == 1


def test_an_undo_shows_then_and_now_as_declared(world: World, case_id: uuid.UUID) -> None:
    # Some programs write every number with a fraction: it is the same number.
    finish(world.analyst, case_id, "value", None, {"value": 31_000_000.0})
    roll_back(world, case_id)
    task = open_undo(world.analyst, case_id)
    said = read(browser(world.analyst).get(f"/work-items/{task.id}/").content)
    assert "Worth 310,000.00 EUR" in said
    assert "Adviser Sam Okafor" in said
    assert "Amount asked for 250,000.00 EUR" in said
    assert "Twice 50000000" in said
    assert "31000000" not in said
    assert "25000000" not in said
