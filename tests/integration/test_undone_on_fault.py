"""A case whose definition says so undoes what it has done when it fails."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases import actions
from cases.actions import undone_on_fault
from cases.actions.engine import handle
from cases.definitions import DefinitionInvalid, compile_definition
from compensation.actions import run_agreement
from compensation.actions.plan_execution import execute
from compensation.models import CompensationPlan, CompensationRun
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from tests.casework import (
    case_row,
    deploy,
    finish,
    open_item,
    open_undo,
    opened,
    plan_items,
    preview,
    roll_back,
    steps,
    undo,
)
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.engine_news import event_of
from tests.integration.test_governed_executions import policy
from tests.states import actions_of
from tests.subcases import below, child, statuses
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.actions import reject, start

ORDER = "abcd"


def says(bindings: list[dict[str, Any]], **spec: Any) -> dict[str, Any]:
    found = definition("failing", *bindings)
    found["spec"] |= {"on_fault": "compensate", **spec}
    return found


def in_order(**more: dict[str, Any]) -> list[dict[str, Any]]:
    """Return four steps, one after the other."""
    found = []
    for before, name in zip([None, *ORDER], ORDER, strict=False):
        when = f".{name} == null" + (f" and .{before}" if before else "")
        found.append(human(name, when, **more.get(name, {})))
    return found


def failed(world: World, case_id: uuid.UUID, step: str = "c") -> None:
    """Do what comes before a step, and let that be refused."""
    for name in ORDER[: ORDER.index(step)]:
        finish(world.analyst, case_id, name, "OK")
    item = open_item(world.analyst, case_id, step)
    start(item.id, call=Call(world.analyst))
    reject(item.id, call=Call(world.analyst), reason="No papers")


def runs(world: World) -> list[CompensationRun]:
    with tenant_scope(world.operator.tenant_id):
        return list(CompensationRun.objects.order_by("started_at"))


def test_what_was_done_is_undone_last_first_and_nothing_else(world: World) -> None:
    deploy(world, says(in_order()))
    case_id = opened(world, "tests/failing")
    failed(world, case_id)
    drain()
    [run] = runs(world)
    assert (run.trigger, run.requested_by_id, run.reason) == (
        "fault", world.system.actor_id, "c: rejected, No papers",
    )  # fmt: skip
    assert case_row(world, case_id).status == "COMPENSATING"
    found = []
    while case_row(world, case_id).status == "COMPENSATING":
        found.append(open_undo(world.analyst, case_id).title)
        undo(world.analyst, case_id)
    assert found == ["Undo: Do b", "Undo: Do a"]
    assert case_row(world, case_id).status == "COMPENSATED"
    assert [step.original_name for step in steps(world, run.id)] == ["b", "a"]
    assert set(plan_items(world, case_id)) == {"a", "b", "c"}, "the last step never began"
    verify()


def test_where_nothing_is_to_be_undone_the_case_waits_for_somebody(world: World) -> None:
    deploy(world, says(in_order()))
    case_id = opened(world, "tests/failing")
    failed(world, case_id, "a")
    drain()
    assert (case_row(world, case_id).status, runs(world)) == ("FAULTED", [])
    assert actions_of(world, "case", case_id)[-1] == "faulted"
    actions.retry_case(case_id, call=Call(world.operator))
    drain()
    assert plan_items(world, case_id)["a"].status == "ACTIVE"


def test_it_goes_past_no_point_of_no_return(world: World) -> None:
    deploy(world, says(in_order(b={"reversibility": "pivot"})))
    case_id = opened(world, "tests/failing")
    failed(world, case_id, "d")
    drain()
    [run] = runs(world)
    assert [step.original_name for step in steps(world, run.id)] == ["c"]
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "PARTIALLY_COMPENSATED"


def test_a_point_of_no_return_that_may_yet_be_passed_keeps_all_that_came_before(
    world: World,
) -> None:
    point = automated("x", "erp.x", ".a", "{n: 1}", reversibility="irreversible")
    deploy(world, says([*in_order(), point]))
    case_id = opened(world, "tests/failing")
    failed(world, case_id, "b")
    drain()
    assert plan_items(world, case_id)["x"].status == "ACTIVE"
    assert (case_row(world, case_id).status, runs(world)) == ("FAULTED", [])


def test_what_needs_approval_is_left_to_people_and_on_record(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_agreement, "four_eyes", lambda *_: "risk: high")
    deploy(world, says(in_order()))
    case_id = opened(world, "tests/failing")
    failed(world, case_id)
    drain()
    assert (case_row(world, case_id).status, runs(world)) == ("FAULTED", [])
    with tenant_scope(world.operator.tenant_id):
        assert not CompensationPlan.objects.exists()
        entry = LedgerEntry.objects.get(subject_id=case_id, action="compensation_refused")
    assert (entry.kind, entry.from_status, entry.to_status) == ("REFUSAL", "FAULTED", "FAULTED")
    assert entry.caused_by_id == _faulted(world, case_id).id
    verify()


def test_who_decides_before_it_is_heard_has_decided(world: World) -> None:
    deploy(world, says(in_order()))
    tried = opened(world, "tests/failing")
    failed(world, tried)
    drain_engine(world, tried)
    actions.retry_case(tried, call=Call(world.operator))
    drain()
    assert (case_row(world, tried).status, runs(world)) == ("RUNNING", [])
    rolled_back = opened(world, "tests/failing")
    failed(world, rolled_back)
    drain_engine(world, rolled_back)
    run = roll_back(world, rolled_back)
    assert [(each.id, each.trigger) for each in runs(world)] == [(run.id, "operator")]


def drain_engine(world: World, case_id: uuid.UUID) -> None:
    """Let the engine hear that a step has failed, and nobody else of what follows."""
    from_step = plan_items(world, case_id)["c"].work[1]
    with tenant_scope(world.operator.tenant_id):
        entry = LedgerEntry.objects.get(subject_id=from_step, action="rejected")
    handle([event_of(entry)], lambda: None)
    assert case_row(world, case_id).status == "FAULTED"


def test_heard_twice_it_begins_once(world: World) -> None:
    deploy(world, says(in_order()))
    case_id = opened(world, "tests/failing")
    failed(world, case_id)
    drain()
    event = event_of(_faulted(world, case_id))
    for _ in range(2):
        undone_on_fault.hear([event, event], lambda: None)
    assert len(runs(world)) == 1
    undo(world.analyst, case_id)
    undo(world.analyst, case_id)
    undone_on_fault.hear([event], lambda: None)
    assert (case_row(world, case_id).status, len(runs(world))) == ("COMPENSATED", 1)


def test_without_that_word_it_waits_for_somebody(world: World) -> None:
    deploy(world, definition("failing", *in_order()))
    case_id = opened(world, "tests/failing")
    failed(world, case_id)
    drain()
    assert (case_row(world, case_id).status, runs(world)) == ("FAULTED", [])


def test_a_failure_that_nobody_knows_of_yet_undoes_nothing(world: World) -> None:
    other = automated("x", "erp.x", ".a", "{n: 1}")
    deploy(world, says([human("a"), other]))
    case_id = opened(world, "tests/failing")
    finish(world.analyst, case_id, "a", "OK")
    assert plan_items(world, case_id)["x"].status == "ACTIVE"
    assert (case_row(world, case_id).status, runs(world)) == ("RUNNING", [])


@pytest.mark.parametrize("word", ["on_fault", "onFault"])
def test_both_spellings_are_read_and_no_other_word_is_known(word: str) -> None:
    source = definition("failing", human("a"))
    source["spec"][word] = "compensate"
    assert compile_definition(source, capabilities=None).on_fault == "compensate"
    source["spec"][word] = "explode"
    with pytest.raises(DefinitionInvalid) as refused:
        compile_definition(source, capabilities=None)
    assert [each.pointer for each in refused.value.errors] == [f"/spec/{word}"]


def _faulted(world: World, case_id: uuid.UUID) -> LedgerEntry:
    with tenant_scope(world.operator.tenant_id):
        return LedgerEntry.objects.get(subject_id=case_id, action="faulted")


def test_where_a_case_below_undoes_itself_first_the_one_above_does_after_it(world: World) -> None:
    low = says(in_order())
    low["name"] = "low"
    deploy(world, low)
    deploy(world, says([human("own"), below("low", "low"), human("last")]))
    top = opened(world, "tests/failing")
    finish(world.analyst, top, "own", "OK")
    inner = child(world, top).id
    failed(world, inner, "b")
    drain()
    # One rollback at a time: the case above finds that of the one below in its way.
    assert statuses(world, top) == ["FAULTED", "COMPENSATING"]
    assert [run.about_id for run in runs(world)] == [inner]
    undo(world.analyst, inner)
    assert statuses(world, top) == ["COMPENSATING", "COMPENSATED"]
    assert [(run.about_id, run.trigger) for run in runs(world)] == [
        (inner, "fault"), (top, "fault"),
    ]  # fmt: skip
    undo(world.analyst, top)
    assert statuses(world, top) == ["COMPENSATED", "COMPENSATED"]
    assert actions_of(world, "case", top).count("compensation_refused") == 1
    verify()


def test_what_was_refused_for_another_reason_is_left_to_people(world: World) -> None:
    low = definition("low", *in_order(), success=".b != null")
    deploy(world, low)
    deploy(world, says([human("own"), below("low", "low"), human("last")]))
    policy(world, "deny", '.operation == "roll_back" and .trigger == "fault"')
    top = opened(world, "tests/failing")
    finish(world.analyst, top, "own", "OK")
    inner = child(world, top).id
    failed(world, inner, "b")
    drain()
    assert (statuses(world, top), runs(world)) == (["FAULTED", "FAULTED"], [])
    run = roll_back(world, inner)
    undo(world.analyst, inner)
    assert statuses(world, top) == ["FAULTED", "COMPENSATED"]
    assert [each.id for each in runs(world)] == [run.id]
    assert actions_of(world, "case", top).count("compensation_refused") == 1


def test_where_one_step_alone_is_being_undone_the_case_is_undone_after_it(world: World) -> None:
    deploy(world, says(in_order()))
    case_id = opened(world, "tests/failing")
    for name in "ab":
        finish(world.analyst, case_id, name, "OK")
    alone = preview(
        plan_items(world, case_id)["b"].work, call=Call(world.operator), reason="Forged"
    )
    first = execute(alone.id, call=Call(world.operator, digest=alone.digest))
    drain()
    item = open_item(world.analyst, case_id, "c")
    start(item.id, call=Call(world.analyst))
    reject(item.id, call=Call(world.analyst), reason="No papers")
    drain()
    # One rollback at a time: that of the one step is in its way, and its end is heard.
    assert (case_row(world, case_id).status, [each.id for each in runs(world)]) == (
        "FAULTED", [first.id],
    )  # fmt: skip
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "COMPENSATING"
    second = runs(world)[1]
    assert (second.about_id, second.trigger) == (case_id, "fault")
    assert [step.original_name for step in steps(world, second.id)] == ["a"]
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "COMPENSATED"
    assert actions_of(world, "case", case_id).count("compensation_refused") == 1
    assert len(runs(world)) == 2
    verify()


def test_the_end_of_one_step_alone_begins_nothing_that_was_not_refused_for_it(
    world: World,
) -> None:
    deploy(world, definition("plain", *in_order()))
    case_id = opened(world, "tests/plain")
    failed(world, case_id)
    drain()
    assert case_row(world, case_id).status == "FAULTED"
    alone = preview(
        plan_items(world, case_id)["b"].work, call=Call(world.operator), reason="Forged"
    )
    execute(alone.id, call=Call(world.operator, digest=alone.digest))
    drain()
    undo(world.analyst, case_id)
    assert (case_row(world, case_id).status, len(runs(world))) == ("FAULTED", 1)


def test_of_several_that_failed_the_one_nearest_to_the_top_comes_first(world: World) -> None:
    """Also where one further down was opened before it."""
    deploy(world, says(in_order()) | {"name": "low"})
    deploy(world, definition("middle", below("low", "low")))
    late = below("late", "low", ".go != null and .late == null")
    deploy(world, definition("top", human("own"), human("go"), below("middle", "middle"), late))
    top = opened(world, "tests/top")
    deep = child(world, child(world, top).id).id
    for name in ("own", "go"):
        finish(world.analyst, top, name, "OK")
    near = plan_items(world, top)["late"].target_id
    assert near is not None
    alone = preview(plan_items(world, top)["own"].work, call=Call(world.operator), reason="Forged")
    first = execute(alone.id, call=Call(world.operator, digest=alone.digest))
    drain()
    for case_id in (deep, near):
        failed(world, case_id, "b")
        drain()
    assert [case_row(world, each).status for each in (deep, near)] == ["FAULTED"] * 2
    assert case_row(world, deep).created_at < case_row(world, near).created_at
    assert [run.id for run in runs(world)] == [first.id]
    undo(world.analyst, top)
    assert [run.about_id for run in runs(world)][1:] == [near]
    undo(world.analyst, near)
    assert [run.about_id for run in runs(world)][1:] == [near, deep]
    undo(world.analyst, deep)
    assert [case_row(world, each).status for each in (deep, near)] == ["COMPENSATED"] * 2
    verify()
