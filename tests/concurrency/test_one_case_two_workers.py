"""Two workers that advance one case at the same moment: one result, whoever was first."""

from __future__ import annotations

import functools

import pytest

from cases.actions.engine import handle
from cases.plan_state import CaseMoved
from tests.casework import case_row, deploy, open_item, opened, plan_items
from tests.concurrency.test_cases import at_once
from tests.concurrency.test_sub_case_races import WORKERS, worker
from tests.definitions import definition, human
from tests.draining import drain
from tests.engine_news import news_of
from tests.states import actions_of, work
from tests.verifying import verify
from tests.world import World


def fork(world: World) -> None:
    steps = [human(name, f".a != null and .{name} == null") for name in "bcde"]
    success = " and ".join(f".{name} != null" for name in "abcde")
    deploy(world, definition("fork", human("a"), *steps, success=success))


def test_workers_that_take_what_is_due_go_on_once(world: World) -> None:
    fork(world)
    case_id = opened(world, "tests/fork")
    work(world.analyst, open_item(world.analyst, case_id, "a").id, "OK")
    at_once(*[worker] * WORKERS)
    drain(fast_forward=True)
    assert {name: str(item.status) for name, item in plan_items(world, case_id).items()} == {
        "a": "COMPLETED", **dict.fromkeys("bcde", "ACTIVE"),
    }  # fmt: skip
    for name in "bcde":
        work(world.analyst, open_item(world.analyst, case_id, name).id, "OK")
    at_once(*[worker] * WORKERS)
    drain(fast_forward=True)
    assert case_row(world, case_id).status == "COMPLETED"
    assert actions_of(world, "case", case_id).count("completed") == 1
    items = plan_items(world, case_id).values()
    assert sorted(item.completion_seq or 0 for item in items) == [1, 2, 3, 4, 5]
    verify()


@pytest.mark.parametrize("times", [2, 4])
def test_the_same_news_handed_to_several_at_once_opens_each_step_once(
    world: World, times: int
) -> None:
    """No lease keeps them apart here: the lock of the case, and its version, have to."""
    fork(world)
    case_id = opened(world, "tests/fork")
    item_id = open_item(world.analyst, case_id, "a").id
    work(world.analyst, item_id, "OK")
    event = news_of(world, item_id)

    def hear() -> None:
        try:
            handle([event], lambda: None)
        except CaseMoved:
            return  # The other was first, twice: a worker would come again.

    at_once(*[functools.partial(hear)] * times)
    drain(fast_forward=True)
    assert sorted(plan_items(world, case_id)) == list("abcde")
    assert actions_of(world, "case", case_id).count("context_changed") == 1
    opened_once = [open_item(world.analyst, case_id, name).id for name in "bcde"]
    assert len(set(opened_once)) == 4
    verify()
