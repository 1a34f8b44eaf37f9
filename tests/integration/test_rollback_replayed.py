"""From the ledger alone a replay rebuilds the order of an undo, and it equals what ran."""

from __future__ import annotations

import dataclasses
import operator
import uuid
from typing import Any

import pytest

from accounts.acting import ActingUser
from audit.rollback_replay import Rollback, replayed
from compensation.actions.step_verbs import abandon_step, retry_step
from ledger.selectors import Entry, entries_of_case
from ledger.tenancy import tenant_scope
from tests.casework import (
    approved_loan,
    deploy,
    finish,
    opened,
    plan_items,
    roll_back,
    run_row,
    steps,
    undo,
)
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.test_undo_order import undos
from tests.states import work
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem


def entries(who: ActingUser, case_id: uuid.UUID) -> list[Entry]:
    with tenant_scope(who.tenant_id):
        return entries_of_case(who.tenant_id, case_id, limit=10_000)


def replay(world: World, case_id: uuid.UUID) -> list[Rollback]:
    return replayed(entries(world.operator, case_id))


def as_they_ran(world: World, run_id: uuid.UUID) -> list[tuple[str, uuid.UUID]]:
    """The originals of a run by when their undo began, as the tables have it."""
    begun = [(row.started_at, row) for row in steps(world, run_id) if row.started_at is not None]
    begun.sort(key=operator.itemgetter(0))
    return [(row.original_type, row.original_id) for _, row in begun]


def test_a_loan_is_undone_as_its_ledger_says_it_must_be(world: World) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    for who in (world.underwriter, world.surveyor, world.compliance):
        undo(who, case_id)
    [found] = replay(world, case_id)
    items = plan_items(world, case_id)
    by_hand = [
        (items[name].type, items[name].target_id)
        for name in ("disbursement", "approval", "valuation", "credit-check")
    ]
    assert found.rebuilt == by_hand == as_they_ran(world, run.id)
    assert (found.run, found.agrees, found.waiting) == (run.id, True, [])


@pytest.mark.parametrize("order", ["abcdef", "fbdace"])
def test_whatever_the_order_of_completion_was(world: World, order: str) -> None:
    names = list(order)
    deploy(world, definition("any", *(human(name) for name in sorted(names))))
    case_id = opened(world, "tests/any")
    for name in names:
        finish(world.analyst, case_id, name, None)
    # Part of it first, then what is left; a step fails, is tried again, and one is given up.
    items = plan_items(world, case_id)
    first = roll_back(
        world, case_id, scope={"kind": "steps", "steps": [names[2]], "only_this": True}
    )
    undo(world.analyst, case_id)
    second = roll_back(world, case_id)
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    retry_step(second.id, 1, call=Call(world.operator))
    drain()
    undo(world.analyst, case_id)
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    abandon_step(second.id, 2, call=Call(world.operator), reason="It stays")
    drain()
    undo(world.analyst, case_id)
    found = replay(world, case_id)
    assert [each.run for each in found] == [first.id, second.id]
    assert found[0].rebuilt == [("work_item", items[names[2]].target_id)]
    left = [
        ("work_item", items[name].target_id) for name in (names[5], names[4], names[3], names[1])
    ]
    assert found[1].rebuilt == left == as_they_ran(world, second.id)
    assert found[1].waiting == [("work_item", items[names[0]].target_id)]
    assert all(each.agrees for each in found)
    assert run_row(world, second.id).status == "RUNNING"


def test_an_order_that_the_definition_declares_is_rebuilt_too(world: World) -> None:
    """Also between two whole numbers, side by side, and before what has no declared place."""
    places: dict[str, Any] = {"a": 2, "c": 1.5, "d": 2, "e": 1}
    each_of = [
        human(n, **({"compensationOrder": places[n]} if n in places else {})) for n in "abcdef"
    ]
    deploy(world, definition("declared", *each_of))
    case_id = opened(world, "tests/declared")
    for name in "abcdef":
        finish(world.analyst, case_id, name, "OK")
    items = plan_items(world, case_id)
    run = roll_back(world, case_id)
    while asked := undos(world, case_id):
        for task in asked.values():
            work(world.analyst, task, "REVERSED")
        drain()
    told = entries(world.operator, case_id)
    planned = [each for each in told if each.action == "compensation_step_planned"]
    said = [(each.compensation or {}).get("undo_order") for each in planned]
    assert said == ["1.0", "1.5", "2.0", "2.0", None, None]
    [found] = replayed(told)
    in_order = [("work_item", items[name].target_id) for name in "ecdafb"]
    assert found.rebuilt == in_order == as_they_ran(world, run.id)
    assert (found.agrees, found.waiting) == (True, [])
    # Entries of an earlier version do not say it: then the order of completion is all there is.
    older = [
        dataclasses.replace(each, compensation={
            name: value for name, value in (each.compensation or {}).items() if name != "undo_order"
        }) for each in told
    ]  # fmt: skip
    [found] = replayed(older)
    assert found.ran == in_order
    by_completion = [("work_item", items[name].target_id) for name in "fedcba"]
    assert (found.rebuilt, found.agrees) == (by_completion, False)
    verify()


def test_a_ledger_that_tells_another_order_is_seen(world: World) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    undo(world.underwriter, case_id)
    told = entries(world.operator, case_id)
    assert all(each.agrees for each in replayed(told))
    # The places of two finished pieces are swapped: what ran no longer follows from them.
    turned = [
        dataclasses.replace(each, completion_seq=5 - each.completion_seq)
        if each.completion_seq is not None else each
        for each in told
    ]  # fmt: skip
    [found] = replayed(turned)
    assert not found.agrees
    # In whatever order entries are handed over.
    assert [each.agrees for each in replayed(reversed(told))] == [True]


def test_it_reads_nothing_but_the_entries(world: World) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    told = entries(world.operator, case_id)
    with tenant_scope(world.outsider.tenant_id):
        assert WorkItem.objects.count() == 0
    # Outside of any tenant's scope no row can be read at all.
    [found] = replayed(told)
    assert len(found.ran) == 2
