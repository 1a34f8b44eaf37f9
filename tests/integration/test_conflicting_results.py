"""Two steps that write one key: who wins, by what the later one's definition says."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases.actions import retry_case
from cases.actions.engine import handle
from cases.definitions import compile_definition
from cases.fault_words import why_it_failed
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, open_item, opened, plan_items
from tests.definitions import definition, human
from tests.draining import drain
from tests.engine_news import news_of
from tests.states import work
from tests.world import World
from verbs.call import Call
from workitems.actions import compensate
from workitems.models import WorkItem

MAPPING = "{%s: .outcome} + .resolution"


def writes(name: str, strategy: str | None = None) -> dict[str, Any]:
    """Return a step that states whatever its resolution holds."""
    task = {"title": name, "outputMapping": MAPPING % name}
    return human(name, humanTask=task, conflictResolverStrategy=strategy)


def a_case(world: World, strategy: str | None, **context: Any) -> uuid.UUID:
    """Open a case with two steps at work, the second of which follows a strategy."""
    deploy(world, definition("both", writes("a"), writes("b", strategy), success=".a and .b"))
    return opened(world, "tests/both", context)


@pytest.mark.parametrize(
    ("strategy", "kept"),
    [(None, "b"), ("LAST_WRITER_WINS", "b"), ("FIRST_WRITER_WINS", "a")],
)
@pytest.mark.parametrize("heard", ["one by one", "together"])
def test_who_wins(world: World, strategy: str | None, kept: str, heard: str) -> None:
    case_id = a_case(world, strategy, shared="before")
    if heard == "together":
        items = [open_item(world.analyst, case_id, name).id for name in ("a", "b")]
        for name, item_id in zip("ab", items, strict=True):
            work(world.analyst, item_id, "OK", {"shared": name, f"only_{name}": 1})
        handle([news_of(world, item_id) for item_id in items], lambda: None)
    else:
        for name in ("a", "b"):
            finish(world.analyst, case_id, name, "OK", {"shared": name, f"only_{name}": 1})
    case = case_row(world, case_id)
    assert case.context == {"a": "OK", "b": "OK", "shared": kept, "only_a": 1, "only_b": 1}
    assert case.status == "COMPLETED"
    written = plan_items(world, case_id)["b"].written
    assert written == ["b", "only_b", *(["shared"] if kept == "b" else [])]


@pytest.mark.parametrize("strategy", ["FIRST_WRITER_WINS", "FAIL"])
def test_what_was_there_before_a_step_began_is_its_to_change(world: World, strategy: str) -> None:
    case_id = a_case(world, strategy, shared="before")
    finish(world.analyst, case_id, "a", "OK", {})
    finish(world.analyst, case_id, "b", "OK", {"shared": "b"})
    case = case_row(world, case_id)
    assert (case.status, case.context["shared"]) == ("COMPLETED", "b")


def test_a_conflict_fails_the_step_until_its_work_is_undone(world: World) -> None:
    case_id = a_case(world, "FAIL", shared="before")
    finish(world.analyst, case_id, "a", "OK", {"shared": "a"})
    item_id = finish(world.analyst, case_id, "b", "OK", {"shared": "b", "only_b": 1})
    case = case_row(world, case_id)
    said = "b: .shared was changed by another step while this one was at work (in: FAIL)"
    assert (case.status, case.fault) == ("FAULTED", said)
    assert case.context == {"a": "OK", "shared": "a"}, "nothing of it was taken in"
    assert "says something else than what came in" in why_it_failed(case.fault).sentence
    retry_case(case_id, call=Call(world.operator))
    drain()
    assert case_row(world, case_id).fault == said
    compensate(item_id, call=Call(world.operator), reason="Wrong")
    drain()
    with tenant_scope(world.operator.tenant_id):
        undo = WorkItem.objects.get(compensates_id=item_id)
    work(world.analyst, undo.id, "REVERSED")
    drain()
    retry_case(case_id, call=Call(world.operator))
    drain()
    finish(world.analyst, case_id, "b", "OK", {"shared": "b"})
    case = case_row(world, case_id)
    assert (case.status, case.context["shared"]) == ("COMPLETED", "b")


def test_the_same_value_is_no_conflict(world: World) -> None:
    case_id = a_case(world, "FAIL", shared=0)
    finish(world.analyst, case_id, "a", "OK", {"shared": 1})
    finish(world.analyst, case_id, "b", "OK", {"shared": 1.0})
    assert case_row(world, case_id).status == "COMPLETED"


def test_only_an_undo_step_is_told_that_it_is_not_followed() -> None:
    undo = {
        "name": "back", "compensation": True, "humanTask": {"title": "B"},
        "conflictResolverStrategy": "FAIL",
    }  # fmt: skip
    first = human("a", compensation=None, compensate="back")
    source = definition("warned", {**first, "conflictResolverStrategy": "FAIL"}, undo, success=".a")
    found = compile_definition(source, capabilities=None).warnings
    assert [(each.code, each.pointer) for each in found] == [
        ("not_executed", "/spec/bindings/1/conflictResolverStrategy")
    ]
