"""A case whose definition says so undoes what it has done when it fails."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases import actions
from cases.actions import undone_on_fault
from cases.actions.engine import handle
from cases.definitions import DefinitionInvalid, compile_definition
from compensation.actions import run_by_rule
from compensation.models import CompensationPlan, CompensationRun
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from ledger.verify import verify
from tests.casework import (
    case_row,
    deploy,
    finish,
    open_item,
    open_undo,
    opened,
    plan_items,
    roll_back,
    steps,
    undo,
)
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.engine_news import event_of
from tests.states import actions_of
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
    monkeypatch.setattr(run_by_rule, "needs_approval", lambda *_: True)
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
