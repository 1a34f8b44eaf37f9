"""Workers that find the same trouble of due work at once tell of it once."""

from __future__ import annotations

from audit.actions import due_work
from audit.models import LedgerWatch
from ledger.clock import now, rfc3339
from ledger.dispatch.consumer_registry import source_named
from ledger.tenancy import tenant_scope
from tests.concurrency.test_dispatch import at_once
from tests.integration.test_ledger_health import chain
from tests.world import World


def test_what_several_find_at_once_is_told_once_and_ended_once(world: World) -> None:
    tenant = world.system.tenant_id
    source = source_named("work_item_holds")
    assert source is not None
    since = now()
    at_once(lambda: due_work.note_stopped(source, tenant, since, "jq cannot be started"))
    with tenant_scope(tenant):
        assert LedgerWatch.objects.get().stopped == {source.name: rfc3339(since)}
    at_once(lambda: due_work.note_over(source, tenant))
    with tenant_scope(tenant):
        assert LedgerWatch.objects.get().stopped == {}
    said = [each.action for each in chain(world, "tenant", tenant)]
    assert [each for each in said if each.startswith("due_work")] == [
        due_work.STOPPED, due_work.RESUMED
    ]  # fmt: skip
