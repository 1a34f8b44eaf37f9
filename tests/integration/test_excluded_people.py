"""Who may never take an item: excluded people and groups, and four eyes in a case."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import Conflict, Invalid, NotPermitted
from people import actions as people
from tests import states
from tests.casework import deploy, finish, open_item, opened
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.workitems_made import page, titles
from tests.integration.workitems_over_rest import post
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.lifecycle import Status
from workitems.models import WorkItem

EXCLUDING: list[dict[str, Any]] = [
    {"excluded_users": ["surveyor"]},
    {"excluded_groups": ["surveyors"]},
]


def offered_to_both(world: World, **wanted: Any) -> WorkItem:
    """Return an item of analysts and surveyors that shuts somebody out."""
    users = wanted.get("excluded_users")
    if users:
        wanted["excluded_users"] = [world.surveyor.username]
    return states.new_item(world.operator, candidate_groups=["analysts", "surveyors"], **wanted)


@pytest.mark.parametrize("how", EXCLUDING, ids=["user", "group"])
def test_who_is_excluded_may_not_take_it(world: World, how: dict[str, Any]) -> None:
    item = offered_to_both(world, **how)
    for verb in ("claim", "start"):
        refused = post(api(world.surveyor), f"/{item.id}/{verb}")
        assert (refused.status_code, refused.json()["detail"]) == (
            403, "you are excluded from it",
        )  # fmt: skip
    assert states.actions_of(world, "work_item", item.id) == ["created", "claim_refused"]
    shown = api(world.surveyor).get(f"/api/v1/work-items/{item.id}").json()
    [claim] = [each for each in shown["available_actions"] if each["action"] == "claim"]
    assert (claim["allowed"], claim["reason"]) == (False, "excluded")
    taken = actions.claim(item.id, call=Call(world.analyst))
    assert taken.assignee_id == world.analyst.actor_id


@pytest.mark.parametrize("how", EXCLUDING, ids=["user", "group"])
def test_nor_is_it_given_to_them(world: World, how: dict[str, Any]) -> None:
    item = offered_to_both(world, **how)
    taken = actions.claim(item.id, call=Call(world.analyst))
    name = world.surveyor.username
    with pytest.raises(Invalid) as refused:
        actions.assign(taken.id, call=Call(world.operator), assignee=name)
    assert [(e.pointer, e.code) for e in refused.value.errors] == [("/assignee", "excluded")]
    with pytest.raises(Invalid) as refused:
        actions.delegate(taken.id, call=Call(world.analyst), to=name)
    assert [(e.pointer, e.code) for e in refused.value.errors] == [("/to", "excluded")]
    with pytest.raises(Invalid) as refused:
        actions.forward(taken.id, call=Call(world.analyst), candidate_users=[name])
    assert [(e.pointer, e.code) for e in refused.value.errors] == [
        ("/candidate_users/0", "excluded")
    ]
    assert states.stored(world, item.id).assignee_id == world.analyst.actor_id
    assert states.stored(world, item.id).version == 2


@pytest.mark.parametrize("how", EXCLUDING, ids=["user", "group"])
def test_it_waits_for_none_of_them(world: World, how: dict[str, Any]) -> None:
    item = offered_to_both(world, title="Count the votes", **how)
    assert "Count the votes" not in titles(page(browser(world.surveyor), "/inbox/"))
    assert "Count the votes" in titles(page(browser(world.analyst), "/inbox/"))
    found = api(world.surveyor).get("/api/v1/work-items?candidate=me").json()["results"]
    assert str(item.id) not in {each["id"] for each in found}
    found = api(world.analyst).get("/api/v1/work-items?candidate=me").json()["results"]
    assert str(item.id) in {each["id"] for each in found}


def test_they_are_shown(world: World) -> None:
    item = offered_to_both(world, excluded_users=[""], excluded_groups=["surveyors"])
    shown = api(world.operator).get(f"/api/v1/work-items/{item.id}").json()
    assert shown["excluded_users"] == [world.surveyor.username]
    assert shown["excluded_groups"] == ["surveyors"]


@pytest.mark.parametrize(
    ("said", "pointer", "code"),
    [
        ({"excluded_users": ["nobody.here"]}, "/excluded_users/0", "unknown"),
        ({"excluded_users": "surveyor"}, "/excluded_users", "invalid"),
        ({"excluded_groups": ["a", "a"]}, "/excluded_groups/1", "invalid"),
    ],
)
def test_what_names_nobody_shuts_nobody_out_silently(
    world: World, said: dict[str, Any], pointer: str, code: str
) -> None:
    refused = post(api(world.operator), "", {"title": "Count", **said})
    assert refused.status_code == 422
    assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [(pointer, code)]


def test_an_item_is_not_opened_for_whom_it_excludes(world: World) -> None:
    for said in ({"excluded_users": [world.surveyor.username]}, {"excluded_groups": ["surveyors"]}):
        refused = post(
            api(world.operator), "",
            {"title": "Count", "assignee": world.surveyor.username, **said},
        )  # fmt: skip
        assert refused.status_code == 422
        assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [
            ("/assignee", "excluded")
        ]


def test_four_eyes_need_a_step_that_there_is(world: World) -> None:
    wrong = human("approve")
    wrong["humanTask"]["notCompletedBy"] = ["chekc"]
    with pytest.raises(Invalid) as refused:
        deploy(world, definition("four-eyes", human("check"), wrong))
    assert [(e.pointer, e.message) for e in refused.value.errors] == [
        ("/spec/bindings/1/humanTask/notCompletedBy/0", "there is no binding 'chekc'")
    ]


def test_four_eyes(world: World) -> None:
    second = human("approve", when=".check != null and .approve == null")
    second["humanTask"]["notCompletedBy"] = ["check"]
    deploy(world, definition("four-eyes", human("check"), second))
    case_id = opened(world, "tests/four-eyes")
    drain()
    finish(world.analyst, case_id, "check", None)
    approve = open_item(world.operator, case_id, "approve")
    with pytest.raises(NotPermitted):
        actions.claim(approve.id, call=Call(world.analyst))
    with pytest.raises((Invalid, Conflict)):
        actions.assign(approve.id, call=Call(world.operator), assignee=world.analyst.username)
    given = actions.assign(approve.id, call=Call(world.operator), assignee=world.surveyor.username)
    assert given.status == Status.ASSIGNED


def test_four_eyes_hold_for_steps_side_by_side(world: World) -> None:
    second = human("approve")
    second["humanTask"]["notCompletedBy"] = ["check"]
    deploy(world, definition("side-by-side", human("check"), second))
    case_id = opened(world, "tests/side-by-side")
    drain()
    approve = open_item(world.operator, case_id, "approve")
    actions.start(approve.id, call=Call(world.analyst))
    finish(world.analyst, case_id, "check", None)
    with pytest.raises(NotPermitted):
        actions.complete(approve.id, call=Call(world.analyst), outcome=None)
    assert states.stored(world, approve.id).status == Status.IN_PROGRESS
    # What they began they may give back; it waits for others then.
    actions.release(approve.id, call=Call(world.analyst))
    found = api(world.analyst).get("/api/v1/work-items?candidate=me").json()["results"]
    assert str(approve.id) not in {each["id"] for each in found}
    states.work(world.surveyor, approve.id, None)


def test_who_joins_an_excluded_group_goes_no_further(world: World) -> None:
    item = offered_to_both(world, excluded_groups=["compliance"])
    actions.claim(item.id, call=Call(world.analyst))
    people.change_groups(world.analyst.membership_id, call=Call(world.admin), join=["compliance"])
    with pytest.raises(NotPermitted):
        actions.start(item.id, call=Call(world.analyst))
    assert actions.release(item.id, call=Call(world.analyst)).status == Status.PENDING


def test_the_page_says_whom_it_is_not_for(world: World) -> None:
    item = offered_to_both(world, excluded_users=[""], excluded_groups=["underwriters"])
    said = text_of(page(browser(world.analyst), f"/work-items/{item.id}/").encode())
    assert f"Not for {world.surveyor.username}, Underwriters" in said
