"""`?at=`: a case as it was once one of its completions had been taken in."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases import past_state
from cases.actions import deciding, retry_case
from compensation.actions.plan_execution import execute
from tests.casework import (
    CONTEXT,
    LOAN_STEPS,
    UNDO_STEPS,
    approved_loan,
    case_row,
    deploy,
    finish,
    open_loan,
    opened,
    plan_for,
    roll_back,
    undo,
)
from tests.clients import api
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.test_results_taken_once_more import too_late
from tests.subcases import below, child
from tests.world import World
from verbs.call import Call
from verbs.catalogue import find

STEPS = ["credit-check", "valuation", "approval", "disbursement"]


def context(world: World, case_id: uuid.UUID, at: int | str) -> dict[str, Any]:
    answer = api(world.analyst).get(f"/api/v1/cases/{case_id}/context?at={at}")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def items(world: World, case_id: uuid.UUID, at: int) -> dict[str, tuple[Any, ...]]:
    answer = api(world.analyst).get(f"/api/v1/cases/{case_id}/plan-items?at={at}")
    assert answer.status_code == 200, answer.content
    return {
        each["binding"]: (each["status"], each["completion_seq"], each["compensation_state"])
        for each in answer.json()["results"]
    }


def test_each_completion_has_the_context_of_then(world: World) -> None:
    case_id = open_loan(world)
    seen = [context(world, case_id, 0)["context"]]
    for who, binding, outcome, resolution in LOAN_STEPS:
        finish(world.of(who), case_id, binding, outcome, resolution)
        seen.append(api(world.analyst).get(f"/api/v1/cases/{case_id}/context").json()["context"])
    assert seen[0] == CONTEXT
    found = [context(world, case_id, at) for at in range(3)]
    assert [each["context"] for each in found] == seen[:3]
    assert [(each["at"], each["invalidated"], each["erased"]) for each in found] == [
        (at, [], []) for at in range(3)
    ]
    # The last person's step is followed by one of a program, whose result is another completion.
    assert context(world, case_id, 4)["context"] == seen[3]
    assert context(world, case_id, 3)["context"].keys() < seen[3].keys()


def test_each_completion_has_the_plan_items_of_then(world: World) -> None:
    case_id = approved_loan(world)
    done = [(name, ("COMPLETED", at, "NONE")) for at, name in enumerate(STEPS, start=1)]
    for at in range(1, 5):
        assert items(world, case_id, at) == dict(done[:at])
    assert items(world, case_id, 0) == {}


def test_what_was_undone_later_was_not_then(world: World) -> None:
    case_id = approved_loan(world)
    before = [context(world, case_id, at) for at in range(5)]
    roll_back(world, case_id)
    drain()
    for who, _binding in UNDO_STEPS:
        undo(world.of(who), case_id)
    assert case_row(world, case_id).status == "COMPENSATED"
    assert [context(world, case_id, at) for at in range(5)] == before
    done = {name: ("COMPLETED", at, "NONE") for at, name in enumerate(STEPS, start=1)}
    assert items(world, case_id, 4) == done
    found = api(world.analyst).get(f"/api/v1/cases/{case_id}/plan-items").json()["results"]
    assert {each["compensation_state"] for each in found} == {"COMPENSATED"}


def test_what_was_undone_in_between_was(world: World) -> None:
    deploy(world, definition("between", human("a"), human("b", ".a != null and .b == null")))
    case_id = opened(world, "tests/between")
    first = finish(world.analyst, case_id, "a", "DONE")
    find("work_item", "compensate")(
        first, call=Call(world.operator), reason="Wrong", regulatory_basis=[]
    )
    drain()
    undo(world.analyst, case_id)
    finish(world.analyst, case_id, "b", "DONE")
    assert items(world, case_id, 1) == {"a": ("COMPLETED", 1, "NONE")}
    later = items(world, case_id, 2)
    assert later["a"] == ("COMPLETED", 1, "COMPENSATED")
    assert later["b"] == ("COMPLETED", 2, "NONE")
    then, after = context(world, case_id, 1), context(world, case_id, 2)
    assert (then["invalidated"], after["invalidated"]) == ([], ["a"])
    assert then["context"].keys() == {"a"}
    assert after["context"].keys() == {"a", "b"}


def test_a_case_below_was_undone_when_it_was(world: World) -> None:
    deploy(world, definition("low", human("task"), success=".task != null"))
    deploy(world, definition("above", below("low", "low"), human("last")))
    case_id = opened(world, "tests/above")
    low = child(world, case_id).id
    finish(world.analyst, low, "task", "OK")
    plan = plan_for(world, case_id, scope={"kind": "sub_case", "case": str(low)})
    execute(plan.id, call=Call(world.operator, digest=plan.digest), resume_after=True)
    drain()
    undo(world.analyst, low)
    finish(world.analyst, case_id, "last", "OK")
    assert items(world, case_id, 1) == {
        "low": ("COMPLETED", 1, "NONE"), "last": ("ACTIVE", None, "NONE"),
    }  # fmt: skip
    assert items(world, case_id, 2) == {
        "low": ("COMPLETED", 1, "COMPENSATED"), "last": ("COMPLETED", 2, "NONE"),
    }  # fmt: skip


def test_a_result_that_was_taken_in_late_brings_no_later_one_along(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(world, definition("late", human("a"), human("b")))
    case_id = opened(world, "tests/late")
    with monkeypatch.context() as patched:
        patched.setattr(deciding, "contexts_after", too_late)
        finish(world.analyst, case_id, "a", "DONE")
    finish(world.analyst, case_id, "b", "DONE")
    retry_case(case_id, call=Call(world.operator))
    drain()
    assert context(world, case_id, 0)["context"] == {}
    assert context(world, case_id, 1)["context"].keys() == {"a"}
    assert context(world, case_id, 2)["context"].keys() == {"a", "b"}


def test_a_past_that_is_too_large_to_go_through_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = approved_loan(world)
    whole = context(world, case_id, 4)
    # However many are read at once, it is the same.
    monkeypatch.setattr(past_state, "_PORTION", 1)
    assert context(world, case_id, 4) == whole
    monkeypatch.setattr(past_state, "MOST_BYTES", 100)
    answer = api(world.analyst).get(f"/api/v1/cases/{case_id}/context?at=4")
    said = answer.json()
    assert (answer.status_code, said["code"]) == (422, "too_large")
    assert [each["pointer"] for each in said["errors"]] == ["at"]


def test_beyond_the_newest_is_after_the_newest(world: World) -> None:
    case_id = approved_loan(world)
    found = context(world, case_id, 10**9)
    assert (found["at"], found) == (4, context(world, case_id, 4))


@pytest.mark.parametrize("at", ["-1", "one", "1.5", "", "9" * 30])
@pytest.mark.parametrize("what", ["context", "plan-items"])
def test_what_is_no_completion_is_named(world: World, at: str, what: str) -> None:
    case_id = open_loan(world)
    answer = api(world.analyst).get(f"/api/v1/cases/{case_id}/{what}?at={at}")
    said = answer.json()
    assert (answer.status_code, said["code"]) == (422, "number")
    assert [each["pointer"] for each in said["errors"]] == ["at"]


def test_it_costs_the_same_for_any_number_of_steps(world: World) -> None:
    counts = []
    for number in (2, 6):
        names = [f"s{each}" for each in range(number)]
        deploy(world, definition(f"of-{number}", *map(human, names)))
        case_id = opened(world, f"tests/of-{number}")
        for name in names:
            finish(world.analyst, case_id, name, "DONE")
        for what in ("context", "plan-items"):
            with CaptureQueriesContext(connection) as sent:
                address = f"/api/v1/cases/{case_id}/{what}?at={number}"
                assert api(world.analyst).get(address).status_code == 200
            counts.append(len(sent))
    assert counts[:2] == counts[2:]
