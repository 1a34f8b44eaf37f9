"""What a closed case means for its items: nothing of it is undone any more, by either door."""

from __future__ import annotations

import pytest

from cases.actions import close_case
from compensation.errors import CaseClosed
from compensation.models import CompensationAttempt
from ledger.selectors import entries_of
from ledger.tenancy import tenant_scope
from tests.casework import approved_loan
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.models import WorkItem


def test_an_item_of_a_closed_case_is_not_undone(world: World) -> None:
    loan = approved_loan(world)
    close_case(loan, call=Call(world.operator), reason="The file is archived")
    with tenant_scope(world.system.tenant_id):
        item = WorkItem.objects.get(case_id=loan, binding="valuation")
        before = len(entries_of(item.tenant_id, "work_item", item.id))
    with pytest.raises(CaseClosed) as refused:
        actions.compensate(item.id, call=Call(world.operator), reason="forged")
    assert refused.value.code == "case_closed"
    with tenant_scope(world.system.tenant_id):
        again = WorkItem.objects.get(id=item.id)
        assert (again.status, again.version) == (item.status, item.version)
        assert len(entries_of(item.tenant_id, "work_item", item.id)) == before
        assert not CompensationAttempt.objects.filter(original_id=item.id).exists()
