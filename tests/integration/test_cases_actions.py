"""What a case and its run say is possible is what their verbs accept, in every state of both."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from accounts.acting import authority_of
from cases import actions, selectors
from cases.permissions import case_actions, run_actions
from ledger.errors import Conflict
from ledger.tenancy import tenant_scope
from tests.casework import (
    REASON,
    case_row,
    deploy,
    finish,
    open_item,
    opened,
    plan_for,
    plan_items,
    roll_back,
    run_row,
    undo,
)
from tests.definitions import definition, human
from tests.draining import drain
from tests.world import World
from workitems.actions import reject, start

THREE = (
    human("a"),
    human("b", when=".a != null and .b == null"),
    human("c", when=".b != null and .c == null"),
)
BEFORE = ("RUNNING", "SUSPENDED", "COMPLETED", "FAULTED", "CANCELLED", "PARTIALLY_COMPENSATED")
RUNS = ("RUNNING", "PAUSED", "FAULTED")
STATES = [
    *((status, "", None) for status in (*BEFORE, "COMPENSATED", "CLOSED")),
    ("COMPENSATING", "case", "RUNNING"),
    ("COMPENSATING", "case", "PAUSED"),
    ("COMPENSATION_FAULTED", "case", "FAULTED"),
    *((status, "item", run) for status in BEFORE for run in RUNS),
]


class Accepted(Exception):
    """The verb got to its end."""


def accepts(verb: Callable[..., Any], *args: Any, **how: Any) -> bool:
    """Return whether a verb would do it, without letting it: its transaction is rolled back."""

    def take_back(_row: object) -> None:
        raise Accepted

    try:
        verb(*args, remember=take_back, **how)
    except Accepted:
        return True
    except Conflict:
        return False
    raise AssertionError("the verb did not remember")


def executable(world: World, case_id: uuid.UUID) -> bool:
    """Return whether a rollback of the case could be previewed and executed."""
    try:
        plan = plan_for(world, case_id)
    except Conflict:
        return False
    return accepts(actions.execute, plan.id, digest=plan.digest, acting_user=world.operator)


def case_in(world: World, status: str) -> uuid.UUID:
    """A case in this status: a and b are done, and c is open where it can be."""
    by = world.operator
    deploy(world, definition("three", *THREE, success=".c != null"))
    case_id = opened(world, "tests/three")
    finish(world.analyst, case_id, "a", None)
    finish(world.analyst, case_id, "b", None)
    if status == "SUSPENDED":
        actions.suspend_case(case_id, acting_user=by)
    elif status == "COMPLETED":
        finish(world.analyst, case_id, "c", None)
    elif status == "FAULTED":
        item = open_item(world.analyst, case_id, "c")
        start(item.id, acting_user=world.analyst)
        reject(item.id, reason="Not me", acting_user=world.analyst)
    elif status in {"CANCELLED", "CLOSED"}:
        actions.cancel_case(case_id, acting_user=by)
    elif status != "RUNNING":
        _roll_back(world, case_id, status)
    if status == "CLOSED":
        actions.close_case(case_id, acting_user=by)
    drain()
    return case_id


def _roll_back(world: World, case_id: uuid.UUID, status: str) -> None:
    run = roll_back(world, case_id)
    if status == "COMPENSATED":
        undo(world.analyst, case_id)
        undo(world.analyst, case_id)
    if status == "PARTIALLY_COMPENSATED":
        undo(world.analyst, case_id, "CANNOT_REVERSE")
        actions.abandon_step(run.id, 1, reason="Let it be", acting_user=world.operator)
        drain()
        undo(world.analyst, case_id)


def live_run(world: World, case_id: uuid.UUID, about: str, status: str | None) -> uuid.UUID | None:
    """The live run, in this status: the case's own, or one about b alone."""
    by = world.operator
    if about == "item":
        item = plan_items(world, case_id)["b"].target_id
        plan = actions.preview(("work_item", item), reason=REASON, acting_user=by)
        actions.execute(plan.id, digest=plan.digest, acting_user=by)
        drain()
    with tenant_scope(by.tenant_id):
        run_id = selectors.case(case_id).live_run
    if status == "PAUSED":
        assert run_id is not None
        actions.pause_run(run_id, acting_user=by)
    if status == "FAULTED":
        undo(world.analyst, case_id, "CANNOT_REVERSE")
    return run_id


@pytest.mark.parametrize(("status", "about", "run_status"), STATES)
def test_what_is_shown_as_possible_is_what_the_verbs_accept(
    world: World, status: str, about: str, run_status: str | None
) -> None:
    by = world.operator
    case_id = case_in(world, status)
    run_id = live_run(world, case_id, about, run_status)
    assert case_row(world, case_id).status == status
    accepted = {
        "suspend": accepts(actions.suspend_case, case_id, acting_user=by),
        "resume": accepts(actions.resume_case, case_id, acting_user=by),
        "cancel": accepts(actions.cancel_case, case_id, acting_user=by),
        "close": accepts(actions.close_case, case_id, acting_user=by),
        "compensation-plan": executable(world, case_id),
    }
    with tenant_scope(by.tenant_id):
        row = selectors.case(case_id)
        assert (row.live_run, row.live_status) == (run_id, run_status)
        shown = case_actions(row, authority_of(by), run_status=row.live_status)
        denied = case_actions(row, authority_of(world.analyst), run_status=row.live_status)
    assert {each.action: each.allowed for each in shown} == accepted
    assert {each.reason for each in denied} == {"not_operator"}
    if run_id is not None:
        run = run_row(world, run_id)
        with tenant_scope(by.tenant_id):
            shown = run_actions(run, authority_of(by))
        assert {each.action: each.allowed for each in shown} == {
            "pause": accepts(actions.pause_run, run_id, acting_user=by),
            "resume": accepts(actions.resume_run, run_id, acting_user=by),
        }
