"""What a step writes into the context as it fires, before its target starts."""

from __future__ import annotations

from typing import Any

import pytest

from json_values import limits
from tests.casework import (
    case_row,
    deploy,
    finish,
    open_item,
    opened,
    plan_items,
    roll_back,
    undo,
)
from tests.definitions import automated, definition, human
from tests.states import actions_of
from tests.subcases import below, child, own_entries
from tests.verifying import verify
from tests.world import World


def test_it_is_there_before_the_target_starts(world: World) -> None:
    step = human(
        "again", when=".result == 1", contextWrite={"result": None, "retried": True},
        humanTask={"title": "T", "inputMapping": "{retried, result}", "outputMapping": "{x: 1}"},
    )  # fmt: skip
    deploy(world, definition("top", step))
    top = opened(world, "tests/top", {"result": 1, "kept": 2})
    case = case_row(world, top)
    assert case.context == {"result": None, "retried": True, "kept": 2}
    task = open_item(world.analyst, top, "again")
    assert task.payload == {"retried": True, "result": None}
    item = plan_items(world, top)["again"]
    assert (item.status, item.written) == ("ACTIVE", ["result", "retried"])
    finish(world.analyst, top, "again", "OK")
    assert plan_items(world, top)["again"].written == ["result", "retried", "x"]
    assert actions_of(world, "case", top) == ["opened", "context_changed", "context_changed"]
    verify()


def test_what_it_writes_starts_others_at_once(world: World) -> None:
    steps = (
        human("other", when=".go and .other == null"),
        human("first", contextWrite={"go": True}),
    )
    deploy(world, definition("top", *steps))
    top = opened(world, "tests/top")
    # "other" was asked before "first" wrote, and is asked again.
    assert {name: str(item.status) for name, item in plan_items(world, top).items()} == {
        "first": "ACTIVE", "other": "ACTIVE",
    }  # fmt: skip


def test_it_can_reach_the_goal(world: World) -> None:
    steps = (human("first", contextWrite={"go": True}), human("second", contextWrite={"on": 1}))
    deploy(world, definition("top", *steps, success=".go and .on == 1"))
    top = opened(world, "tests/top")
    assert case_row(world, top).status == "COMPLETED"
    assert {str(item.status) for item in plan_items(world, top).values()} == {"CANCELLED"}


def test_a_step_is_not_started_again_by_what_it_writes(world: World) -> None:
    step = human("first", when=".on != 2", contextWrite={"on": 1},
                 humanTask={"title": "T", "outputMapping": "{}"})  # fmt: skip
    deploy(world, definition("top", step))
    top = opened(world, "tests/top")
    finish(world.analyst, top, "first", "OK")
    assert [str(item.status) for item in plan_items(world, top).values()] == ["COMPLETED"]
    assert actions_of(world, "case", top) == ["opened", "context_changed"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"humanTask": {"title": "T", "inputMapping": "error(1)"}}, "(in: error(1))"),
        ({"contextWrite": {"a": {"b": {"c": 1}}}}, "the context "),
    ],
    ids=["target", "bound"],
)
def test_where_its_target_cannot_start_nothing_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], said: str
) -> None:
    if "contextWrite" in more:
        monkeypatch.setattr("cases.definitions.runtime.GROWN_DEPTH", 2)
    assert limits.GROWN_DEPTH > 2
    deploy(world, definition("top", human("first", **{"contextWrite": {"a": 1}, **more})))
    top = opened(world, "tests/top", {"b": 2})
    case, item = case_row(world, top), plan_items(world, top)["first"]
    assert (case.status, case.context) == ("FAULTED", {"b": 2})
    assert (item.status, item.target_id, item.written) == ("FAULTED", None, [])
    assert said in item.error


def test_a_program_and_a_sub_case_have_it_too(world: World) -> None:
    deploy(world, definition("low", human("task"), success=".task != null"))
    flaky = automated("go", "demo.flaky", "true", "{fail_times: .times}")
    steps = (flaky | {"contextWrite": {"times": 0}}, below("low", "low", contextWrite={"x": 1}))
    deploy(world, definition("top", *steps))
    top = opened(world, "tests/top")
    case = case_row(world, top)
    assert (case.context["times"], case.context["x"]) == (0, 1)
    assert plan_items(world, top)["go"].status == "COMPLETED"
    assert child(world, top).context == {"times": 0, "x": 1}


def test_undone_it_is_marked_with_the_rest(world: World) -> None:
    deploy(world, definition("top", human("first", contextWrite={"on": 1}), human("second")))
    top = opened(world, "tests/top")
    finish(world.analyst, top, "first", "OK")
    roll_back(world, top)
    undo(world.analyst, top)
    case = case_row(world, top)
    assert (case.status, case.invalidated) == ("COMPENSATED", ["first", "on"])
    assert case.context["on"] == 1, "an undo removes nothing"
    written = own_entries(world, top)[1]
    assert (written.action, written.compensation) == ("context_changed", None)


def test_what_a_later_step_wrote_as_it_fired_stands_when_an_earlier_one_is_undone(
    world: World,
) -> None:
    first = human("first", when=".on == null", humanTask={
        "title": "T", "outputMapping": "{on: 1, own: 1}",
    })  # fmt: skip
    second = human("second", when=".on == 1 and .second == null", contextWrite={"on": 2})
    deploy(world, definition("top", first, second))
    top = opened(world, "tests/top")
    finish(world.analyst, top, "first", "OK")
    assert plan_items(world, top)["second"].status == "ACTIVE"
    roll_back(world, top, scope={"kind": "steps", "steps": ["first"], "only_this": True})
    undo(world.analyst, top)
    case = case_row(world, top)
    assert (case.context["on"], case.invalidated) == (2, ["own"])
    assert plan_items(world, top)["second"].status == "ACTIVE"


def test_what_a_step_writes_that_does_not_start_is_seen_by_none(world: World) -> None:
    task = {"title": "T", "inputMapping": "{p}", "outputMapping": "{}"}
    first = human("first", when=".go", contextWrite={"p": 1},
                  humanTask={**task, "inputMapping": "{}"})  # fmt: skip
    second = human("second", when=".go", contextWrite={"q": 1}, humanTask=task)
    edit = human("edit", when="true", humanTask={
        "title": "E", "inputMapping": "{p}", "outputMapping": ".resolution",
    })  # fmt: skip
    deploy(world, definition("top", first, second, edit))
    top = opened(world, "tests/top", {"go": True})
    finish(world.analyst, top, "first", "OK")
    finish(world.analyst, top, "second", "OK")
    finish(world.analyst, top, "edit", None, {"p": 2})
    # The first stands, and writes nothing: the second answers to what there is.
    assert case_row(world, top).context["p"] == 2
    assert open_item(world.analyst, top, "second").payload == {"p": 2}
