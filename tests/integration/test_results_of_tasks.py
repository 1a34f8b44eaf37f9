"""What an output mapping sees of a task: its resolution's own members, how it ended laid over them,
and that also of a task that was not done."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from accounts.models import User
from cases.models import PlanItem
from ledger.errors import Invalid
from ledger.tenancy import tenant_scope
from tests import states
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
from tests.clients import api
from tests.definitions import definition, human
from tests.draining import drain
from tests.world import World
from verbs.call import Call
from verbs.catalogue import find
from web.verb_forms import form_of
from workitems.actions import fail, reject, start

NUMBERED = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def opened_check(world: World, **task: Any) -> uuid.UUID:
    """Open a case of one task whose whole result is kept under `seen`."""
    step = human("check", compensation=None, **task)
    step["humanTask"] |= {"outputMapping": "{seen: .}"}
    step["when"] = ".seen == null"
    deploy(world, definition("told", step, success=".seen.n == 1", failure='.seen.why == "late"'))
    return opened(world, "tests/told")


@pytest.mark.parametrize(
    ("resolution", "seen"),
    [
        ({"n": 2, "outcome": "mine", "completed_by": "me"}, {"n": 2}),
        ([2], {}),
        ("two", {}),
        (None, {}),
    ],
)
def test_how_it_ended_is_laid_over_the_resolution(
    world: World, resolution: Any, seen: dict[str, Any]
) -> None:
    case_id = opened_check(world)
    finish(world.analyst, case_id, "check", "OK", resolution)
    assert case_row(world, case_id).context["seen"] == {
        **seen,
        "outcome": "OK",
        "resolution": resolution,
        "completed_by": world.analyst.username,
    }


def test_a_name_is_the_one_that_somebody_has_now(world: World) -> None:
    first = opened_check(world)
    finish(world.analyst, first, "check", "OK", {"n": 2})
    User.objects.filter(username=world.analyst.username).update(username="renamed")
    second = opened(world, "tests/told")
    finish(world.analyst, second, "check", "OK", {"n": 2})
    said = [case_row(world, each).context["seen"]["completed_by"] for each in (first, second)]
    assert said == [world.analyst.username, "renamed"]


@pytest.mark.parametrize("how", ["reject", "fail"])
def test_what_a_task_that_was_not_done_found_is_taken_in(world: World, how: str) -> None:
    case_id = opened_check(world)
    item = open_item(world.analyst, case_id, "check")
    start(item.id, call=Call(world.analyst))
    if how == "reject":
        reject(item.id, call=Call(world.analyst), reason="No papers", resolution={"why": "lost"})
    else:
        fail(item.id, call=Call(world.analyst), detail="No papers", resolution={"why": "lost"})
    drain()
    case = case_row(world, case_id)
    assert case.context["seen"] == {
        "why": "lost", "outcome": None, "resolution": {"why": "lost"}, "completed_by": None,
    }  # fmt: skip
    said = {"reject": "rejected", "fail": "faulted"}[how]
    assert (case.status, case.fault) == ("FAULTED", f"check: {said}, No papers")
    step = plan_items(world, case_id)["check"]
    assert (step.completion_seq, step.written) == (None, ["seen"])


def test_a_failure_goal_speaks_of_what_a_refusal_says(world: World) -> None:
    case_id = opened_check(world)
    item = open_item(world.analyst, case_id, "check")
    start(item.id, call=Call(world.analyst))
    reject(item.id, call=Call(world.analyst), reason="No", resolution={"why": "late"})
    drain()
    case = case_row(world, case_id)
    assert (case.status, case.fault) == ("FAULTED", "A failure goal was reached.")


def test_a_refusal_without_a_resolution_changes_nothing(world: World) -> None:
    case_id = opened_check(world)
    item = open_item(world.analyst, case_id, "check")
    start(item.id, call=Call(world.analyst))
    reject(item.id, call=Call(world.analyst), reason="No papers")
    drain()
    case = case_row(world, case_id)
    assert (case.status, case.context) == ("FAULTED", {})
    assert plan_items(world, case_id)["check"].written == []


def test_a_refusals_resolution_keeps_to_the_schema(world: World) -> None:
    item = states.in_progress(world.analyst, resolution_schema=NUMBERED)
    with pytest.raises(Invalid) as refused:
        reject(item.id, call=Call(world.analyst), reason="No", resolution={"n": "two"})
    assert [each.pointer for each in refused.value.errors] == ["/resolution/n"]
    assert states.stored(world, item.id).status == "IN_PROGRESS"
    client = api(world.analyst)
    answer = client.post(
        f"/api/v1/work-items/{item.id}/reject/",
        {"reason": "No", "resolution": {"n": 2}}, content_type="application/json",
    )  # fmt: skip
    assert (answer.status_code, answer.json()["resolution"]) == (200, {"n": 2})
    assert (answer.json()["status"], answer.json()["completed_by"]) == ("REJECTED", None)


def test_no_form_asks_for_a_resolution_of_what_is_refused() -> None:
    for name in ("reject", "fail"):
        assert "resolution" not in form_of(find("work_item", name))().fields


def test_an_undo_tells_its_mapping_the_same(world: World) -> None:
    step = human("check", compensate="uncheck", compensation=None)
    step["humanTask"] |= {"outputMapping": "{seen: .n}"}
    step["when"] = ".seen == null"
    back = human("uncheck", compensation=True)
    back["humanTask"] |= {"outputMapping": "{undone: .}"}
    deploy(world, definition("undone", step, back))
    case_id = opened(world, "tests/undone")
    finish(world.analyst, case_id, "check", "OK", {"n": 2})
    roll_back(world, case_id)
    undo(world.analyst, case_id)
    assert case_row(world, case_id).context["undone"] == {
        "outcome": "REVERSED", "resolution": None, "completed_by": world.analyst.username,
    }  # fmt: skip
    with tenant_scope(world.operator.tenant_id):
        assert PlanItem.objects.get(case_id=case_id).compensation_state == "COMPENSATED"
