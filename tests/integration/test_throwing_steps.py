"""Steps that have a part of their own case undone in the middle of its work, and what follows."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases import actions
from cases.actions.engine import handle
from compensation.models import CompensationPlan, CompensationRun
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from tests.casework import (
    case_row,
    counted,
    deploy,
    finish,
    open_undo,
    opened,
    plan_for,
    plan_items,
    steps,
    undo,
)
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.engine_news import event_of
from tests.states import actions_of
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem


def throw(when: str = '.c.outcome == "BAD"', name: str = "back", **said: Any) -> dict[str, Any]:
    return {
        "name": name, "on": {"contextChange": {}}, "when": when,
        "throw": {"scope": "whole", **said},
    }  # fmt: skip


def a_case(world: World, *more: dict[str, Any], **steps_: dict[str, Any]) -> uuid.UUID:
    """Open a case of a, b and c, one after the other, and do a and b."""
    own = {
        "a": human("a"), "b": human("b", ".a and .b == null"), "c": human("c", ".b and .c == null"),
        **steps_,
    }  # fmt: skip
    deploy(world, definition("way", *own.values(), *more, success=".d != null"))
    case_id = opened(world, "tests/way", {})
    finish(world.analyst, case_id, "a", "OK")
    finish(world.analyst, case_id, "b", "OK")
    return case_id


def run_of(world: World, case_id: uuid.UUID) -> CompensationRun:
    with tenant_scope(world.operator.tenant_id):
        return CompensationRun.objects.select_related("plan").get(whole_id=case_id)


def runs(world: World) -> int:
    with tenant_scope(world.operator.tenant_id):
        return CompensationRun.objects.count()


def names(world: World, run: CompensationRun) -> list[str]:
    return [each.original_name for each in steps(world, run.id)]


def status(world: World, case_id: uuid.UUID) -> str:
    return str(case_row(world, case_id).status)


def tasks(world: World, case_id: uuid.UUID, binding: str) -> list[WorkItem]:
    with tenant_scope(world.operator.tenant_id):
        rows = WorkItem.objects.filter(case_id=case_id, binding=binding, kind="TASK")
        return list(rows.order_by("created_at", "id"))


def left(run: CompensationRun) -> dict[str, str]:
    return {each["original"]["name"]: each["code"] for each in run.left_out}


def test_the_case_waits_while_its_part_is_undone_and_goes_on(world: World) -> None:
    after = human("d", '.c.outcome == "BAD" and .d == null')
    case_id = a_case(world, throw(scope="from_step", step="b"), after)
    finish(world.analyst, case_id, "c", "BAD")
    run = run_of(world, case_id)
    assert (run.trigger, run.status, run.resume_after) == ("rule", "RUNNING", True)
    assert run.requested_by_id == world.system.actor_id
    assert run.plan.scope == {"kind": "from_step", "step": "b"}
    assert (status(world, case_id), names(world, run)) == ("COMPENSATING", ["c", "b"])
    back = plan_items(world, case_id)["back"]
    assert (back.type, back.status, back.target_id, back.completion_seq) == (
        "throw", "COMPLETED", None, None,
    )  # fmt: skip
    assert "d" not in plan_items(world, case_id), "nothing else starts while it is undone"
    assert open_undo(world.analyst, case_id).compensates_id == tasks(world, case_id, "c")[0].id
    undo(world.analyst, case_id)
    assert status(world, case_id) == "COMPENSATING"
    undo(world.analyst, case_id)
    assert (status(world, case_id), run_of(world, case_id).status) == ("RUNNING", "COMPLETED")
    items = plan_items(world, case_id)
    assert (items["a"].compensation_state, items["b"].compensation_state) == ("NONE", "COMPENSATED")
    assert items["d"].status == "ACTIVE"
    assert len(tasks(world, case_id, "b")) == 1
    assert runs(world) == 1, "thrown again although nothing that it asks for has changed"
    finish(world.analyst, case_id, "d", None)
    assert (status(world, case_id), runs(world)) == ("COMPLETED", 1)
    with tenant_scope(world.operator.tenant_id):
        began = LedgerEntry.objects.get(subject_id=run.id, action="compensation_started")
    assert (began.actor_type, began.caused_by_id is not None) == ("SYSTEM", True)
    shown = api(world.operator).get(f"/api/v1/compensation-runs/{run.id}").json()
    assert (shown["trigger"], shown["resume_after"]) == ("rule", True)
    verify()


def test_steps_bring_with_them_what_was_done_after_them(world: World) -> None:
    case_id = a_case(world, throw(scope="steps", steps=["b", "d"]), human("d", ".never"))
    finish(world.analyst, case_id, "c", "BAD")
    assert names(world, run_of(world, case_id)) == ["c", "b"]


def test_the_whole_is_undone_and_the_case_goes_on_or_ends(world: World) -> None:
    case_id = a_case(world, throw(then="end"))
    finish(world.analyst, case_id, "c", "BAD")
    assert names(world, run_of(world, case_id)) == ["c", "b", "a"]
    for _ in range(3):
        undo(world.analyst, case_id)
    assert status(world, case_id) == "COMPENSATED"
    deploy(world, definition("two", human("a"), throw('.a.outcome == "BAD"')))
    other = opened(world, "tests/two")
    finish(world.analyst, other, "a", "BAD")
    undo(world.analyst, other)
    assert status(world, other) == "RUNNING"
    verify()


def test_a_part_that_ends_the_case_leaves_it_rolled_back_in_part(world: World) -> None:
    case_id = a_case(world, throw(scope="steps", steps=["c"], then="end"))
    finish(world.analyst, case_id, "c", "BAD")
    undo(world.analyst, case_id)
    row = case_row(world, case_id)
    assert (row.status, row.ended_at is not None) == ("PARTIALLY_COMPENSATED", True)
    plan = plan_for(world, case_id)
    assert [each["original"]["name"] for each in plan.content["steps"]] == ["b", "a"]


def test_with_nothing_to_undo_it_goes_on_at_once(world: World) -> None:
    deploy(
        world,
        definition(
            "none", human("b", ".n == 1 and .b == null"),
            throw(".n == 1", scope="steps", steps=["b"]), success=".b",
        ),
    )  # fmt: skip
    case_id = opened(world, "tests/none", {"n": 1})
    assert (status(world, case_id), runs(world)) == ("RUNNING", 0)
    items = plan_items(world, case_id)
    assert (items["back"].status, items["b"].status) == ("COMPLETED", "ACTIVE")
    assert actions_of(world, "case", case_id).count("nothing_to_undo") == 1
    with tenant_scope(world.operator.tenant_id):
        assert not CompensationPlan.objects.exists()
    finish(world.analyst, case_id, "b", "OK")
    assert (status(world, case_id), runs(world)) == ("COMPLETED", 0)
    verify()


def test_with_nothing_to_undo_it_ends_all_the_same(world: World) -> None:
    deploy(world, definition("none", human("b"), throw(".n == 1", then="end")))
    case_id = opened(world, "tests/none", {"n": 1})
    assert (status(world, case_id), runs(world)) == ("COMPENSATED", 1)
    assert "b" not in plan_items(world, case_id)


def test_what_is_open_beside_it_is_called_off_and_starts_again(world: World) -> None:
    case_id = a_case(world, human("e"), throw(scope="steps", steps=["c"]))
    (first,) = tasks(world, case_id, "e")
    finish(world.analyst, case_id, "c", "BAD")
    (called_off,) = tasks(world, case_id, "e")
    assert (called_off.id, called_off.status) == (first.id, "CANCELLED")
    undo(world.analyst, case_id)
    assert [each.status for each in tasks(world, case_id, "e")] == ["CANCELLED", "PENDING"]


def test_it_stops_at_a_point_of_no_return(world: World) -> None:
    case_id = a_case(
        world, throw(),
        b=human("b", ".a and .b == null", compensation=None, reversibility="pivot"),
    )  # fmt: skip
    finish(world.analyst, case_id, "c", "BAD")
    run = run_of(world, case_id)
    assert names(world, run) == ["c"]
    assert left(run) == {"b": "pivot", "a": "pivot"}
    undo(world.analyst, case_id)
    assert (status(world, case_id), run_of(world, case_id).status) == (
        "PARTIALLY_COMPENSATED", "PARTIAL",
    )  # fmt: skip
    assert plan_items(world, case_id)["a"].compensation_state == "NONE"


def test_what_nobody_declared_an_undo_for_does_not_keep_it_from_going_on(world: World) -> None:
    case_id = a_case(world, throw(), b=human("b", ".a and .b == null", compensation=None))
    finish(world.analyst, case_id, "c", "BAD")
    run = run_of(world, case_id)
    assert (names(world, run), left(run)) == (["c", "a"], {"b": "no_compensation_declared"})
    undo(world.analyst, case_id)
    undo(world.analyst, case_id)
    assert (status(world, case_id), run_of(world, case_id).status) == ("RUNNING", "PARTIAL")


def test_what_is_refused_is_not_begun_and_can_be_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = a_case(world, throw(scope="steps", steps=["c"]))
    with monkeypatch.context() as patched:
        patched.setattr("compensation.actions.run_agreement.four_eyes", lambda *_: "risk: high")
        finish(world.analyst, case_id, "c", "BAD")
        row, item = case_row(world, case_id), plan_items(world, case_id)["back"]
        assert (row.status, item.status, runs(world)) == ("FAULTED", "FAULTED", 0)
        assert row.fault == f"back: {item.error}"
        with tenant_scope(world.operator.tenant_id):
            assert not CompensationPlan.objects.exists()
        actions.retry_case(case_id, call=Call(world.operator))
        drain()
        assert (status(world, case_id), runs(world)) == ("FAULTED", 0)
    actions.retry_case(case_id, call=Call(world.operator))
    drain()
    assert (status(world, case_id), names(world, run_of(world, case_id))) == (
        "COMPENSATING", ["c"],
    )  # fmt: skip
    undo(world.analyst, case_id)
    assert status(world, case_id) == "RUNNING"
    verify()


def test_an_undo_that_fails_holds_the_case_until_somebody_decides(world: World) -> None:
    case_id = a_case(world, throw(scope="steps", steps=["c"]))
    finish(world.analyst, case_id, "c", "BAD")
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    assert status(world, case_id) == "COMPENSATION_FAULTED"
    run = run_of(world, case_id)
    answer = api(world.operator).post(
        f"/api/v1/compensation-runs/{run.id}/steps/1/retry", {}, content_type="application/json"
    )
    assert answer.status_code == 200
    drain()
    undo(world.analyst, case_id)
    assert (status(world, case_id), runs(world)) == ("RUNNING", 1)


def test_a_signal_may_throw_and_each_signal_throws_once(world: World) -> None:
    step = {"name": "back", "on": {"signal": "undo"}, "throw": {"scope": "steps", "steps": ["b"]}}
    case_id = a_case(world, step)
    actions.signal_case(case_id, call=Call(world.operator), name="undo")
    drain()
    assert (status(world, case_id), names(world, run_of(world, case_id))) == (
        "COMPENSATING", ["b"],
    )  # fmt: skip
    assert tasks(world, case_id, "c")[0].status == "CANCELLED"
    actions.signal_case(case_id, call=Call(world.operator), name="undo")
    drain()
    assert runs(world) == 1
    undo(world.analyst, case_id)
    # The second one, which has waited, finds nothing to undo any more.
    assert (status(world, case_id), runs(world)) == ("RUNNING", 1)
    assert actions_of(world, "case", case_id).count("nothing_to_undo") == 1
    assert tasks(world, case_id, "c")[-1].status == "PENDING"


def test_an_undo_that_changes_what_it_asks_for_lets_it_throw_again(world: World) -> None:
    takes_back = {
        "name": "again", "on": {"contextChange": {}}, "compensation": True,
        "humanTask": {"title": "Again", "outputMapping": "{c: null}"},
    }  # fmt: skip
    step = human("c", ".b and .c == null", compensation=None, compensate="again")
    case_id = a_case(world, throw(scope="steps", steps=["c"]), takes_back, c=step)
    for n in (1, 2):
        finish(world.analyst, case_id, "c", "BAD")
        assert runs(world) == n
        undo(world.analyst, case_id)
        assert status(world, case_id) == "RUNNING"
    finish(world.analyst, case_id, "c", "GOOD")
    assert (status(world, case_id), runs(world)) == ("RUNNING", 2)
    verify()


def test_the_same_news_again_throws_nothing_again(world: World) -> None:
    case_id = a_case(world, throw(scope="steps", steps=["c"]))
    done = finish(world.analyst, case_id, "c", "BAD")
    before = counted(world)
    with tenant_scope(world.operator.tenant_id):
        news = event_of(LedgerEntry.objects.get(subject_id=done, action="completed"))
    handle([news], lambda: None)
    assert counted(world) == before
    undo(world.analyst, case_id)
    handle([news], lambda: None)
    assert runs(world) == 1


@pytest.mark.parametrize("verb", ["suspend", "resume"])
def test_its_rollback_is_held_like_any(world: World, verb: str) -> None:
    case_id = a_case(world, throw(scope="steps", steps=["c"]))
    finish(world.analyst, case_id, "c", "BAD")
    actions.suspend_case(case_id, call=Call(world.operator))
    assert run_of(world, case_id).status == "PAUSED"
    if verb == "resume":
        actions.resume_case(case_id, call=Call(world.operator))
    item = open_undo(world.analyst, case_id)
    assert item.status in {"PENDING", "ASSIGNED"}
    undo(world.analyst, case_id)
    expected = "RUNNING" if verb == "resume" else "COMPENSATING"
    assert status(world, case_id) == expected


def test_its_page_shows_the_step_that_threw(world: World) -> None:
    case_id = a_case(world, throw(scope="steps", steps=["c"]))
    finish(world.analyst, case_id, "c", "BAD")
    for who in (world.analyst, world.operator):
        answer = browser(who).get(f"/cases/{case_id}/")
        assert answer.status_code == 200
        assert "Back" in answer.content.decode()


def test_a_step_that_was_never_finished_counts_for_nothing(world: World) -> None:
    beside = human("x", ".b and .x == null")
    case_id = a_case(world, beside, throw(scope="from_step", step="x", then="resume"))
    assert plan_items(world, case_id)["x"].status == "ACTIVE"
    finish(world.analyst, case_id, "c", "BAD")
    assert runs(world) == 0, "a and b were finished before, and stay"
    assert status(world, case_id) == "RUNNING"
