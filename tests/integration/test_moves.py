"""What one transaction changes is written together: all of it, or nothing."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from accounts.acting import authority_of
from compensation.locking import lock_row
from ledger.ids import new_id
from ledger.selectors import entries_of
from ledger.tenancy import set_tenant, tenant_scope
from tests import states
from tests.lanes import statements
from tests.world import World
from verbs.move import Moves, move
from workitems.models import WorkItem


def test_rows_and_entries_are_written_together_and_link_to_each_other(world: World) -> None:
    item, other = states.new_item(world.operator), states.new_item(world.operator)
    tenant_id = world.operator.tenant_id
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        by, moves = authority_of(world.operator).ref(), Moves()
        row, second = (
            lock_row(tenant_id, "work_item", item.id),
            lock_row(tenant_id, "work_item", other.id),
        )
        assert row is not None
        assert second is not None
        row.assignee_id = world.analyst.actor_id
        row.claim()
        first = move(row, "claimed", before="PENDING", by=by, fields=["assignee"], moves=moves)
        second.claim()
        move(second, "claimed", before="PENDING", by=by, caused_by=first.ref, moves=moves)
        row.start()
        move(row, "started", before="ASSIGNED", by=by, caused_by=first.ref, moves=moves)
        assert WorkItem.objects.get(id=item.id).version == 1
        # Both rows with the three entries, and the second change of the first one.
        assert len(statements(moves.record)) == 2
        assert statements(moves.record) == []
    with tenant_scope(tenant_id):
        stored = WorkItem.objects.get(id=item.id)
        assert (stored.status, stored.version) == ("IN_PROGRESS", 3)
        assert stored.assignee_id == world.analyst.actor_id
        assert WorkItem.objects.get(id=other.id).status == "ASSIGNED"
        _created, claimed, started = entries_of(tenant_id, "work_item", item.id)
        assert (claimed.id, claimed.hash) == (first.id, first.hash)
        assert started.caused_by == first.ref
        assert started.previous_hash == claimed.hash
        assert entries_of(tenant_id, "work_item", other.id)[-1].caused_by == first.ref


def test_a_row_that_is_not_there_undoes_everything(world: World) -> None:
    item = states.new_item(world.operator)
    tenant_id = world.operator.tenant_id

    @transaction.atomic(durable=True)
    def claim_and_save_nothing() -> None:
        set_tenant(tenant_id)
        by, moves = authority_of(world.operator).ref(), Moves()
        row = lock_row(tenant_id, "work_item", item.id)
        assert row is not None
        row.claim()
        move(row, "claimed", before="PENDING", by=by, moves=moves)
        moves.save(WorkItem(id=new_id(), tenant_id=tenant_id), ["title"])
        moves.record()

    with pytest.raises(DatabaseError):
        claim_and_save_nothing()
    with tenant_scope(tenant_id):
        assert WorkItem.objects.get(id=item.id).status == "PENDING"
        assert [each.action for each in entries_of(tenant_id, "work_item", item.id)] == ["created"]
