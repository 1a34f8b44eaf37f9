"""What work asks for that not everybody is able to do."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import Invalid
from people.actions import edit_member
from tests import states
from tests.casework import deploy, open_item, opened
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.test_substitutes import inbox, stand_in, told
from tests.integration.workitems_over_rest import post
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.models import WorkItem

ASKED = ["notary", "czech"]


def learn(world: World, name: str, *skills: str) -> None:
    """Say what somebody is able to do."""
    edit_member(world.of(name).actor_id, call=Call(world.admin), skills=list(skills))


def asking(world: World, **wanted: Any) -> WorkItem:
    """Return an item of analysts and surveyors that asks for two skills."""
    groups = ["analysts", "surveyors"]
    return states.new_item(
        world.operator, title="Translate it", candidate_groups=groups, required_skills=ASKED,
        **wanted,
    )  # fmt: skip


def test_a_candidate_without_the_skills_takes_nothing_and_is_told_why(world: World) -> None:
    learn(world, "analyst", "notary")
    learn(world, "surveyor", *ASKED, "slovak")
    item = asking(world)
    for verb in ("claim", "start"):
        refused = post(api(world.analyst), f"/{item.id}/{verb}")
        assert (refused.status_code, refused.json()["code"], refused.json()["detail"]) == (
            403, "skills_missing", "you lack a skill that it asks for",
        )  # fmt: skip
    assert told(world, item) == [("claim_refused", world.analyst.actor_id, None)]
    entry = states.history(world, "work_item", item.id)[-1]
    assert (entry.kind, entry.payloads["code"]) == ("REFUSAL", "skills_missing")
    shown = api(world.analyst).get(f"/api/v1/work-items/{item.id}").json()
    assert shown["required_skills"] == ASKED
    [claim] = [each for each in shown["available_actions"] if each["action"] == "claim"]
    assert (claim["allowed"], claim["reason"]) == (False, "skills_missing")
    # Who is no candidate at all is told that.
    assert post(api(world.bystander), f"/{item.id}/claim").json()["code"] == "not_permitted"
    assert "Translate it" not in inbox(world.analyst)
    assert "Translate it" in inbox(world.surveyor)
    page = browser(world.surveyor).get(f"/work-items/{item.id}/").content
    assert "Asks for Notary, Czech" in text_of(page)
    assert actions.start(item.id, call=Call(world.surveyor)).status == "IN_PROGRESS"
    learn(world, "surveyor", "czech")
    refused = post(api(world.surveyor), f"/{item.id}/complete", {"outcome": "DONE"})
    assert (refused.status_code, refused.json()["code"]) == (403, "skills_missing")
    # They may give it back.
    assert actions.release(item.id, call=Call(world.surveyor)).status == "PENDING"


def test_nor_is_it_given_to_them(world: World) -> None:
    learn(world, "surveyor", *ASKED)
    item, name = asking(world), world.analyst.username
    with pytest.raises(Invalid) as refused:
        actions.assign(item.id, call=Call(world.operator), assignee=name)
    assert [(e.pointer, e.code) for e in refused.value.errors] == [("/assignee", "skills_missing")]
    taken = actions.claim(item.id, call=Call(world.surveyor))
    with pytest.raises(Invalid) as refused:
        actions.delegate(taken.id, call=Call(world.surveyor), to=name)
    assert [(e.pointer, e.code) for e in refused.value.errors] == [("/to", "skills_missing")]
    with pytest.raises(Invalid) as refused:
        actions.forward(taken.id, call=Call(world.surveyor), candidate_users=[name])
    assert [(e.pointer, e.code) for e in refused.value.errors] == [
        ("/candidate_users/0", "skills_missing")
    ]
    assert states.stored(world, item.id).version == 2
    body = {"title": "T", "assignee": name, "required_skills": ASKED}
    answer = post(api(world.operator), "", body)
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [
        ("/assignee", "skills_missing")
    ]


def test_a_substitute_needs_them_and_whom_they_stand_in_for_does_not(world: World) -> None:
    stand_in(world, world.bystander, world.analyst)
    item = asking(world)
    assert post(api(world.bystander), f"/{item.id}/claim").status_code == 403
    assert "Translate it" not in inbox(world.bystander)
    learn(world, "bystander", *ASKED)
    assert "Translate it" in inbox(world.bystander)
    assert actions.claim(item.id, call=Call(world.bystander)).assignee_id == world.analyst.actor_id


def test_skills_are_recorded_and_only_a_tenant_admin_says_them(world: World) -> None:
    address = f"/api/v1/members/{world.analyst.actor_id}"
    said = {"skills": ["notary", "czech", "notary"]}
    refused = api(world.analyst).patch(address, said, content_type="application/json")
    assert refused.status_code == 403
    shown = api(world.admin).patch(address, said, content_type="application/json").json()
    assert shown["skills"] == ["czech", "notary"]
    entry = states.history(world, "actor", world.analyst.actor_id)[-2:]
    assert [(each.action, each.payloads) for each in entry if each.action != "token_created"] == [
        ("skills_changed", {"before": [], "after": ["czech", "notary"]})
    ]
    learn(world, "analyst", "notary", "czech")
    actions_ = states.actions_of(world, "actor", world.analyst.actor_id)
    assert actions_.count("skills_changed") == 1


def test_templates_and_definitions_ask_for_them_too(world: World) -> None:
    task = human("translate")
    task["humanTask"]["requiredSkills"] = ASKED
    deploy(world, definition("translations", task))
    case_id = opened(world, "tests/translations")
    drain()
    item = open_item(world.operator, case_id, "translate")
    assert item.required_skills == ASKED
    body = {"name": "translation", "title": "Translate", "required_skills": ["czech"]}
    client = api(world.operator)
    root, kind = "/api/v1/work-item-templates", "application/json"
    made = client.post(root, body, content_type=kind).json()
    new = client.post(f"{root}/{made['id']}/instantiate", {}, content_type=kind).json()
    assert new["required_skills"] == ["czech"]
    wrong = post(client, "", {"title": "T", "required_skills": ["a", "a"]})
    assert wrong.json()["errors"][0]["pointer"] == "/required_skills/1"
