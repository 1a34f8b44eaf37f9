"""Which outcomes can be given now: beside their buttons, in the API, and asked anew at the end."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.clients import api, browser
from tests.integration.test_said_outcomes import JSON, OUTCOMES, SCHEMA, SMALL, task_of
from tests.integration.workitems_made import opened, page, stored
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.models import WorkItem

LARGE = ".payload.limit >= 1000"


def asked(world: World, *outcomes: Any, **more: Any) -> WorkItem:
    return opened(
        world, assignee=world.analyst.username,
        **{"payload": {"limit": 100}, "permitted_outcomes": list(outcomes), **more},
    )  # fmt: skip


def told(world: World, item: WorkItem) -> dict[str, tuple[Any, Any]]:
    """Return by outcome whether the API says that it can be given, and why."""
    read = api(world.analyst).get(f"/api/v1/work-items/{item.id}").json()
    return {each["name"]: (each["allowed"], each["reason"]) for each in read["outcomes"]}


def test_an_outcome_that_cannot_be_given_now_says_why(world: World) -> None:
    item = asked(world, {"name": "OK", "label": "Pay it out", "when": LARGE}, "NO")
    assert told(world, item) == {
        "OK": (False, "Cannot be given now: only where “Limit” is at least 1000."),
        "NO": (True, None),
    }
    html = page(browser(world.analyst), f"/work-items/{item.id}/")
    beside = html.split("<b>Pay it out</b>")[1].split("</label>")[0]
    assert "Cannot be given now: only where “Limit” is at least 1000." in beside
    assert "<code>.payload.limit &gt;= 1000</code>" in beside
    assert 'value="OK"' in html
    [radio] = [each for each in html.split("<input ") if 'value="OK"' in each]
    assert " disabled" in radio.split(">")[0]
    [other] = [each for each in html.split("<input ") if 'value="NO"' in each]
    assert " disabled" not in other.split(">")[0]
    # Sent all the same it is refused, and nothing is begun.
    answer = browser(world.analyst).post(f"/work-items/{item.id}/complete/", {"outcome": "OK"})
    assert answer.status_code == 422
    assert stored(world, item.id).status == "ASSIGNED"


def test_it_is_asked_anew_when_the_answer_comes(world: World) -> None:
    item = asked(world, {"name": "OK", "when": LARGE})
    client = browser(world.analyst)
    assert "Cannot be given now" in page(client, f"/work-items/{item.id}/")
    api(world.operator).patch(
        f"/api/v1/work-items/{item.id}", {"payload": {"limit": 1000}}, content_type=JSON
    )
    assert told(world, item)["OK"] == (True, "Can be given, because “Limit” is at least 1000.")
    html = page(client, f"/work-items/{item.id}/")
    assert "Can be given, because “Limit” is at least 1000." in html
    assert client.post(f"/work-items/{item.id}/complete/", {"outcome": "OK"}).status_code == 303
    assert stored(world, item.id).outcome == "OK"


def test_what_rests_on_the_answer_is_left_to_it(world: World) -> None:
    item = asked(world, *OUTCOMES, resolution_schema=SCHEMA)
    assert told(world, item)["OK"] == (
        None,
        "Only where “Sum” of your answer is at most “Limit”. That is looked at when you answer.",
    )
    html = page(browser(world.analyst), f"/work-items/{item.id}/")
    [radio] = [each for each in html.split("<input ") if 'value="OK"' in each]
    assert " disabled" not in radio.split(">")[0]
    assert "<code>.resolution.sum &lt;= .payload.limit</code>" in html


@pytest.mark.parametrize(
    ("when", "allowed", "reason"),
    [
        ("(.payload | length) == 2", False, "Cannot be given now: its condition is not met."),
        ("(.payload | length) == 1", True, "Its condition is met."),
        (
            ".payload.limit.deeper == 1", False,
            "Cannot be given now: what it depends on cannot be told.",
        ),
        (
            "any(.payload[]; . > 500)", None,
            "Only under a condition, which is looked at when you answer.",
        ),
    ],
)  # fmt: skip
def test_conditions_beyond_comparisons_are_said_shortly(
    world: World, when: str, allowed: object, reason: str
) -> None:
    item = asked(world, {"name": "OK", "when": when}, "NO")
    assert told(world, item)["OK"] == (allowed, reason)


def test_the_case_counts_as_it_is_now(world: World) -> None:
    outcomes = [{"name": "OK", "label": "Fine", "when": '.case.country == "CH"'}, "NO"]
    item = task_of(world, "abroad-now", {"outcomes": outcomes}, {"country": "FR"})
    assert told(world, item)["OK"] == (
        False, "Cannot be given now: only where “Country” of the case is “CH”.",
    )  # fmt: skip
    # The case may change without the item: what somebody has is not said to hold still.
    again = api(world.analyst).get(
        f"/api/v1/work-items/{item.id}", headers={"If-None-Match": f'"v{item.version}"'}
    )
    assert (again.status_code, again.headers["ETag"]) == (200, f'"v{item.version}"')
    here = task_of(world, "here-now", {"outcomes": outcomes}, {"country": "CH"})
    assert told(world, here)["OK"][0] is True


def test_what_rests_on_the_item_alone_is_304_as_long_as_that_stays(world: World) -> None:
    item, client = asked(world, {"name": "OK", "when": LARGE}, "NO"), api(world.analyst)
    url, known = f"/api/v1/work-items/{item.id}", {"If-None-Match": f'"v{item.version}"'}
    assert client.get(url, headers=known).status_code == 304


def test_lists_and_what_is_over_look_at_no_condition(world: World) -> None:
    item = asked(world, {"name": "OK", "when": LARGE}, "NO")
    client = api(world.analyst)
    with CaptureQueriesContext(connection) as plain:
        [found] = client.get("/api/v1/work-items?limit=1").json()["results"]
    assert found["outcomes"][0] == {
        "name": "OK", "label": "Ok", "when": LARGE, "allowed": None, "reason": None,
    }  # fmt: skip
    assert "cases_case" not in " ".join(each["sql"] for each in plain.captured_queries)
    actions.start(item.id, call=Call(world.analyst))
    actions.complete(item.id, call=Call(world.analyst), outcome="NO")
    assert told(world, item)["OK"] == (None, None)


def test_an_answer_with_a_condition_keeps_what_was_typed(world: World) -> None:
    item = asked(world, *OUTCOMES, resolution_schema=SCHEMA)
    answer = browser(world.analyst).post(
        f"/work-items/{item.id}/complete/", {"outcome": "OK", "resolution.sum": "500"}
    )
    html = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="500"' in html
    assert SMALL.replace("<", "&lt;") in html
