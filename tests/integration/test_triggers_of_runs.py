"""What began a rollback that nobody asked for is said as it was, and policies can tell."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from cases import actions
from cases.models import MilestoneDue
from compensation.models import CompensationRun
from governance.models import Approval
from ledger.clock import now
from ledger.tenancy import tenant_scope
from tests import states
from tests.approvals import due_now
from tests.bank import open_bank
from tests.casework import case_row, deploy, finish, open_item, opened, undo
from tests.clients import api
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.integration.test_case_deadlines import ESCALATES, EXPIRES, task
from tests.integration.test_events_start_steps import PAID, sent
from tests.integration.test_governed_executions import policy
from tests.integration.test_throwing_steps import a_case, run_of, throw
from tests.integration.test_undone_on_fault import in_order, says
from tests.states import actions_of
from tests.subcases import below, child
from tests.world import World
from verbs.call import Call
from workitems.actions import reject, start

MILESTONE: dict[str, Any] = {
    "name": "m", "when": ".z", "sla": {"duration": "P1D", "breachPolicy": "FAULT"},
}  # fmt: skip


def runs(world: World) -> list[tuple[uuid.UUID | None, str]]:
    with tenant_scope(world.operator.tenant_id):
        found = CompensationRun.objects.order_by("started_at", "id")
        return list(found.values_list("about_id", "trigger"))


def listens(on: dict[str, Any]) -> dict[str, Any]:
    """Return a step that has one of its case undone because of what it hears."""
    return {"name": "back", "on": on, "throw": {"scope": "steps", "steps": ["b"]}}


def hears(world: World, word: str, case_id: uuid.UUID) -> None:
    """Let a case hear what its step listens for."""
    if word == "signal":
        actions.signal_case(case_id, call=Call(world.operator), name="undo")
        drain()
    else:
        sent(world.operator)


def refuse(world: World, case_id: uuid.UUID, step: str) -> None:
    """Let the analyst refuse a step."""
    item = open_item(world.analyst, case_id, step)
    start(item.id, call=Call(world.analyst))
    reject(item.id, call=Call(world.analyst), reason="No papers")


def with_a_deadline(world: World, deadlines: dict[str, Any] = EXPIRES) -> uuid.UUID:
    """Return a case that has done a, and waits for a task that has so much time."""
    late = {**task(deadlines), "when": ".a != null and .check == null"}
    deploy(world, says([human("a"), late]))
    case_id = opened(world, "tests/failing")
    finish(world.analyst, case_id, "a", "OK")
    return case_id


ON: dict[str, dict[str, Any]] = {
    "signal": {"signal": "undo"}, "event": {"cloudEvent": {"type": PAID}},
}  # fmt: skip


@pytest.mark.parametrize("word", ["signal", "event"])
def test_a_throw_says_what_it_has_heard_and_the_case_goes_on_after(world: World, word: str) -> None:
    case_id = a_case(world, listens(ON[word]))
    hears(world, word, case_id)
    run = run_of(world, case_id)
    assert (run.trigger, run.requested_by_id) == (word, world.system.actor_id)
    shown = api(world.operator).get(f"/api/v1/compensation-runs/{run.id}").json()
    assert shown["trigger"] == word
    undo(world.analyst, case_id)
    # As after one that nothing but the context has begun.
    assert case_row(world, case_id).status == "RUNNING"


@pytest.mark.parametrize("word", ["signal", "event"])
def test_a_policy_tells_what_is_heard_from_the_rest(world: World, word: str) -> None:
    policy(world, "deny", f'.operation == "roll_back" and .trigger == "{word}"', reason="Ask first")
    both = (listens(ON[word]), throw(name="bad", scope="from_step", step="b"))
    case_id = a_case(world, *both)
    hears(world, word, case_id)
    assert (case_row(world, case_id).status, runs(world)) == ("FAULTED", [])
    assert "Ask first" in case_row(world, case_id).fault
    # What the context begins is another matter.
    other = a_case(world, *both)
    finish(world.analyst, other, "c", "BAD")
    assert runs(world) == [(other, "rule")]


@pytest.mark.parametrize("deadlines", [EXPIRES, ESCALATES])
def test_a_case_that_failed_for_a_deadline_says_so(world: World, deadlines: dict[str, Any]) -> None:
    case_id = with_a_deadline(world, deadlines)
    states.miss(open_item(world.operator, case_id, "check"))
    drain()
    assert (case_row(world, case_id).status, runs(world)) == (
        "COMPENSATING", [(case_id, "deadline")],
    )  # fmt: skip


def is_late(world: World, case_id: uuid.UUID) -> None:
    """Let the time of a case's milestone be over."""
    with tenant_scope(world.operator.tenant_id):
        dues = MilestoneDue.objects.filter(case_id=case_id)
        assert dues.update(due_at=now() - dt.timedelta(minutes=1)) == 1
    drain()


def test_a_milestone_that_was_not_reached_in_time_is_a_deadline(world: World) -> None:
    deploy(world, says(in_order(), milestones=[MILESTONE]))
    case_id = opened(world, "tests/failing")
    finish(world.analyst, case_id, "a", "OK")
    is_late(world, case_id)
    assert case_row(world, case_id).fault.endswith(": m")
    assert runs(world) == [(case_id, "deadline")]


def test_that_of_a_case_below_is_one_for_the_case_above(world: World) -> None:
    low = definition("low", human("check"), success=".check != null")
    low["spec"]["milestones"] = [MILESTONE]
    deploy(world, low)
    deploy(world, says([human("own"), below("low", "low"), human("last")]))
    top = opened(world, "tests/failing")
    finish(world.analyst, top, "own", "OK")
    inner = child(world, top).id
    is_late(world, inner)
    assert actions_of(world, "case", inner)[-3:] == ["milestone_overdue", "faulted", "cancelled"]
    assert runs(world) == [(top, "deadline")]


def test_one_that_fails_nothing_is_no_reason(world: World) -> None:
    """It is late, and what fails after that is refused by somebody."""
    quiet = {**MILESTONE, "sla": {"duration": "P1D", "breachPolicy": "NOTIFY"}}
    deploy(world, says(in_order(), milestones=[quiet]))
    case_id = opened(world, "tests/failing")
    finish(world.analyst, case_id, "a", "OK")
    is_late(world, case_id)
    assert "milestone_overdue" in actions_of(world, "case", case_id)
    assert (case_row(world, case_id).status, runs(world)) == ("RUNNING", [])
    refuse(world, case_id, "b")
    drain()
    assert runs(world) == [(case_id, "fault")]


def test_an_execution_that_nobody_approved_in_time_is_a_deadline(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = open_bank(monkeypatch)
    policy(world, "require_approval", '.capability == "test.pay"')
    pays = automated("x", "test.pay", ".a != null", "{amount: 5}")
    deploy(world, says([human("a"), pays]))
    case_id = opened(world, "tests/failing")
    finish(world.analyst, case_id, "a", "OK")
    with tenant_scope(world.operator.tenant_id):
        waits = Approval.objects.get(action="execute")
    due_now(waits)
    drain()
    assert actions_of(world, "execution", waits.about_id)[-1] == "expired"
    assert (case_row(world, case_id).status, runs(world)) == (
        "COMPENSATING", [(case_id, "deadline")],
    )  # fmt: skip
    assert bank.paid == {}


def test_a_case_above_says_so_too(world: World) -> None:
    deploy(world, definition("low", task(EXPIRES), success=".check != null"))
    deploy(world, says([human("own"), below("low", "low"), human("last")]))
    top = opened(world, "tests/failing")
    finish(world.analyst, top, "own", "OK")
    inner = child(world, top).id
    states.miss(open_item(world.operator, inner, "check"))
    drain()
    assert case_row(world, top).status == "COMPENSATING"
    assert runs(world) == [(top, "deadline")]


def test_what_ran_out_of_time_on_hold_says_so_when_the_case_goes_on(world: World) -> None:
    case_id = with_a_deadline(world)
    actions.suspend_case(case_id, call=Call(world.operator))
    drain()
    states.miss(open_item(world.operator, case_id, "check"))
    drain()
    assert (case_row(world, case_id).status, runs(world)) == ("SUSPENDED", [])
    actions.resume_case(case_id, call=Call(world.operator))
    drain()
    assert runs(world) == [(case_id, "deadline")]


def test_what_fails_later_for_another_reason_is_no_deadline(world: World) -> None:
    """The newest failure counts: the first was a deadline, and nothing could be begun then."""
    policy(world, "deny", '.operation == "roll_back" and .trigger == "deadline"')
    case_id = with_a_deadline(world)
    states.miss(open_item(world.operator, case_id, "check"))
    drain()
    assert (case_row(world, case_id).status, runs(world)) == ("FAULTED", [])
    actions.retry_case(case_id, call=Call(world.operator))
    drain()
    refuse(world, case_id, "check")
    drain()
    assert runs(world) == [(case_id, "fault")]
    assert actions_of(world, "case", case_id).count("compensation_refused") == 1


def test_what_was_refused_by_somebody_is_a_fault(world: World) -> None:
    deploy(world, says(in_order()))
    case_id = opened(world, "tests/failing")
    finish(world.analyst, case_id, "a", "OK")
    refuse(world, case_id, "b")
    drain()
    assert runs(world) == [(case_id, "fault")]
