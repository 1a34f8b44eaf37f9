"""What nobody waits for, at any level below a case that is rolled back: called off when that
begins, and undone with the rest. None of it goes on meanwhile and stands when all is called undone.
"""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases import actions
from compensation.actions.plan_execution import execute
from ledger.errors import Conflict
from tests.casework import (
    case_row,
    deploy,
    finish,
    open_item,
    opened,
    plan_for,
    plan_items,
    undo,
)
from tests.definitions import definition, human
from tests.draining import drain
from tests.states import actions_of, stored, work
from tests.subcases import below, child, children, statuses
from tests.verifying import verify
from tests.world import World
from verbs.call import Call


def unawaited(name: str, child_: str) -> dict[str, Any]:
    """Return a step that opens a case at the beginning, and does not wait for it."""
    return below(name, child_, when=".own == null", waitForCompletion=False)


def deployed(world: World) -> None:
    """Deploy a top that waits for `c`, which opens `g` and does not wait for that. When the task
    `later` of the top is done it opens `late`, whose work is undone before all other."""
    deploy(
        world,
        definition(
            "pair", human("first"), human("second", when=".first != null and .second == null"),
            success=".second != null",
        ),
    )  # fmt: skip
    more = human("more", when=".own != null and .more == null")
    deploy(world, definition("c", human("own"), unawaited("g", "pair"), more, success=".more"))
    late = below("late", "pair", ".later != null and .late == null")
    deploy(world, definition("top", below("c", "c"), human("later"), late))


def case_of(world: World, case_id: uuid.UUID, step: str) -> uuid.UUID:
    """Return the case that a step has opened."""
    found = plan_items(world, case_id)[step].target_id
    assert found is not None
    return found


def begin(world: World, top: uuid.UUID, **wish: Any) -> None:
    """Let a rollback begin, and nothing of it be heard of yet."""
    plan = plan_for(world, top, **wish)
    execute(plan.id, call=Call(world.operator, digest=plan.digest))


@pytest.mark.parametrize("status", ["COMPLETED", "CANCELLED", "RUNNING"])
def test_two_levels_below_it_is_called_off_at_once(world: World, status: str) -> None:
    deployed(world)
    top = opened(world, "tests/top")
    c = case_of(world, top, "c")
    g = child(world, c).id
    first = finish(world.analyst, g, "first", "OK")
    finish(world.analyst, c, "own", "OK")
    finish(world.analyst, top, "later", "OK")
    late = case_of(world, top, "late")
    finish(world.analyst, late, "first", "OK")
    if status == "COMPLETED":
        finish(world.analyst, c, "more", "OK")
    elif status == "CANCELLED":
        actions.cancel_case(c, call=Call(world.operator), reason="Not needed")
        drain()
    assert [str(case_row(world, each).status) for each in (c, g)] == [status, "RUNNING"]
    second = open_item(world.analyst, g, "second").id
    begin(world, top)
    assert str(case_row(world, g).status) == "CANCELLED"
    drain()
    with pytest.raises(Conflict):
        work(world.analyst, second, "OK")
    assert str(case_row(world, late).status) == "COMPENSATING", "the last opened before the others"
    # `g` was there before anything was done: it is the last that is undone in `c`.
    in_c = [c, c] if status == "COMPLETED" else [c]
    for each in (late, *in_c, g, top):
        undo(world.analyst, each)
    assert [str(case_row(world, each).status) for each in (top, late, c, g)] == ["COMPENSATED"] * 4
    assert [str(stored(world, each).status) for each in (first, second)] == [
        "COMPENSATED", "CANCELLED",
    ]  # fmt: skip
    assert actions_of(world, "case", g).count("cancelled") == 1
    verify()


def test_three_levels_below_too_with_what_is_waited_for_there(world: World) -> None:
    deploy(world, definition("low", human("first"), human("second")))
    deploy(world, definition("h", human("own"), below("low", "low")))
    deploy(world, definition("g", human("own"), unawaited("h", "h")))
    deploy(world, definition("c", human("own"), unawaited("g", "g"), success=".own != null"))
    deploy(world, definition("top", human("own"), below("c", "c")))
    top = opened(world, "tests/top")
    c, g, h, low = levels = [each.id for each in _chain_below(world, top)]
    finish(world.analyst, low, "first", "OK")
    for each in (c, top):
        finish(world.analyst, each, "own", "OK")
    assert statuses(world, top) == ["RUNNING", "COMPLETED", "RUNNING", "RUNNING", "RUNNING"]
    begin(world, top)
    assert statuses(world, top) == [
        "COMPENSATING", "COMPLETED", "CANCELLED", "CANCELLED", "CANCELLED",
    ]  # fmt: skip
    drain()
    for each in (top, c, low):
        undo(world.analyst, each)
    assert statuses(world, top) == ["COMPENSATED"] * 5
    assert [actions_of(world, "case", each).count("cancelled") for each in levels] == [0, 1, 1, 1]
    for each in (g, h):
        assert str(plan_items(world, each)["own"].status) == "CANCELLED"
    verify()


@pytest.mark.parametrize("deep", [1, 2])
@pytest.mark.parametrize("scope", ["steps", "sub_case"])
def test_a_rollback_of_chosen_steps_calls_it_off_at_once_too(
    world: World, scope: str, deep: int
) -> None:
    deploy(world, definition("pair", human("first"), human("second")))
    free = unawaited("free", "pair")
    deploy(world, definition("over", human("own"), free, success=".own != null"))
    step = free if deep == 1 else below("free", "over")
    deploy(world, definition("top", step, human("own"), human("last")))
    top = opened(world, "tests/top")
    levels = [each.id for each in _chain_below(world, top)]
    finish(world.analyst, levels[-1], "first", "OK")
    for each in [*levels[:-1], top]:
        finish(world.analyst, each, "own", "OK")
    chosen: dict[str, Any] = {"kind": "steps", "steps": ["free"], "only_this": True}
    if scope == "sub_case":
        chosen = {"kind": "sub_case", "case": str(levels[0])}
    begin(world, top, scope=chosen)
    assert str(case_row(world, levels[-1]).status) == "CANCELLED"
    assert str(open_item(world.analyst, top, "last").status) == "PENDING", "the rest stays"
    drain()
    for each in levels:
        undo(world.analyst, each)
    assert [str(case_row(world, each).status) for each in levels] == ["COMPENSATED"] * deep
    assert plan_items(world, top)["own"].compensation_state == "NONE"
    verify()


def _chain_below(world: World, case_id: uuid.UUID) -> list[Any]:
    found: list[Any] = []
    while rows := children(world, found[-1].id if found else case_id):
        found += rows
    return found
