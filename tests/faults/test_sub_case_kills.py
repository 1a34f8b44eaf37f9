"""Killed while it opens a sub-case, or takes in its end: done again, it was done once."""

from __future__ import annotations

import signal
import uuid
from typing import Any

import pytest

from cases import actions
from tests.casework import case_row, deploy, open_item, opened, plan_items
from tests.definitions import definition, human
from tests.faults.kills import Runner
from tests.faults.test_failpoints import PATHS
from tests.states import actions_of, work
from tests.subcases import below, child, children
from tests.verifying import verify
from tests.world import World
from verbs.call import Call


@pytest.fixture(autouse=True)
def deployed(world: World) -> None:
    """Deploy a case that waits for two cases below it, of which one is enough."""
    deploy(world, definition("low", human("task"), success=".task != null"))
    steps = [
        below(name, "low", groupId="g", requiredCount=1, onThresholdReached="CANCEL")
        for name in ("a", "b")
    ]
    deploy(world, definition("top", *steps, human("own"), success=".own != null"))


def stands(world: World, top: uuid.UUID) -> Any:
    """Return how everything stands, without ids and times."""
    items = plan_items(world, top)
    rows = children(world, top)
    return (
        [(name, str(item.status), item.completion_seq) for name, item in items.items()],
        actions_of(world, "case", top),
        [(str(row.status), actions_of(world, "case", row.id)) for row in rows],
        [[str(item.status) for item in plan_items(world, row.id).values()] for row in rows],
        (case_row(world, top).version, case_row(world, top).groups_met),
    )


def unopened(world: World) -> uuid.UUID:
    """Open a case of which no worker has heard."""
    return actions.open_case(call=Call(world.operator), definition="tests/top", context={}).id


def unheard(world: World) -> uuid.UUID:
    """Do the task of one that is below, and let no worker hear of it."""
    top = opened(world, "tests/top")
    low = children(world, top)[0].id
    work(world.analyst, open_item(world.analyst, low, "task").id, "OK")
    return top


@pytest.mark.parametrize("prepare", [unopened, unheard], ids=["opening", "ending"])
def test_it_is_done_once(world: World, runner: Runner, prepare: Any) -> None:
    smooth = prepare(world)
    assert runner.do("work", smooth, world.operator) == 0
    wanted = stands(world, smooth)
    assert [len(rows) for rows in wanted[2:4]] == [2, 2]
    for point in PATHS["carry"]:
        top = prepare(world)
        assert runner.do("work", top, world.operator, point=point) == -signal.SIGKILL, point
        assert runner.do("work", top, world.operator) == 0, point
        assert stands(world, top) == wanted, point
    verify()


def test_killed_between_an_end_and_its_hearing(world: World, runner: Runner) -> None:
    deploy(world, definition("one", below("a", "low"), success=".a != null"))
    top = opened(world, "tests/one")
    low = child(world, top).id
    work(world.analyst, open_item(world.analyst, low, "task").id, "OK")
    # The engine of the case below has committed; that of the case above has heard of nothing.
    point = "dispatch.handled"
    assert runner.do("work", top, world.operator, point=point) == -signal.SIGKILL
    assert [str(case_row(world, id_).status) for id_ in (top, low)] == ["RUNNING", "COMPLETED"]
    assert runner.do("work", top, world.operator) == 0
    assert case_row(world, top).status == "COMPLETED"
    assert actions_of(world, "case", top).count("sub_case_completed") == 1
    verify()
