"""Operators hear of events that undid nothing, and pages say what an item listens for."""

from __future__ import annotations

from tests.clients import api, browser
from tests.integration.test_choreography import VIOLATED, listening, sent
from tests.world import World


def told(world: World, name: str) -> list[str]:
    found = api(world.of(name)).get("/api/v1/notifications").json()["results"]
    return [each["title"] for each in found if each["title"].startswith("Not undone")]


def test_operators_hear_of_events_that_undid_nothing(world: World) -> None:
    listening(world, reversibility="pivot")
    listening(world, {"type": VIOLATED, "filter": ".data + 1"})
    listening(world)
    sent(world, data={})
    both = ["Not undone, although there was an event: Approve the protocol"] * 2
    assert told(world, "operator") == both
    assert told(world, "admin") == both
    assert told(world, "analyst") == []


def test_pages_say_what_it_listens_for_and_what_came_of_it(world: World) -> None:
    item = listening(world, reversibility="pivot")
    page = browser(world.operator).get(f"/work-items/{item.id}/").content.decode()
    assert f"because of an event: {VIOLATED}" in page
    sent(world)
    page = browser(world.operator).get(f"/work-items/{item.id}/").content.decode()
    assert "Not undone by an event" in page or "although an event asks for it" in page
    ledger = browser(world.auditor).get(f"/ledger/subjects/work_item/{item.id}/")
    assert "Event received" in ledger.content.decode()
