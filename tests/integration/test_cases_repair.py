"""Deciding about a step whose original went its own way: before the run, or behind its back."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from accounts.acting import authority_of
from cases import actions
from compensation.actions import following
from compensation.actions.run_verbs import pause as pause_run
from compensation.actions.run_verbs import resume as resume_run
from compensation.actions.step_verbs import (
    abandon_step,
    attest_step,
    hand_step_to_human,
    reassign_step,
    retry_step,
)
from compensation.errors import UndoNotBegun
from compensation.events import UNDO
from compensation.models import CompensationRun
from compensation.sentences import INPUT_UNKNOWN
from ledger.dispatch.consumer_registry import Event
from ledger.errors import Conflict, Invalid
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from tests.casework import (
    case_row,
    deploy,
    entries,
    finish,
    open_undo,
    opened,
    plan_items,
    roll_back,
    run_row,
    steps,
    undo,
)
from tests.definitions import definition, human
from tests.draining import drain
from tests.engine_news import event_of
from tests.states import actions_of, attempts, stored, work
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from verbs.catalogue import offers_of
from verbs.subject import subject_of
from workitems.actions import abandon as abandon_item
from workitems.actions import compensate, retry_compensation, withdraw

Decide = Callable[[uuid.UUID, World], Any]
DECISIONS: dict[str, Decide] = {
    "reassign": lambda run, world: reassign_step(
        run, 1, call=Call(world.operator), assignee=world.analyst.username
    ),
    "hand-to-human": lambda run, world: hand_step_to_human(
        run, 1, call=Call(world.operator), assignee=world.analyst.username
    ),
    "attest": lambda run, world: attest_step(
        run, 1, call=Call(world.operator), evidence="Letter of 4 May"
    ),
    "abandon": lambda run, world: abandon_step(
        run, 1, call=Call(world.operator), reason="Not worth it"
    ),
}


def badly_undone(world: World) -> tuple[uuid.UUID, uuid.UUID]:
    """A finished case of one task whose undo by a run cannot begin; asked for at the item, for the
    reason "Alone", it can: (case, task)."""
    bad = human("undo-a", compensation=True, humanTask={
        "title": "Undo A", "inputMapping": 'if .reason == "Alone" then {} else [1] end',
    })  # fmt: skip
    bad.pop("when", None)
    first = human("a", compensate="undo-a", compensation=None)
    deploy(world, definition("bad", first, bad, success=".a != null"))
    case_id = opened(world, "tests/bad")
    return case_id, finish(world.analyst, case_id, "a", None)


def two_done(world: World) -> tuple[uuid.UUID, uuid.UUID]:
    """A finished case of two tasks, a before b: (case, b)."""
    two = (human("a"), human("b", when=".a != null and .b == null"))
    deploy(world, definition("two", *two, success=".b != null"))
    case_id = opened(world, "tests/two")
    finish(world.analyst, case_id, "a", None)
    return case_id, finish(world.analyst, case_id, "b", None)


def two_steps(world: World) -> tuple[uuid.UUID, CompensationRun]:
    """A run of two steps, the first under way: (case, run)."""
    case_id, _ = two_done(world)
    return case_id, roll_back(world, case_id)


def adopted(world: World) -> tuple[uuid.UUID, uuid.UUID, CompensationRun]:
    """A run of two steps that has adopted an undo asked for at the item: (case, item, run)."""
    case_id, original = two_done(world)
    compensate(original, call=Call(world.operator), reason="Alone")
    drain()
    return case_id, original, roll_back(world, case_id)


def allowed(world: World, run: CompensationRun) -> set[str]:
    step = steps(world, run.id)[0]
    with tenant_scope(world.operator.tenant_id):
        authority = authority_of(world.operator)
        step.run = run_row(world, run.id)
        found = offers_of(subject_of("compensation_step"), [step], authority)[step.id]
    return {each.action for each in found if each.allowed}


def states(world: World, run: CompensationRun) -> list[str]:
    return [str(step.status) for step in steps(world, run.id)]


@pytest.mark.parametrize(
    ("how", "step", "status"),
    [
        ("reassign", "DONE", "COMPENSATED"),
        ("hand-to-human", "DONE", "COMPENSATED"),
        ("attest", "RESOLVED", "COMPENSATED"),
        ("abandon", "ABANDONED", "PARTIALLY_COMPENSATED"),
    ],
)
def test_an_undo_that_failed_before_the_run_and_cannot_begin_again_is_decided_about(
    world: World, how: str, step: str, status: str
) -> None:
    case_id, original = badly_undone(world)
    compensate(original, call=Call(world.operator), reason="Alone")
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    run = roll_back(world, case_id)
    (failed,) = steps(world, run.id)
    assert (failed.status, failed.compensation_id) == ("FAILED", None)
    assert failed.error == f"{INPUT_UNKNOWN} undo-a: the inputMapping must give an object"
    assert allowed(world, run) == {"retry", *DECISIONS}
    DECISIONS[how](run.id, world)
    drain()
    if how in {"reassign", "hand-to-human"}:
        task = open_undo(world.analyst, case_id)
        assert (task.run_id, task.assignee_id) == (run.id, world.analyst.actor_id)
        assert task.compensation is not None
        assert task.compensation["reason"] == run.reason
        undo(world.analyst, case_id)
    assert (states(world, run), case_row(world, case_id).status) == ([step], status)
    verify()


def test_reassigning_it_still_needs_somebody(world: World) -> None:
    case_id, original = badly_undone(world)
    compensate(original, call=Call(world.operator), reason="Alone")
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    run = roll_back(world, case_id)
    with pytest.raises(Invalid) as refused:
        reassign_step(run.id, 1, call=Call(world.operator))
    assert [each.pointer for each in refused.value.errors] == ["/assignee"]
    retry_step(run.id, 1, call=Call(world.operator))
    drain()
    assert states(world, run) == ["FAILED"]


def test_a_withdrawn_undo_is_forgotten_when_the_runs_own_cannot_begin(world: World) -> None:
    case_id, original = badly_undone(world)
    compensate(original, call=Call(world.operator), reason="Alone")
    drain()
    run = roll_back(world, case_id)
    assert steps(world, run.id)[0].adopted
    withdraw(original, call=Call(world.operator), reason="No")
    drain()
    (failed,) = steps(world, run.id)
    assert (failed.status, failed.adopted, failed.compensation_id) == ("FAILED", False, None)
    assert allowed(world, run) == {"retry", "hand-to-human", "abandon"}
    for how in ("attest", "reassign"):
        with pytest.raises(UndoNotBegun):
            DECISIONS[how](run.id, world)
    retry_step(run.id, 1, call=Call(world.operator))
    drain()
    assert states(world, run) == ["FAILED"]
    DECISIONS["hand-to-human"](run.id, world)
    undo(world.analyst, case_id)
    assert (states(world, run), case_row(world, case_id).status) == (["DONE"], "COMPENSATED")
    verify()


@pytest.mark.parametrize("how", sorted(DECISIONS))
def test_nothing_is_decided_behind_a_retry_at_the_item(world: World, how: str) -> None:
    case_id, original, run = adopted(world)
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    assert states(world, run) == ["FAILED", "PLANNED"]
    retry_compensation(original, call=Call(world.operator))
    before = len(entries(world, case_id))
    with pytest.raises(Conflict) as refused:
        DECISIONS[how](run.id, world)
    assert (refused.value.code, refused.value.extra["current_status"]) == (
        "illegal_state",
        "FAILED",
    )
    assert len(entries(world, case_id)) == before
    assert states(world, run) == ["FAILED", "PLANNED"]
    assert case_row(world, case_id).status == "COMPENSATION_FAULTED"
    drain()
    assert states(world, run) == ["RUNNING", "PLANNED"]
    undo(world.analyst, case_id)
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "COMPENSATED"
    verify()


def test_retried_and_called_back_at_the_item_the_step_begins_anew(world: World) -> None:
    case_id, original, run = adopted(world)
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    retry_compensation(original, call=Call(world.operator))
    withdraw(original, call=Call(world.operator), reason="No")
    with pytest.raises(Conflict):
        DECISIONS["abandon"](run.id, world)
    drain()
    first = steps(world, run.id)[0]
    assert (first.status, first.adopted) == ("RUNNING", False)
    task = open_undo(world.analyst, case_id)
    assert (task.run_id, task.id) == (run.id, first.compensation_id)
    assert plan_items(world, case_id)["b"].compensation_state == "COMPENSATING"
    verify()


def test_retried_failed_and_abandoned_at_the_item_the_step_is_abandoned(world: World) -> None:
    case_id, original, run = adopted(world)
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    retry_compensation(original, call=Call(world.operator))
    task = open_undo(world.analyst, case_id)
    assert task.run_id is None
    work(world.analyst, task.id, "CANNOT_REVERSE")
    abandon_item(original, call=Call(world.operator), reason="Not worth it")
    drain()
    assert states(world, run) == ["ABANDONED", "RUNNING"]
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "PARTIALLY_COMPENSATED"
    verify()


def fails_at_the_item(world: World, case_id: uuid.UUID) -> None:
    """Let the undo task say that it cannot be undone; the run has not heard of it yet."""
    work(world.analyst, open_undo(world.analyst, case_id).id, "CANNOT_REVERSE")


@pytest.mark.parametrize("again", [False, True], ids=["once", "tried again there"])
@pytest.mark.parametrize("heard", ["each", "all of it", "in one batch", "the last first"])
def test_given_up_at_the_item_stays_given_up_whenever_the_run_hears_it(
    world: World, heard: str, *, again: bool
) -> None:
    case_id, original, run = adopted(world)
    fails_at_the_item(world, case_id)
    if heard == "each":
        drain()
        assert (states(world, run), run_row(world, run.id).status) == (
            ["FAILED", "PLANNED"], "FAULTED",
        )  # fmt: skip
    if again:
        retry_compensation(original, call=Call(world.operator))
        fails_at_the_item(world, case_id)
    abandon_item(original, call=Call(world.operator), reason="It stays")
    news = undo_news(world, original)
    if heard == "in one batch":
        following.handle(news, lambda: None)
    elif heard == "the last first":
        following.handle(news[-1:], lambda: None)
    drain()
    assert states(world, run) == ["ABANDONED", "RUNNING"]
    undo(world.analyst, case_id)
    assert (run_row(world, run.id).status, case_row(world, case_id).status) == (
        "PARTIAL", "PARTIALLY_COMPENSATED",
    )  # fmt: skip
    assert stored(world, original).compensation_state == "NONE", "what it did stands"
    tried = [str(each.outcome) for each in attempts(world, original)]
    assert sorted(tried) == ["ABANDONED", *(["FAILED"] if again else [])], "never begun anew"
    assert actions_of(world, "compensation_run", run.id).count("compensation_step_abandoned") == 1
    verify()


def undo_news(world: World, original: uuid.UUID) -> list[Event]:
    """Return what runs hear of the undo of an item, as it was recorded."""
    with tenant_scope(world.operator.tenant_id):
        rows = LedgerEntry.objects.filter(subject_id=original).order_by("subject_seq")
        return [event_of(row) for row in rows if row.action in UNDO]


@pytest.mark.parametrize("how", ["retry", *DECISIONS])
def test_a_repair_does_not_end_a_pause(world: World, how: str) -> None:
    case_id, run = two_steps(world)
    actions.suspend_case(case_id, call=Call(world.operator), reason="Wait")
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    assert run_row(world, run.id).status == "FAULTED"
    if how == "retry":
        retry_step(run.id, 1, call=Call(world.operator))
    else:
        DECISIONS[how](run.id, world)
    drain()
    assert run_row(world, run.id).status == "PAUSED"
    assert case_row(world, case_id).status == "COMPENSATING"
    if how not in {"attest", "abandon"}:
        assert states(world, run) == ["RUNNING", "PLANNED"]
        undo(world.analyst, case_id)
    assert states(world, run)[1] == "PLANNED"
    assert run_row(world, run.id).status == "PAUSED"
    actions.resume_case(case_id, call=Call(world.operator))
    drain()
    assert states(world, run)[1] == "RUNNING"
    undo(world.analyst, case_id)
    expected = "PARTIALLY_COMPENSATED" if how == "abandon" else "COMPENSATED"
    assert case_row(world, case_id).status == expected
    verify()


def test_a_run_that_was_resumed_is_not_paused_by_a_later_repair(world: World) -> None:
    case_id, run = two_steps(world)
    pause_run(run.id, call=Call(world.operator))
    resume_run(run.id, call=Call(world.operator))
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    DECISIONS["attest"](run.id, world)
    drain()
    assert run_row(world, run.id).status == "RUNNING"
    assert states(world, run) == ["RESOLVED", "RUNNING"]
