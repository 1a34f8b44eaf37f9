"""Who answers for a task is changed on its page, by those who steer it."""

from __future__ import annotations

import pytest

from ledger.selectors import entries_of
from ledger.tenancy import tenant_scope
from tests import states
from tests.clients import api, browser
from tests.integration.test_statements import ONE_SUBJECT, statements
from tests.integration.workitems_made import page
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.models import WorkItem

JSON = "application/json"


def owned(world: World) -> WorkItem:
    return states.new_item(
        world.operator, assignee=world.analyst.username, owner=world.compliance.username
    )


def test_the_owner_names_another_on_the_page(world: World) -> None:
    item, client = owned(world), browser(world.compliance)
    address = f"/work-items/{item.id}/change-owner/"
    assert f'href="{address}"' in page(client, f"/work-items/{item.id}/")
    assert 'list="people"' in page(client, address)
    assert client.post(address, {"owner": world.surveyor.username}).status_code == 303
    assert states.stored(world, item.id).owner_id == world.surveyor.actor_id
    with tenant_scope(item.tenant_id):
        entry = entries_of(item.tenant_id, "work_item", item.id)[-1]
    assert (entry.action, entry.payloads["changes"]) == (
        "edited",
        {"owner": {"from": str(world.compliance.actor_id), "to": str(world.surveyor.actor_id)}},
    )
    # Who answered for it until now steers it no more.
    assert client.post(address, {"owner": world.compliance.username}).status_code == 403
    assert states.stored(world, item.id).owner_id == world.surveyor.actor_id


def test_who_only_has_it_is_offered_nothing_and_changes_nothing(world: World) -> None:
    item = owned(world)
    address = f"/work-items/{item.id}/change-owner"
    assert f'href="{address}/"' not in page(browser(world.analyst), f"/work-items/{item.id}/")
    refused = api(world.analyst).post(
        f"/api/v1{address}", {"owner": world.analyst.username}, content_type=JSON
    )
    assert refused.status_code == 403
    assert states.stored(world, item.id).owner_id == world.compliance.actor_id


@pytest.mark.parametrize("name", ["nobody-here", ""])
def test_a_name_that_is_nobody_is_refused(world: World, name: str) -> None:
    item = owned(world)
    for answer in (
        browser(world.operator).post(f"/work-items/{item.id}/change-owner/", {"owner": name}),
        api(world.operator).post(
            f"/api/v1/work-items/{item.id}/change-owner", {"owner": name}, content_type=JSON
        ),
    ):
        assert answer.status_code == 422
    found = states.stored(world, item.id)
    assert (found.owner_id, found.version) == (world.compliance.actor_id, item.version)


def test_naming_who_answers_for_it_already_writes_nothing(world: World) -> None:
    item = owned(world)
    same = actions.change_owner(item.id, call=Call(world.operator), owner=world.compliance.username)
    assert same.version == item.version
    assert states.actions_of(world, "work_item", item.id) == ["created"]


def test_it_is_said_while_it_is_open_and_in_few_statements(world: World) -> None:
    item = owned(world)
    sent = statements(
        lambda: actions.change_owner(
            item.id, call=Call(world.operator), owner=world.surveyor.username
        )
    )
    assert len(sent) == 4 <= ONE_SUBJECT
    actions.cancel(item.id, call=Call(world.operator), reason="No longer wanted")
    answer = api(world.operator).post(
        f"/api/v1/work-items/{item.id}/change-owner", {"owner": world.analyst.username},
        content_type=JSON,
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_state")
