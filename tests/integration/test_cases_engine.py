"""Definitions are deployed once, cases fire what is ready, results move them, failure shows."""

from __future__ import annotations

import uuid

import pytest

from cases import actions
from cases.actions.deploy import DefinitionExists
from cases.actions.engine import handle
from cases.events import ENGINE_NEWS
from ledger.dispatch.consumer_registry import Event
from ledger.errors import Conflict, Invalid, NotFound, NotPermitted, Stale
from ledger.models import LedgerEntry, OutboxEvent
from ledger.tenancy import tenant_scope
from tests.casework import (
    LOAN,
    case_row,
    counted,
    deploy,
    entries,
    finish,
    open_item,
    open_loan,
    opened,
    plan_items,
    preview,
)
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.engine_news import event_of
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.actions import cancel, reject, start


def test_deploying_is_for_operators_and_the_same_content_is_the_same_row(world: World) -> None:
    with pytest.raises(NotPermitted):
        actions.deploy_definition(call=Call(world.analyst), source=LOAN)
    first = actions.deploy_definition(call=Call(world.operator), source=LOAN)
    again = actions.deploy_definition(call=Call(world.admin), source=LOAN)
    assert again.id == first.id
    with pytest.raises(DefinitionExists):
        actions.deploy_definition(
            call=Call(world.operator), source=LOAN.replace("Value the property", "Value the house")
        )
    with tenant_scope(world.operator.tenant_id):
        noted = LedgerEntry.objects.filter(action="definition_deployed")
        assert [entry.subject_version for entry in noted] == [2]
    verify()


def test_a_broken_definition_names_lines_and_stores_nothing(world: World) -> None:
    broken = LOAN.replace("compensate: pay-back", "compensate: nowhere")
    with pytest.raises(Invalid) as refused:
        actions.deploy_definition(call=Call(world.operator), source=broken)
    (error,) = refused.value.errors
    line = broken.splitlines().index("      compensate: nowhere") + 1
    assert error.pointer == "/spec/bindings/3/compensate"
    assert error.message.startswith(f"line {line}: ")
    with pytest.raises(Invalid) as unknown:
        actions.open_case(
            call=Call(world.operator), definition="examples/loan-approval", context={}
        )
    assert [e.pointer for e in unknown.value.errors] == ["/definition"]


def test_opening_names_every_broken_field(world: World) -> None:
    deploy(world, LOAN)
    with pytest.raises(Invalid) as refused:
        actions.open_case(
            call=Call(world.operator),
            definition="examples/loan-approval",
            version="9.9.9",
            context=[],
            title=7,
        )
    assert [e.pointer for e in refused.value.errors] == ["/version", "/context", "/title"]
    deep: dict[str, object] = {}
    for _ in range(40):
        deep = {"x": deep}
    with pytest.raises(Invalid):
        actions.open_case(
            call=Call(world.operator), definition="examples/loan-approval", context=deep
        )
    assert counted(world)[1:] == (0, 0, 0, 0)


def test_a_case_fires_only_what_is_ready_and_from_the_event(world: World) -> None:
    deploy(world, LOAN)
    case = actions.open_case(
        call=Call(world.analyst),
        definition="examples/loan-approval",
        context={"applicant": "R. Vega", "amount": 5},
    )
    assert plan_items(world, case.id) == {}
    drain()
    (item,) = plan_items(world, case.id).values()
    assert (item.binding, item.type, item.status) == ("credit-check", "work_item", "ACTIVE")
    task = open_item(world.analyst, case.id, "credit-check")
    assert task.payload == {"applicant": "R. Vega", "amount": 5}
    assert task.policy["candidate_groups"] == ["compliance"]
    assert task.permitted_outcomes == ["PASSED", "FAILED"]


def test_results_change_the_context_and_fire_the_next(world: World) -> None:
    case_id = open_loan(world)
    finish(world.analyst, case_id, "credit-check", "PASSED")
    items = plan_items(world, case_id)
    assert (items["credit-check"].status, items["credit-check"].completion_seq) == ("COMPLETED", 1)
    assert items["valuation"].status == "ACTIVE"
    assert case_row(world, case_id).context["credit_check"] == {
        "outcome": "PASSED",
        "resolution": None,
        "completed_by": world.analyst.username,
    }


def test_a_failure_goal_faults_the_case_and_fires_nothing_more(world: World) -> None:
    case_id = open_loan(world)
    finish(world.analyst, case_id, "credit-check", "FAILED")
    case = case_row(world, case_id)
    assert (case.status, case.fault) == ("FAULTED", "A failure goal was reached.")
    assert set(plan_items(world, case_id)) == {"credit-check"}


def test_a_rejected_step_faults_the_case_with_its_reason(world: World) -> None:
    case_id = open_loan(world)
    item = open_item(world.analyst, case_id, "credit-check")
    start(item.id, call=Call(world.analyst))
    reject(item.id, call=Call(world.analyst), reason="No papers")
    drain()
    case = case_row(world, case_id)
    assert (case.status, case.fault) == ("FAULTED", "credit-check: rejected, No papers")
    assert plan_items(world, case_id)["credit-check"].status == "REJECTED"


def test_a_cancelled_step_faults_the_case_instead_of_firing_again(world: World) -> None:
    case_id = open_loan(world)
    item = open_item(world.analyst, case_id, "credit-check")
    cancel(item.id, call=Call(world.operator), reason="Mistake")
    drain()
    assert case_row(world, case_id).status == "FAULTED"
    assert len(plan_items(world, case_id)) == 1


@pytest.mark.parametrize(
    ("binding", "said"),
    [
        (human("a", when=".n | error"), "a: "),
        (human("a", humanTask={"title": "A", "inputMapping": "[1] | ."}), "a: "),
        (automated("a", "demo.transfer", "true", "{amount: -1}"), "a: "),
    ],
    ids=["condition", "input", "schema"],
)
def test_what_cannot_be_fired_faults_the_case_with_the_reason(
    world: World, binding: dict[str, object], said: str
) -> None:
    deploy(world, definition("stuck", binding))
    case_id = opened(world, "tests/stuck", {"n": "x"})
    case = case_row(world, case_id)
    assert case.status == "FAULTED"
    assert case.fault.startswith(said)
    item = plan_items(world, case_id)["a"]
    assert (item.status, item.target_id, f"a: {item.error}") == ("FAULTED", None, case.fault)


def test_a_capability_nobody_registered_waits_for_its_result(world: World) -> None:
    deploy(world, definition("outside", automated("pay", "bank.pay", "true", "{n: 1}")))
    case_id = opened(world, "tests/outside")
    assert case_row(world, case_id).status == "RUNNING"
    assert plan_items(world, case_id)["pay"].status == "ACTIVE"


def test_a_failing_capability_is_retried_then_faults_its_case_only(world: World) -> None:
    deploy(world, definition("fails", automated("pay", "demo.fail", "true", "{}")))
    other = open_loan(world)
    case_id = opened(world, "tests/fails")
    drain(fast_forward=True)
    case = case_row(world, case_id)
    assert case.status == "FAULTED"
    assert case.fault.startswith("pay: faulted, ")
    assert case_row(world, other).status == "RUNNING"


def test_a_suspended_case_takes_results_in_but_fires_nothing_until_resumed(world: World) -> None:
    case_id = open_loan(world)
    actions.suspend_case(case_id, call=Call(world.operator), reason="Audit")
    finish(world.analyst, case_id, "credit-check", "PASSED")
    assert case_row(world, case_id).context["credit_check"]["outcome"] == "PASSED"
    assert set(plan_items(world, case_id)) == {"credit-check"}
    actions.resume_case(case_id, call=Call(world.operator))
    drain()
    assert set(plan_items(world, case_id)) == {"credit-check", "valuation"}


def test_cancelling_calls_off_what_is_open_and_closing_ends_it(world: World) -> None:
    case_id = open_loan(world)
    task = open_item(world.analyst, case_id, "credit-check")
    with pytest.raises(NotPermitted):
        actions.cancel_case(case_id, call=Call(world.analyst))
    with pytest.raises(Stale):
        actions.cancel_case(case_id, call=Call(world.operator, versions=[99]))
    with pytest.raises(Conflict):
        actions.close_case(case_id, call=Call(world.operator))
    actions.cancel_case(case_id, call=Call(world.operator), reason="Withdrawn")
    drain()
    assert case_row(world, case_id).status == "CANCELLED"
    assert plan_items(world, case_id)["credit-check"].status == "CANCELLED"
    with tenant_scope(world.operator.tenant_id):
        task.__class__.objects.get(id=task.id, status="CANCELLED")
    actions.close_case(case_id, call=Call(world.operator))
    with pytest.raises(Conflict):
        actions.cancel_case(case_id, call=Call(world.operator))
    assert case_row(world, case_id).status == "CLOSED"


def test_another_tenants_case_does_not_exist(world: World) -> None:
    case_id = open_loan(world)
    for verb in (actions.suspend_case, actions.cancel_case, actions.close_case):
        with pytest.raises(NotFound):
            verb(case_id, call=Call(world.outsider))
    with pytest.raises(NotFound):
        preview(("case", case_id), call=Call(world.outsider), reason="x")
    assert case_row(world, case_id).status == "RUNNING"


def test_repeated_events_change_nothing(world: World) -> None:
    case_id = open_loan(world)
    finish(world.analyst, case_id, "credit-check", "PASSED")
    finish(world.surveyor, case_id, "valuation", "VALUED")
    before, version = counted(world), case_row(world, case_id).version
    for event in filter(lambda event: event.type in ENGINE_NEWS, _events(world, case_id)):
        handle([event], lambda: None)
    drain()
    assert counted(world) == before
    assert case_row(world, case_id).version == version


def test_every_entry_of_a_case_is_caused_by_one_before_it(world: World) -> None:
    case_id = open_loan(world)
    finish(world.analyst, case_id, "credit-check", "PASSED")
    listed = entries(world, case_id)
    ids = {entry.id for entry in listed}
    created = [entry for entry in listed if entry.action == "created"]
    assert len(created) == 2
    assert all(entry.caused_by_id in ids for entry in created)


def _events(world: World, case_id: uuid.UUID) -> list[Event]:
    with tenant_scope(world.operator.tenant_id):
        rows = OutboxEvent.objects.filter(case_id=case_id).order_by("at", "id")
        found = LedgerEntry.objects.filter(id__in=rows.values("id")).order_by("at", "id")
        return [event_of(entry) for entry in found]
