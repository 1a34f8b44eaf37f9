"""Rollbacks that are asked for, granted, called back and out of time at once: real threads."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection

from compensation.actions.plan_execution import execute
from compensation.actions.run_verbs import RUN
from compensation.actions.waiting_runs import approve_run, cancel_run
from compensation.models import CompensationRun
from governance.actions.approval_expiry import expire_due
from ledger.errors import Refusal
from ledger.tenancy import tenant_scope
from tests.approvals import due_now, second_approver
from tests.bank import open_bank
from tests.casework import case_row, deploy, opened, plan_for, steps
from tests.concurrency.test_cases import at_once
from tests.definitions import automated, definition
from tests.draining import drain
from tests.integration.test_governed_executions import policy
from tests.integration.test_governed_runs import approval_of
from tests.states import actions_of
from tests.world import World
from verbs.call import Call

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS, THREADS = 100, 20


class Crowd:
    """Threads that stay, each on a connection of its own: rounds cost what is asked in them."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS)
        self._gate = threading.Barrier(THREADS)

    def all_at(self, call: Callable[[], Any]) -> list[Any]:
        """Let all of them do the same at the same moment; a refusal is its code."""
        asked = [self._pool.submit(self._one, call) for _ in range(THREADS)]
        return [each.result() for each in asked]

    def _one(self, call: Callable[[], Any]) -> Any:
        self._gate.wait()
        try:
            return call()
        except Refusal as refusal:
            return refusal.code

    def leave(self) -> None:
        """Close their connections."""
        for each in [self._pool.submit(self._close) for _ in range(THREADS)]:
            each.result()
        self._pool.shutdown()

    def _close(self) -> None:
        self._gate.wait()
        connection.close()


def paid_cases(world: World, monkeypatch: pytest.MonkeyPatch, number: int) -> list[uuid.UUID]:
    """Return so many cases of one payment each, that are over."""
    open_bank(monkeypatch)
    pay = automated("a", "test.pay", "true", "{amount: 5}")
    deploy(world, definition("one", pay, success=".a != null"))
    return [opened(world, "tests/one") for _ in range(number)]


def runs_about(world: World, case_id: uuid.UUID) -> list[CompensationRun]:
    with tenant_scope(world.operator.tenant_id):
        return list(CompensationRun.objects.filter(about_id=case_id))


def executing(world: World, plan: Any) -> Callable[[], Any]:
    return lambda: execute(plan.id, call=Call(world.operator, digest=plan.digest)).id


@pytest.mark.timeout(240)
def test_whatever_is_asked_at_once_one_run_begins(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred rounds of twenty threads. The cases are of one tenant, and made before."""
    crowd = Crowd()
    for number, case_id in enumerate(paid_cases(world, monkeypatch, ROUNDS)):
        plan = plan_for(world, case_id)
        answers = crowd.all_at(executing(world, plan))
        [run] = runs_about(world, case_id)
        assert answers.count(run.id) == 1, number
        assert answers.count("run_live") == THREADS - 1, (number, answers)
        told = actions_of(world, "case", case_id)
        assert told.count("rollback_started") == 1, number
        assert len(steps(world, run.id)) == 1
    crowd.leave()


@pytest.mark.parametrize("other", ["approve", "cancel", "expire"])
def test_a_grant_and_its_opposite_end_in_one_order(
    world: World, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    cases = paid_cases(world, monkeypatch, 3)
    second = second_approver(world)
    policy(world, "require_approval", '.operation == "roll_back"')
    for case_id in cases:
        plan = plan_for(world, case_id)
        run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
        assert run.status == "PENDING_APPROVAL"
        waits = approval_of(world, run)
        due_now(waits)
        rivals: dict[str, Callable[[], Any]] = {
            "approve": partial(approve_run, run.id, call=Call(second)),
            "cancel": partial(cancel_run, run.id, call=Call(world.operator), reason="No"),
            "expire": partial(expire_due, run.tenant_id, waits.id),
        }
        at_once(partial(approve_run, run.id, call=Call(world.approver)), rivals[other])
        [after] = runs_about(world, case_id)
        begun = approval_of(world, run).status == "GRANTED"
        assert begun or after.status in {"CANCELLED", "EXPIRED"}
        assert begun or other != "approve"
        told = actions_of(world, RUN, run.id)
        assert told.count("compensation_started") == int(begun)
        drain()
        ended = ("COMPENSATED", "DONE") if begun else ("COMPLETED", "PLANNED")
        [step] = steps(world, run.id)
        assert (str(case_row(world, case_id).status), str(step.status)) == ended
