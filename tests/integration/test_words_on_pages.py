"""Small words of pages that are read every day: names are not repeated, groups are written like
names, what holds nothing is not told, and what always has an answer is not called optional."""

from __future__ import annotations

import re
import uuid

import pytest
from django.test import Client

from tests.casework import approved_loan, case_row, open_undo, plan_items, roll_back
from tests.clients import browser
from tests.draining import drain
from tests.integration.workitems_made import faulted, opened
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions

pytestmark = pytest.mark.django_db(transaction=True)
_LINE = re.compile(r'<p><span class="t-text">(.*?)</span>(?: ·|</p>)', re.DOTALL)


def history(client: Client, path: str) -> list[str]:
    """Return the lines of a page's history, newest first."""
    html = client.get(path).content.decode()
    return [text_of(each.encode()) for each in _LINE.findall(html)]


def withdrawal(world: World) -> tuple[uuid.UUID, uuid.UUID]:
    """Return a case, and the started undo task of its approval."""
    case_id = approved_loan(world)
    roll_back(world, case_id)
    task = open_undo(world.underwriter, case_id)
    actions.start(task.id, call=Call(world.underwriter))
    return case_id, task.id


def test_a_history_does_not_repeat_whose_it_is(world: World) -> None:
    case_id, task_id = withdrawal(world)
    client, who = browser(world.underwriter), world.underwriter.username
    assert history(client, f"/work-items/{task_id}/") == [
        f"This undo task started by {who}",
        "This undo task opened by Amends",
        "Undo of Approve the loan begun by Amends",
        f"Approve the loan completed by {who}",
        f"Approve the loan started by {who}",
        "Approve the loan opened by Amends",
    ]
    items = plan_items(world, case_id)
    of_task = history(client, f"/work-items/{items['approval'].work[1]}/")
    assert of_task[0] == "Undo of this task begun by Amends"
    assert of_task[-1] == "This task opened by Amends"
    of_step = history(client, f"/executions/{items['disbursement'].work[1]}/")
    assert of_step[-1] == "This step requested by Amends"


def test_words_that_one_line_has_said_are_not_repeated(world: World) -> None:
    case_id, task_id = withdrawal(world)
    why = "It has been evidence in court since June"
    actions.complete(task_id, call=Call(world.underwriter), outcome="CANNOT_REVERSE", reason=why)
    drain()
    client = browser(world.operator)
    for path in (f"/work-items/{task_id}/", f"/cases/{case_id}/"):
        html = client.get(path).content.decode()
        times = html.rpartition('id="timeline"' if "cases" in path else 'id="history"')[2]
        told = text_of(times.encode())
        assert told.count(why) == 1, path
        assert f"Cannot be reversed: “{why}”" in told, path
        # An answer that leaves it as it was is no success.
        assert re.search(r'<li class="t-bad">(?:(?!<li).)*completed by', times, re.DOTALL), path
    # Who looks at problems alone reads why.
    problems = client.get(f"/cases/{case_id}/?problems=1").content.decode()
    assert why in problems.rpartition('id="timeline"')[2]


def test_an_undo_task_shows_where_it_stands_in_its_rollback(world: World) -> None:
    case_id, task_id = withdrawal(world)
    client, page = browser(world.underwriter), f"/work-items/{task_id}/"
    html = client.get(page).content
    assert f"step 2 of 4 in Rollback of {case_row(world, case_id).name}" in text_of(html)

    def stops() -> list[str]:
        found = re.search(
            r'<ol class="trail">(.*?)</ol>', client.get(page).content.decode(), re.DOTALL
        )
        assert found is not None
        return [text_of(each.encode()) for each in re.findall(r"<li.*?</li>", found[1], re.DOTALL)]

    assert stops() == [
        "1 Disbursement undone just now", "2 You: Approval now", "3 Valuation then Surveyors",
        "4 Credit check then Compliance",
    ]  # fmt: skip
    client = browser(world.operator)
    assert stops()[1] == "2 Approval now"
    said = {"outcome": "CANNOT_REVERSE", "reason": "The letter was sent"}
    actions.complete(task_id, call=Call(world.underwriter), **said)
    drain()
    assert stops()[1].startswith("2 Approval ")
    assert "now" not in stops()[1]


def test_a_finished_undo_task_asks_nobody_and_offers_nothing(world: World) -> None:
    _, task_id = withdrawal(world)
    actions.complete(task_id, call=Call(world.underwriter), outcome="REVERSED")
    text = text_of(browser(world.bystander).get(f"/work-items/{task_id}/").content)
    assert "It was asked to reverse Approve the loan" in text
    assert "You are asked" not in text
    assert "What you can do" not in text


def test_groups_are_written_like_names(world: World) -> None:
    item = opened(world, candidate_groups=["underwriters"])
    text = text_of(browser(world.underwriter).get(f"/work-items/{item.id}/").content)
    assert "Waits for Underwriters" in text
    assert "underwriters" not in text
    assert "Underwriters" in text_of(browser(world.underwriter).get("/inbox/").content)


def test_what_holds_nothing_is_not_told(world: World) -> None:
    _, task_id = withdrawal(world)
    html = browser(world.underwriter).get(f"/work-items/{task_id}/").content.decode()
    compared = re.search(r'class="thennow.*?</section>', html, re.DOTALL)
    assert compared is not None
    assert " none" not in text_of(compared[0].encode())


def test_what_always_has_an_answer_is_not_called_optional(world: World) -> None:
    page = browser(world.analyst).get("/settings/").content
    assert "(optional)" not in text_of(page)
    assert "Save" in text_of(page)
    asked = browser(world.operator).get(f"/cases/{approved_loan(world)}/rollback/").content
    assert "Note on the basis (optional)" in text_of(asked)
    assert "Legal basis (optional)" not in text_of(asked)


def test_of_two_that_make_each_other_needless_none_is_called_optional(world: World) -> None:
    item = faulted(world)
    client = browser(world.operator)
    asked = text_of(client.get(f"/work-items/{item.id}/reassign/").content)
    assert "Ask this person (one of these)" in asked
    assert "Or any member of these groups (one of these)" in asked
    assert asked.count("(optional)") == 1
    # Where neither is needed, both are optional.
    asked = text_of(client.get(f"/work-items/{item.id}/hand-to-human/").content)
    assert asked.count("(optional)") == 3


def test_attempts_are_counted_in_words(world: World) -> None:
    paid = plan_items(world, approved_loan(world))["disbursement"].work[1]
    text = text_of(browser(world.operator).get(f"/executions/{paid}/").content)
    assert "Attempts attempt 1 of 5" in text
