"""What a case and its run say is possible is what their verbs accept, in every state of both."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from accounts.acting import Authority, authority_of
from cases import actions, selectors
from compensation.actions.plan_execution import execute
from compensation.actions.run_stopping import retry as retry_run
from compensation.actions.run_verbs import pause as pause_run
from compensation.actions.run_verbs import resume as resume_run
from compensation.actions.step_verbs import abandon_step
from compensation.actions.waiting_runs import cancel_run
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
    preview,
    roll_back,
    run_row,
    undo,
)
from tests.definitions import definition, human
from tests.draining import drain
from tests.world import World
from verbs.call import Call
from verbs.catalogue import Offer, offers_of
from verbs.subject import subject_of
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


def offered(row: Any, authority: Authority) -> list[Offer]:
    return offers_of(subject_of(row.subject_type), [row], authority)[row.id]


class Accepted(Exception):
    """The verb got to its end."""


def accepts(verb: Callable[..., Any], *args: Any, **how: Any) -> bool:
    """Return whether a verb would do it, without letting it: its transaction is rolled back."""

    def take_back(_row: object) -> None:
        raise Accepted

    call = dataclasses.replace(how.pop("call"), last_act=take_back)
    try:
        verb(*args, call=call, **how)
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
    return accepts(execute, plan.id, call=Call(world.operator, digest=plan.digest))


def case_in(world: World, status: str) -> uuid.UUID:
    """A case in this status: a and b are done, and c is open where it can be."""
    by = world.operator
    deploy(world, definition("three", *THREE, success=".c != null"))
    case_id = opened(world, "tests/three")
    finish(world.analyst, case_id, "a", None)
    finish(world.analyst, case_id, "b", None)
    if status == "SUSPENDED":
        actions.suspend_case(case_id, call=Call(by))
    elif status == "COMPLETED":
        finish(world.analyst, case_id, "c", None)
    elif status == "FAULTED":
        item = open_item(world.analyst, case_id, "c")
        start(item.id, call=Call(world.analyst))
        reject(item.id, call=Call(world.analyst), reason="Not me")
    elif status in {"CANCELLED", "CLOSED"}:
        actions.cancel_case(case_id, call=Call(by))
    elif status != "RUNNING":
        _roll_back(world, case_id, status)
    if status == "CLOSED":
        actions.close_case(case_id, call=Call(by))
    drain()
    return case_id


def _roll_back(world: World, case_id: uuid.UUID, status: str) -> None:
    run = roll_back(world, case_id)
    if status == "COMPENSATED":
        undo(world.analyst, case_id)
        undo(world.analyst, case_id)
    if status == "PARTIALLY_COMPENSATED":
        undo(world.analyst, case_id, "CANNOT_REVERSE")
        abandon_step(run.id, 1, call=Call(world.operator), reason="Let it be")
        drain()
        undo(world.analyst, case_id)


def live_run(world: World, case_id: uuid.UUID, about: str, status: str | None) -> uuid.UUID | None:
    """The live run, in this status: the case's own, or one about b alone."""
    by = world.operator
    if about == "item":
        item = plan_items(world, case_id)["b"].work[1]
        plan = preview(("work_item", item), call=Call(by), reason=REASON)
        execute(plan.id, call=Call(by, digest=plan.digest))
        drain()
    with tenant_scope(by.tenant_id):
        run_id = selectors.case(by.tenant_id, case_id).live_run
    if status == "PAUSED":
        assert run_id is not None
        pause_run(run_id, call=Call(by))
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
        "suspend": accepts(actions.suspend_case, case_id, call=Call(by)),
        "resume": accepts(actions.resume_case, case_id, call=Call(by)),
        "retry": accepts(actions.retry_case, case_id, call=Call(by)),
        "cancel": accepts(actions.cancel_case, case_id, call=Call(by)),
        "close": accepts(actions.close_case, case_id, call=Call(by)),
        "compensation-plan": executable(world, case_id),
    }
    with tenant_scope(by.tenant_id):
        row = selectors.case(by.tenant_id, case_id)
        assert (row.live_run, row.live_status) == (run_id, run_status)
        shown = offered(row, authority_of(by))
        denied = offered(row, authority_of(world.analyst))
    assert {each.action: each.allowed for each in shown} == accepted
    assert {each.reason for each in denied} == {"not_operator"}
    if run_id is not None:
        run = run_row(world, run_id)
        with tenant_scope(by.tenant_id):
            shown = offered(run, authority_of(by))
        assert {each.action: each.allowed for each in shown} == {
            "pause": accepts(pause_run, run_id, call=Call(by)),
            "resume": accepts(resume_run, run_id, call=Call(by)),
            "retry": accepts(retry_run, run_id, call=Call(by)),
            # It waits for nobody's approval, and they do not approve.
            "approve": False,
            "reject": False,
            "cancel": accepts(cancel_run, run_id, call=Call(by)),
        }
