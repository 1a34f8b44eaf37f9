"""More situations of BPMN 2.0 and LRA, and gaps of the same design: of cases below cases, of a
rollback that is under way, and of one item by itself.
"""

from __future__ import annotations

import time
import uuid

import pytest
import time_machine

from cases import actions
from ledger.errors import Conflict
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from tests.casework import (
    case_row,
    deploy,
    finish,
    open_undo,
    opened,
    plan_items,
    roll_back,
    run_row,
    steps,
    undo,
)
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.test_undo_situations import codes, started, undone
from tests.states import work
from tests.subcases import below, chain, child, deploy_levels, statuses
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.actions import compensate, retry_compensation
from workitems.models import WorkItem


def test_a_sub_case_that_is_still_running(world: World) -> None:
    """BPMN: an activity that is active is terminated, its finished parts out of reach. Here what
    was finished in it is undone, and what is open called off: nothing finished stands unnamed."""
    deploy(world, definition("inner", human("x"), human("y", ".x != null and .y == null")))
    deploy(world, definition("outer", human("a"), below("c", "inner")))
    top = opened(world, "tests/outer")
    low = child(world, top).id
    finish(world.analyst, top, "a", "OK")
    finish(world.analyst, low, "x", "OK")
    roll_back(world, top)
    assert plan_items(world, low)["y"].status == "CANCELLED"
    undo(world.analyst, low)
    undo(world.analyst, top)
    assert statuses(world, top) == ["COMPENSATED"] * 2
    assert plan_items(world, low)["y"].compensation_state == "NONE"
    verify()


def test_nested_three_levels(world: World) -> None:
    """BPMN: a completed sub-process is compensated by compensating what is in it, recursively."""
    deploy_levels(world)
    top = opened(world, "tests/top")
    low = chain(world, top)[2].id
    finish(world.analyst, low, "task", "OK")
    roll_back(world, top)
    assert statuses(world, top) == ["COMPENSATING"] * 3
    undo(world.analyst, low)
    assert statuses(world, top) == ["COMPENSATED"] * 3


def test_cancel_while_it_is_undone(world: World) -> None:
    """LRA: a Compensating participant cannot be cancelled. It is refused, and nothing changes."""
    case_id = started(world, human("a"), human("b"), done="ab")
    run = roll_back(world, case_id)
    with pytest.raises(Conflict):
        actions.cancel_case(case_id, call=Call(world.operator), reason="Enough")
    assert (case_row(world, case_id).status, run_row(world, run.id).status) == (
        "COMPENSATING", "RUNNING",
    )  # fmt: skip
    undo(world.analyst, case_id)
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "COMPENSATED"


def test_on_hold(world: World) -> None:
    """Neither standard knows it: a person rolls back a case on hold, which starts nothing more."""
    case_id = started(world, human("a"), human("b", ".a != null and .b == null"), done="a")
    actions.suspend_case(case_id, call=Call(world.operator), reason="Audit")
    assert undone(world, case_id) == ["a"]
    assert case_row(world, case_id).status == "COMPENSATED"


def test_ties_of_the_clock_change_nothing(world: World) -> None:
    """Everything was completed at one moment: the order is that of the numbers drawn."""
    with time_machine.travel(time.time(), tick=False):
        case_id = started(world, human("a"), human("b"), human("c"), done="bca")
    with tenant_scope(world.operator.tenant_id):
        rows = WorkItem.objects.filter(case_id=case_id, kind="TASK")
        assert len(set(rows.values_list("completed_at", flat=True))) == 1
    assert undone(world, case_id) == ["a", "c", "b"]


def test_a_clock_that_jumps_back_changes_nothing(world: World) -> None:
    """By the clock the last one was completed two hours before the first."""
    case_id = started(world, human("a"), human("b"), human("c"))
    for hours, name in ((1, "b"), (0, "c"), (-1, "a")):
        with time_machine.travel(time.time() + hours * 3600, tick=True):
            finish(world.analyst, case_id, name, "OK")
    assert undone(world, case_id) == ["a", "c", "b"]


def test_the_entries_of_what_is_undone_stay_as_they_are(world: World) -> None:
    case_id = started(world, human("a"), human("b"), done="ab")
    before = entries(world)
    assert undone(world, case_id) == ["b", "a"]
    after = entries(world)
    assert {id_: after[id_] for id_ in before} == before
    assert len(after) > len(before)
    verify()


def entries(world: World) -> dict[uuid.UUID, tuple[bytes, bytes]]:
    """Return the bytes and the hash of every entry, by its id."""
    with tenant_scope(world.operator.tenant_id):
        rows = LedgerEntry.objects.values_list("id", "body", "hash")
        return {id_: (bytes(said), bytes(hash_)) for id_, said, hash_ in rows}


def test_gap_an_undo_by_itself_that_failed_can_be_tried_again(world: World) -> None:
    case_id = started(world, human("a"), done="a")
    item = plan_items(world, case_id)["a"].work[1]
    compensate(item, call=Call(world.operator), reason="Wrong")
    work(world.analyst, open_undo(world.analyst, case_id).id, "CANNOT_REVERSE")
    drain()
    assert stands(world, item) == "COMPENSATION_FAULTED"
    retry_compensation(item, call=Call(world.operator))
    drain()
    assert stands(world, item) == "COMPENSATING"
    undo(world.analyst, case_id)
    assert stands(world, item) == "COMPENSATED"
    assert codes(world, case_id) == {"a": "already_compensated"}
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.filter(compensates_id=item).count() == 2


def stands(world: World, item_id: uuid.UUID) -> str:
    """Return how an item stands."""
    with tenant_scope(world.operator.tenant_id):
        return str(WorkItem.objects.get(id=item_id).status)


def test_gap_cases_below_are_undone_with_the_case_above(world: World) -> None:
    deploy(world, definition("inner", human("x"), success=".x != null"))
    deploy(world, definition(
        "outer", human("a"), below("c", "inner", ".a != null and .c == null"), success=".c != null",
    ))  # fmt: skip
    top = opened(world, "tests/outer")
    finish(world.analyst, top, "a", "OK")
    low = child(world, top).id
    finish(world.analyst, low, "x", "OK")
    run = roll_back(world, top)
    assert [step.original_name for step in steps(world, run.id)] == ["c", "a"]
    undo(world.analyst, low)
    undo(world.analyst, top)
    assert statuses(world, top) == ["COMPENSATED"] * 2
