"""Sub-cases under several workers: each end is taken in once, and nobody waits in a circle. What
closes them and what undoes something in them come one after the other."""

from __future__ import annotations

import dataclasses
import functools
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from cases import actions
from compensation.actions.plan_execution import execute
from ledger.dispatch.hints import LaneWork
from ledger.dispatch.runner import find_due, work_lane
from ledger.errors import Refusal
from tests.casework import case_row, deploy, finish, open_item, opened, plan_for, plan_items
from tests.concurrency.test_cases import at_once
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.test_work_handover import wait_for_a_lock
from tests.states import actions_of, attempts, stored, work
from tests.subcases import below, chain, children, deploy_levels, statuses
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.actions import compensate, complete, start

WORKERS = 2


def worker() -> None:
    """Do what is due, lane by lane, as a worker among others."""
    for _ in range(20):
        for each in find_due(limit=10):
            if isinstance(each, LaneWork):
                work_lane(each.lane, goes_on=lambda _work: True)


def test_two_workers_at_once_take_in_each_end_once(world: World) -> None:
    deploy(world, definition("low", human("task"), success=".task != null"))
    names = [f"s{number}" for number in range(6)]
    steps = [
        below(name, "low", groupId="g", requiredCount=4, onThresholdReached="KEEP")
        for name in names
    ]
    goal = " and ".join(f".{name} != null" for name in names)
    deploy(world, definition("top", *steps, success=goal))
    top = opened(world, "tests/top")
    for low in children(world, top):
        work(world.analyst, open_item(world.analyst, low.id, "task").id, "OK")
    at_once(*[worker] * WORKERS)
    # A worker that met a moving case twice has put its news off for a while.
    drain(fast_forward=True)
    assert case_row(world, top).status == "COMPLETED"
    said = actions_of(world, "case", top)
    assert (said.count("sub_case_completed"), said.count("group_met")) == (6, 1)
    items = plan_items(world, top)
    assert sorted(item.completion_seq or 0 for item in items.values()) == [1, 2, 3, 4, 5, 6]
    verify()


@pytest.mark.parametrize("verb", ["cancel", "suspend"])
def test_a_verb_at_the_top_and_the_end_at_the_bottom(world: World, verb: str) -> None:
    deploy_levels(world)
    for _ in range(4):
        top = opened(world, "tests/top")
        low = chain(world, top)[2].id
        task = open_item(world.analyst, low, "task").id
        act = {"cancel": actions.cancel_case, "suspend": actions.suspend_case}[verb]
        at_once(
            functools.partial(work, world.analyst, task, "OK"),
            functools.partial(act, top, call=Call(world.operator)),
            worker,
        )
        drain()
        found = statuses(world, top)
        ended = {"cancel": "CANCELLED", "suspend": "SUSPENDED"}[verb]
        if found[0] == "COMPLETED":
            assert found == ["COMPLETED"] * 3
        else:
            assert found[0] == ended
            assert not set(found) & {"RUNNING", "FAULTED"}, "nothing goes on below"
    verify()


def test_one_below_is_not_let_go_while_the_one_above_is_being_held(world: World) -> None:
    deploy_levels(world)
    for _ in range(4):
        top = opened(world, "tests/top")
        middle = chain(world, top)[1].id
        actions.suspend_case(middle, call=Call(world.operator))
        answers = at_once(
            functools.partial(actions.suspend_case, top, call=Call(world.operator)),
            functools.partial(actions.resume_case, middle, call=Call(world.operator)),
        )
        assert answers[0].id == top
        assert answers[1] == "parent_on_hold" or answers[1].id == middle
        assert statuses(world, top) == ["SUSPENDED"] * 3
    verify()


def answer_to(call: Callable[[], Any]) -> Any:
    """Return what a call on a connection of its own answers; a refusal is its code."""
    try:
        return call()
    except Refusal as refusal:
        return refusal.code
    finally:
        connection.close()


@pytest.mark.parametrize("first", ["close", "undo"])
def test_a_case_is_closed_before_an_undo_in_it_begins_or_not_at_all(
    world: World, first: str
) -> None:
    """The other one comes while the first is done and not committed, and waits for it."""
    deploy(world, definition("low", human("task"), success=".task != null"))
    deploy(world, definition("top", below("low", "low"), success=".low != null"))
    top, low = (case.id for case in chain(world, opened(world, "tests/top")))
    item = finish(world.analyst, low, "task", "OK")
    answers: list[Any] = []
    close = functools.partial(actions.close_case, top)
    undo = functools.partial(compensate, item, reason="Forged")
    one, other = (close, undo) if first == "close" else (undo, close)

    def later() -> None:
        answers.append(answer_to(lambda: other(call=Call(world.operator))))

    waiting = threading.Thread(target=later)

    def meanwhile(_result: Any) -> None:
        waiting.start()
        wait_for_a_lock()

    one(call=Call(world.operator, last_act=meanwhile))
    waiting.join(30)
    found = (answers, statuses(world, top), stored(world, item).status, len(attempts(world, item)))
    assert found == (
        (["case_closed"], ["CLOSED"] * 2, "COMPLETED", 0)
        if first == "close"
        else (["undo_under_way"], ["COMPLETED"] * 2, "COMPENSATING", 1)
    )
    verify()


@pytest.mark.parametrize("first", ["the task", "the rollback"])
@pytest.mark.parametrize("deep", [1, 2])
@pytest.mark.parametrize("waited", [True, False], ids=["with one waited for", "alone"])
def test_what_nobody_waits_for_is_done_before_a_rollback_or_not_at_all(
    world: World, first: str, deep: int, *, waited: bool
) -> None:
    """The other one comes while the first is done and not committed, and waits for it."""
    top, task = going_on_below(world, deep, waited=waited)
    plan = plan_for(world, top)
    start(task, call=Call(world.analyst))
    done = functools.partial(complete, task, outcome="OK")
    undone = functools.partial(execute, plan.id)
    calls: dict[str, tuple[Callable[..., Any], Call]] = {
        "the task": (done, Call(world.analyst)),
        "the rollback": (undone, Call(world.operator, digest=plan.digest)),
    }
    (one, its_call) = calls.pop(first)
    ((other, other_call),) = calls.values()
    answers: list[Any] = []
    waiting = threading.Thread(
        target=lambda: answers.append(answer_to(lambda: other(call=other_call)))
    )

    def meanwhile(_result: Any) -> None:
        waiting.start()
        wait_for_a_lock()

    one(call=dataclasses.replace(its_call, last_act=meanwhile))
    waiting.join(30)
    if first == "the task":
        assert (answers, stored(world, task).status) == (["plan_stale"], "COMPLETED")
        assert case_row(world, top).status == "RUNNING"
    else:
        assert (answers, stored(world, task).status) == (["illegal_state"], "CANCELLED")
        assert case_row(world, top).status == "COMPENSATING"
    verify()


def going_on_below(world: World, deep: int, *, waited: bool) -> tuple[uuid.UUID, uuid.UUID]:
    """Return a case, and the second task of a case that many levels below it for which nobody
    waits, or of one that is waited for in that; the first is done."""
    opened_by = ".own == null"
    deploy(world, definition("pair", human("task"), human("second")))
    deploy(world, definition("low", below("pair", "pair")))
    free = below("free", "low" if waited else "pair", opened_by, waitForCompletion=False)
    deploy(world, definition("middle", human("own"), free, success=".own != null"))
    over = below("over", "middle", opened_by, waitForCompletion=True)
    deploy(world, definition("top", human("own"), over if deep == 2 else free))
    levels = chain(world, opened(world, "tests/top"))
    finish(world.analyst, levels[-1].id, "task", "OK")
    finish(world.analyst, levels[deep - 1].id, "own", "OK")
    return levels[0].id, open_item(world.analyst, levels[-1].id, "second").id
