"""Members over the API and on their page, and what becomes of the work of those who leave."""

from __future__ import annotations

import functools
import re
import secrets
from typing import Any

import pytest

from accounts.models import Membership, User
from ledger.tenancy import tenant_scope
from people.actions import change_groups, change_roles, deactivate, reactivate
from people.substituting import end_substitution
from tests import states
from tests.clients import api, browser
from tests.concurrency.test_races import at_once
from tests.draining import drain
from tests.integration.test_names_chosen import boxes
from tests.integration.test_substitutes import stand_in, told
from tests.pages import text_of
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.models import WorkItem

ROOT = "/api/v1/members"
JSON = "application/json"
PASSWORD = "correct horse battery"


def fresh() -> str:
    return f"newcomer-{secrets.token_hex(4)}"


def acts(world: World, actor_id: Any) -> list[str]:
    return states.actions_of(world, "actor", actor_id)


def test_a_member_is_added_with_an_account_changed_and_ended(world: World) -> None:
    client, name = api(world.admin), fresh()
    body = {
        "username": name, "groups": ["analysts"],
        "account": {"name": "New Comer", "email": "new@comer.example", "password": PASSWORD},
    }  # fmt: skip
    made = client.post(ROOT, body, content_type=JSON)
    assert made.status_code == 201
    shown = made.json()
    address = f"{ROOT}/{shown['id']}"
    assert made["Location"] == address
    assert PASSWORD not in made.content.decode()
    assert {each: shown[each] for each in ("username", "name", "roles", "groups", "is_active")} == {
        "username": name, "name": "New Comer", "roles": ["member"], "groups": ["analysts"],
        "is_active": True,
    }  # fmt: skip
    assert User.objects.get(username=name).check_password(PASSWORD)
    changes = {"roles": ["operator"], "groups": ["payments"]}
    tag = made["ETag"]
    changed = client.patch(address, changes, content_type=JSON, headers={"If-Match": tag})
    assert (changed.json()["roles"], changed.json()["groups"]) == (
        ["member", "operator"], ["payments"],
    )  # fmt: skip
    # The same again changes nothing, and who saw an older one is told.
    again = client.patch(address, changes, content_type=JSON)
    assert (again.json()["version"], again.status_code) == (4, 200)
    stale = client.patch(address, {"roles": []}, content_type=JSON, headers={"If-Match": tag})
    assert stale.status_code == 412
    ended = client.delete(address)
    assert (ended.status_code, ended.json()["is_active"]) == (200, False)
    assert client.delete(address).json()["version"] == ended.json()["version"]
    assert client.post(f"{address}/reactivate", {}, content_type=JSON).json()["is_active"] is True
    assert acts(world, shown["id"]) == [
        "member_added", "roles_changed", "group_joined", "group_left", "member_deactivated",
        "member_reactivated",
    ]  # fmt: skip
    verify()


@pytest.mark.parametrize(
    ("said", "pointer", "code"),
    [
        ({"username": "nobody-of-this-name"}, "/username", "unknown"),
        ({"roles": ["emperor"]}, "/roles", "invalid"),
        ({"account": {"password": "short"}}, "/account/password", "unfit"),
        ({"account": {"email": "nowhere"}}, "/account/email", "unfit"),
        ({"username": "with spaces", "account": {}}, "/username", "unfit"),
        ({"account": {"admin": True}}, "/account/admin", "unknown_field"),
        ({"type": "SYSTEM"}, "/type", "invalid_choice"),
    ],
)
def test_what_cannot_be_a_member_is_refused_and_no_account_is_made(
    world: World, said: dict[str, Any], pointer: str, code: str
) -> None:
    name = said.get("username", fresh())
    body = {"username": name, **({} if "username" in said else {"account": {}}), **said}
    refused = api(world.admin).post(ROOT, body, content_type=JSON)
    assert refused.status_code == 422
    assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [
        (pointer, code)
    ]
    assert not User.objects.filter(username=name).exists()


def test_nobody_sets_the_password_of_somebody_who_has_an_account(world: World) -> None:
    name = world.outsider.username
    body = {"username": name, "account": {"password": PASSWORD}}
    refused = api(world.admin).post(ROOT, body, content_type=JSON)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "name_taken")
    assert not User.objects.get(username=name).check_password(PASSWORD)
    # Without, they are let in as who they are.
    assert api(world.admin).post(ROOT, {"username": name}, content_type=JSON).status_code == 201
    twice = api(world.admin).post(ROOT, {"username": name}, content_type=JSON)
    assert (twice.status_code, twice.json()["code"]) == (409, "already_member")


def test_two_at_once_add_one(world: World) -> None:
    client, name = api(world.admin), fresh()
    body = {"username": name, "account": {}}
    post = functools.partial(client.post, ROOT, body, content_type=JSON)
    answers = at_once([post, post])
    assert sorted(each.status_code for each in answers) == [201, 422]
    with tenant_scope(world.system.tenant_id):
        assert Membership.objects.filter(user__username=name).count() == 1


def test_the_last_tenant_admin_stays(world: World) -> None:
    client, address = api(world.admin), f"{ROOT}/{world.admin.actor_id}"
    for refused in (
        client.delete(address), client.patch(address, {"roles": ["operator"]}, content_type=JSON),
    ):  # fmt: skip
        assert (refused.status_code, refused.json()["code"]) == (409, "last_admin")
    assert acts(world, world.admin.actor_id) == ["member_added", "token_created"]


def left(world: World, item: WorkItem) -> tuple[str, Any, str]:
    found = states.stored(world, item.id)
    return str(found.status), found.assignee_id, found.offered_to


def leave(world: World) -> None:
    assert world.analyst.membership_id is not None
    deactivate(world.analyst.membership_id, call=Call(world.admin))
    drain()


def test_work_of_who_leaves_goes_back_to_where_others_take_it(world: World) -> None:
    grouped = states.in_progress(world.analyst, candidate_groups=["analysts", "surveyors"])
    own = states.new_item(world.operator, assignee=world.analyst.username)
    asked = states.new_item(world.operator, assignee=world.surveyor.username)
    actions.delegate(asked.id, call=Call(world.surveyor), to=world.analyst.username)
    held = states.new_item(world.operator, assignee=world.analyst.username)
    actions.suspend(held.id, call=Call(world.operator))
    done = states.completed(world.analyst)
    leave(world)
    assert left(world, grouped) == ("PENDING", None, "NAMED")
    # Nobody else was named: the operators see to it.
    assert left(world, own) == ("PENDING", None, "OPERATORS")
    assert left(world, asked)[:2] == ("PENDING", None)
    assert left(world, held)[:2] == ("SUSPENDED", world.analyst.actor_id)
    assert left(world, done)[0] == "COMPLETED"
    [*_others, entry] = states.history(world, "work_item", own.id)
    assert (entry.action, entry.actor_type, entry.payloads["reason"]) == (
        "released", "SYSTEM", "membership_ended",
    )  # fmt: skip
    assert entry.caused_by is not None
    ended = states.history(world, "actor", world.analyst.actor_id)[-1]
    assert (ended.action, entry.caused_by.id) == ("member_deactivated", ended.id)
    verify()


def test_it_is_their_substitutes_where_there_is_one_who_may(world: World) -> None:
    stand_in(world, world.bystander, world.analyst)
    work = states.new_item(world.operator, assignee=world.analyst.username)
    closed = states.new_item(
        world.operator, assignee=world.analyst.username,
        excluded_users=[world.bystander.username],
    )  # fmt: skip
    leave(world)
    assert left(world, work)[:2] == ("ASSIGNED", world.bystander.actor_id)
    assert left(world, closed) == ("PENDING", None, "OPERATORS")
    assert told(world, work) == [("assigned", world.system.actor_id, None)]


def undo_for(world: World, *names: str) -> WorkItem:
    """Return the undo task of an item of the analyst's, for people by name."""
    users = [world.of(each).username for each in names]
    policy = {"performer": "groups", "candidate_users": users}
    item = states.completed(world.analyst, compensation=policy)
    return states.stored(world, states.compensate(item, world.operator).attempt.compensation_id)


def heard(world: World, who: str) -> list[tuple[str, str]]:
    """Return the notices of somebody, oldest first: what of, and about what."""
    drain()
    found = api(world.of(who)).get("/api/v1/notifications").json()["results"]
    return [(each["topic"], each["title"]) for each in reversed(found)]


def test_what_waits_for_who_leaves_alone_is_the_operators(world: World) -> None:
    task, shared = undo_for(world, "compliance"), undo_for(world, "compliance", "surveyor")
    drain()
    before = heard(world, "operator")
    assert left(world, task) == ("PENDING", None, "NAMED")
    deactivate(world.compliance.membership_id, call=Call(world.admin))
    assert [each[0] for each in heard(world, "operator")[len(before) :]] == ["needs_somebody"]
    assert left(world, task) == ("PENDING", None, "OPERATORS")
    entry = states.history(world, "work_item", task.id)[-1]
    assert (entry.action, entry.from_status, entry.to_status, entry.payloads["reason"]) == (
        "released", "PENDING", "PENDING", "membership_ended",
    )  # fmt: skip
    # Somebody else is left for this one.
    assert left(world, shared) == ("PENDING", None, "NAMED")
    assert states.actions_of(world, "work_item", shared.id) == ["created"]
    taken = actions.claim(task.id, call=Call(world.operator))
    assert taken.assignee_id == world.operator.actor_id
    verify()


def test_work_of_who_only_looks_from_now_on_goes_on_without_them(world: World) -> None:
    own = states.completed(world.analyst)
    task = states.compensate(own, world.operator).attempt.compensation_id
    named = undo_for(world, "analyst")
    drain()
    change_roles(world.analyst.membership_id, call=Call(world.admin), roles=["auditor"])
    drain()
    for item in (states.stored(world, task), named):
        assert left(world, item) == ("PENDING", None, "OPERATORS")
        entry = states.history(world, "work_item", item.id)[-1]
        assert (entry.action, entry.payloads["reason"]) == ("released", "roles_changed")
    # Another role changes nothing.
    other = states.new_item(world.operator, assignee=world.surveyor.username)
    change_roles(world.surveyor.membership_id, call=Call(world.admin), roles=["approver"])
    drain()
    assert states.actions_of(world, "work_item", other.id) == ["created"]


def test_what_a_substitute_has_of_somebody_who_left_outlives_the_substitution(
    world: World,
) -> None:
    row = stand_in(world, world.bystander, world.compliance)
    item = states.new_item(world.operator, candidate_users=[world.compliance.username])
    deactivate(world.compliance.membership_id, call=Call(world.admin))
    drain()
    # Who stands in for them is somebody.
    assert left(world, item) == ("PENDING", None, "NAMED")
    actions.claim(item.id, call=Call(world.bystander))
    assert left(world, item)[:2] == ("ASSIGNED", world.compliance.actor_id)
    end_substitution(row.id, call=Call(world.admin))
    drain()
    assert left(world, item) == ("PENDING", None, "OPERATORS")
    entry = states.history(world, "work_item", item.id)[-1]
    assert (entry.action, entry.payloads["reason"]) == ("released", "substitution_ended")


def test_what_was_on_hold_for_somebody_who_left_is_the_operators(world: World) -> None:
    held = states.new_item(world.operator, assignee=world.analyst.username)
    actions.suspend(held.id, call=Call(world.operator))
    leave(world)
    actions.resume(held.id, call=Call(world.operator))
    assert left(world, held) == ("PENDING", None, "OPERATORS")


def test_heard_after_they_were_let_in_again_nothing_changes(world: World) -> None:
    work = states.new_item(world.operator, assignee=world.analyst.username)
    assert world.analyst.membership_id is not None
    deactivate(world.analyst.membership_id, call=Call(world.admin))
    reactivate(world.analyst.membership_id, call=Call(world.admin))
    drain()
    assert left(world, work)[:2] == ("ASSIGNED", world.analyst.actor_id)
    assert told(world, work) == []


def test_the_page_adds_changes_and_ends(world: World) -> None:
    client, name = browser(world.admin), fresh()
    form = {"username": name, "groups": "analysts, payments", "new": "on", "name": "New Comer"}
    weak = client.post("/members/", {**form, "password": "short"})
    assert weak.status_code == 422
    none = client.post("/members/", {**form, "password": PASSWORD, "roles": ["chief"]})
    assert (none.status_code, User.objects.filter(username=name).exists()) == (422, False)
    roles = ["approver", "auditor"]
    answer = client.post("/members/", {**form, "password": PASSWORD, "roles": roles})
    assert (answer.status_code, answer["Location"]) == (303, "/members/")
    page = text_of(client.get("/members/").content)
    assert "New Comer" in page
    assert "Add a member" in page
    # Roles are chosen by what they are called.
    assert re.search("Roles .*Operator Approver Auditor Tenant admin Groups", page)
    assert "tenant_admin" not in page
    plain = text_of(browser(world.bystander).get("/members/").content)
    assert "New Comer" in plain
    assert "Add a member" not in plain
    with tenant_scope(world.system.tenant_id):
        made = Membership.objects.get(user__username=name)
    assert set(made.roles) - {"member"} == {"approver", "auditor"}
    actor = made.actor_id
    at = f"/members/{actor}"
    assert client.post(f"{at}/edit/", {"roles": "operator"}).status_code == 303
    assert client.get(f"{at}/deactivate/").status_code == 200
    assert client.post(f"{at}/deactivate/", {}).status_code == 303
    assert "membership ended" in text_of(client.get("/members/").content)
    assert acts(world, actor) == ["member_added", "roles_changed", "member_deactivated"]


def test_roles_and_groups_of_a_member_are_ticked_as_they_are(world: World) -> None:
    client, at = browser(world.admin), f"/members/{world.analyst.actor_id}/edit/"
    assert world.analyst.membership_id is not None
    change_groups(
        world.analyst.membership_id, call=Call(world.admin), join=["board, the small one"]
    )
    assert boxes(client, at, "roles") == dict.fromkeys(
        ("operator", "approver", "auditor", "tenant_admin"), False
    )
    groups = boxes(client, at, "groups")
    assert {name for name, ticked in groups.items() if ticked} == {
        "analysts", "&quot;board, the small one&quot;",
    }  # fmt: skip
    text = text_of(client.get(at).content)
    assert "Tenant admin" in text
    assert "tenant_admin" not in text
    assert "(optional)" not in text
    # What a browser sends: what is ticked, and the line for others, or nothing in its place.
    sent = {"roles": ["approver", ""], "groups": ["analysts", "payments"], "skills": "maths"}
    assert client.post(at, sent).status_code == 303
    assert held(world) == ({"approver"}, {"analysts", "payments"}, {"maths"})
    assert client.post(at, {"roles": ["emperor", ""], "groups": [""]}).status_code == 422
    assert held(world) == ({"approver"}, {"analysts", "payments"}, {"maths"})
    assert client.post(at, {"roles": "", "groups": "", "skills": ""}).status_code == 303
    assert held(world) == (set(), set(), set())


def held(world: World) -> tuple[set[str], set[str], set[str]]:
    """Return the roles, groups and skills of the analyst."""
    with tenant_scope(world.analyst.tenant_id):
        row = Membership.objects.get(actor_id=world.analyst.actor_id)
        groups = {each.name for each in row.groups.all()}
    return set(row.roles) - {"member"}, groups, set(row.skills)
