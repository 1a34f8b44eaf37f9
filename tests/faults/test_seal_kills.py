"""A sealer that is killed leaves the tree as it was, and the next one seals everything once."""

from __future__ import annotations

import signal

from ledger.tenancy import tenant_scope
from ledger.tree.stored_tree import newest_checkpoint, seal_lag
from tests import states
from tests.faults.kills import Runner
from tests.faults.test_failpoints import PATHS
from tests.sealed import hashes, leaves, sealed
from tests.world import World


def test_a_sealer_killed_anywhere_seals_everything_once_or_nothing(
    world: World, runner: Runner
) -> None:
    tenant = world.system.tenant_id
    before = sealed(tenant)
    for point in PATHS["seal"]:
        states.new_item(world.analyst)
        killed = runner.do("seal", tenant, world.operator, point=point)
        assert killed == -signal.SIGKILL, point
        with tenant_scope(tenant):
            assert newest_checkpoint(tenant) == before, point
            assert seal_lag(tenant).entries == 1, point
        assert runner.do("seal", tenant, world.operator) == 0, point
        with tenant_scope(tenant):
            after = newest_checkpoint(tenant)
        assert after is not None
        assert (after.size, after.previous_size) == (before.size + 1, before.size)
        before = after
    found = leaves(tenant)
    assert [index for index, *_ in found] == list(range(before.size))
    assert {entry: hash_ for _, entry, hash_ in found} == hashes(tenant)
