"""Batches under several workers and callers: each call is done once, in its order."""

from __future__ import annotations

import contextlib
import functools
import json
import uuid

from django.test import Client

from compensation.actions.plan_execution import execute
from compensation.models import CompensationRun
from config.demo.transfers import balances, open_accounts, transfers
from executions.actions import cancel_execution
from executions.models import Batch, Execution
from ledger.errors import Conflict
from ledger.tenancy import tenant_scope
from tests.batching import FAILS, adjust, asked, batch_now, calls_now, statuses, transfer
from tests.casework import preview
from tests.clients import api
from tests.concurrency.test_cases import at_once
from tests.concurrency.test_sub_case_races import worker
from tests.draining import drain
from tests.verifying import verify
from tests.world import World
from verbs.call import Call

WORKERS = 3


def test_workers_at_once_do_each_call_once_and_in_order(world: World) -> None:
    open_accounts(world.system.tenant_id)
    made = [asked(world, *(transfer(n) for n in range(1, 6))) for _ in range(3)]
    at_once(*[_working] * WORKERS)
    drain()
    for batch in made:
        assert batch_now(world, batch.id).status == "COMPLETED"
        rows = calls_now(world, batch.id)
        assert [row.completion_seq for row in rows] == [1, 2, 3, 4, 5]
        assert [row.attempts for row in rows] == [1] * 5
        ends = [row.ended_at for row in rows]
        assert ends == sorted(each for each in ends if each is not None)
    assert sorted(amount for *_who, amount in transfers(world.system.tenant_id)) == sorted(
        [1, 2, 3, 4, 5] * 3
    )
    verify()


def _working() -> None:
    for _ in range(4):
        worker()
        drain()


def test_a_call_called_back_as_its_turn_comes_is_done_or_not(world: World) -> None:
    open_accounts(world.system.tenant_id)
    for _ in range(5):
        batch = asked(world, transfer(1), transfer(2))
        second = calls_now(world, batch.id)[1]

        def call_back(id_: uuid.UUID = second.id) -> None:
            with contextlib.suppress(Conflict):
                cancel_execution(id_, call=Call(world.operator), reason="Not that one")

        at_once(_working, call_back)
        drain()
        ended = (str(batch_now(world, batch.id).status), statuses(world, batch.id)[1])
        assert ended in {("COMPLETED", "SUCCEEDED"), ("FAILED", "CANCELLED")}
    done = sum(row[2] == 2 for row in transfers(world.system.tenant_id))
    with tenant_scope(world.system.tenant_id):
        assert Batch.objects.filter(status="COMPLETED").count() == done
    verify()


def test_two_rollbacks_at_once_are_one(world: World) -> None:
    open_accounts(world.system.tenant_id, {"a": 10})
    batch = asked(world, adjust("a", 11), FAILS)
    drain(fast_forward=True)
    plans = [preview(("batch", batch.id), call=Call(world.operator), reason="R") for _ in range(2)]

    def start(plan_id: uuid.UUID, digest: str) -> None:
        with contextlib.suppress(Conflict):
            execute(plan_id, call=Call(world.operator, digest=digest))

    at_once(*[functools.partial(start, plan.id, plan.digest) for plan in plans])
    drain(fast_forward=True)
    with tenant_scope(world.system.tenant_id):
        assert [str(run.status) for run in CompensationRun.objects.all()] == ["COMPLETED"]
    assert balances(world.system.tenant_id) == {"a": 10}
    assert transfers(world.system.tenant_id) == [("a", "a", 1), ("a", "a", -1)]


def test_one_key_at_once_is_one_batch(world: World) -> None:
    open_accounts(world.system.tenant_id)
    body = json.dumps({"calls": [transfer(1), transfer(2)]})
    answers: list[int] = []

    def ask(client: Client) -> None:
        answer = client.post(
            "/api/v1/batches", body, content_type="application/json",
            headers={"Idempotency-Key": "once"},
        )  # fmt: skip
        answers.append(answer.status_code)

    at_once(*[functools.partial(ask, api(world.operator)) for _ in range(3)])
    with tenant_scope(world.system.tenant_id):
        assert (Batch.objects.count(), Execution.objects.count()) == (1, 2)
    assert 201 in answers
    assert set(answers) <= {201, 409}
    drain()
    assert transfers(world.system.tenant_id) == [("bank", "customer", 1), ("bank", "customer", 2)]
