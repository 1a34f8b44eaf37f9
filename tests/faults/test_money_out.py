"""Twenty rounds of killed payments: no rollback ends as undone while the money is out.

In each round workers are killed, by SIGKILL and at points that the round draws, in some or all of
the attempts at a payment, and then at its undo. A rollback is asked for before or after; and
where nobody knows what happened an operator looks at the account and says so, or nobody does.
"""

from __future__ import annotations

import dataclasses
import random
import signal
import uuid

import pytest

from cases.actions import open_case
from compensation.actions.plan_execution import execute
from compensation.errors import NothingToUndo
from config.demo.transfers import balances, open_accounts
from executions.actions import settle_outcome
from executions.models import Execution
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, preview
from tests.definitions import automated, definition
from tests.draining import drain
from tests.faults.kills import Runner
from tests.world import World
from verbs.call import Call

ROUNDS = 20
ATTEMPTS = 5
PAID = 25_000
POINTS = ("execution.dispatched", "execution.handled", "execution.before_settle")
INPUT = f'{{from: "bank", to: "customer", amount: {PAID}}}'


def out(world: World) -> int:
    """Return how much money is out."""
    return balances(world.operator.tenant_id)["customer"]


@dataclasses.dataclass
class Round:
    """One payment, what kills its workers, and who asks and answers in between."""

    world: World
    runner: Runner
    draw: random.Random
    case_id: uuid.UUID
    is_begun: bool = False

    @property
    def status(self) -> str:
        """Return the case's status, after the one thing that must always hold."""
        status = str(case_row(self.world, self.case_id).status)
        assert status != "COMPENSATED" or out(self.world) == 0
        return status

    def work(self, point: str = "") -> int:
        """Do what is due, in a process that dies at `point`; how that ended."""
        ended = self.runner.do("work", self.case_id, self.world.operator, point=point)
        assert ended in {0, -signal.SIGKILL}
        assert self.status
        return ended

    def roll_back(self) -> None:
        """Preview and start a rollback, unless one has begun or there is nothing to undo."""
        if self.is_begun:
            return
        call = Call(self.world.operator)
        plan = preview(("case", self.case_id), call=call, reason="Wrong")
        try:
            execute(plan.id, call=Call(self.world.operator, digest=plan.digest))
        except NothingToUndo:
            return
        self.is_begun = True

    def kill_the_payment(self) -> None:
        """Kill a worker in two or in all attempts, and ask for a rollback at some moment."""
        times = self.draw.choice([ATTEMPTS, ATTEMPTS, 2])
        asks_after = self.draw.randrange(1, times + 2)
        for count in range(1, times + 1):
            assert self.work(self.draw.choice(POINTS)) == -signal.SIGKILL
            if count == asks_after:
                self.roll_back()
                assert self.is_begun, "a payment under way is waited for"
        if not self.is_begun:
            self.work()
            self.roll_back()

    def kill_the_undo(self) -> None:
        """Kill a worker in none, one or all attempts at the undo, where one has begun."""
        for _ in range(self.draw.choice([0, 1, ATTEMPTS]) if self.is_begun else 0):
            self.work(self.draw.choice(POINTS))
        self.work()

    def tell(self) -> bool:
        """Let an operator look at the account and settle what nobody knows, if there is any."""
        with tenant_scope(self.world.operator.tenant_id):
            rows = list(Execution.objects.filter(case_id=self.case_id, status="UNCERTAIN"))
        for row in rows:
            happened = out(self.world) == (PAID if row.undoes_id is None else 0)
            call = Call(self.world.operator)
            settle_outcome(row.id, call=call, happened=happened, evidence="statement")
        self.work()
        return bool(rows)


def begun(world: World, runner: Runner, number: int) -> Round:
    """Open a case that will pay; nobody has begun anything yet."""
    step = automated("pay", "demo.transfer", "true", INPUT)
    deploy(world, definition("pay", step, success=".pay"))
    open_accounts(world.operator.tenant_id)
    drain(fast_forward=True)
    case = open_case(call=Call(world.operator), definition="tests/pay", context={})
    draw = random.Random(number)  # noqa: S311  -- the same rounds every time
    return Round(world, runner, draw, case.id)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_no_run_ends_as_undone_with_the_money_out(
    world: World, runner: Runner, number: int
) -> None:
    played = begun(world, runner, number)
    played.kill_the_payment()
    played.kill_the_undo()
    if number % 4 == 0:
        # Nobody is asked: what is not known is not called undone.
        assert out(world) == 0 or played.status != "COMPENSATED"
        return
    while played.tell():
        played.roll_back()
        played.work()
    ended = {"COMPENSATED"} if out(world) == 0 and played.is_begun else {"COMPENSATION_FAULTED"}
    assert played.status in (ended if played.is_begun else {"FAULTED"})
