"""Work meant for people who are not here: it is the operators', and says so; never anybody's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from ledger.errors import NotPermitted
from ledger.tenancy import tenant_scope
from people.actions import deactivate
from tests import states
from tests.casework import deploy, open_item, opened
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions, selectors, waiting
from workitems.models import WorkItem

V1 = "/api/v1"
OTHERS = ("bystander", "analyst", "surveyor", "compliance", "approver", "auditor", "agent")


def step_for(world: World, *users: str, groups: tuple[str, ...] = ()) -> WorkItem:
    """Open a case whose one step names these users, and return its task."""
    task: dict[str, Any] = {"title": "Look at it", "candidateUsers": list(users)}
    if groups:
        task["candidateGroups"] = list(groups)
    deploy(world, definition("named", human("look", humanTask=task)))
    return open_item(world.operator, opened(world, "tests/named"), "look")


def may_claim(world: World, item: WorkItem, *names: str) -> list[str]:
    """Return those of `names` who are candidates, as the item's own offers say it."""
    found = []
    for name in names:
        body = api(world.of(name)).get(f"{V1}/work-items/{item.id}").json()
        [claim] = [each for each in body["available_actions"] if each["action"] == "claim"]
        found += [name] if claim["allowed"] else []
    return found


def first_entry(world: World, item: WorkItem) -> dict[str, Any]:
    return dict(states.history(world, "work_item", item.id)[0].payloads)


def leave(world: World, name: str) -> None:
    membership = world.of(name).membership_id
    assert membership is not None
    deactivate(membership, call=Call(world.admin))


@pytest.mark.parametrize("gone", [True, False], ids=["left since", "misspelled"])
def test_a_step_for_somebody_who_is_not_here_is_the_operators(world: World, *, gone: bool) -> None:
    name = world.compliance.username if gone else "complianse"
    if gone:
        leave(world, "compliance")
    item = step_for(world, name)
    body = api(world.operator).get(f"{V1}/work-items/{item.id}").json()
    assert (body["offered_to"], body["people_missing"]) == ("OPERATORS", [name])
    assert body["candidate_users"] == []
    said = first_entry(world, item)
    assert (said["offered_to"], said["people_missing"]) == ("OPERATORS", [name])
    others = [each for each in OTHERS if not (gone and each == "compliance")]
    assert may_claim(world, item, *others, "operator", "admin") == ["operator", "admin"]
    for other in others:
        with pytest.raises(NotPermitted):
            actions.claim(item.id, call=Call(world.of(other)))
        with tenant_scope(world.operator.tenant_id):
            who = world.of(other)
            assert not selectors.candidate_for(
                selectors.visible(world.operator.tenant_id), who
            ).exists()
            assert not waiting.pool_of(who).exists()
    assert actions.claim(item.id, call=Call(world.operator)).assignee_id == (
        world.operator.actor_id
    )


def test_the_page_says_who_is_missing_and_who_may_do_it_instead(world: World) -> None:
    item = step_for(world, "complianse")
    page = text_of(browser(world.operator).get(f"/work-items/{item.id}/").content)
    assert "Not an active member here: complianse." in page
    assert "It waits for the operators instead." in page
    assert "Anybody may take it" not in page


def test_somebody_who_became_an_operator_later_may_take_it(world: World) -> None:
    item = step_for(world, "complianse")
    states.change_roles(world, world.bystander, "operator")
    with tenant_scope(world.operator.tenant_id):
        assert [each.id for each in waiting.pool_of(world.bystander)] == [item.id]
    claimed = actions.claim(item.id, call=Call(world.bystander))
    assert claimed.assignee_id == world.bystander.actor_id


def test_who_is_an_operator_no_more_may_not_take_it(world: World) -> None:
    step = step_for(world, "complianse")
    policy = {"performer": "groups", "candidate_users": [world.compliance.username]}
    done = states.completed(world.analyst, compensation=policy)
    leave(world, "compliance")
    states.change_roles(world, world.bystander, "operator")
    undo = states.stored(world, states.compensate(done, world.operator).attempt.compensation_id)
    for item in (step, undo):
        assert item.offered_to == "OPERATORS"
        assert may_claim(world, item, "bystander") == ["bystander"]
    states.change_roles(world, world.bystander)
    for item in (step, undo):
        assert may_claim(world, item, "bystander", "operator") == ["operator"]
        with pytest.raises(NotPermitted):
            actions.claim(item.id, call=Call(world.bystander))
    with tenant_scope(world.operator.tenant_id):
        assert not waiting.pool_of(world.bystander).exists()
        rows = selectors.visible(world.operator.tenant_id).filter(id__in=[step.id, undo.id])
        assert not selectors.candidate_for(rows, world.bystander).exists()
    assert "Waits for an operator" in text_of(
        browser(world.operator).get(f"/work-items/{undo.id}/").content
    )


def test_one_good_and_one_bad_name_are_the_good_one(world: World) -> None:
    item = step_for(world, "complianse", world.compliance.username)
    body = api(world.operator).get(f"{V1}/work-items/{item.id}").json()
    assert (body["offered_to"], body["people_missing"]) == ("NAMED", ["complianse"])
    assert body["candidate_users"] == [world.compliance.username]
    assert first_entry(world, item)["people_missing"] == ["complianse"]
    assert may_claim(world, item, "bystander", "operator", "compliance") == ["compliance"]
    page = text_of(browser(world.operator).get(f"/work-items/{item.id}/").content)
    assert "Not an active member here: complianse." in page
    assert "It waits for the operators instead." not in page


def test_a_group_that_has_members_takes_the_place_of_a_bad_name(world: World) -> None:
    item = step_for(world, "complianse", groups=("surveyors",))
    assert (item.offered_to, item.people_missing) == ("NAMED", ["complianse"])
    assert may_claim(world, item, "operator", "surveyor", "bystander") == ["surveyor"]


def test_an_empty_group_beside_a_bad_name_leaves_it_to_the_operators(world: World) -> None:
    item = step_for(world, "complianse", groups=("nobodies",))
    assert item.offered_to == "OPERATORS"
    assert may_claim(world, item, "operator", "surveyor", "bystander") == ["operator"]


def _create(world: World) -> WorkItem:
    return actions.create_work_item(
        call=Call(world.operator), title="Check", assignee=world.surveyor.username
    )


def _create_and_assign(world: World) -> WorkItem:
    item = actions.create_work_item(call=Call(world.operator), title="Check")
    return actions.assign(item.id, call=Call(world.operator), assignee=world.surveyor.username)


def _create_and_assign_twice(world: World) -> WorkItem:
    item = _create_and_assign(world)
    actions.assign(item.id, call=Call(world.operator), assignee=world.analyst.username)
    return actions.assign(item.id, call=Call(world.operator), assignee=world.surveyor.username)


@pytest.mark.parametrize("made", [_create, _create_and_assign, _create_and_assign_twice])
@pytest.mark.parametrize("by", ["surveyor", "operator"])
def test_what_was_given_to_somebody_is_never_anybodys_again(
    world: World, made: Callable[[World], WorkItem], by: str
) -> None:
    item = made(world)
    released = actions.release(item.id, call=Call(world.of(by)))
    assert (released.status, released.assignee_id, released.offered_to) == (
        "PENDING", None, "NAMED",
    )  # fmt: skip
    assert may_claim(world, item, "bystander", "compliance", "agent", "surveyor") == ["surveyor"]
    with pytest.raises(NotPermitted):
        actions.start(item.id, call=Call(world.bystander))
    with tenant_scope(world.operator.tenant_id):
        rows = selectors.candidate_for(selectors.visible(world.operator.tenant_id), world.bystander)
        assert not rows.exists()
    page = text_of(browser(world.bystander).get(f"/work-items/{item.id}/").content)
    assert "Anybody may take it" not in page


def test_what_nobody_was_named_for_is_anybodys_also_when_it_is_put_back(world: World) -> None:
    item = actions.create_work_item(call=Call(world.operator), title="Check")
    actions.claim(item.id, call=Call(world.bystander))
    released = actions.release(item.id, call=Call(world.bystander))
    assert released.offered_to == "ANYBODY"
    assert may_claim(world, item, "surveyor", "agent") == ["surveyor", "agent"]


def test_an_undo_for_people_who_are_not_here_says_so(world: World) -> None:
    policy = {"performer": "groups", "candidate_users": [world.compliance.username]}
    item = states.completed(world.analyst, compensation=policy)
    leave(world, "compliance")
    task_id = states.compensate(item, world.operator).attempt.compensation_id
    task = states.stored(world, task_id)
    assert (task.offered_to, task.people_missing) == ("OPERATORS", [world.compliance.username])
    said = first_entry(world, task)
    assert said["people_missing"] == [world.compliance.username]
    assert said["replaced_performer"] == "no_candidate_user_available"
    assert may_claim(world, task, "bystander", "surveyor", "operator") == ["operator"]
    User.objects.filter(username=world.compliance.username).update(
        first_name="Carl", last_name="Moreau"
    )
    html = browser(world.operator).get(f"/work-items/{task_id}/").content
    named = f'<span title="{world.compliance.username}">Carl Moreau</span>'
    assert f"Not an active member here: {named}." in html.decode()


def test_an_undo_for_an_original_actor_who_left_says_so_on_its_page(world: World) -> None:
    item = states.completed(world.analyst)
    leave(world, "analyst")
    task_id = states.compensate(item, world.operator).attempt.compensation_id
    task = states.stored(world, task_id)
    assert task.offered_to == "OPERATORS"
    assert first_entry(world, task)["replaced_performer"] == "original_actor_not_available"
    page = text_of(browser(world.operator).get(f"/work-items/{task_id}/").content)
    assert "Who did the work is not here any more. It waits for the operators instead." in page


def test_a_policy_that_names_a_stranger_is_refused_at_the_item(world: World) -> None:
    sent = {"title": "T", "compensation": {"performer": "groups", "candidate_users": ["nobody"]}}
    answer = api(world.operator).post(f"{V1}/work-items", sent, content_type="application/json")
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["pointer"] == "/compensation/candidate_users/0"
