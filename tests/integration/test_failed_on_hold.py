"""What fails in a case on hold, where its definition has it undone then: nothing is, before it goes
on."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from cases import actions
from cases.actions import undone_on_fault
from cases.models import MilestoneDue
from ledger.clock import now
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from tests.casework import (
    case_row,
    deploy,
    finish,
    open_item,
    opened,
    plan_items,
    roll_back,
    steps,
    undo,
)
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.engine_news import event_of
from tests.integration.test_undone_on_fault import in_order, runs, says
from tests.states import actions_of
from tests.subcases import below, child, statuses
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.actions import reject, start

WHY = "c: rejected, No papers"


def a_case(world: World, **spec: Any) -> uuid.UUID:
    """Open a case of four steps, that is undone when one fails, and do two of them."""
    deploy(world, says(in_order(), **spec))
    case_id = opened(world, "tests/failing")
    for name in "ab":
        finish(world.analyst, case_id, name, "OK")
    return case_id


def on_hold(world: World, case_id: uuid.UUID) -> None:
    actions.suspend_case(case_id, call=Call(world.operator), reason="Audit")
    drain()


def goes_on(world: World, case_id: uuid.UUID) -> None:
    actions.resume_case(case_id, call=Call(world.operator))


def fail(world: World, case_id: uuid.UUID, step: str) -> None:
    """Let somebody refuse a task."""
    item = open_item(world.analyst, case_id, step)
    start(item.id, call=Call(world.analyst))
    reject(item.id, call=Call(world.analyst), reason="No papers")
    drain()


def news(world: World) -> list[str]:
    """Return what the operator was told of failed cases, newest first."""
    found = api(world.operator).get("/api/v1/notifications").json()["results"]
    return [each["title"] for each in found if each["topic"] == "case_failed"]


def undone(world: World, case_id: uuid.UUID, *, trigger: str = "fault") -> list[str]:
    """Do what the one run of a case asks for, and return what it has undone, in order."""
    [run] = runs(world)
    assert (run.trigger, run.about_id) == (trigger, case_id)
    found = [step.original_name for step in steps(world, run.id)]
    for _ in found:
        undo(world.analyst, case_id)
    return found


def test_nothing_is_undone_before_it_goes_on_and_all_of_it_once_then(world: World) -> None:
    case_id = a_case(world)
    on_hold(world, case_id)
    fail(world, case_id, "c")
    case = case_row(world, case_id)
    assert (case.status, case.fault, case.ended_at, runs(world)) == ("SUSPENDED", WHY, None, [])
    assert plan_items(world, case_id)["c"].status == "REJECTED"
    assert "faulted" not in actions_of(world, "case", case_id)
    goes_on(world, case_id)
    # In one transaction: who dies here leaves a case that has failed, and news of that.
    assert (case_row(world, case_id).status, runs(world)) == ("FAULTED", [])
    assert actions_of(world, "case", case_id)[-3:] == ["failure_held", "resumed", "faulted"]
    drain()
    assert case_row(world, case_id).status == "COMPENSATING"
    with tenant_scope(world.operator.tenant_id):
        event = event_of(LedgerEntry.objects.get(subject_id=case_id, action="faulted"))
    undone_on_fault.hear([event, event], lambda: None)
    assert undone(world, case_id) == ["b", "a"]
    undone_on_fault.hear([event], lambda: None)
    drain()
    assert (case_row(world, case_id).status, len(runs(world))) == ("COMPENSATED", 1)
    assert set(plan_items(world, case_id)) == {"a", "b", "c"}, "the last step never began"
    verify()


def test_people_see_that_it_has_failed_while_it_is_on_hold(world: World) -> None:
    case_id = a_case(world)
    on_hold(world, case_id)
    fail(world, case_id, "c")
    page = browser(world.operator).get(f"/cases/{case_id}/").content.decode()
    assert "When the case goes on, it fails, and what was done is undone." in page
    shown = api(world.operator).get(f"/api/v1/cases/{case_id}").json()
    assert (shown["status"], shown["fault"]) == ("SUSPENDED", WHY)
    with tenant_scope(world.operator.tenant_id):
        told = Delivery.objects.filter(topic="case_failed", channel="in_app")
        assert world.operator.actor_id in set(told.values_list("recipient_id", flat=True))
    assert news(world) == ["Has failed, and is on hold: Failing 1"]
    goes_on(world, case_id)
    drain()
    assert news(world) == ["Case failed: Failing 1", "Has failed, and is on hold: Failing 1"]


def test_what_it_failed_of_first_is_what_it_fails_of(world: World) -> None:
    deploy(world, says([human("a"), human("b"), human("c")]))
    case_id = opened(world, "tests/failing")
    finish(world.analyst, case_id, "a", "OK")
    on_hold(world, case_id)
    fail(world, case_id, "c")
    fail(world, case_id, "b")
    assert actions_of(world, "case", case_id).count("failure_held") == 1
    goes_on(world, case_id)
    assert case_row(world, case_id).fault == WHY
    drain()
    assert undone(world, case_id) == ["a"]


def test_a_milestone_that_is_late_meanwhile_undoes_it_when_it_goes_on(world: World) -> None:
    late = {"name": "m", "when": ".z", "sla": {"duration": "P1D", "breachPolicy": "FAULT"}}
    case_id = a_case(world, milestones=[late])
    on_hold(world, case_id)
    with tenant_scope(world.operator.tenant_id):
        MilestoneDue.objects.update(due_at=now() - dt.timedelta(minutes=1))
    drain()
    assert actions_of(world, "case", case_id)[-2:] == ["milestone_overdue", "failure_held"]
    assert (case_row(world, case_id).status, runs(world)) == ("SUSPENDED", [])
    goes_on(world, case_id)
    drain()
    assert undone(world, case_id, trigger="deadline") == ["b", "a"]
    assert case_row(world, case_id).status == "COMPENSATED"
    verify()


def test_one_that_is_held_by_the_case_above_waits_for_that(world: World) -> None:
    deploy(world, says(in_order()) | {"name": "low"})
    deploy(world, definition("top", below("low", "low")))
    top = opened(world, "tests/top")
    inner = child(world, top).id
    for name in "ab":
        finish(world.analyst, inner, name, "OK")
    on_hold(world, top)
    fail(world, inner, "c")
    assert (statuses(world, top), runs(world)) == (["SUSPENDED", "SUSPENDED"], [])
    goes_on(world, top)
    assert statuses(world, top) == ["RUNNING", "FAULTED"]
    drain()
    assert statuses(world, top) == ["FAULTED", "COMPENSATING"]
    assert undone(world, inner) == ["b", "a"]
    verify()


def test_one_that_only_the_case_above_wants_undone_waits_too(world: World) -> None:
    """The case below fails at once, since nothing begins by that; the one above when it goes on."""
    plain = says(in_order()) | {"name": "low"}
    del plain["spec"]["on_fault"]
    deploy(world, plain)
    deploy(world, says([human("own"), below("low", "low"), human("last")]))
    top = opened(world, "tests/failing")
    inner = child(world, top).id
    finish(world.analyst, top, "own", "OK")
    on_hold(world, top)
    fail(world, inner, "a")
    assert (statuses(world, top), runs(world)) == (["SUSPENDED", "FAULTED"], [])
    goes_on(world, top)
    drain()
    assert statuses(world, top)[0] == "COMPENSATING"
    assert undone(world, top) == ["own"]
    assert case_row(world, top).status == "COMPENSATED"


@pytest.mark.parametrize("then", ["resume", "cancel"])
def test_a_person_rolls_it_back_or_cancels_it_on_hold_and_nothing_begins_after(
    world: World, then: str
) -> None:
    case_id = a_case(world)
    on_hold(world, case_id)
    fail(world, case_id, "c")
    if then == "cancel":
        actions.cancel_case(case_id, call=Call(world.operator), reason="Enough")
        drain()
        assert (case_row(world, case_id).status, runs(world)) == ("CANCELLED", [])
        return
    run = roll_back(world, case_id, scope={"kind": "steps", "steps": ["b"]})
    undo(world.analyst, case_id)
    assert (case_row(world, case_id).status, len(runs(world))) == ("SUSPENDED", 1)
    # A part was undone: what is left is, as ever, when it goes on.
    goes_on(world, case_id)
    drain()
    [first, second] = runs(world)
    assert (first.id, second.trigger) == (run.id, "fault")
    assert [step.original_name for step in steps(world, second.id)] == ["a"]


def test_without_that_word_it_fails_on_hold_as_ever(world: World) -> None:
    source = says(in_order())
    del source["spec"]["on_fault"]
    deploy(world, source)
    case_id = opened(world, "tests/failing")
    on_hold(world, case_id)
    fail(world, case_id, "a")
    assert (case_row(world, case_id).status, runs(world)) == ("FAULTED", [])
    assert "failure_held" not in actions_of(world, "case", case_id)
