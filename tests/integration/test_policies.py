"""Policies: who writes them, what is refused where it is written, and what is on record."""

from __future__ import annotations

from typing import Any

import pytest

from governance.actions.policy_verbs import add_policy, change_policy, end_policy
from governance.policies import in_force
from ledger.errors import Invalid, NotFound, NotPermitted
from ledger.tenancy import tenant_scope
from tests import states
from tests.clients import api, browser
from tests.world import World
from verbs.call import Call

SAID: dict[str, Any] = {
    "name": "No payments", "priority": 10, "when": '.capability == "demo.transfer"',
    "effect": "deny", "reason": "Closed on Sundays",
}  # fmt: skip


def policies(world: World) -> list[str]:
    with tenant_scope(world.admin.tenant_id):
        return list(in_force(world.admin.tenant_id).values_list("name", flat=True))


def test_a_policy_over_the_api(world: World) -> None:
    admin = api(world.admin)
    steps = [{"users": [world.approver.username]}, {"roles": ["tenant_admin"]}]
    body = {**SAID, "effect": "require_approval", "approvers": steps}
    answer = admin.post("/api/v1/policies", body, content_type="application/json")
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert made["approvers"] == [
        {"users": [world.approver.username], "groups": [], "roles": []},
        {"users": [], "groups": [], "roles": ["tenant_admin"]},
    ]
    assert (made["severity"], made["change"], made["on_stale"]) == ("medium", None, None)
    url = f"/api/v1/policies/{made['id']}"
    changed = admin.patch(url, {"priority": 3}, content_type="application/json")
    assert (changed.status_code, changed.json()["priority"], changed.json()["version"]) == (
        200, 3, 2,
    )  # fmt: skip
    assert [row["id"] for row in admin.get("/api/v1/policies").json()["results"]] == [made["id"]]
    assert admin.delete(url).status_code == 200
    assert admin.get("/api/v1/policies").json()["results"] == []
    # What it decided names it: it can still be read, and not changed.
    assert admin.get(url).json()["ended_at"] is not None
    assert admin.patch(url, {"priority": 4}, content_type="application/json").status_code == 404
    actions = [entry.action for entry in states.history(world, "tenant", world.admin.tenant_id)]
    assert [each for each in actions if each.startswith("policy")] == [
        "policy_added", "policy_changed", "policy_ended",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "pointer", "code"),
    [
        ({"when": ".a |"}, "/when", "condition_invalid"),
        ({"when": "env"}, "/when", "condition_invalid"),
        ({"effect": "modify"}, "/change", "required"),
        ({"change": "."}, "/change", "not_applicable"),
        ({"approvers": [{"users": ["u"]}]}, "/approvers/0/users/0", "unknown"),
        ({"effect": "require_approval", "approvers": [{}]}, "/approvers/0", "required"),
        ({"second_factor": True}, "/second_factor", "not_applicable"),
        ({"effect": "perhaps"}, "/effect", "invalid_choice"),
        ({"priority": -1}, "/priority", "invalid"),
    ],
)
def test_what_is_wrong_is_refused_where_it_is_written(
    world: World, wrong: dict[str, Any], pointer: str, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        add_policy(call=Call(world.admin), **{**SAID, **wrong})
    assert [(each.pointer, each.code) for each in refused.value.errors] == [(pointer, code)]
    assert policies(world) == []


def test_a_name_is_taken_while_its_policy_is_in_force(world: World) -> None:
    first = add_policy(call=Call(world.admin), **SAID)
    with pytest.raises(Invalid) as refused:
        add_policy(call=Call(world.admin), **SAID)
    assert [each.code for each in refused.value.errors] == ["name_taken"]
    end_policy(first.id, call=Call(world.admin))
    assert add_policy(call=Call(world.admin), **SAID).id != first.id
    with pytest.raises(NotFound):
        end_policy(first.id, call=Call(world.admin))


def test_only_tenant_admins_write_them(world: World) -> None:
    row = add_policy(call=Call(world.admin), **SAID)
    for who in (world.operator, world.approver, world.auditor, world.analyst):
        with pytest.raises(NotPermitted):
            add_policy(call=Call(who), **{**SAID, "name": "Mine"})
        with pytest.raises(NotPermitted):
            change_policy(row.id, call=Call(who), effect="allow")
    with pytest.raises(NotFound):
        change_policy(row.id, call=Call(world.outsider), effect="allow")
    assert policies(world) == ["No payments"]


def test_what_only_another_effect_has_goes_with_it(world: World) -> None:
    said = {**SAID, "effect": "require_approval", "approvers": [{"roles": ["operator"]}]}
    row = add_policy(call=Call(world.admin), **said)
    row = change_policy(row.id, call=Call(world.admin), effect="modify", change="{mode: .mode}")
    assert (row.effect, row.approvers, row.change) == ("modify", [], "{mode: .mode}")
    row = change_policy(row.id, call=Call(world.admin), effect="deny")
    assert (row.effect, row.change, row.version) == ("deny", "", 3)


def test_the_page_of_policies(world: World) -> None:
    page = browser(world.admin)
    sent = {**SAID, "severity": "high", "approvers": "", "change": "", "on_stale": ""}
    assert page.post("/policies/", sent).status_code == 303
    shown = page.get("/policies/").content.decode()
    assert "Closed on Sundays" in shown
    assert "Another policy" in shown
    reader = browser(world.analyst).get("/policies/").content.decode()
    assert "Closed on Sundays" in reader
    assert "Another policy" not in reader
    broken = page.post("/policies/", {**sent, "name": "Other", "when": ".a |"})
    assert (broken.status_code, policies(world)) == (422, ["No payments"])


def test_null_takes_away_what_may_be_left_unsaid(world: World) -> None:
    row = add_policy(call=Call(world.admin), **{**SAID, "effect": "allow", "on_stale": "reject"})
    url = f"/api/v1/policies/{row.id}"
    json: dict[str, Any] = {"content_type": "application/json"}
    admin = api(world.admin)
    assert admin.patch(url, {"priority": 3}, **json).json()["on_stale"] == "reject"
    assert admin.patch(url, {"on_stale": None}, **json).json()["on_stale"] is None
    # One that changes has to say to what, and of what only another has nothing is left anyway.
    admin.patch(url, {"effect": "modify", "change": "{mode: .mode}"}, **json)
    answer = admin.patch(url, {"change": None}, **json)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/change")
    answer = admin.patch(url, {"effect": "deny", "change": None}, **json)
    assert (answer.status_code, answer.json()["change"]) == (200, None)
    # Of the others null says nothing.
    answer = admin.patch(url, {"name": None, "reason": None}, **json).json()
    assert (answer["name"], answer["reason"]) == (SAID["name"], SAID["reason"])


def test_a_form_that_is_emptied_takes_it_away_too(world: World) -> None:
    row = add_policy(call=Call(world.admin), **{**SAID, "effect": "allow", "on_stale": "reject"})
    form = {name: SAID[name] for name in ("name", "priority", "when", "reason")}
    answer = browser(world.admin).post(
        f"/policies/{row.id}/edit/", {**form, "effect": "allow", "on_stale": "", "version": 1}
    )
    assert answer.status_code == 303, answer.content
    changed = api(world.admin).get(f"/api/v1/policies/{row.id}").json()
    assert (changed["on_stale"], changed["version"]) == (None, 2)


def test_they_are_listed_newest_first_or_as_they_are_asked(world: World) -> None:
    for n, name in enumerate(("second", "third", "first")):
        priority = {"first": 1, "second": 2, "third": 3}[name]
        add_policy(call=Call(world.admin), **{**SAID, "name": name, "priority": priority})
        assert len(policies(world)) == n + 1

    def listed(query: str) -> list[str]:
        answer = api(world.operator).get(f"/api/v1/policies{query}").json()
        return [row["name"] for row in answer["results"]]

    assert listed("") == listed("?order=newest") == ["first", "third", "second"]
    assert listed("?order=priority") == ["first", "second", "third"]
    page = api(world.operator).get("/api/v1/policies?order=priority&limit=2").json()
    rest = api(world.operator).get(page["next"]).json()
    assert [row["name"] for row in rest["results"]] == ["third"]
    refused = api(world.operator).get("/api/v1/policies?order=backwards")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "order")
    shown = browser(world.operator).get("/policies/").content.decode()
    assert shown.index(">first<") < shown.index(">second<") < shown.index(">third<")
