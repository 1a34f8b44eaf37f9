"""Wherever a person stands it is by name, with the username on hover, also where that is one plain
word: in values that are declared or named as people, among those who are asked, in filters that are
set, and in the admin. Groups are written like names."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from accounts.models import User
from executions import capability_registry
from executions.actions import request_execution
from executions.capability_registry import Invocation, Result, capability
from tests.approvals import ask, finished
from tests.casework import deploy, finish, opened, roll_back
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.workitems_made import opened as new_item
from tests.integration.workitems_made import page, undo_task
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "Sam Okafor"


@pytest.fixture
def sam(world: World) -> str:
    """The surveyor's username, which is one word as any other."""
    word = "sam" + "".join(secrets.choice("abcdefgh") for _ in range(12))
    User.objects.filter(username=world.surveyor.username).update(
        username=word, first_name="Sam", last_name="Okafor"
    )
    return word


def shown(html: str, username: str) -> bool:
    """Whether somebody is on a page by name, and nowhere by username but on hover."""
    assert f'title="{username}">{NAME}</span>' in html
    assert username not in text_of(html.encode())
    return True


@pytest.fixture
def checked(world: World) -> Iterator[str]:
    """A program whose input and result declare people."""
    person = {"type": "string", "format": "person"}
    money = {"type": "integer", "format": "money", "currency": "EUR", "title": "Held back"}
    came = {"type": "object", "properties": {"owner": person, "held": money}}
    given = {"type": "object", "properties": {"owner": person}}
    name = f"test.check-{secrets.token_hex(4)}"

    @capability(name, input_schema=given, output_schema=came)
    def look(call: Invocation) -> Result:
        return Result({"owner": call.input["owner"]}, {"held": 100}, {"held": 250_000})

    yield name
    capability_registry._capabilities.pop(name)  # noqa: SLF001  -- nothing else forgets one


def test_in_what_an_automatic_step_was_given_and_gave(world: World, sam: str, checked: str) -> None:
    row = request_execution(
        call=Call(world.operator), capability=checked, input={"owner": sam}, reason="a test"
    )
    drain()
    html = page(browser(world.operator), f"/executions/{row.id}/")
    assert shown(html, sam)
    assert html.count(NAME) >= 2
    # The images of what it changed are declared as its result is.
    assert "Held back 2,500.00 EUR" in text_of(html.encode())


def test_in_what_was_decided_then_and_what_is_known_now(world: World, sam: str) -> None:
    task = undo_task(world, payload={"reviewer": sam})
    assert shown(page(browser(world.analyst), f"/work-items/{task.id}/"), sam)


def test_among_those_whom_a_step_asks(world: World, sam: str) -> None:
    ways = [
        human(name, compensation={"mode": "human", "performer": "groups",
                                  "candidate_groups": ["fraud_desk"], "candidate_users": [sam]})
        for name in ("first", "second")
    ]  # fmt: skip
    deploy(world, definition("asks", *ways))
    case_id = opened(world, "tests/asks")
    finish(world.analyst, case_id, "first", None)
    finish(world.analyst, case_id, "second", None)
    run = roll_back(world, case_id)
    client = browser(world.operator)
    for path in (
        f"/cases/{case_id}/", f"/compensation-runs/{run.id}/", f"/cases/{case_id}/causal-chain/",
    ):  # fmt: skip
        assert shown(page(client, path), sam), path
        assert "Fraud desk" in page(client, path), path

    steps = page(client, "/cases/definitions/tests/asks/1.0.0/").partition('id="source"')[0]
    assert shown(steps, sam)


def test_in_filters_that_are_set(world: World, sam: str) -> None:
    new_item(world, assignee=sam, candidate_groups=["fraud_desk"])
    client = browser(world.operator)
    html = page(client, f"/work-items/?assignee={sam}&group=fraud_desk")
    assert f'Assigned to: <span title="{sam}">{NAME}</span>' in html
    assert "For the group: Fraud desk" in text_of(html.encode())
    # What is set has its field, and so has a label.
    assert '<input id="filter-label"' in html
    html = page(client, f"/ledger/?actor={sam}&since=2026-01-02&kind=TRANSITION")
    assert f'Who: <span title="{sam}">{NAME}</span>' in html
    text = text_of(html.encode())
    assert "From: 2 January 2026" in text
    assert "Entry kind: Work" in text


def test_what_the_ledger_is_narrowed_to_is_called_by_its_title(world: World) -> None:
    deploy(world, definition("plain", human("a")))
    case_id = opened(world, "tests/plain")
    html = page(browser(world.operator), f"/ledger/?case={case_id}")
    assert "Case: Plain 1" in text_of(html.encode())
    assert str(case_id) not in text_of(html.encode())


def test_who_acted_is_shown_by_name_in_an_entry_and_in_the_admin(world: World, sam: str) -> None:
    item = new_item(world, assignee=sam)
    drain()
    actions.start(item.id, call=Call(world.surveyor))
    html = page(browser(world.auditor), f"/ledger/subjects/work_item/{item.id}/")
    assert shown(html, sam)
    client = browser(world.admin)
    for path in (
        "/admin/notifications/delivery/",
        f"/admin/workitems/workitem/{item.id}/change/",
        f"/admin/ledger/ledgerentry/?q={item.id}",
    ):
        assert NAME in page(client, path), path
        assert sam not in text_of(page(client, path).encode()), path


def test_who_asked_and_who_sent_is_shown_by_name_in_the_admin(world: World) -> None:
    approval = ask(finished(world), world.operator)
    username = world.operator.username
    User.objects.filter(username=username).update(first_name="Sam", last_name="Okafor")
    event = {"specversion": "1.0", "id": "1", "source": "/trials", "type": "trial.ended"}
    sent = api(world.operator).post("/api/v1/events", event, content_type="application/json")
    assert sent.status_code == 201, sent.content
    client = browser(world.admin)
    for path in (
        "/admin/events/inboundevent/",
        f"/admin/events/inboundevent/{sent.json()['id']}/change/",
        "/admin/governance/approval/",
        f"/admin/governance/approval/{approval.id}/change/",
    ):
        assert shown(page(client, path), username), path
