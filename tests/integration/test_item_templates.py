"""Templates of work items: versions, what items take over, and that later ones change none."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from ledger.selectors import entries_of
from ledger.tenancy import tenant_scope
from tests.clients import api, browser
from tests.integration.workitems_made import page
from tests.world import World
from workitems.models import Deadline

ROOT = "/api/v1/work-item-templates"
JSON = "application/json"
PAYSLIP: dict[str, Any] = {
    "name": "Check a payslip",
    "title": "Check the payslip of {applicant}",
    "description": "{applicant} earns {income} a month.",
    "payload": {"kind": "payslip"},
    "input_schema": {
        "type": "object",
        "properties": {"applicant": {"type": "string"}, "income": {"type": "integer"}},
        "required": ["applicant", "income"],
    },
    "candidate_groups": ["analysts"],
    "excluded_groups": ["surveyors"],
    "permitted_outcomes": ["PASSED", "FAILED"],
    "resolution_schema": {"type": "object", "required": ["note"]},
    "priority": "HIGH",
    "compensation": {"mode": "human", "candidate_groups": ["underwriters"]},
    "reversibility": "compensable",
    "deadlines": {"completion": {"within": "P2D", "breach": [{"do": "escalate"}]}},
    "skippable": True,
}
GIVEN = {"payload": {"applicant": "Amara", "income": 3100}}


def send(world: World, path: str, body: dict[str, Any] | None = None, status: int = 201) -> Any:
    answer = api(world.operator).post(f"{ROOT}{path}", body or {}, content_type=JSON)
    assert answer.status_code == status, answer.content
    return answer.json()


def added(world: World, **more: Any) -> dict[str, Any]:
    return dict(send(world, "", {**PAYSLIP, **more}))


def test_an_item_says_what_its_template_says(world: World) -> None:
    template = added(world)
    item = send(world, f"/{template['id']}/instantiate", GIVEN)
    assert item["title"] == "Check the payslip of Amara"
    assert item["payload"] == {
        "kind": "payslip", "applicant": "Amara", "income": 3100,
        "description": "Amara earns 3100 a month.",
    }  # fmt: skip
    same = ("candidate_groups", "excluded_groups", "permitted_outcomes", "resolution_schema",
            "priority", "reversibility", "skippable")  # fmt: skip
    assert {name: item[name] for name in same} == {name: PAYSLIP[name] for name in same}
    assert item["compensation_policy"] == PAYSLIP["compensation"]
    assert item["template"] == {
        "id": template["id"], "name": "Check a payslip", "version": 1,
    }  # fmt: skip
    assert item["due_at"] == item["deadlines"]["completion"]["due_at"]
    with tenant_scope(world.operator.tenant_id):
        assert Deadline.objects.filter(item_id=item["id"], name="completion").count() == 1


def test_what_is_said_beside_it_wins(world: World) -> None:
    template = added(world)
    said = {**GIVEN, "title": "Look again", "priority": "LOW", "candidate_groups": ["underwriters"]}
    item = send(world, f"/{template['id']}/instantiate", said)
    assert (item["title"], item["priority"]) == ("Look again", "LOW")
    assert item["candidate_groups"] == ["underwriters"]
    assert item["permitted_outcomes"] == PAYSLIP["permitted_outcomes"]


def test_a_version_never_changes_and_items_keep_theirs(world: World) -> None:
    first = added(world)
    item = send(world, f"/{first['id']}/instantiate", GIVEN)
    second = added(world, priority="URGENT", title="Check {applicant} anew")
    assert (first["version"], second["version"]) == (1, 2)
    assert added(world, priority="URGENT", title="Check {applicant} anew")["id"] == second["id"]
    read = api(world.operator).get(f"/api/v1/work-items/{item['id']}").json()
    assert (read["priority"], read["template"]["version"]) == ("HIGH", 1)
    again = send(world, f"/{first['id']}/instantiate", GIVEN)
    assert again["title"] == "Check the payslip of Amara"
    newer = send(world, f"/{second['id']}/instantiate", GIVEN)
    assert (newer["title"], newer["template"]["version"]) == ("Check Amara anew", 2)
    listed = api(world.analyst).get(f"{ROOT}?name=Check a payslip").json()["results"]
    assert [each["version"] for each in listed] == [2, 1]


def test_nothing_is_made_from_one_that_was_ended(world: World) -> None:
    template = added(world)
    client = api(world.operator)
    ended = client.delete(f"{ROOT}/{template['id']}")
    assert (ended.status_code, ended.json()["ended_at"] is not None) == (200, True)
    assert client.delete(f"{ROOT}/{template['id']}").json()["ended_at"] == ended.json()["ended_at"]
    refused = send(world, f"/{template['id']}/instantiate", GIVEN, status=409)
    assert refused["code"] == "template_ended"
    assert added(world)["version"] == 2
    with tenant_scope(world.operator.tenant_id):
        tenant_id = world.operator.tenant_id
        said = [each.action for each in entries_of(tenant_id, "tenant", tenant_id)]
    assert [each for each in said if each.startswith("template_")] == [
        "template_added", "template_ended", "template_added",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "errors"),
    [
        ({}, {"/payload": "required"}),
        ({"applicant": ["A"], "income": 1}, {"/payload/applicant": "type"}),
        ({"applicant": "A", "income": "much"}, {"/payload/income": "type"}),
    ],
)
def test_a_payload_that_does_not_fit_is_refused(
    world: World, payload: dict[str, Any], errors: dict[str, str]
) -> None:
    template = added(world)
    refused = send(world, f"/{template['id']}/instantiate", {"payload": payload}, status=422)
    assert {each["pointer"]: each["code"] for each in refused["errors"]} == errors


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"title": ""}, "/title"),
        ({"priority": "HUGE"}, "/priority"),
        ({"candidate_users": ["nobody.here"]}, "/candidate_users/0"),
        ({"input_schema": {"type": "thing"}}, "/input_schema/type"),
        ({"deadlines": {"completion": {"within": "P1Y"}}}, "/deadlines/completion/within"),
        ({"color": "red"}, "/color"),
    ],
)
def test_a_template_whose_items_would_break_a_rule_is_refused(
    world: World, wrong: dict[str, Any], pointer: str
) -> None:
    refused = send(world, "", {**PAYSLIP, **wrong}, status=422)
    assert pointer in {each["pointer"] for each in refused["errors"]}
    assert api(world.operator).get(ROOT).json()["results"] == []


def test_it_is_another_tenants_business(world: World) -> None:
    template = added(world)
    assert api(world.outsider).get(f"{ROOT}/{template['id']}").status_code == 404
    path = f"{ROOT}/{template['id']}/instantiate"
    assert api(world.outsider).post(path, GIVEN, content_type=JSON).status_code == 404
    assert api(world.outsider).get(ROOT).json()["results"] == []
    unknown = f"{ROOT}/{uuid.uuid4()}/instantiate"
    assert api(world.operator).post(unknown, GIVEN, content_type=JSON).status_code == 404


def test_what_is_said_of_when_it_is_due_counts_alone(world: World) -> None:
    template = added(world)
    at = "2030-01-01T00:00:00.000000Z"
    item = send(world, f"/{template['id']}/instantiate", {**GIVEN, "due_at": at})
    assert (item["due_at"], item["deadlines"]) == (at, {})
    without = send(world, f"/{template['id']}/instantiate", {**GIVEN, "deadlines": None})
    assert (without["due_at"], without["deadlines"]) == (None, {})


def test_its_own_description_is_no_stranger_to_a_strict_schema(world: World) -> None:
    strict = {**PAYSLIP["input_schema"], "additionalProperties": False}
    template = added(world, input_schema=strict, payload={})
    item = send(world, f"/{template['id']}/instantiate", GIVEN)
    assert item["payload"]["description"] == "Amara earns 3100 a month."


def test_a_payload_that_is_changed_has_to_fit_too(world: World) -> None:
    template = added(world)
    item = send(world, f"/{template['id']}/instantiate", GIVEN)
    client, address = api(world.operator), f"/api/v1/work-items/{item['id']}"
    for wrong, errors in (
        ({**item["payload"], "applicant": 7}, {"/payload/applicant": "type"}),
        ({"applicant": "Amara"}, {"/payload": "required"}),
    ):
        refused = client.patch(address, {"payload": wrong}, content_type=JSON)
        assert refused.status_code == 422, refused.content
        found = {each["pointer"]: each["code"] for each in refused.json()["errors"]}
        assert found == errors
    read = client.get(address).json()
    assert (read["payload"], read["version"]) == (item["payload"], 1)
    said = {**item["payload"], "income": 3200}
    changed = client.patch(address, {"payload": said}, content_type=JSON).json()
    assert (changed["payload"], changed["version"]) == (said, 2)


def test_its_own_description_is_none_when_a_payload_is_changed(world: World) -> None:
    strict = {**PAYSLIP["input_schema"], "additionalProperties": False}
    template = added(world, input_schema=strict, payload={})
    item = send(world, f"/{template['id']}/instantiate", GIVEN)
    client, address = api(world.operator), f"/api/v1/work-items/{item['id']}"
    for payload, status in (
        ({**item["payload"], "income": 3200}, 200),
        ({**item["payload"], "description": "Another one"}, 422),
        ({**item["payload"], "income": 3300, "colour": "red"}, 422),
    ):
        answer = client.patch(address, {"payload": payload}, content_type=JSON)
        assert answer.status_code == status, answer.content
    assert client.get(address).json()["payload"]["income"] == 3200


@pytest.mark.parametrize("payload", [[1], "abc", 5])
def test_a_payload_is_an_object(world: World, payload: object) -> None:
    template = added(world)
    refused = send(world, f"/{template['id']}/instantiate", {"payload": payload}, status=422)
    assert [each["pointer"] for each in refused["errors"]] == ["/payload"]


def test_long_values_fill_no_words(world: World) -> None:
    template = added(world, description="{applicant}" * 300)
    long = {"applicant": "a" * 250_000, "income": 1}
    refused = send(world, f"/{template['id']}/instantiate", {"payload": long}, status=422)
    assert [each["pointer"] for each in refused["errors"]] == ["/payload/applicant"]


def test_one_that_was_ended_is_read_anew(world: World) -> None:
    template = added(world)
    client, path = api(world.operator), f"{ROOT}/{template['id']}"
    seen = client.get(path).headers["ETag"]
    assert client.get(path, headers={"If-None-Match": seen}).status_code == 304
    client.delete(path)
    assert client.get(path, headers={"If-None-Match": seen}).status_code == 200


def test_a_task_is_made_on_the_page_of_its_template(world: World) -> None:
    first = added(world)
    second = added(world, priority="URGENT")
    client = browser(world.analyst)
    listed = page(client, "/work-items/templates/")
    address = f"/work-items/templates/{second['id']}/"
    assert f'href="{address}"' in listed
    assert first["id"] not in listed
    html = page(client, address)
    assert "Version 2, this one" in html
    assert f'href="/work-items/templates/{first["id"]}/">Version 1</a>' in html
    assert 'name="payload.applicant"' in html
    broken = client.post(address, {"payload.applicant": "Amara", "payload.income": "much"})
    assert broken.status_code == 422
    assert 'value="Amara"' in broken.content.decode()
    sent = client.post(address, {"payload.applicant": "Amara", "payload.income": "3100"})
    assert sent.status_code == 303
    item = api(world.analyst).get(f"/api/v1{sent.headers['Location']}".rstrip("/")).json()
    assert (item["title"], item["template"]["version"]) == ("Check the payslip of Amara", 2)
    assert item["payload"]["income"] == 3100
    api(world.operator).delete(f"{ROOT}/{second['id']}")
    assert 'name="payload.applicant"' not in page(client, address)
