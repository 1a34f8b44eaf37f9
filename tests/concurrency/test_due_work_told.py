"""Workers that find the same trouble of due work at once tell of it once."""

from __future__ import annotations

from audit.actions import due_work
from ledger.clock import rfc3339
from ledger.dispatch.consumer_registry import source_named
from tests.concurrency.test_dispatch import at_once
from tests.integration.test_due_work_trouble import HOLDS, change, held, noted, on_hold, stopped
from tests.world import World


def test_what_several_find_at_once_is_told_once_and_ended_once(world: World) -> None:
    tenant = world.system.tenant_id
    source = source_named(HOLDS)
    assert source is not None
    item = on_hold(world)
    change(world, "troubled_since = ledger_now() - interval '2 minutes'")
    since = held(world, item).troubled_since
    assert since is not None
    at_once(lambda: due_work.note_stopped(source, tenant, since, "jq cannot be started"))
    assert stopped(world) == {source.name: rfc3339(since)}
    # While the row is in trouble nobody ends it.
    at_once(lambda: due_work.note_over(source, tenant))
    assert stopped(world) == {source.name: rfc3339(since)}
    change(world, "troubled_since = NULL")
    at_once(lambda: due_work.note_over(source, tenant))
    assert stopped(world) == {}
    at_once(lambda: due_work.note_stopped(source, tenant, since, "jq cannot be started"))
    assert stopped(world) == {}
    assert [action for action, _said in noted(world)] == [due_work.STOPPED, due_work.RESUMED]
