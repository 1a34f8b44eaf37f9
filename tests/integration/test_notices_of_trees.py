"""A rollback over several levels of cases is one matter: each person hears of it once."""

from __future__ import annotations

import uuid

import pytest

from compensation.actions.step_verbs import abandon_step, retry_step
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from people.actions import deactivate
from tests.casework import (
    case_row,
    deploy,
    finish,
    open_undo,
    opened,
    roll_back,
    run_row,
    undo,
)
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.integration.test_nested_rollback import run_about, three_levels
from tests.integration.test_notices_counted import notices, so_far
from tests.states import change_roles, work
from tests.subcases import below, chain, statuses
from tests.world import World
from verbs.call import Call


def subjects_of(world: World, topic: str, since: set[uuid.UUID]) -> set[uuid.UUID]:
    """Return what people were told of in a topic."""
    with tenant_scope(world.operator.tenant_id):
        rows = Delivery.objects.filter(topic=topic).exclude(id__in=since)
        return set(rows.values_list("subject_id", flat=True))


def a_task_at_each_level(world: World) -> list[uuid.UUID]:
    """Return three cases, one below the other, in each of which the analyst did a task."""
    deploy(world, definition("low", human("task"), success=".task != null"))
    for name, child in (("middle", "low"), ("top", "middle")):
        own = human("own", when=f".{child} != null and .own == null")
        deploy(world, definition(name, below(child, child), own, success=".own != null"))
    top = opened(world, "tests/top")
    _, middle, low = (case.id for case in chain(world, top))
    finish(world.analyst, low, "task", "OK")
    finish(world.analyst, middle, "own", "OK")
    finish(world.analyst, top, "own", "OK")
    return [top, middle, low]


def test_the_end_of_a_tree_is_one_notice_for_each_person(world: World) -> None:
    ids = a_task_at_each_level(world)
    before = so_far(world)
    run = roll_back(world, ids[0])
    for case_id in ids:
        undo(world.analyst, case_id)
    assert statuses(world, ids[0]) == ["COMPENSATED"] * 3
    assert notices(world, before) == {
        ("analyst", "undo_waiting"): 3,
        ("analyst", "work_undone"): 1,
        ("operator", "rollback_ended"): 1,
    }
    assert subjects_of(world, "rollback_ended", before) == {run.id}
    assert subjects_of(world, "work_undone", before) == {run.id}


def test_runs_below_that_begin_with_the_first_tell_no_end_of_their_own(world: World) -> None:
    """All three begin in one transaction, by the operator's own hand."""
    ids = three_levels(world)
    before = so_far(world)
    run = roll_back(world, ids[0])
    undo(world.analyst, ids[2])
    assert statuses(world, ids[0]) == ["COMPENSATED"] * 3
    assert notices(world, before) == {
        ("analyst", "undo_waiting"): 1,
        ("analyst", "work_undone"): 1,
        ("operator", "rollback_ended"): 1,
    }
    assert subjects_of(world, "rollback_ended", before) == {run.id}


def test_what_fails_at_the_bottom_is_told_there_once_to_who_asked_for_the_tree(
    world: World,
) -> None:
    top, middle, low = a_task_at_each_level(world)
    before = so_far(world)
    run = roll_back(world, top)
    undo(world.analyst, top)
    undo(world.analyst, middle)
    undo(world.analyst, low, "CANNOT_REVERSE")
    assert statuses(world, top) == ["COMPENSATION_FAULTED"] * 3
    assert run_row(world, run.id).status == "FAULTED"
    assert notices(world, before) == {
        ("analyst", "undo_waiting"): 3,
        ("admin", "rollback_stopped"): 1,
        ("operator", "rollback_stopped"): 1,
    }
    lowest = run_about(world, low)
    assert subjects_of(world, "rollback_stopped", before) == {lowest.id}
    # Each further decision is one more, and what is given up below is told at the end alone.
    retry_step(lowest.id, 1, call=Call(world.operator))
    drain()
    undo(world.analyst, low, "CANNOT_REVERSE")
    abandon_step(lowest.id, 1, call=Call(world.operator), reason="It was sent")
    drain()
    assert statuses(world, top) == ["PARTIALLY_COMPENSATED"] * 3
    found = notices(world, before)
    assert found["operator", "rollback_stopped"] == 2
    assert found["operator", "rollback_ended"] == 1
    assert found["analyst", "work_undone"] == 1


def test_what_fails_below_reaches_who_asked_though_they_are_no_operator_any_more(
    world: World,
) -> None:
    top, middle, low = a_task_at_each_level(world)
    before = so_far(world)
    roll_back(world, top)
    undo(world.analyst, top)
    item_id = open_undo(world.operator, middle).id
    change_roles(world, world.operator, "member")
    work(world.analyst, item_id, "CANNOT_REVERSE")
    drain()
    found = notices(world, before)
    assert {who: found[who, "rollback_stopped"] for who in ("admin", "operator")} == {
        "admin": 1, "operator": 1,
    }  # fmt: skip
    assert case_row(world, low).status == "COMPLETED"


def test_a_tree_that_falls_to_the_operators_says_so_once_and_of_the_whole(world: World) -> None:
    ids = a_task_at_each_level(world)
    before = so_far(world)
    assert world.analyst.membership_id is not None
    deactivate(world.analyst.membership_id, call=Call(world.admin))
    run = roll_back(world, ids[0])
    for case_id in ids:
        work(world.operator, open_undo(world.operator, case_id).id, "REVERSED")
        drain()
    assert statuses(world, ids[0]) == ["COMPENSATED"] * 3
    assert notices(world, before) == {
        ("admin", "needs_somebody"): 1,
        ("operator", "needs_somebody"): 1,
        ("operator", "rollback_ended"): 1,
    }
    assert subjects_of(world, "needs_somebody", before) == {run.id}


@pytest.mark.parametrize("number", [1, 3])
def test_a_tree_of_programs_is_one_notice_however_wide(world: World, number: int) -> None:
    undone = {"mode": "automated", "capability": "demo.slow"}
    one = automated("pay", "demo.slow", "true", "{seconds: 0}", compensation=undone)
    deploy(world, definition("low", one, success=".pay != null"))
    rows = [below(f"low{n}", "low") for n in range(number)]
    deploy(world, definition("top", *rows, success=f".low{number - 1} != null"))
    top = opened(world, "tests/top")
    drain(fast_forward=True)
    before = so_far(world)
    run = roll_back(world, top)
    drain(fast_forward=True)
    assert run_row(world, run.id).status == "COMPLETED"
    assert notices(world, before) == {("operator", "rollback_ended"): 1}
