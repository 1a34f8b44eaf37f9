"""A bank in memory that moves money once per key and may not answer, and cases that pay."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from compensation.actions.plan_execution import execute
from compensation.models import CompensationRun
from executions import capability_registry, selectors
from executions.actions import request_execution
from executions.capability_registry import Failed, Invocation, Result, RetryPolicy, capability
from executions.models import Execution
from ledger import selectors as entries
from ledger.tenancy import tenant_scope
from tests.casework import deploy, opened, preview, run_row
from tests.definitions import automated, definition
from tests.draining import drain
from tests.world import World
from verbs.call import Call

SEEN = {"evidence": "statement of 25 November, line 14"}


class Bank:
    """A bank in memory that moves money once per key, and then may not answer."""

    def __init__(self) -> None:
        self.paid: dict[str, int] = {}
        self.answers = True
        self.reachable = True
        self.asked = 0

    @property
    def out(self) -> int:
        """How much is out."""
        return sum(self.paid.values())

    def pay(self, call: Invocation) -> Result:
        """Pay, then answer or not."""
        if not self.reachable:
            raise Failed("the bank is closed; nothing was sent")
        self.paid.setdefault(call.idempotency_key, call.input["amount"])
        return self._answer()

    def take_back(self, call: Invocation) -> Result:
        """Take a payment back, if there was one."""
        self.paid.setdefault(call.idempotency_key, -call.input["amount"] if self.out else 0)
        return self._answer()

    def status(self, call: Invocation) -> Result | None:
        """Say what became of a call."""
        self.asked += 1
        if call.idempotency_key in self.paid:
            return Result({"out": self.out})
        raise Failed("the bank knows nothing of it")

    def _answer(self) -> Result:
        if not self.answers:
            raise ConnectionError("no answer")
        return Result({"out": self.out})


def open_bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    """Open one, with its capabilities, for the length of a test."""
    known = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known)
    made = Bank()
    few: dict[str, Any] = {"retry": RetryPolicy(max_attempts=3)}
    capability("test.pay", undone_by="test.unpay", reversibility="compensable", **few)(made.pay)
    capability("test.unpay", **few)(made.take_back)
    capability("test.pay-safe", undone_by="test.unpay-safe", **few)(made.pay)
    capability("test.unpay-safe", safe_without_effect=True, **few)(made.take_back)
    capability("test.pay-told", undone_by="test.unpay", status=made.status, **few)(made.pay)
    return made


def pay(world: World, name: str = "test.pay", **more: Any) -> Execution:
    """Have 5 paid, and let all attempts pass."""
    made = request_execution(
        call=Call(world.operator), capability=name, input={"amount": 5}, **more
    )
    drain(fast_forward=True)
    return stored(world, made.id)


def stored(world: World, id_: uuid.UUID) -> Execution:
    with tenant_scope(world.operator.tenant_id):
        return selectors.get(world.operator.tenant_id, id_)


def undo_of(world: World, row: Execution) -> Execution:
    """Return the one execution that undoes, or undid, another."""
    with tenant_scope(world.operator.tenant_id):
        return Execution.objects.get(undoes_id=row.id)


def paying_case(world: World, name: str = "test.pay") -> tuple[uuid.UUID, Execution]:
    """Open a case whose only step pays, and let all attempts pass."""
    deploy(world, definition("pay", automated("pay", name, "true", "{amount: 5}"), success=".pay"))
    case_id = opened(world, "tests/pay")
    drain(fast_forward=True)
    with tenant_scope(world.operator.tenant_id):
        return case_id, Execution.objects.get(case_id=case_id)


def roll_back(world: World, case_id: uuid.UUID, **asked: Any) -> CompensationRun:
    """Preview and execute, and let everything settle."""
    plan = preview(("case", case_id), call=Call(world.operator), reason="Wrong", **asked)
    started = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain(fast_forward=True)
    return run_row(world, started.id)


def actions_of(world: World, row: Execution) -> list[str]:
    with tenant_scope(world.operator.tenant_id):
        return [entry.action for entry in entries.entries_of(row.tenant_id, "execution", row.id)]
