"""Batches over REST."""

from __future__ import annotations

from typing import Any

from django.test import Client

from config.demo.transfers import balances, open_accounts, transfers
from executions.models import Batch, Execution
from ledger.ids import new_id
from ledger.tenancy import tenant_scope
from tests.batching import FAILS, adjust, calls_now, statuses, transfer
from tests.clients import api, browser
from tests.draining import drain
from tests.security.rows.batches import stop
from tests.world import World

URL = "/api/v1/batches"


def post(client: Client, url: str, body: Any, **headers: str) -> Any:
    return client.post(url, body, content_type="application/json", headers=headers)


def _kept(world: World) -> tuple[int, int]:
    with tenant_scope(world.system.tenant_id):
        return Batch.objects.count(), Execution.objects.count()


def test_a_batch_is_asked_for_done_and_read(world: World) -> None:
    open_accounts(world.system.tenant_id)
    client = api(world.operator)
    asked = post(client, URL, {"calls": [transfer(1), FAILS, transfer(3)]})
    assert asked.status_code == 201
    made = asked.json()
    assert asked.headers["Location"] == f"{URL}/{made['id']}"
    assert asked.headers["ETag"] == '"v1"'
    assert {name: made[name] for name in ("status", "on_failure", "failed_at", "failed_call")} == {
        "status": "RUNNING", "on_failure": "stop", "failed_at": None, "failed_call": None,
    }  # fmt: skip
    assert (made["compensation_run"], made["stopped"]) == (None, None)
    assert made["requested_by"] == world.operator.username
    assert len(made["executions"]) == 3

    drain(fast_forward=True)

    done = api(world.bystander).get(f"{URL}/{made['id']}").json()
    calls = [client.get(f"/api/v1/executions/{id_}").json() for id_ in done["executions"]]
    assert [each["status"] for each in calls] == ["SUCCEEDED", "FAILED", "CANCELLED"]
    assert [each["batch"] for each in calls] == [made["id"]] * 3
    assert [each["case"] for each in calls] == [None] * 3
    assert (done["status"], done["failed_call"]) == ("FAILED", 1)
    assert done["failed_at"] == calls[1]["ended_at"]
    offered = {each["action"]: each["reason"] for each in done["available_actions"]}
    assert offered["compensation-plan"] == "not_operator"
    found = client.get(f"/api/v1/executions?batch={made['id']}").json()["results"]
    assert {each["id"] for each in found} == set(done["executions"])
    listed = client.get(f"{URL}?status=FAILED").json()["results"]
    assert [each["id"] for each in listed] == [made["id"]]
    assert client.get(f"{URL}?status=RUNNING").json()["results"] == []
    assert client.get(f"{URL}?status=LOST").status_code == 422


def test_both_links_are_in_the_api(world: World) -> None:
    open_accounts(world.system.tenant_id, {"a": 10, "b": 20})
    client = api(world.operator)
    made = post(
        client, URL,
        {"calls": [adjust("a", 11), adjust("b", 22), FAILS, adjust("a", 1), adjust("b", 2)]},
    ).json()  # fmt: skip
    drain(fast_forward=True)
    planned = post(client, f"{URL}/{made['id']}/compensation-plan", {"reason": "Half done"})
    assert planned.status_code == 201
    plan = planned.json()
    assert plan["subject"] == {"type": "batch", "id": made["id"]}
    assert [each["original"]["id"] for each in plan["steps"]] == made["executions"][1::-1]
    started = post(
        client, f"/api/v1/compensation-plans/{plan['id']}/execute", {},
        If_Match=f'"{plan["digest"]}"', Idempotency_Key="k",
    )  # fmt: skip
    assert started.status_code == 202
    run = started.json()["id"]
    drain(fast_forward=True)

    now = client.get(f"{URL}/{made['id']}").json()
    assert (now["status"], now["compensation_run"]) == ("COMPENSATED", run)
    assert balances(world.system.tenant_id) == {"a": 10, "b": 20}
    for id_ in made["executions"][:2]:
        original = client.get(f"/api/v1/executions/{id_}").json()
        [link] = original["compensations"]
        undo = client.get(f"/api/v1/executions/{link['id']}").json()
        assert undo["undoes"] == {"type": "execution", "id": id_}
        assert (undo["batch"], undo["compensation"]["run"]) == (made["id"], run)
        assert undo["compensation"]["original_snapshot"]["before"] == original["before"]
    assert now["executions"] == made["executions"], "an undo became one of its calls"


def test_a_repeated_request_is_one_batch(world: World) -> None:
    open_accounts(world.system.tenant_id)
    client, body = api(world.operator), {"calls": [transfer(1), transfer(2)]}
    first = post(client, URL, body, Idempotency_Key="k")
    again = post(client, URL, body, Idempotency_Key="k")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotency-Replayed"] == "true"
    assert _kept(world) == (1, 2)
    other = post(client, URL, {"calls": [transfer(3)]}, Idempotency_Key="k")
    assert other.status_code == 422
    assert _kept(world) == (1, 2)
    drain()
    assert transfers(world.system.tenant_id) == [("bank", "customer", 1), ("bank", "customer", 2)]


def test_what_is_broken_is_named_and_nothing_is_kept(world: World) -> None:
    client = api(world.operator)
    wrong = {"capability": "demo.transfer", "input": {"from": "a", "to": "b", "amount": "much"}}
    refused = post(client, URL, {"calls": [transfer(1), wrong]}, Idempotency_Key="k")
    assert refused.status_code == 422
    assert [each["pointer"] for each in refused.json()["errors"]] == ["/calls/1/input/amount"]
    many = post(client, URL, {"calls": [FAILS] * 101})
    assert (many.status_code, many.json()["errors"][0]["pointer"]) == (422, "/calls")
    assert post(client, URL, {"calls": [FAILS], "on_failure": "wait"}).status_code == 422
    assert _kept(world) == (0, 0)
    # A refusal is not kept either: the same key may be used for what is right.
    assert post(client, URL, {"calls": [transfer(1)]}, Idempotency_Key="k").status_code == 201


def test_together_calls_are_bounded(world: World) -> None:
    big = {"capability": "demo.file", "input": {"to": "x", "subject": "y", "more": "z" * 200_000}}
    refused = post(api(world.operator), URL, {"calls": [big] * 6})
    assert refused.status_code == 422
    assert [each["pointer"] for each in refused.json()["errors"]] == ["/calls"]
    assert _kept(world) == (0, 0)


def test_roles_and_tenants(world: World) -> None:
    body = {"calls": [transfer(1)]}
    for who in (world.analyst, world.bystander, world.auditor, world.approver):
        assert post(api(who), URL, body).status_code == 403
    assert _kept(world) == (0, 0)
    made = post(api(world.operator), URL, body).json()
    outside = api(world.outsider)
    assert outside.get(f"{URL}/{made['id']}").status_code == 404
    plan = f"{URL}/{made['id']}/compensation-plan"
    assert post(outside, plan, {"reason": "R"}).status_code == 404
    assert post(api(world.analyst), plan, {"reason": "R"}).status_code == 403
    assert outside.get(URL).json()["results"] == []
    assert api(world.operator).get(f"{URL}/{new_id()}").status_code == 404


def test_what_has_stopped_says_so_and_is_tried_again(world: World) -> None:
    client = api(world.operator)
    made = post(client, URL, {"calls": [FAILS]}).json()
    with tenant_scope(world.system.tenant_id):
        id_ = Batch.objects.get().id
    assert post(client, f"{URL}/{made['id']}/retry", {}).status_code == 409
    stop(world, id_)
    assert client.get(f"{URL}/{made['id']}").json()["stopped"]["error"] == "E"
    again = post(client, f"{URL}/{made['id']}/retry", {})
    assert (again.status_code, again.json()["stopped"]) == (200, None)


def test_the_pages_say_how_far_it_is_and_what_can_be_done(world: World) -> None:
    open_accounts(world.system.tenant_id)
    made = post(
        api(world.operator), URL, {"calls": [transfer(1), FAILS, transfer(3)], "reason": "Why"}
    ).json()
    drain(fast_forward=True)
    page = browser(world.operator).get(f"/batches/{made['id']}/").content.decode()
    for words in (
        "Batch of 3 calls", "One of three calls done, call 2 failed.", "Roll back…", "Stop there",
        "2. ", "demo.fail never works", f"/batches/{made['id']}/rollback/", "Why",
    ):  # fmt: skip
        assert words in page, words
    listed = browser(world.analyst).get("/batches/?status=FAILED").content.decode()
    assert f"/batches/{made['id']}/" in listed
    assert (
        f"/batches/{made['id']}/"
        not in browser(world.analyst).get("/batches/?status=COMPLETED").content.decode()
    )
    step = calls_now(world, Batch(id=made["id"]).id)[1]
    assert (
        f"/batches/{made['id']}/"
        in browser(world.analyst).get(f"/executions/{step.id}/").content.decode()
    )
    assert browser(world.outsider).get(f"/batches/{made['id']}/").status_code == 404
    assert statuses(world, step.batch_id or new_id())[1] == "FAILED"
