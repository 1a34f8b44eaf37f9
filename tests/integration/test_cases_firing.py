"""When a binding fires: for each change of the context once, and never for nothing."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases import actions
from cases.actions import firing
from cases.models import PlanItem
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, open_item, opened, plan_items
from tests.definitions import definition, human
from tests.draining import drain
from tests.states import work
from tests.world import World
from verbs.call import Call
from workitems.actions import compensate
from workitems.models import WorkItem


def always(name: str, mapping: str) -> dict[str, Any]:
    """A task whose condition always holds; `mapping` says what its result changes."""
    task = {"title": name, "outputMapping": mapping}
    return human(name, humanTask=task) | {"when": "true"}


def fired(world: World, case_id: uuid.UUID, binding: str) -> int:
    """How often a binding has fired."""
    with tenant_scope(world.operator.tenant_id):
        rows = PlanItem.objects.filter(case_id=case_id, binding=binding, target_id__isnull=False)
        return rows.count()


def test_a_result_that_changes_nothing_fires_nothing(world: World) -> None:
    deploy(world, definition("still", always("a", "{n: 1}")))
    case_id = opened(world, "tests/still", {"n": 1})
    finish(world.analyst, case_id, "a", None)
    assert fired(world, case_id, "a") == 1
    assert plan_items(world, case_id)["a"].status == "COMPLETED"
    case = case_row(world, case_id)
    assert (case.status, case.version, case.triggered) == ("RUNNING", 1, 1)


def test_a_change_fires_again_what_has_not_seen_it(world: World) -> None:
    deploy(world, definition("moves", always("a", "{n: 2}"), always("b", "{m: 1}")))
    case_id = opened(world, "tests/moves", {"n": 1, "m": 1})
    finish(world.analyst, case_id, "a", None)
    # a answers its own change; b had no chance to, its work being open.
    assert (fired(world, case_id, "a"), fired(world, case_id, "b")) == (2, 1)
    finish(world.analyst, case_id, "a", None)
    assert (fired(world, case_id, "a"), fired(world, case_id, "b")) == (2, 1)
    finish(world.analyst, case_id, "b", None)
    assert (fired(world, case_id, "a"), fired(world, case_id, "b")) == (2, 2)
    finish(world.analyst, case_id, "b", None)
    assert (fired(world, case_id, "a"), fired(world, case_id, "b")) == (2, 2)


def test_resuming_does_nothing_again_that_has_seen_everything(world: World) -> None:
    deploy(world, definition("still", always("a", "{n: 1}")))
    case_id = opened(world, "tests/still", {"n": 1})
    finish(world.analyst, case_id, "a", None)
    actions.suspend_case(case_id, call=Call(world.operator), reason="Audit")
    actions.resume_case(case_id, call=Call(world.operator))
    drain()
    assert fired(world, case_id, "a") == 1


def test_a_binding_that_keeps_firing_faults_its_case(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firing, "MAX_FIRINGS", 3)
    deploy(world, definition("turns", always("a", "{n: .outcome}")))
    case_id = opened(world, "tests/turns", {"n": None})
    for outcome in ("ONE", "TWO", "THREE"):
        finish(world.analyst, case_id, "a", outcome)
    case = case_row(world, case_id)
    assert (case.status, case.fault) == ("FAULTED", "a: has fired 3 times")
    assert fired(world, case_id, "a") == 3


def test_resuming_is_not_lost_when_an_undo_ends_behind_it(world: World) -> None:
    second = human("b", when=".a != null and .b == null")
    deploy(world, definition("gap", human("a"), second))
    case_id = opened(world, "tests/gap")
    first = open_item(world.analyst, case_id, "a")
    actions.suspend_case(case_id, call=Call(world.operator), reason="Audit")
    work(world.analyst, first.id, None)
    drain()
    assert fired(world, case_id, "b") == 0
    compensate(first.id, call=Call(world.operator), reason="Wrong")
    with tenant_scope(world.operator.tenant_id):
        undo = WorkItem.objects.get(case_id=case_id, kind="COMPENSATION")
    drain()
    work(world.analyst, undo.id, "REVERSED")
    # The engine hears of the undo only now, and of the resuming after it.
    actions.resume_case(case_id, call=Call(world.operator))
    drain()
    case = case_row(world, case_id)
    assert (case.status, case.invalidated) == ("RUNNING", ["a"])
    assert case.triggered < case.version
    assert fired(world, case_id, "b") == 1


def test_what_an_undo_writes_is_a_change_too(world: World) -> None:
    task = {"title": "Take a back", "outputMapping": "{a: null}"}
    back = {"name": "back", "compensation": True, "humanTask": task}
    first = human("a", compensation=None, compensate="back")
    deploy(world, definition("again", first, back, human("b")))
    case_id = opened(world, "tests/again")
    item_id = finish(world.analyst, case_id, "a", None)
    assert fired(world, case_id, "a") == 1
    compensate(item_id, call=Call(world.operator), reason="Wrong")
    with tenant_scope(world.operator.tenant_id):
        undo = WorkItem.objects.get(case_id=case_id, kind="COMPENSATION")
    drain()
    work(world.analyst, undo.id, "REVERSED")
    drain()
    assert case_row(world, case_id).context["a"] is None
    assert (fired(world, case_id, "a"), fired(world, case_id, "b")) == (2, 1)
