"""People are their names on every page of an item, the username on hover; nobody is a token."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.casework import LOAN, approved_loan, deploy, finish, open_undo, roll_back
from tests.casework import opened as case_opened
from tests.clients import browser
from tests.integration.workitems_made import done, opened, page, stored, undo_task
from tests.pages import text_of
from tests.states import history
from tests.world import World
from verbs.call import Call
from workitems import actions

pytestmark = pytest.mark.django_db(transaction=True)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.fixture
def named(world: World) -> World:
    """The cast with names of people."""
    for who, name in (
        ("analyst", "Ana Lindqvist"), ("operator", "Olga Petrova"), ("surveyor", "Sam <Okafor>"),
    ):  # fmt: skip
        User.objects.filter(username=world.of(who).username).update(first_name=name)
    return world


def test_on_the_page_of_an_undo_task(named: World) -> None:
    world = named
    task = undo_task(
        world, payload={"checked_by": world.surveyor.username, "seen": str(world.operator.actor_id)}
    )
    html = page(browser(world.bystander), f"/work-items/{task.id}/")
    text = text_of(html.encode())
    assert "which Ana Lindqvist completed on" in text
    assert "Asked for by Olga Petrova" in text
    assert "Assigned to Ana Lindqvist" in text
    assert f'title="{world.analyst.username}">Ana Lindqvist</span>' in html
    assert "Sam &lt;Okafor&gt;" in html
    assert UUID.findall(text) == []
    assert world.analyst.username not in text
    own = text_of(page(browser(world.analyst), f"/work-items/{task.id}/").encode())
    assert "Account of Ana Lindqvist" in own
    assert "which you completed on" in own
    assert "Assigned to you" in own


def test_in_the_rows_of_lists(named: World) -> None:
    world = named
    undo_task(world, title="Paid <out>")
    opened(world, title="for Sam", candidate_users=[world.surveyor.username])
    opened(world, title="hers", assignee=world.analyst.username)
    html = page(browser(world.operator), "/work-items/")
    ana = f'<span title="{world.analyst.username}">Ana Lindqvist</span>'
    sam = f'<span title="{world.surveyor.username}">Sam &lt;Okafor&gt;</span>'
    assert f"Reverses “Paid &lt;out&gt;” by {ana} · reason: It was forged" in html
    assert re.findall(r"For: </span>(.*)</span></div>", html)[:2] == [ana, sam]
    text = text_of(html.encode())
    assert world.analyst.username not in text
    assert world.surveyor.username not in text


def test_on_the_page_of_what_is_finished_and_in_its_history(named: World) -> None:
    world = named
    item = done(world)
    text = text_of(page(browser(world.operator), f"/work-items/{item.id}/").encode())
    assert "Completed by Ana Lindqvist" in text
    assert "completed by Ana Lindqvist" in text
    assert world.analyst.username not in text
    own = page(browser(world.analyst), f"/work-items/{item.id}/")
    assert "Completed by you" in text_of(own.encode())


def test_on_a_page_that_asks_first_and_while_it_waits(named: World) -> None:
    world = named
    item = opened(world, candidate_users=[world.analyst.username], candidate_groups=["analysts"])
    text = text_of(page(browser(world.operator), f"/work-items/{item.id}/").encode())
    assert "Waits for Analysts, Ana Lindqvist" in text
    asked = text_of(page(browser(world.operator), f"/work-items/{item.id}/cancel/").encode())
    assert "Ana Lindqvist" in asked
    assert world.analyst.username not in asked


def test_someone_of_another_tenant_is_not_named(named: World) -> None:
    world = named
    User.objects.filter(username=world.outsider.username).update(first_name="Otto Outside")
    item = opened(world, payload={"seen_by": world.outsider.username})
    html = page(browser(world.operator), f"/work-items/{item.id}/")
    assert "Otto Outside" not in html
    assert world.outsider.username in html


def test_who_gave_an_undo_up_and_why(named: World) -> None:
    world = named
    task = undo_task(world)
    actions.start(task.id, call=Call(world.analyst))
    actions.complete(
        task.id, call=Call(world.analyst), outcome="CANNOT_REVERSE", reason="It is in court"
    )
    assert task.compensates_id is not None
    actions.abandon(task.compensates_id, call=Call(world.operator), reason="The court has it")
    assert stored(world, task.compensates_id).status == "COMPLETED"
    text = text_of(page(browser(world.surveyor), f"/work-items/{task.compensates_id}/").encode())
    assert "Given up by Olga Petrova : “The court has it”" in text
    assert "Cannot be reversed" in text
    assert "Abandoned" not in text


def test_in_what_a_case_knows_and_in_what_the_ledger_keeps(named: World) -> None:
    world = named
    deploy(world, LOAN)
    context = {"applicant": "R. Vega", "amount": 5, "checked": str(world.surveyor.actor_id)}
    case_id = case_opened(world, "examples/loan-approval", context)
    finish(world.analyst, case_id, "credit-check", "PASSED")
    html = page(browser(world.operator), f"/cases/{case_id}/")
    assert "Sam &lt;Okafor&gt;" in html
    assert str(world.surveyor.actor_id) not in html
    # What the context says of who completed the check is a person too.
    assert f'title="{world.analyst.username}">Ana Lindqvist</span>' in html
    item = opened(world, assignee=world.analyst.username)
    actions.assign(item.id, call=Call(world.operator), assignee=world.surveyor.username)
    entry = history(world, "work_item", item.id)[-1]
    html = page(browser(world.auditor), f"/ledger/entries/{entry.id}/")
    assert "Sam &lt;Okafor&gt;" in html
    assert str(world.surveyor.actor_id) not in html


def test_in_the_lines_of_a_timeline(named: World) -> None:
    world = named
    case_id = approved_loan(world)
    roll_back(world, case_id)
    html = page(browser(world.operator), f"/cases/{case_id}/")
    assert f'The rollback begun by <span title="{world.operator.username}">Olga Petrova' in html
    assert "&lt;span" not in html


def test_the_page_of_an_undo_task_takes_at_most_twelve_queries(named: World) -> None:
    world = named
    case_id = approved_loan(world)
    roll_back(world, case_id)
    task = open_undo(world.underwriter, case_id)
    actions.claim(task.id, call=Call(world.underwriter))
    client = browser(world.underwriter)
    page(client, f"/work-items/{task.id}/")
    with CaptureQueriesContext(connection) as captured:
        page(client, f"/work-items/{task.id}/")
    asked = [each["sql"] for each in captured.captured_queries]
    frame = (
        "django_session",
        '"accounts_user"."password"',
        "accounts_membership",
        "current_setting",
    )
    # What is counted beside the links of the frame is the same on every page.
    counts = ("(SELECT 'mine'", "SELECT COUNT(*)")
    own = [
        sql
        for sql in asked
        if sql.startswith(("SELECT", "("))
        and not any(part in sql for part in frame)
        and not sql.startswith((*counts, "SELECT set_config"))
    ]
    assert len(own) <= 12, own
