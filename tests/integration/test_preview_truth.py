"""The preview says only true things: what stays and why, what runs already, what has moved."""

from __future__ import annotations

import datetime as dt
import re
import uuid

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from compensation import plan_steps
from compensation.models import CompensationRun
from ledger.clock import now
from ledger.tenancy import tenant_scope
from tests.casework import (
    approved_loan,
    case_row,
    deploy,
    finish,
    open_item,
    open_loan,
    opened,
    plan_for,
    plan_items,
    roll_back,
    undo,
)
from tests.clients import browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.pages import form_of, text_of
from tests.world import World

WHY = {"reason": "The credit check was forged"}


@pytest.fixture
def operator(world: World) -> Client:
    """A browser in which the operator is signed in."""
    return browser(world.operator)


def groups(html: bytes) -> dict[str, str]:
    """Return what a preview says is not undone, by the reason that it is grouped by."""
    found = re.findall(r'data-group="(\w+)">(.*?)</section>', html.decode(), re.DOTALL)
    return {key: text_of(inner.encode()) for key, inner in found}


def tiles(html: bytes) -> dict[str, int]:
    """Return the numbers of a preview by their words."""
    found = re.findall(r"<dt>([^<]+)</dt><dd>(\d+)</dd>", html.decode())
    return {label: int(number) for label, number in found}


def runs(world: World) -> int:
    """Return how many rollbacks the tenant has."""
    with tenant_scope(world.operator.tenant_id):
        return CompensationRun.objects.count()


def test_what_i_chose_to_keep_is_kept(world: World, operator: Client) -> None:
    case_id = approved_loan(world)
    scope = {"kind": "steps", "steps": ["valuation"], "only_this": True}
    plan = plan_for(world, case_id, scope=scope)
    page = operator.get(f"/compensation-plans/{plan.id}/").content
    assert tiles(page) == {"will be undone": 1, "stay by your choice": 3}
    assert "One step is reversed. By a person. Three stay, by your choice." in text_of(page)
    assert list(groups(page)) == ["kept"]
    kept = groups(page)["kept"]
    assert kept.startswith("Stays, by your choice")
    assert "Disbursement" in kept
    assert "Approval" in kept
    assert "Done before the point you chose: Credit check." in kept
    assert "annot be undone" not in text_of(page)


def test_what_is_undone_already_is_a_group_of_its_own(world: World, operator: Client) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id, scope={"kind": "from_step", "step": "disbursement"})
    plan = plan_for(world, case_id)
    page = operator.get(f"/compensation-plans/{plan.id}/").content
    assert tiles(page) == {"will be undone": 3, "already undone": 1}
    assert list(groups(page)) == ["undone"]
    assert "Disbursement" in groups(page)["undone"]


def test_what_nobody_declared_is_not_what_cannot_be_undone(world: World, operator: Client) -> None:
    deploy(
        world,
        definition(
            "gaps",
            human("first"),
            human("loose", ".first != null and .loose == null", compensation=None),
            human("final", ".loose != null and .final == null", reversibility="irreversible"),
        ),
    )
    case_id = opened(world, "tests/gaps")
    for name in ("first", "loose", "final"):
        finish(world.analyst, case_id, name, None)
    page = operator.get(f"/compensation-plans/{plan_for(world, case_id).id}/").content
    assert list(groups(page)) == ["cannot", "undecided"]
    assert "Final" in groups(page)["cannot"]
    assert "Loose" in groups(page)["undecided"]
    assert tiles(page) == {
        "will be undone": 1, "cannot be undone": 1, "stay unless you say otherwise": 1,
    }  # fmt: skip


def test_a_live_rollback_is_shown_with_a_link_and_no_second_button(
    world: World, operator: Client
) -> None:
    case_id = approved_loan(world)
    plan = plan_for(world, case_id)
    run = roll_back(world, case_id)
    item = plan_items(world, case_id)["valuation"].work[1]
    for url in (
        f"/compensation-plans/{plan.id}/",
        f"/cases/{case_id}/rollback/",
        f"/work-items/{item}/rollback/",
    ):
        page = operator.get(url).content
        assert f'href="/compensation-runs/{run.id}/"'.encode() in page, url
        assert "started this rollback on" in text_of(page), url
        assert "and it is under way." in text_of(page), url
        assert b"execute/" not in page, url
        assert b'name="reason"' not in page, url
    assert runs(world) == 1


def test_an_item_with_nothing_to_undo_has_no_form(world: World, operator: Client) -> None:
    case_id = open_loan(world)
    item = open_item(world.analyst, case_id, "credit-check").id
    page = operator.get(f"/work-items/{item}/rollback/").content
    assert "There is nothing to undo It was never finished." in text_of(page)
    assert b'name="reason"' not in page

    finish(world.analyst, case_id, "credit-check", "PASSED")
    assert b'name="reason"' in operator.get(f"/work-items/{item}/rollback/").content
    roll_back(world, case_id)
    undo(world.compliance, case_id)
    page = operator.get(f"/work-items/{item}/rollback/").content
    assert "There is nothing to undo It has already been undone." in text_of(page)
    assert b'name="reason"' not in page


def test_a_stale_plan_says_who_did_what_and_what_follows(world: World, operator: Client) -> None:
    assert world.surveyor.user_id is not None
    User.objects.filter(id=world.surveyor.user_id).update(first_name="Carl", last_name="Moreau")
    deploy(
        world,
        definition(
            "follow",
            human("visit"),
            human("follow-up", ".visit != null and .follow_up == null", compensation=None),
        ),
    )
    case_id = opened(world, "tests/follow")
    finish(world.analyst, case_id, "visit", None)
    url = f"/compensation-plans/{plan_for(world, case_id).id}/"
    fields = form_of(operator.get(url).content, "execute/")
    finish(world.surveyor, case_id, "follow-up", None)

    with time_machine.travel(now().timestamp() + 10, tick=False):
        answer = operator.post(f"{url}execute/", fields)
    said = text_of(answer.content)
    assert answer.status_code == 412
    assert re.search(
        r"Carl Moreau completed Follow up 1?\d s ago; it now stays because nobody declared how to"
        r" undo it\.",
        said,
    )
    marked = re.findall(r'<li class="moved">(.*?)</li>', answer.content.decode(), re.DOTALL)
    assert [text_of(each.encode()).split(" Nobody")[0] for each in marked] == ["Follow up"]
    assert "Has changed" in said
    assert runs(world) == 0
    # The address is the old plan's: what it shows is not laid over this.
    assert " data-frame" in answer.content.decode()


def test_a_second_tab_is_told_since_when_it_runs(world: World, operator: Client) -> None:
    case_id = approved_loan(world)
    plan = plan_for(world, case_id, scope={"kind": "from_step", "step": "disbursement"})
    url = f"/compensation-plans/{plan.id}/"
    fields = form_of(operator.get(url).content, "execute/")
    assert operator.post(f"{url}execute/", fields).status_code == 303
    first = text_of(operator.get(f"/cases/{case_id}/").content)
    assert "The rollback has begun." in first
    second = operator.post(f"{url}execute/", fields, follow=True)
    assert "started this rollback on" in text_of(second.content)
    assert "and it is under way. See how far it is" in text_of(second.content)
    with tenant_scope(world.operator.tenant_id):
        run_id: uuid.UUID = CompensationRun.objects.get(plan=plan).id
    assert f'href="/compensation-runs/{run_id}/"'.encode() in second.content
    drain()
    # It is over by now: the plan is not run again, and not called out of date.
    third = operator.post(f"{url}execute/", fields, follow=True)
    assert "and it is over. See how it went" in text_of(third.content)
    assert "Things have changed" not in text_of(third.content)
    assert runs(world) == 1


def test_an_executed_plan_shows_its_rollback_and_no_plan_that_is_good_for_minutes(
    world: World, operator: Client
) -> None:
    case_id = approved_loan(world)
    plan = plan_for(world, case_id)
    url = f"/compensation-plans/{plan.id}/"
    before = operator.get(url).content
    assert "Plan valid 14 min" in text_of(before)
    sent = {**form_of(before, "execute/"), "confirm": case_row(world, case_id).number}
    assert operator.post(f"{url}execute/", sent).status_code == 303
    page = operator.get(url).content
    text = text_of(page)
    assert "Plan valid" not in text
    assert "What will be undone" not in text
    assert "What is being undone 0 of 4 steps undone." in text
    assert f"{world.operator.username} started this rollback on" in text
    with tenant_scope(world.operator.tenant_id):
        run_id: uuid.UUID = CompensationRun.objects.get(plan=plan).id
    assert f'href="/compensation-runs/{run_id}/"' in page.decode()
    assert "execute/" not in page.decode()
    # Neither in the list nor in the picture is anything undone, or done, that is not.
    assert "done" not in text.partition("In this order")[2].replace("undone", "")
    assert ">done<" not in page.decode()
    drain()
    later = text_of(operator.get(url).content)
    assert "1 of 4 steps undone." in later


def test_a_step_says_what_it_did_what_becomes_of_it_and_how_old_it_is(
    world: World, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = approved_loan(world)
    plan = plan_for(world, case_id)
    page = operator.get(f"/compensation-plans/{plan.id}/").content
    steps = [
        text_of(each.encode())
        for each in re.findall(r'<li data-step="\d".*?</li>', page.decode(), re.DOTALL)
    ]
    assert len(steps) == 4
    # Money that was moved, as the program kept it: before and after.
    assert "Bank: 10,000.00 EUR → became 9,750.00 EUR" in steps[0]
    assert "will be taken back" in steps[0]
    assert "Outcome: Approved" in steps[1]
    assert "will no longer stand" in steps[1]
    assert "ago" not in steps[1]
    hears = text_of(page).partition("Who hears of it")[2].partition("Reason")[0]
    asked, _, told = hears.partition("Told when it is over")
    assert asked.strip() == "Get a task Underwriters, Surveyors, Compliance"
    assert world.analyst.username in told
    monkeypatch.setattr(plan_steps, "now", lambda: now() + dt.timedelta(days=247))
    later = text_of(operator.get(f"/compensation-plans/{plan.id}/").content)
    assert later.count(", 247 days ago") == 4


def test_people_whom_a_definition_names_are_called_by_their_names(
    world: World, operator: Client
) -> None:
    who = world.compliance.username
    User.objects.filter(username=who).update(first_name="Uma", last_name="Desai")
    named = {"mode": "human", "performer": "groups", "candidate_users": [who]}
    deploy(world, definition("named", human("first", compensation=named)))
    case_id = opened(world, "tests/named")
    finish(world.analyst, case_id, "first", None)
    page = text_of(operator.get(f"/compensation-plans/{plan_for(world, case_id).id}/").content)
    assert "Get a task Uma Desai" in page
    assert world.compliance.username not in page
