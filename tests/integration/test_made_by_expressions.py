"""What an expression makes and nobody could hand in (a NUL) stops neither a case nor a rollback."""

from __future__ import annotations

from typing import Any

import pytest

from tests import states
from tests.casework import (
    case_row,
    deploy,
    finish,
    open_undo,
    opened,
    plan_items,
    roll_back,
    run_row,
)
from tests.definitions import definition, human
from tests.draining import drain
from tests.states import work
from tests.world import World

NUL = "must not contain NUL characters"


def task(mapping: str) -> dict[str, Any]:
    return {"title": "Look", "outputMapping": mapping}


@pytest.mark.parametrize(
    "mapping",
    ["{look: (.resolution.doc | @base64d)}", r'{look: "\u0000"}', r'{("\u0000"): 1}'],
)
def test_forward_it_faults_the_step(world: World, mapping: str) -> None:
    step = human("look", when=".look == null", humanTask=task(mapping))
    deploy(world, definition("nul", step, success=".look != null"))
    case_id = opened(world, "tests/nul", {"kept": 1})
    finish(world.analyst, case_id, "look", "OK", {"doc": "AGFi"})
    case = case_row(world, case_id)
    assert (case.status, case.context) == ("FAULTED", {"kept": 1})
    assert NUL in case.fault
    assert NUL in plan_items(world, case_id)["look"].error


@pytest.mark.parametrize(
    "condition", [r'"\u0000"', r'error("a\u0000b")'], ids=["its value", "what it says"]
)
def test_in_a_condition_it_faults_the_step(world: World, condition: str) -> None:
    deploy(world, definition("nul", human("look", when=condition), success=".look != null"))
    case = case_row(world, opened(world, "tests/nul"))
    assert case.status == "FAULTED"
    assert NUL in case.fault or "a\ufffdb" in case.fault


def test_backward_the_undo_stands_and_the_entry_says_what_was_not_taken(world: World) -> None:
    step = human("look", compensation=None, compensate="back")
    back = {
        "name": "back",
        "compensation": True,
        "humanTask": task("{look: (.resolution.doc | @base64d)}"),
    }
    deploy(world, definition("nul", step, back, success=".look != null"))
    case_id = opened(world, "tests/nul")
    finish(world.analyst, case_id, "look", "OK", {"seen": True})
    before = case_row(world, case_id).context
    run = roll_back(world, case_id)
    work(world.analyst, open_undo(world.analyst, case_id).id, "REVERSED", {"doc": "AGFi"})
    drain()
    assert run_row(world, run.id).status == "COMPLETED"
    case = case_row(world, case_id)
    assert (case.status, case.context, case.invalidated) == ("COMPENSATED", before, ["look"])
    problems = [each.payloads.get("problem", "") for each in states.history(world, "case", case_id)]
    assert [NUL in each for each in problems if each] == [True]


def test_an_undo_is_not_told_it(world: World) -> None:
    step = human("look", compensation=None, compensate="back")
    told = {"title": "Look", "inputMapping": r'{look: "\u0000"}'}
    back = {"name": "back", "compensation": True, "humanTask": told}
    deploy(world, definition("nul", step, back, success=".look != null"))
    case_id = opened(world, "tests/nul")
    finish(world.analyst, case_id, "look", "OK")
    run = roll_back(world, case_id)
    assert run_row(world, run.id).status == "FAULTED"
    assert case_row(world, case_id).status == "COMPENSATION_FAULTED"
