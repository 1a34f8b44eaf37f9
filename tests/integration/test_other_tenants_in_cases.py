"""Steps of a case that stand for what another tenant has: the rollback waits for that one."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases import actions
from compensation.actions.step_verbs import retry_step
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, opened, roll_back, run_row, steps, undo
from tests.clients import api, browser
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.integration import two_tenants as two
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem

_MAPPED = "{title: .what, shipment: .shipment}"


def _ordering(world: World) -> dict[str, Any]:
    order = human("order", remote={
        "tenant": two.other_slug(world), "type": "work_item", "id": "shipment",
    }, compensation=None)  # fmt: skip
    order["humanTask"]["inputMapping"] = _MAPPED
    return definition(
        "ordering", order, human("pay", ".order != null and .pay == null"), success=".pay != null"
    )


def _done(world: World, shipment: str) -> uuid.UUID:
    deploy(world, _ordering(world))
    case_id = opened(world, "tests/ordering", {"what": "Goods", "shipment": shipment})
    finish(world.analyst, case_id, "order", None)
    finish(world.analyst, case_id, "pay", None)
    assert case_row(world, case_id).status == "COMPLETED"
    return case_id


def test_the_step_waits_for_the_other_tenant_and_the_run_holds_while_it_refuses(
    world: World,
) -> None:
    there = two.theirs(world)
    case_id = _done(world, there["id"])
    run = roll_back(world, case_id)
    # Strict order: nobody is asked before what came later is undone.
    assert two.asked(world) == []
    undo(world.analyst, case_id)
    [request] = two.asked(world)
    assert [each.status for each in steps(world, run.id)] == ["DONE", "RUNNING"]
    shown = api(world.operator).get(f"/api/v1/compensation-runs/{run.id}").json()["steps"][1]
    hash_ = two.entries(world.outsider.tenant_id, "compensation_request", request["id"])[0].hash
    assert shown["waits_for"] == {
        "since": shown["attempts"][0]["started_at"], "users": [], "groups": [],
        "capability": None, "tenant": two.other_slug(world), "request": hash_.hex(),
    }  # fmt: skip
    page = browser(world.operator).get(f"/compensation-runs/{run.id}/").content.decode()
    assert f"The organisation {two.other_slug(world)}" in page
    two.decide(world, "reject", request, "No")
    assert run_row(world, run.id).status == "FAULTED"
    assert case_row(world, case_id).status == "COMPENSATION_FAULTED"
    _first, second = steps(world, run.id)
    assert (second.status, second.error) == ("FAILED", "remote_refused")
    retry_step(run.id, 2, call=Call(world.operator))
    drain()
    two.decide(world, "approve", two.asked(world)[0])
    assert run_row(world, run.id).status == "RUNNING"
    two.undo_theirs(world, there)
    assert case_row(world, case_id).status == "COMPENSATED"
    assert [each["status"] for each in two.asked(world)] == ["DONE", "REFUSED"]
    verify()


def test_an_execution_of_a_step_is_asked_for_in_the_same_way(world: World) -> None:
    there = two.theirs(world)
    remote = two.remote_of(world, there["id"])
    deploy(world, definition(
        "waiting", automated("wait", "demo.slow", "true", "{seconds: 0}", remote=remote),
        success=".wait != null",
    ))  # fmt: skip
    case_id = opened(world, "tests/waiting")
    assert case_row(world, case_id).status == "COMPLETED"
    roll_back(world, case_id)
    two.decide(world, "approve", two.asked(world)[0])
    two.undo_theirs(world, there)
    assert case_row(world, case_id).status == "COMPENSATED"


def test_a_step_whose_input_has_no_id_does_not_begin(world: World) -> None:
    deploy(world, _ordering(world))
    case_id = opened(world, "tests/ordering", {"what": "Goods", "shipment": 7})
    assert case_row(world, case_id).status == "FAULTED"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"compensate": "pay"}, "remote may not stand beside compensate"),
        ({"compensation": {"mode": "human"}}, "mode may not stand beside remote"),
    ],
)
def test_a_definition_says_it_in_one_way(world: World, more: Any, said: str) -> None:
    source = _ordering(world)
    source["spec"]["bindings"][0].update(more)
    found = api(world.operator).post(
        "/api/v1/case-definitions/validate", source, content_type="application/json"
    )
    assert said in found.content.decode()


def test_a_whole_case_of_theirs_can_be_asked_for(world: World) -> None:
    there = api(world.outsider)
    assert there.post(
        "/api/v1/case-definitions", definition("alone", human("one"), success=".one != null"),
        content_type="application/json",
    ).status_code == 201  # fmt: skip
    case = two.post(there, "cases", {"definition": "tests/alone"}).json()
    drain()
    [item] = there.get(f"/api/v1/work-items?case={case['id']}").json()["results"]
    for verb in ("claim", "start", "complete"):
        two.post(there, f"work-items/{item['id']}/{verb}")
    drain()
    remote = {"tenant": two.other_slug(world), "type": "case", "id": case["id"]}
    own = two.ours(world, remote)
    two.ask(world, own)
    two.decide(world, "approve", two.asked(world)[0])
    two.undo_theirs(world, item)
    assert there.get(f"/api/v1/cases/{case['id']}").json()["status"] == "COMPENSATED"
    assert two.item(world, own["id"])["status"] == "COMPENSATED"


def _theirs_passed(world: World, declared: str) -> uuid.UUID:
    """Return a case of the other tenant of three tasks, all done, the second declared so."""
    b = human("b", ".a and .b == null", reversibility=declared)
    c = human("c", ".b and .c == null")
    source = definition("way", human("a"), b, c, human("d", ".c and .d == null"))
    actions.deploy_definition(call=Call(world.outsider), source=source)
    case = actions.open_case(call=Call(world.outsider), definition="tests/way", context={})
    drain()
    for name in "abc":
        finish(world.outsider, case.id, name, "OK")
    return case.id


def _undos_there(world: World) -> list[str]:
    tenant_id = world.outsider.tenant_id
    with tenant_scope(tenant_id):
        rows = WorkItem.objects.filter(tenant_id=tenant_id, kind="COMPENSATION")
        return [row.title for row in rows]


def test_nobody_there_goes_past_a_point_of_no_return_alone(world: World) -> None:
    case_id = _theirs_passed(world, "pivot")
    remote = {"tenant": two.other_slug(world), "type": "case", "id": str(case_id)}
    two.ask(world, two.ours(world, remote))
    [request] = two.asked(world)
    refused = two.decide(world, "approve", request)
    assert (refused.status_code, refused.json()["code"]) == (409, "approval_required")
    assert refused.json()["decisions"] == [
        {
            "policy": "four_eyes", "effect": "require_approval",
            "reason": "reversibility: what cannot be undone stays",
        }
    ]  # fmt: skip
    assert "ask for approval there" in refused.json()["detail"]
    assert [each["status"] for each in two.asked(world)] == ["PENDING"]
    assert _undos_there(world) == []
    shown = api(world.outsider).get(f"/api/v1/cases/{case_id}").json()
    assert (shown["status"], shown["live_run"]) == ("RUNNING", None)
    verify()


def test_what_passed_none_there_is_undone_on_the_word_of_one(world: World) -> None:
    case_id = _theirs_passed(world, "compensable")
    remote = {"tenant": two.other_slug(world), "type": "case", "id": str(case_id)}
    two.ask(world, two.ours(world, remote))
    [request] = two.asked(world)
    assert two.decide(world, "approve", request).status_code == 200
    assert _undos_there(world) == ["Undo: Do c"]
