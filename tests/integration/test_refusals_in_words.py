"""Whoever is refused reads why in a sentence of their own language and time zone: no constants, no
binding names, and no choice that is none any more."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import time_machine
from django.test import Client
from django.utils import translation

from accounts.models import User
from compensation.errors import AlreadyCompensated
from ledger.errors import Conflict, NotPermitted
from tests.casework import approved_loan, deploy, finish, opened, plan_for, roll_back
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.integration.workitems_made import done, page
from tests.integration.workitems_made import opened as new_item
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from verbs.catalogue import find
from workitems import actions

pytestmark = pytest.mark.django_db(transaction=True)
_LATER = dt.timedelta(hours=2)


@pytest.fixture
def operator(world: World) -> Client:
    """A browser of the operator, who reads times of Tokyo."""
    User.objects.filter(username=world.operator.username).update(time_zone="Asia/Tokyo")
    return browser(world.operator)


def test_a_time_that_is_over_is_told_in_the_readers_zone(world: World, operator: Client) -> None:
    item = done(world, compensation={"window": "PT1H"})
    assert item.completed_at is not None
    until = item.completed_at + dt.timedelta(hours=1)
    tokyo = until + dt.timedelta(hours=9)
    with time_machine.travel(dt.datetime.now(dt.UTC) + _LATER, tick=False):
        text = text_of(page(operator, f"/work-items/{item.id}/").encode())
        answer = operator.post(f"/work-items/{item.id}/compensate/", {"reason": "Forged"})
        told = api(world.operator).post(
            f"/api/v1/work-items/{item.id}/compensate", {"reason": "Forged"},
            content_type="application/json",
        )  # fmt: skip
    said = f"It could be undone until {tokyo.day} {tokyo:%B %Y, %H:%M} JST."
    assert said in text_of(answer.content)
    assert "the time in which it could be undone is over" in text
    assert f"until {until.day} {until:%B %Y, %H:%M} UTC." in told.json()["detail"]


def test_so_is_what_a_plan_leaves_out_for_it(world: World, operator: Client) -> None:
    deploy(world, definition("late", human("a", compensation={"mode": "human", "window": "PT1H"})))
    case_id = opened(world, "tests/late")
    finish(world.analyst, case_id, "a", None)
    with time_machine.travel(dt.datetime.now(dt.UTC) + _LATER, tick=False):
        plan = plan_for(world, case_id)
        text = text_of(page(operator, f"/compensation-plans/{plan.id}/").encode())
    [left_out] = plan.content["excluded"]
    tokyo = dt.datetime.fromisoformat(left_out["until"]) + dt.timedelta(hours=9)
    assert f"It could be undone until {tokyo.day} {tokyo:%B %Y, %H:%M} JST." in text


def test_a_plan_that_was_executed_offers_nothing_instead(world: World) -> None:
    deploy(world, definition("kept", human("a", compensation=None), human("b")))
    case_id = opened(world, "tests/kept")
    finish(world.analyst, case_id, "a", None)
    finish(world.analyst, case_id, "b", None)
    plan = plan_for(world, case_id)
    client, path = browser(world.operator), f"/compensation-plans/{plan.id}/"
    assert "Add it as a task for a person" in page(client, path)
    run = roll_back(world, case_id)
    with_run = page(client, f"/compensation-plans/{run.plan_id}/")
    assert "Nobody declared how to undo it." in with_run
    assert "Add it as a task for a person" not in with_run
    assert "Keep it as it is" not in with_run


def test_a_definition_is_called_by_its_title_and_groups_like_names(world: World) -> None:
    source = definition("loan_desk", human("a"))
    source["spec"]["authorization"] = {"write": ["senior_underwriters"]}
    deploy(world, source)
    with pytest.raises(NotPermitted) as refused:
        find("case", "open")(call=Call(world.analyst), definition="tests/loan_desk")
    assert refused.value.detail == "“Loan_desk” is started by: Senior underwriters."


def test_what_relations_refuse_is_told_of_relations(world: World) -> None:
    first, second = new_item(world), new_item(world)
    call, relate = Call(world.operator), find("work_item", "relate")

    def to(item: object) -> dict[str, str]:
        return {"type": "work_item", "id": str(item)}

    relate(first.id, call=call, type="BLOCKS", target=to(second.id))
    with pytest.raises(Conflict, match="They are related so already") as again:
        relate(first.id, call=call, type="BLOCKS", target=to(second.id))
    with pytest.raises(Conflict, match="it would stand in its own way") as circle:
        relate(second.id, call=call, type="BLOCKS", target=to(first.id))
    assert (again.value.code, circle.value.code) == ("already_there", "circle")


def test_the_page_of_an_error_says_the_state_in_words_of_its_kind(world: World) -> None:
    case_id = approved_loan(world)
    find("case", "close")(case_id, call=Call(world.operator))
    answer = browser(world.operator).post(f"/cases/{case_id}/cancel/", {"reason": "No"})
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "possible from" not in html
    text = text_of(re.sub(r'data-state="[A-Z_]+"', "", html).encode())
    assert "Closed" in text
    assert "CLOSED" not in text


def test_a_refusal_is_a_sentence_of_the_readers_language(monkeypatch: pytest.MonkeyPatch) -> None:
    def shouted(text: str) -> str:
        return text.upper()

    assert AlreadyCompensated().detail == "It has already been undone."
    there = translation._trans  # type: ignore[attr-defined]  # noqa: SLF001  -- where Django looks
    monkeypatch.setattr(there, "gettext", shouted, raising=False)
    assert AlreadyCompensated().detail == "IT HAS ALREADY BEEN UNDONE."


def test_how_far_it_is_reads_as_a_sentence(world: World) -> None:
    item = new_item(world, assignee=world.analyst.username)
    actions.start(item.id, call=Call(world.analyst))
    find("work_item", "progress")(
        item.id, call=Call(world.analyst), dimension="forward", shape="percentage", value=40
    )
    text = text_of(page(browser(world.analyst), f"/work-items/{item.id}/").encode())
    assert f"{world.analyst.username} said how far this task is" in text


def test_texts_of_people_are_written_in_their_own_direction(world: World) -> None:
    item = new_item(world)
    find("work_item", "note")(item.id, call=Call(world.operator), text="שלום")
    html = page(browser(world.analyst), f"/work-items/{item.id}/")
    assert '<p class="around-text" dir="auto">שלום</p>' in html
