"""Capabilities and executions over REST."""

from __future__ import annotations

import uuid
from typing import Any

from django.test import Client

from config.demo.transfers import balances, open_accounts
from executions.models import Execution
from ledger.tenancy import tenant_scope
from tests.clients import api
from tests.draining import drain
from tests.world import World

TRANSFER = {"from": "bank", "to": "customer", "amount": 25_000}
URL = "/api/v1/executions"


def post(client: Client, url: str, body: Any, **headers: str) -> Any:
    return client.post(url, body, content_type="application/json", headers=headers)


def ask(client: Client, **body: Any) -> Any:
    return post(client, URL, {"capability": "demo.transfer", "input": TRANSFER, **body})


def test_capabilities_say_what_they_take_and_what_undoes_them(world: World) -> None:
    answer = api(world.bystander).get("/api/v1/capabilities")
    assert answer.status_code == 200
    found = {each["name"]: each for each in answer.json()["results"]}
    assert {
        "demo.fail",
        "demo.flaky",
        "demo.reverse-transfer",
        "demo.slow",
        "demo.transfer",
    } <= set(found)
    transfer = found["demo.transfer"]
    assert transfer["undone_by"] == "demo.reverse-transfer"
    assert transfer["reversibility"] == "compensable"
    assert transfer["input_schema"]["required"] == ["from", "to", "amount"]
    assert transfer["retry"] == {
        "max_attempts": 5, "base_seconds": 1, "cap_seconds": 30,
        "backoff": "exponential", "jitter": 0,
    }  # fmt: skip


def test_an_execution_is_asked_for_run_and_read(world: World) -> None:
    open_accounts(world.system.tenant_id)
    client = api(world.operator)
    asked = ask(client, reason="paid out")
    assert asked.status_code == 201
    body = asked.json()
    assert asked.headers["Location"] == f"{URL}/{body['id']}"
    assert asked.headers["ETag"] == '"v1"'
    assert (body["status"], body["attempts"], body["output"]) == ("PENDING", 0, None)
    assert body["requested_by"] == world.operator.username
    assert body["available_actions"] == [
        {"action": "approve", "allowed": False, "reason": "not_approver"},
        {"action": "reject", "allowed": False, "reason": "not_approver"},
        {"action": "cancel", "allowed": True, "reason": None},
        {"action": "result", "allowed": False, "reason": "wrong_state"},
        {"action": "outcome", "allowed": False, "reason": "wrong_state"},
    ]

    drain()

    read = client.get(f"{URL}/{body['id']}")
    assert read.headers["ETag"] == '"v3"'
    done = read.json()
    assert (done["status"], done["attempts"], done["version"]) == ("SUCCEEDED", 1, 3)
    assert done["output"] == {"from_balance": 975_000, "to_balance": 25_000}
    assert done["before"] == {"bank": 1_000_000, "customer": 0}
    assert done["after"] == {"bank": 975_000, "customer": 25_000}
    assert (done["reason"], done["mode"], done["case"], done["undoes"]) == (
        "paid out", "commit", None, None,
    )  # fmt: skip
    assert (done["compensations"], done["decisions"], done["approvals"]) == ([], [], [])
    history = client.get(f"{URL}/{body['id']}/history").json()["results"]
    assert [entry["action"] for entry in history] == ["succeeded", "dispatched", "requested"]


def test_the_same_key_moves_the_money_once(world: World) -> None:
    open_accounts(world.system.tenant_id)
    client = api(world.operator)
    body = {"capability": "demo.transfer", "input": TRANSFER}
    first = post(client, URL, body, **{"Idempotency-Key": "once"})
    second = post(client, URL, body, **{"Idempotency-Key": "once"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    drain()
    assert balances(world.system.tenant_id) == {"bank": 975_000, "customer": 25_000}


def test_broken_requests_name_every_field(world: World) -> None:
    client = api(world.operator)
    wrong = ask(client, input={**TRANSFER, "amount": 0, "to": ""})
    assert wrong.status_code == 422
    assert [error["pointer"] for error in wrong.json()["errors"]] == ["/input/amount", "/input/to"]
    unknown = ask(client, capability="demo.nothing")
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/capability")
    unnamed = ask(client, capability=" ", expected_state_version="v1")
    assert (unnamed.status_code, unnamed.json()["errors"]) == (
        422,
        [{"pointer": "/capability", "message": "This field may not be blank.", "code": "blank"}],
    )
    mode = ask(client, mode="pretend")
    assert (mode.status_code, mode.json()["errors"][0]["pointer"]) == (422, "/mode")
    version = ask(client, capability="demo.fail", input={}, expected_state_version="v1")
    assert version.json()["errors"][0]["pointer"] == "/expected_state_version"
    extra = ask(client, tip=1)
    assert (extra.status_code, extra.json()["errors"][0]["pointer"]) == (422, "/tip")
    filtered = client.get(f"{URL}?status=DONE")
    assert filtered.status_code == 422
    with tenant_scope(world.system.tenant_id):
        assert Execution.objects.count() == 0


def test_checks_come_in_their_order(world: World) -> None:
    asked = ask(api(world.operator)).json()
    url = f"{URL}/{asked['id']}/cancel"
    assert post(api(world.outsider), url, {"reason": 1, "x": 2}).status_code == 404
    assert post(api(world.operator), f"{URL}/{uuid.uuid4()}/cancel", {}).status_code == 404
    assert post(api(world.bystander), url, {"x": 2}).status_code == 403
    client = api(world.operator)
    stale = post(client, url, {"x": 2}, **{"If-Match": '"v9"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert post(client, url, {"x": 2}).status_code == 422
    done = post(client, url, {"reason": "asked twice"}, **{"If-Match": '"v1"'})
    assert (done.status_code, done.json()["status"], done.headers["ETag"]) == (
        200, "CANCELLED", '"v2"',
    )  # fmt: skip
    again = post(client, url, {"x": 2})
    assert again.status_code == 409
    assert again.json()["current_status"] == "CANCELLED"
    assert [each["allowed"] for each in again.json()["available_actions"]] == [False] * 5
    reasons = [each["reason"] for each in again.json()["available_actions"]]
    assert reasons == ["not_approver"] * 2 + ["wrong_state"] * 3
    seen = api(world.bystander).get(f"{URL}/{asked['id']}").json()["available_actions"]
    assert [each["reason"] for each in seen] == [
        "not_approver", "not_approver", "not_requester", "not_requester", "not_operator",
    ]  # fmt: skip
    result = post(client, f"{URL}/{asked['id']}/result", {"outcome": "succeeded"})
    assert (result.status_code, result.json()["code"]) == (409, "illegal_state")


def test_lists_are_filtered_paged_and_of_one_tenant(world: World) -> None:
    client = api(world.operator)
    ids = [ask(client).json()["id"] for _ in range(3)]
    page = client.get(f"{URL}?limit=2").json()
    assert [each["id"] for each in page["results"]] == [ids[2], ids[1]]
    rest = client.get(page["next"]).json()
    assert [each["id"] for each in rest["results"]] == [ids[0]]
    assert rest["next"] is None
    assert len(client.get(f"{URL}?status=PENDING&capability=demo.transfer").json()["results"]) == 3
    assert client.get(f"{URL}?status=FAILED").json()["results"] == []
    assert client.get(f"{URL}?case={uuid.uuid4()}").json()["results"] == []
    assert api(world.outsider).get(URL).json()["results"] == []
