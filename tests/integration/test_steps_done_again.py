"""A step that was done is done again for a reason, and for none it is not."""

from __future__ import annotations

import uuid
from typing import Any

from cases.actions.forward import changed_keys
from cases.models import Case
from cases.plan_state import Changes
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, open_item, opened
from tests.definitions import definition, human
from tests.draining import drain
from tests.states import work
from tests.world import World
from verbs.call import Call
from workitems.actions import compensate
from workitems.models import WorkItem


def times(world: World, case_id: uuid.UUID, binding: str) -> int:
    """How often a step has begun."""
    with tenant_scope(world.operator.tenant_id):
        return WorkItem.objects.filter(case_id=case_id, binding=binding).count()


def step(name: str, when: str, given: str | None, changes: str, **more: Any) -> dict[str, Any]:
    task = {"title": name, "outputMapping": changes}
    if given is not None:
        task["inputMapping"] = given
    return human(name, when=when, humanTask=task, **more)


def undone(world: World, item_id: uuid.UUID) -> None:
    """Undo a task by itself."""
    compensate(item_id, call=Call(world.operator), reason="Wrong")
    drain()
    with tenant_scope(world.operator.tenant_id):
        undo = WorkItem.objects.get(compensates_id=item_id)
    work(world.analyst, undo.id, "REVERSED")
    drain()


WATCH = step("watch", ".request != null", "{id: .request.id}", "{report: .outcome}")
EDIT = step("edit", "true", "{n: .n}", ".resolution")


def test_a_sentinel_answers_to_what_it_reads_and_to_nothing_else(world: World) -> None:
    deploy(world, definition("watched", WATCH, EDIT))
    case_id = opened(world, "tests/watched", {"request": {"id": 1}, "n": 0})
    finish(world.analyst, case_id, "watch", "FINE")
    assert times(world, case_id, "watch") == 1, "its own result is nothing to answer to"
    finish(world.analyst, case_id, "edit", None, {"n": 1})
    assert times(world, case_id, "watch") == 1
    finish(world.analyst, case_id, "edit", None, {"n": 2, "request": {"id": 1}})
    assert times(world, case_id, "watch") == 1, "the same value once more is no change"
    finish(world.analyst, case_id, "edit", None, {"n": 3, "request": {"id": 2}})
    assert times(world, case_id, "watch") == 2
    case = case_row(world, case_id)
    assert case.changed_keys == {"report": 2, "n": 5, "request": 5}


def test_one_whose_input_changed_is_done_again(world: World) -> None:
    price = step("price", ".go", "{n: .n, m: .m.m}", "{price: .outcome}")
    deploy(world, definition("priced", price, EDIT))
    case_id = opened(world, "tests/priced", {"go": True, "n": 0, "m": {"m": 1}})
    finish(world.analyst, case_id, "price", "ONE")
    finish(world.analyst, case_id, "edit", None, {"n": 1})
    assert times(world, case_id, "price") == 2
    finish(world.analyst, case_id, "price", "TWO")
    # What it is given of a key is the same, though the key is not.
    finish(world.analyst, case_id, "edit", None, {"m": {"m": 1, "more": 2}})
    assert times(world, case_id, "price") == 2
    # One of `n` alone answers to no other key.
    assert times(world, case_id, "edit") == 2
    assert case_row(world, case_id).status == "RUNNING"


def test_a_loop_whose_values_come_back_goes_round(world: World) -> None:
    review = step("review", '.state == "ready"', "{}", "{state: .outcome}")
    rework = step("rework", '.state == "rework"', "{}", '{state: "ready"}')
    deploy(world, definition("loop", review, rework, success='.state == "good"'))
    case_id = opened(world, "tests/loop", {"state": "ready"})
    for again in range(1, 4):
        finish(world.analyst, case_id, "review", "rework")
        finish(world.analyst, case_id, "rework", None)
        assert (times(world, case_id, "review"), times(world, case_id, "rework")) == (
            again + 1, again,
        )  # fmt: skip
    finish(world.analyst, case_id, "review", "good")
    assert case_row(world, case_id).status == "COMPLETED"


def test_undone_work_is_done_again(world: World) -> None:
    deploy(world, definition("watched", WATCH, EDIT))
    case_id = opened(world, "tests/watched", {"request": {"id": 1}, "n": 0})
    item_id = finish(world.analyst, case_id, "watch", "FINE")
    undone(world, item_id)
    assert times(world, case_id, "watch") == 1, "an undo by itself starts nothing"
    finish(world.analyst, case_id, "edit", None, {"n": 1})
    assert open_item(world.analyst, case_id, "watch").payload == {"id": 1}


def test_a_case_from_before_answers_to_every_change() -> None:
    old = Case(changed_keys=None, triggered=5, version=7, context={"a": 1, "b": 2})
    assert Changes.of(old).since(frozenset({"a"})) == 5
    assert Changes.of(old).since(None) == 5
    assert changed_keys(old, ["b"]) == {"a": 5, "b": 8}
    new = Case(changed_keys={"b": 3}, triggered=5, version=7, context={"a": 1, "b": 2})
    assert [Changes.of(new).since(each) for each in (frozenset("a"), frozenset("b"), None)] == [
        0, 3, 3,
    ]  # fmt: skip
    assert changed_keys(new, ["a"]) == {"a": 8, "b": 3}
