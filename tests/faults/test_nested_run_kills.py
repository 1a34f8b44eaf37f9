"""Killed while a rollback begins the one below it, while that undoes, or while its end is heard:
done again, done once.
"""

from __future__ import annotations

import signal
import uuid
from typing import Any

from compensation.models import CompensationRun
from config.demo.transfers import open_accounts, transfers
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, open_undo, opened, plan_for, roll_back, undo
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.faults.kills import Runner
from tests.faults.test_failpoints import AFTER_COMMIT, PATHS
from tests.states import actions_of, work
from tests.subcases import below, child, statuses
from tests.verifying import verify
from tests.world import World


def stands(world: World, top: uuid.UUID) -> Any:
    """Return how both cases stand, without ids and times."""
    low = child(world, top)
    return [
        (str(case_row(world, each).status), case_row(world, each).version,
         actions_of(world, "case", each))
        for each in (top, low.id)
    ]  # fmt: skip


def unheard(world: World) -> uuid.UUID:
    """Undo the one task of a case below, and let no worker hear of it."""
    top = opened(world, "tests/top")
    low = child(world, top)
    finish(world.analyst, low.id, "task", "OK")
    roll_back(world, top)
    work(world.analyst, open_undo(world.analyst, low.id).id, "REVERSED")
    return top


def test_the_end_of_the_run_below_is_heard_once(world: World, runner: Runner) -> None:
    undone = human("task", compensation={"mode": "human"})
    deploy(world, definition("low", undone, success=".task != null"))
    deploy(world, definition("top", below("a", "low"), success=".a != null"))
    smooth = unheard(world)
    assert runner.do("work", smooth, world.operator) == 0
    wanted = stands(world, smooth)
    assert [each[0] for each in wanted] == ["COMPENSATED", "COMPENSATED"]
    for point in PATHS["nest"]:
        top = unheard(world)
        assert runner.do("work", top, world.operator, point=point) == -signal.SIGKILL, point
        assert runner.do("work", top, world.operator) == 0, point
        assert stands(world, top) == wanted, point
    verify()


def runs(world: World, *cases: uuid.UUID) -> int:
    """Return how many runs there are about cases."""
    with tenant_scope(world.operator.tenant_id):
        return CompensationRun.objects.filter(about_id__in=cases).count()


def test_both_levels_begin_or_neither(world: World, runner: Runner) -> None:
    undone = human("task", compensation={"mode": "human"})
    deploy(world, definition("low", undone, success=".task != null"))
    deploy(world, definition("top", below("a", "low"), success=".a != null"))
    for point in (each for each in PATHS["execute"] if each not in AFTER_COMMIT):
        top = opened(world, "tests/top")
        low = child(world, top).id
        finish(world.analyst, low, "task", "OK")
        plan = plan_for(world, top)
        assert runner.do("execute", plan.id, world.operator, point=point) == -signal.SIGKILL, point
        assert statuses(world, top) == ["COMPLETED", "COMPLETED"], point
        assert runs(world, top, low) == 0, point
        for _ in range(2):
            assert runner.do("execute", plan.id, world.operator) == 0, point
        drain()
        assert statuses(world, top) == ["COMPENSATING", "COMPENSATING"], point
        assert (runs(world, top), runs(world, low)) == (1, 1), point
        undo(world.analyst, low)
        assert statuses(world, top) == ["COMPENSATED", "COMPENSATED"], point
    verify()


def paid(world: World) -> uuid.UUID:
    """Return a case that paid 1, and below it one that paid 2: both done."""
    top = opened(world, "tests/top")
    drain(fast_forward=True)
    assert statuses(world, top) == ["COMPLETED", "COMPLETED"]
    return top


def test_programs_below_undo_once_and_before_those_above(world: World, runner: Runner) -> None:
    given = '{{from: "bank", to: "customer", amount: {}}}'
    two = automated("two", "demo.transfer", "true", given.format(2))
    one = automated("one", "demo.transfer", "true", given.format(1))
    deploy(world, definition("low", two, success=".two != null"))
    low = below("low", "low", ".one != null and .low == null")
    deploy(world, definition("top", one, low, success=".low != null"))
    tenant_id = world.operator.tenant_id
    open_accounts(tenant_id, {"bank": 1_000, "customer": 0})
    forth, back = ("bank", "customer"), ("customer", "bank")
    for n, point in enumerate(PATHS["work"], start=1):
        top = paid(world)
        plan = plan_for(world, top)
        assert runner.do("execute", plan.id, world.operator) == 0, point
        assert runner.do("work", top, world.operator, point=point) == -signal.SIGKILL, point
        assert runner.do("work", top, world.operator) == 0, point
        assert statuses(world, top) == ["COMPENSATED", "COMPENSATED"], point
        once = [(*forth, 1), (*forth, 2), (*back, 2), (*back, 1)]
        assert transfers(tenant_id) == once * n, point
    verify()
