"""What a closed case means for its items: nothing of it is undone any more, by either door."""

from __future__ import annotations

import uuid

import pytest

from cases.actions import close_case
from compensation.errors import CaseClosed
from compensation.models import CompensationAttempt
from ledger.errors import Conflict
from ledger.models import LedgerEntry
from ledger.selectors import entries_of
from ledger.tenancy import tenant_scope
from tests import states
from tests.casework import (
    approved_loan,
    case_row,
    deploy,
    finish,
    open_item,
    open_undo,
    opened,
    plan_for,
    undo,
)
from tests.definitions import definition, human
from tests.draining import drain
from tests.subcases import below, chain, statuses
from tests.verifying import verify
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


def three_levels(world: World) -> list[uuid.UUID]:
    """Return a case with one below it, and one below that; the last holds one task."""
    deploy(world, definition("low", human("task"), success=".task != null"))
    deploy(world, definition("middle", below("low", "low"), success=".low != null"))
    deploy(world, definition("top", below("middle", "middle"), success=".middle != null"))
    top = opened(world, "tests/top")
    return [case.id for case in chain(world, top)]


def test_one_below_can_be_undone_until_the_one_above_is_closed_and_then_not(world: World) -> None:
    top, middle, low = three_levels(world)
    finish(world.analyst, low, "task", "OK")
    steps = plan_for(world, low).content["steps"]
    assert [step["original"]["name"] for step in steps] == ["task"], "until then it can be"
    close_case(top, call=Call(world.operator), reason="The file is archived")
    assert [str(case_row(world, id_).status) for id_ in (top, middle, low)] == ["CLOSED"] * 3
    for id_ in (middle, low):
        with pytest.raises(CaseClosed):
            plan_for(world, id_)
    with tenant_scope(world.system.tenant_id):
        entries = {row.subject_id: row for row in LedgerEntry.objects.filter(action="closed")}
    assert set(entries) == {top, middle, low}
    causes = [entries[id_].caused_by_id for id_ in (middle, low)]
    assert causes == [entries[top].id, entries[middle].id], "each because of the one right above"
    verify()


def test_what_goes_on_below_keeps_a_case_from_being_closed(world: World) -> None:
    deploy(world, definition("low", human("task"), success=".task != null"))
    deploy(world, definition("top", below("low", "low"), human("other"), success=".never"))
    top, low = (case.id for case in chain(world, opened(world, "tests/top")))
    item = open_item(world.analyst, top, "other")
    actions.start(item.id, call=Call(world.analyst))
    actions.reject(item.id, call=Call(world.analyst), reason="No papers")
    drain()
    before = [(str(row.status), row.version) for row in chain(world, top)]
    assert [status for status, _version in before] == ["FAULTED", "RUNNING"]
    with pytest.raises(Conflict) as refused:
        close_case(top, call=Call(world.operator))
    assert refused.value.code == "open_below"
    assert case_row(world, low).number in refused.value.detail
    assert [(str(row.status), row.version) for row in chain(world, top)] == before


@pytest.mark.parametrize("level", [0, 1])
def test_what_is_being_undone_keeps_a_case_from_being_closed(world: World, level: int) -> None:
    """Closed, it would be undone in a case of which nothing can be undone any more."""
    deploy(world, definition("low", human("task"), success=".task != null"))
    success = ".low != null and .task != null"
    deploy(world, definition("top", below("low", "low"), human("task"), success=success))
    top, low = (case.id for case in chain(world, opened(world, "tests/top")))
    items = [finish(world.analyst, case_id, "task", "OK") for case_id in (top, low)]
    item = states.stored(world, items[level])
    states.compensate(item, world.operator)
    for status in ("COMPENSATING", "COMPENSATION_FAULTED"):
        assert states.stored(world, item.id).status == status
        before = [row.version for row in chain(world, top)]
        with pytest.raises(Conflict) as refused:
            close_case(top, call=Call(world.operator))
        assert (refused.value.code, "Task" in refused.value.detail) == ("undo_under_way", True)
        assert statuses(world, top) == ["COMPLETED", "COMPLETED"]
        assert [row.version for row in chain(world, top)] == before
        if status == "COMPENSATING":
            undo(world.analyst, (top, low)[level], "CANNOT_REVERSE")
    actions.retry_compensation(item.id, call=Call(world.operator))
    assert open_undo(world.analyst, (top, low)[level]).undoes_id == item.id
    undo(world.analyst, (top, low)[level])
    # The undo that failed stays as it ended, and is in nobody's way.
    assert close_case(top, call=Call(world.operator)).status == "CLOSED"
    assert statuses(world, top) == ["CLOSED", "CLOSED"]
