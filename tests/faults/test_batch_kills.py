"""A worker killed anywhere in a batch: each call, and each undo, is done once all the same."""

from __future__ import annotations

import signal
import uuid
from typing import Any

from config.demo.transfers import balances, open_accounts, transfers
from tests.batching import FAILS, adjust, asked, batch_now, calls_now, history, statuses
from tests.faults.kills import Runner
from tests.faults.test_failpoints import PATHS
from tests.verifying import verify
from tests.world import World

# Where an effect is made, and where a batch is carried on.
POINTS = [*PATHS["batch"], "execution.dispatched", "execution.handled", "execution.before_settle",
          "execution.settled", "runs.handled", "compensation.settled"]  # fmt: skip


def _asked(world: World) -> uuid.UUID:
    """A batch of three whose last fails, of which no worker has heard."""
    tag = uuid.uuid4().hex[:6]
    open_accounts(world.system.tenant_id, {f"a {tag}": 10, f"b {tag}": 20})
    return asked(
        world, adjust(f"a {tag}", 11), adjust(f"b {tag}", 22), FAILS, adjust(f"a {tag}", 12),
        on_failure="compensate",
    ).id  # fmt: skip


def _stands(world: World, batch_id: uuid.UUID) -> Any:
    """How everything stands, without ids and times and how often what was tried."""
    accounts = {row.input.get("account") for row in calls_now(world, batch_id)} - {None}
    moved = [amount for name, _to, amount in transfers(world.system.tenant_id) if name in accounts]
    held = balances(world.system.tenant_id)
    return (
        str(batch_now(world, batch_id).status),
        history(world, "batch", batch_id),
        statuses(world, batch_id),
        [row.completion_seq for row in calls_now(world, batch_id)],
        moved,
        sorted(held[name] for name in accounts if name),
    )


def test_each_effect_is_made_once_and_taken_back_once(world: World, runner: Runner) -> None:
    smooth = _asked(world)
    assert runner.do("work", smooth, world.operator) == 0
    wanted = _stands(world, smooth)
    assert wanted[0] == "COMPENSATED"
    assert wanted[4:] == ([1, 2, -2, -1], [10, 20])
    for point in POINTS:
        batch = _asked(world)
        assert runner.do("work", batch, world.operator, point=point) == -signal.SIGKILL, point
        assert runner.do("work", batch, world.operator) == 0, point
        assert _stands(world, batch) == wanted, point
    verify()
