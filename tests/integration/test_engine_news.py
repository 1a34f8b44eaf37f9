"""What the engine is told: news that may change a case, and nothing else."""

from __future__ import annotations

import uuid

import pytest

from cases import actions, definitions
from cases.actions import deciding
from cases.events import ENGINE
from ledger.models import OutboxEvent, OutboxTask
from ledger.tenancy import tenant_scope
from tests import states
from tests.casework import case_row, deploy, finish, opened, plan_items, roll_back, undo
from tests.definitions import definition, human
from tests.draining import drain
from tests.world import World
from verbs.call import Call
from workitems.actions import compensate


def told(world: World) -> list[str]:
    """Return what the engine has been told of so far, in order."""
    with tenant_scope(world.operator.tenant_id):
        tasks = OutboxTask.objects.filter(tenant_id=world.operator.tenant_id, consumer=ENGINE)
        events = list(tasks.order_by("id").values_list("event_id", flat=True))
        types = dict(OutboxEvent.objects.filter(id__in=events).values_list("id", "type"))
        return [types[event] for event in events]


def of(*news: str) -> list[str]:
    return [f"amends.{each}.v1" for each in news]


def test_its_own_changes_and_loose_work_are_none(world: World) -> None:
    deploy(world, definition("pair", human("a"), human("b", when=".a != null and .b == null")))
    case_id = opened(world, "tests/pair")
    states.completed(world.operator)
    finish(world.analyst, case_id, "a", None)
    actions.suspend_case(case_id, call=Call(world.operator), reason="Audit")
    assert told(world) == of("case.opened", "work_item.completed")
    assert plan_items(world, case_id)["b"].status == "ACTIVE"


def test_nor_is_a_rollback_that_leaves_the_case_at_rest(world: World) -> None:
    deploy(world, definition("one", human("a"), success=".a != null"))
    case_id = opened(world, "tests/one")
    finish(world.analyst, case_id, "a", None)
    before = told(world)
    roll_back(world, case_id)
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "COMPENSATED"
    assert told(world) == before


def test_a_rollback_after_which_it_goes_on_is(world: World) -> None:
    deploy(world, definition("two", human("a"), human("b", when=".a != null and .b == null")))
    case_id = opened(world, "tests/two")
    finish(world.analyst, case_id, "a", None)
    before = told(world)
    plan = {"scope": {"kind": "steps", "steps": ["a"]}}
    run = roll_back(world, case_id, **plan)
    assert run.status == "RUNNING"
    undo(world.analyst, case_id)
    # On hold until somebody lets it go on: that is the news.
    assert case_row(world, case_id).status == "SUSPENDED"
    # What was called off with the rollback is: the plan follows its work.
    assert told(world)[len(before) :] == of("work_item.cancelled")
    actions.resume_case(case_id, call=Call(world.operator))
    assert told(world)[-1:] == of("case.resumed")


def test_what_an_undo_writes_is_looked_at_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the engine, on a read of the case: not while the undo's own handler has it locked."""
    task = {"title": "Take a back", "outputMapping": "{a: null}"}
    back = {"name": "back", "compensation": True, "humanTask": task}
    deploy(world, definition("again", human("a", compensation=None, compensate="back"), back))
    case_id = opened(world, "tests/again")
    item_id = finish(world.analyst, case_id, "a", None)
    before = told(world)
    begun = compensate(item_id, call=Call(world.operator), reason="Wrong")
    drain()
    asked: list[uuid.UUID] = []
    outlook = definitions.outlook

    def watched(*args: object, **how: object) -> object:
        asked.append(case_id)
        return outlook(*args, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(deciding, "outlook", watched)
    states.undo(begun.attempt.compensation_id, world.analyst)
    drain()
    assert told(world)[len(before) :] == of("case.context_changed")
    assert (len(asked), plan_items(world, case_id)["a"].status) == (1, "ACTIVE")
