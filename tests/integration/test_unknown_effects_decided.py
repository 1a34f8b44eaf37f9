"""What was decided about what nobody knew: given up, handed on, settled later, or left outside."""

from __future__ import annotations

import uuid

import pytest

from cases.actions import cancel_case, close_case, retry_case
from compensation.actions.plan_execution import execute
from compensation.actions.waiting_runs import approve_run
from executions.actions import settle_outcome
from executions.capability_registry import capability
from executions.models import Execution
from ledger.errors import Conflict, NotPermitted
from ledger.tenancy import tenant_scope
from tests.bank import SEEN, Bank, open_bank, pay, paying_case, roll_back, stored, undo_of
from tests.casework import case_row, deploy, finish, open_undo, opened, preview, run_row, undo
from tests.clients import api
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.world import World
from verbs.call import Call
from verbs.catalogue import find
from workitems.models import WorkItem


@pytest.fixture(name="bank")
def _bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    return open_bank(monkeypatch)


def test_an_undo_in_doubt_is_not_given_up(world: World, bank: Bank) -> None:
    """Given up, a later undo would be another round with another key, and take back twice."""
    case_id, row = paying_case(world)
    bank.answers = False
    run = roll_back(world, case_id)
    abandon = find("compensation_step", "abandon")
    with pytest.raises(Conflict, match="outcome_unknown"):
        abandon(run.id, 1, call=Call(world.operator), reason="Enough")
    find("compensation_step", "hand-to-human")(run.id, 1, call=Call(world.operator))
    undo(world.operator, case_id, "CANNOT_REVERSE")
    with pytest.raises(Conflict, match="outcome_unknown"):
        abandon(run.id, 1, call=Call(world.operator), reason="Enough")
    made = undo_of(world, row)
    settle_outcome(made.id, call=Call(world.operator), happened=True, **SEEN)
    drain()
    assert (case_row(world, case_id).status, bank.out) == ("COMPENSATED", 0)


def test_one_that_did_not_happen_may_be_given_up_and_says_so(world: World, bank: Bank) -> None:
    case_id, row = paying_case(world)
    bank.answers = False
    run = roll_back(world, case_id)
    made = undo_of(world, row)
    settle_outcome(made.id, call=Call(world.operator), happened=False, **SEEN)
    drain()
    shape = api(world.operator).get(f"/api/v1/compensation-runs/{run.id}").json()
    [step] = shape["steps"]
    assert step["error"] == f"it did not happen: {SEEN['evidence']}"
    assert [each["outcome"] for each in step["attempts"]] == ["FAILED"]
    find("compensation_step", "abandon")(run.id, 1, call=Call(world.operator), reason="Enough")
    drain()
    assert case_row(world, case_id).status == "PARTIALLY_COMPENSATED"


def test_an_undo_that_did_happen_calls_off_who_was_asked_since(world: World, bank: Bank) -> None:
    case_id, row = paying_case(world)
    bank.answers = False
    run = roll_back(world, case_id)
    find("compensation_step", "hand-to-human")(run.id, 1, call=Call(world.operator))
    asked = open_undo(world.operator, case_id)
    made = undo_of(world, row)
    settle_outcome(made.id, call=Call(world.operator), happened=True, **SEEN)
    drain()
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.get(id=asked.id).status == "CANCELLED"
    assert (case_row(world, case_id).status, bank.out) == ("COMPENSATED", 0)
    assert run_row(world, run.id).status == "COMPLETED"


def test_a_person_goes_on_once_it_is_known_that_it_did_not_happen(world: World, bank: Bank) -> None:
    capability(
        "test.pay-human", undone_by="test.unpay", compensation={"fallback": "human"}
    )(bank.pay)  # fmt: skip
    case_id, row = paying_case(world, "test.pay-human")
    bank.answers = False
    run = roll_back(world, case_id)
    made = undo_of(world, row)
    settle_outcome(made.id, call=Call(world.operator), happened=False, **SEEN)
    drain()
    assert run_row(world, run.id).status == "RUNNING"
    undo(world.operator, case_id)
    assert case_row(world, case_id).status == "COMPENSATED"


def unsure_then_done(world: World, bank: Bank) -> tuple[uuid.UUID, Execution]:
    """A case whose payment is uncertain, and after it a task that is done."""
    pays = automated("pay", "test.pay", "true", "{amount: 5}")
    deploy(world, definition("both", pays, human("sign"), success=".pay and .sign"))
    bank.answers = False
    case_id = opened(world, "tests/both")
    drain(fast_forward=True)
    finish(world.analyst, case_id, "sign", None)
    with tenant_scope(world.operator.tenant_id):
        return case_id, Execution.objects.get(case_id=case_id)


def test_a_part_neither_waits_for_nor_undoes_what_lies_before_it(world: World, bank: Bank) -> None:
    case_id, row = unsure_then_done(world, bank)
    run = roll_back(world, case_id, scope={"kind": "from_step", "step": "sign"})
    assert (run.status, run.waits_for) == ("RUNNING", [])
    settle_outcome(row.id, call=Call(world.operator), happened=True, **SEEN)
    undo(world.analyst, case_id)
    assert run_row(world, run.id).status == "COMPLETED"
    assert (stored(world, row.id).status, bank.out) == ("SUCCEEDED", 5)


def test_chosen_steps_are_waited_for_too(world: World, bank: Bank) -> None:
    case_id, row = unsure_then_done(world, bank)
    assert row.status == "UNCERTAIN"
    run = roll_back(
        world, case_id, scope={"kind": "steps", "steps": ["pay", "sign"], "only_this": True}
    )
    undo(world.analyst, case_id)
    assert run_row(world, run.id).status == "PARTIAL"
    assert case_row(world, case_id).status == "PARTIALLY_COMPENSATED"
    settle_outcome(row.id, call=Call(world.operator), happened=False, **SEEN)
    drain()
    later = roll_back(world, case_id)
    assert (later.status, case_row(world, case_id).status) == ("COMPLETED", "COMPENSATED")


def test_alone_undone_as_if_it_leaves_no_case_without_anybody(world: World, bank: Bank) -> None:
    bank.answers = False
    case_id, row = paying_case(world, "test.pay-safe")
    bank.answers = True
    call = Call(world.operator)
    plan = preview(("execution", row.id), call=call, reason="Wrong", include=["pay"])
    execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain(fast_forward=True)
    case = case_row(world, case_id)
    assert (case.status, bank.out) == ("FAULTED", 0)
    assert case.fault == "pay: It was undone before anybody knew whether it had happened."
    retry_case(case_id, call=Call(world.operator))
    drain()
    assert (case_row(world, case_id).status, bank.out) == ("COMPLETED", 5)


def test_a_case_with_something_unclear_is_not_closed(world: World, bank: Bank) -> None:
    bank.answers = False
    case_id, row = paying_case(world)
    cancel_case(case_id, call=Call(world.operator), reason="Enough")
    with pytest.raises(Conflict, match="outcome_unknown"):
        close_case(case_id, call=Call(world.operator))
    offered = api(world.operator).get(f"/api/v1/cases/{case_id}").json()["available_actions"]
    assert {"action": "close", "allowed": False, "reason": "outcome_unknown"} in offered
    settle_outcome(row.id, call=Call(world.operator), happened=False, **SEEN)
    drain()
    assert close_case(case_id, call=Call(world.operator)).status == "CLOSED"


@pytest.mark.parametrize("risk", ["medium", "critical"])
def test_that_a_risky_undo_happened_another_person_says(
    world: World, bank: Bank, risk: str
) -> None:
    """It counts as much as an attestation, which nobody gives alone either."""
    capability("test.risky", undone_by="test.unpay", risk=risk)(bank.pay)
    row = pay(world, "test.risky")
    bank.answers = False
    plan = preview(("execution", row.id), call=Call(world.operator), reason="Wrong")
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    if risk == "critical":
        approve_run(run.id, call=Call(world.approver))
    drain(fast_forward=True)
    made = undo_of(world, row)
    assert (made.status, stored(world, row.id).status) == ("UNCERTAIN", "COMPENSATION_FAULTED")
    who = world.operator
    if risk == "critical":
        with pytest.raises(NotPermitted, match="Somebody else"):
            settle_outcome(made.id, call=Call(who), happened=True, **SEEN)
        assert stored(world, made.id).version == made.version
        assert stored(world, row.id).status == "COMPENSATION_FAULTED"
        assert run_row(world, run.id).status == "FAULTED"
        who = world.admin
    settle_outcome(made.id, call=Call(who), happened=True, **SEEN)
    drain()
    assert stored(world, row.id).status == "COMPENSATED"
    assert run_row(world, run.id).status == "COMPLETED"


def test_who_has_tried_a_risky_undo_again_does_not_say_that_the_first_happened(
    world: World, bank: Bank
) -> None:
    capability("test.risky", undone_by="test.unpay", risk="high")(bank.pay)
    row = pay(world, "test.risky")
    bank.answers = False
    plan = preview(("execution", row.id), call=Call(world.operator), reason="Wrong")
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    approve_run(run.id, call=Call(world.approver))
    drain(fast_forward=True)
    made = undo_of(world, row)
    find("compensation_step", "hand-to-human")(run.id, 1, call=Call(world.admin))
    for somebody in (world.admin, world.operator):
        with pytest.raises(NotPermitted, match="Somebody else"):
            settle_outcome(made.id, call=Call(somebody), happened=True, **SEEN)
    assert (stored(world, made.id).status, stored(world, row.id).status) == (
        "UNCERTAIN", "COMPENSATING",
    )  # fmt: skip
    # That it did not happen ends nothing: the person who was asked goes on.
    settle_outcome(made.id, call=Call(world.operator), happened=False, **SEEN)
    assert stored(world, row.id).status == "COMPENSATING"
