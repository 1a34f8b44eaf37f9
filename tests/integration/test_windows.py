"""Until when work can be undone, and that a person with the right may have it undone after that."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
import time_machine

from cases.actions import close_case
from compensation.actions.plan_execution import execute
from compensation.actions.waiting_runs import approve_run
from compensation.errors import PlanStale
from executions.actions import record_result
from executions.models import Execution
from ledger.clock import rfc3339
from ledger.errors import Conflict, Invalid, NotPermitted
from ledger.models import LedgerEntry
from ledger.selectors import open_entries
from ledger.tenancy import tenant_scope
from tests import states
from tests.approvals import approve, ask, of_item
from tests.casework import (
    case_row,
    deploy,
    finish,
    open_item,
    opened,
    plan_for,
    preview,
    roll_back,
    run_row,
    steps,
    undo,
)
from tests.clients import api
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.integration.test_governed_executions import policy
from tests.subcases import below, child
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems import actions

WHY = "The court has ordered it"
LATER = dt.timedelta(hours=2)
SHORT = {"mode": "human", "window": "PT1H"}


def late(by: dt.timedelta = LATER) -> Any:
    """Return a context in which it is that much later."""
    return time_machine.travel(dt.datetime.now(dt.UTC) + by, tick=False)


def done(world: World, *bindings: dict[str, Any]) -> uuid.UUID:
    """Return a case of tasks that were finished in order."""
    all_of_it = " and ".join(f".{binding['name']} != null" for binding in bindings)
    deploy(world, definition("timed", *bindings, success=all_of_it))
    case_id = opened(world, "tests/timed")
    for binding in bindings:
        finish(world.analyst, case_id, binding["name"], "OK")
    return case_id


def codes(plan: Any) -> dict[str, str]:
    return {each["original"]["name"]: each["code"] for each in plan.content["excluded"]}


def names(plan: Any) -> list[str]:
    return [each["original"]["name"] for each in plan.content["steps"]]


def words_of(world: World, run_id: uuid.UUID) -> list[Any]:
    with tenant_scope(world.operator.tenant_id):
        rows = LedgerEntry.objects.filter(
            subject_id=run_id, action="compensation_window_overridden"
        )
        return list(open_entries(rows))


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_moment_closes_it_after_its_last_second(world: World, seconds: int) -> None:
    moment = dt.datetime(2031, 5, 1, 12, tzinfo=dt.UTC)
    window = {"mode": "human", "window": "2031-05-01T14:00:00+02:00"}
    case_id = done(world, human("a", compensation=window))
    with time_machine.travel(moment + dt.timedelta(seconds=seconds), tick=False):
        plan = plan_for(world, case_id)
    assert (names(plan), codes(plan)) == (([], {"a": "window_closed"}) if seconds else (["a"], {}))


def test_until_closed_is_until_the_case_is_closed(world: World) -> None:
    always = {"mode": "human", "window": "until_closed"}
    case_id = done(world, human("a", compensation=always))
    with late(dt.timedelta(days=30_000)):
        assert names(plan_for(world, case_id)) == ["a"]
    close_case(case_id, call=Call(world.operator))
    drain()
    with pytest.raises(Conflict) as refused:
        plan_for(world, case_id)
    assert refused.value.code == "case_closed"


def test_a_closed_window_is_overridden_in_plan_run_and_ledger(world: World) -> None:
    case_id = done(world, human("a"), human("b", compensation=SHORT))
    said = [{"step": "b", "reason": WHY}]
    with late():
        without = plan_for(world, case_id)
        plan = plan_for(world, case_id, override_window=said)
        other = [{"step": "b", "reason": "Another reason"}]
        assert plan_for(world, case_id, override_window=other).digest == plan.digest
        run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    assert (names(without), codes(without)) == (["a"], {"b": "window_closed"})
    assert (names(plan), codes(plan)) == (["b", "a"], {})
    assert plan.digest != without.digest
    original = open_item_of(world, plan, "b")
    closed = original.completed_at + dt.timedelta(hours=1)
    until = rfc3339(closed)
    [step] = [each for each in plan.content["steps"] if each["original"]["name"] == "b"]
    assert step["window_overridden"] == {"until": until, "reason": WHY}
    [entry] = words_of(world, run.id)
    assert (entry.payloads["step"], entry.payloads["reason"], entry.payloads["until"]) == (
        "b", WHY, until,
    )  # fmt: skip
    assert entry.actor_id == world.operator.actor_id
    assert (entry.compensation or {})["undoing"] == {"type": "work_item", "id": str(original.id)}
    drain()
    undo(world.analyst, case_id)
    undo(world.analyst, case_id)
    assert (run_row(world, run.id).status, case_row(world, case_id).status) == (
        "COMPLETED", "COMPENSATED",
    )  # fmt: skip
    verify()


def open_item_of(world: World, plan: Any, name: str) -> Any:
    [id_] = [
        each["original"]["id"] for each in plan.content["steps"] if each["original"]["name"] == name
    ]
    return states.stored(world, uuid.UUID(id_))


@pytest.mark.parametrize(
    ("said", "pointer", "code"),
    [
        ([{"step": "nowhere", "reason": WHY}], "/override_window/0/step", "unknown_step"),
        ([{"step": "a", "reason": WHY}], "/override_window/0/step", "not_too_late"),
        ([{"step": "c", "reason": WHY}], "/override_window/0/step", "not_too_late"),
        ([{"step": "b"}], "/override_window/0/reason", "required"),
        ([{"step": "b", "reason": " "}], "/override_window/0/reason", "blank"),
        ("b", "/override_window", "invalid"),
    ],
)
def test_a_wrong_override_is_refused_at_its_field(
    world: World, said: Any, pointer: str, code: str
) -> None:
    shut = {**SHORT, "strategy": "restore"}
    case_id = done(
        world, human("a"), human("b", compensation=SHORT),
        human("c", compensation=shut, reversibility="irreversible"),
    )  # fmt: skip
    with late(), pytest.raises(Invalid) as refused:
        plan_for(world, case_id, override_window=said)
    assert [(each.pointer, each.code) for each in refused.value.errors] == [(pointer, code)]


def test_only_a_person_who_operates_overrides(world: World) -> None:
    case_id = done(world, human("a", compensation=SHORT))
    said = [{"step": "a", "reason": WHY}]
    states.change_roles(world, world.agent, "operator")
    with late():
        plan = plan_for(world, case_id, override_window=said)
        for somebody in (world.agent, world.analyst, world.approver):
            with pytest.raises(NotPermitted):
                preview(("case", case_id), call=Call(somebody), reason="Why", override_window=said)
        # Neither on a plan that a person made.
        with pytest.raises(NotPermitted):
            execute(plan.id, call=Call(world.agent, digest=plan.digest))
    assert case_row(world, case_id).status == "COMPLETED"


def test_a_word_given_in_advance_does_not_count(world: World) -> None:
    """A window that closes between preview and execution makes the plan stale."""
    case_id = done(world, human("a", compensation=SHORT))
    with late(dt.timedelta(minutes=55)):
        plan = plan_for(world, case_id)
    with late(dt.timedelta(minutes=65)), pytest.raises(PlanStale):
        execute(plan.id, call=Call(world.operator, digest=plan.digest))


def test_one_below_is_overridden_from_above(world: World) -> None:
    deploy(world, definition("pair", human("room", compensation=SHORT), success=".room != null"))
    deploy(world, definition("trip", below("booking", "pair"), success=".booking != null"))
    top = opened(world, "tests/trip")
    low = child(world, top).id
    finish(world.analyst, low, "room", "OK")
    with late():
        assert codes(plan_for(world, top)) == {"booking": "window_closed"}
        run = roll_back(world, top, override_window=[{"step": "room", "reason": WHY}])
    drain()
    undo(world.analyst, low)
    assert [case_row(world, id_).status for id_ in (top, low)] == ["COMPENSATED"] * 2
    assert words_of(world, run.id) == []
    with tenant_scope(world.operator.tenant_id):
        rows = LedgerEntry.objects.filter(action="compensation_window_overridden", case_id=low)
        assert rows.count() == 1
    verify()


def test_what_waits_for_approval_is_not_cut_off_by_the_window_that_is_over(world: World) -> None:
    case_id = done(world, human("a", compensation=SHORT))
    counted = ".counts.windows_overridden > 0"
    policy(world, "require_approval", counted)
    with late():
        run = roll_back(world, case_id, override_window=[{"step": "a", "reason": WHY}])
        assert run_row(world, run.id).status == "PENDING_APPROVAL"
        approve_run(run.id, call=Call(world.approver))
    drain()
    assert [str(step.status) for step in steps(world, run.id)] == ["RUNNING"]
    assert len(words_of(world, run.id)) == 1


def test_one_item_is_undone_after_its_time_on_an_operators_word(world: World) -> None:
    policy = {**SHORT, "self_undo": True}
    item = states.completed(world.analyst, compensation=policy)
    with late():
        for somebody in (world.analyst, world.agent):
            with pytest.raises(NotPermitted):
                states.compensate(item, somebody, override_window=True)
        assert states.stored(world, item.id).status == "COMPLETED"
        begun = states.compensate(item, world.operator, override_window=True, reason=WHY)
    assert begun.original.status == "COMPENSATING"
    entry = states.history(world, "work_item", item.id)[-1]
    assert (entry.action, entry.payloads["reason"]) == ("compensation_started", WHY)
    assert item.completed_at is not None
    closed = item.completed_at + dt.timedelta(hours=1)
    assert entry.payloads["window_overridden"] == rfc3339(closed)


def test_in_time_nothing_is_overridden(world: World) -> None:
    item = states.completed(world.analyst, compensation=SHORT)
    with pytest.raises(Invalid) as refused:
        states.compensate(item, world.operator, override_window=True)
    assert [(each.pointer, each.code) for each in refused.value.errors] == [
        ("/override_window", "not_too_late")
    ]
    assert states.stored(world, item.id).status == "COMPLETED"


def test_an_approved_override_begins_after_the_time(world: World) -> None:
    item = states.completed(world.analyst, compensation={**SHORT, "approval": "one"})
    with late():
        approval = ask(item, world.operator, override_window=True)
        approve(approval.id, call=Call(world.approver))
    assert states.stored(world, item.id).status == "COMPENSATING"


def test_who_is_no_operator_any_more_overrides_nothing(world: World) -> None:
    """Whoever finished it may ask for its undo, and after its time only as an operator."""
    asks = {**SHORT, "self_undo": True, "approval": "one"}
    item = states.completed(world.analyst, compensation=asks)
    states.change_roles(world, world.analyst, "member", "operator")
    with late():
        approval = ask(item, world.analyst, override_window=True)
        states.change_roles(world, world.analyst, "member")
        answer = approve(approval.id, call=Call(world.approver))
    assert (answer.status, answer.ended_because) == (
        "SUPERSEDED", "Who asked for it may not ask for it any more.",
    )  # fmt: skip
    assert states.stored(world, item.id).status == "COMPLETED"
    assert states.attempts(world, item.id) == []
    assert [str(each.status) for each in of_item(item)] == ["SUPERSEDED"]


def test_what_is_finished_during_the_run_is_undone_after_its_time_too(world: World) -> None:
    """It was agreed to for all that is called so, at all levels."""
    moment = rfc3339(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))
    ends: dict[str, Any] = {"compensation": {"mode": "human", "window": moment}}
    outside = automated("room", "erp.book", "true", "{n: 1}", **ends)
    deploy(world, definition("pair", outside, success=".never"))
    deploy(world, definition("trip", human("room", **ends), below("pair", "pair")))
    top = opened(world, "tests/trip")
    low = child(world, top).id
    finish(world.analyst, top, "room", "OK")
    with tenant_scope(world.operator.tenant_id):
        owed = Execution.objects.get(case_id=low)
    with late():
        run = roll_back(world, top, override_window=[{"step": "room", "reason": WHY}])
        record_result(owed.id, call=Call(world.operator), outcome="succeeded", output={})
        drain()
        with tenant_scope(world.operator.tenant_id):
            [nested] = run.child_runs.all()
        [step] = steps(world, nested.id)
        assert (step.amendment, step.status, step.error) == (True, "RUNNING", "")
        assert step.spec["window_overridden"] == {"until": moment, "reason": WHY}
        undo(world.operator, low)
        undo(world.analyst, top)
    assert [case_row(world, id_).status for id_ in (top, low)] == ["COMPENSATED"] * 2
    planned = [
        each for each in states.history(world, "compensation_run", nested.id)
        if each.action == "compensation_step_planned"
    ]  # fmt: skip
    assert [each.payloads["window_overridden"]["reason"] for each in planned] == [WHY]
    verify()


def test_what_nobody_asks_for_never_overrides(world: World) -> None:
    """A failed step lets the case undo itself: what is too late stays."""
    found = definition(
        "failing", human("a", compensation=SHORT), human("b"), human("c", ".a and .b"),
        success=".c != null",
    )  # fmt: skip
    found["spec"]["on_fault"] = "compensate"
    deploy(world, found)
    case_id = opened(world, "tests/failing")
    finish(world.analyst, case_id, "a", "OK")
    finish(world.analyst, case_id, "b", "OK")
    item = open_item(world.analyst, case_id, "c")
    with late():
        actions.start(item.id, call=Call(world.analyst))
        actions.reject(item.id, call=Call(world.analyst), reason="No papers")
        drain()
        undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "PARTIALLY_COMPENSATED"
    assert states.stored(world, item.id).status == "REJECTED"


def test_the_api_takes_and_shows_it(world: World) -> None:
    case_id = done(world, human("a", compensation=SHORT))
    body = {"reason": "It has to go", "override_window": [{"step": "a", "reason": WHY}]}
    with late():
        answer = api(world.operator).post(
            f"/api/v1/cases/{case_id}/compensation-plan", body, content_type="application/json"
        )
    assert answer.status_code == 201, answer.content
    said = answer.json()
    assert said["override_window"] == body["override_window"]
    assert said["steps"][0]["window_overridden"]["reason"] == WHY
