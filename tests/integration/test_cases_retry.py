"""Cases that fail and go on, steps that cannot begin, and what a completed case leaves behind."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases.actions import cancel_case, retry_case
from cases.models import PlanItem
from executions import capability_registry
from executions.actions import record_result
from executions.capability_registry import Failed, Invocation, Result, RetryPolicy, capability
from executions.models import Execution
from ledger.errors import Conflict, NotPermitted
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, opened, plan_for, plan_items
from tests.clients import browser
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.world import World
from verbs.call import Call
from workitems.actions import reject, start
from workitems.models import WorkItem


class Gate:
    """A program that works while it is open."""

    def __init__(self) -> None:
        self.open = False
        self.keys: list[str] = []

    def pass_through(self, call: Invocation) -> Result:
        """Pass, or declare that nobody did."""
        self.keys.append(call.idempotency_key)
        if not self.open:
            raise Failed("the gate is shut")
        return Result({"passed": True})


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    known = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known)
    made = Gate()
    capability("test.gate", retry=RetryPolicy(max_attempts=1))(made.pass_through)
    return made


def tries(world: World, case_id: uuid.UUID, binding: str) -> list[PlanItem]:
    with tenant_scope(world.operator.tenant_id):
        rows = PlanItem.objects.filter(case_id=case_id, binding=binding)
        return list(rows.order_by("created_at", "id"))


def executions_of(world: World, case_id: uuid.UUID) -> list[Execution]:
    with tenant_scope(world.operator.tenant_id):
        return list(Execution.objects.filter(case_id=case_id).order_by("created_at", "id"))


def tasks(world: World, case_id: uuid.UUID) -> dict[str, WorkItem]:
    with tenant_scope(world.operator.tenant_id):
        return {row.binding: row for row in WorkItem.objects.filter(case_id=case_id)}


def gated(world: World, *more: dict[str, Any]) -> uuid.UUID:
    """Open a case with a gate in it, and whatever else."""
    step = automated("gate", "test.gate", "true", "{n: 1}")
    deploy(world, definition("gated", step, *more, success=".gate"))
    return opened(world, "tests/gated")


def test_a_failed_step_is_tried_again_with_a_new_attempt(world: World, gate: Gate) -> None:
    case_id = gated(world, human("beside"))
    case = case_row(world, case_id)
    assert (case.status, case.fault) == ("FAULTED", "gate: faulted, the gate is shut")
    assert tasks(world, case_id)["beside"].status == "PENDING", "its other open work stays"
    with pytest.raises(NotPermitted):
        retry_case(case_id, call=Call(world.analyst))
    gate.open = True
    retry_case(case_id, call=Call(world.operator))
    with pytest.raises(Conflict):
        retry_case(case_id, call=Call(world.operator))
    drain()
    case = case_row(world, case_id)
    assert (case.status, case.fault) == ("COMPLETED", "")
    assert [row.status for row in executions_of(world, case_id)] == ["FAILED", "SUCCEEDED"]
    assert len(set(gate.keys)) == 2, "the new attempt is work of its own"
    assert [item.status for item in tries(world, case_id, "gate")] == ["FAULTED", "COMPLETED"]
    assert len(tries(world, case_id, "beside")) == 1, "what had not failed was done twice"


def test_a_step_that_fails_again_faults_the_case_again(world: World, gate: Gate) -> None:
    case_id = gated(world)
    retry_case(case_id, call=Call(world.operator))
    drain()
    assert case_row(world, case_id).status == "FAULTED"
    assert len(executions_of(world, case_id)) == 2
    gate.open = True
    retry_case(case_id, call=Call(world.operator))
    drain()
    assert case_row(world, case_id).status == "COMPLETED"
    assert len(executions_of(world, case_id)) == 3


def test_a_rejected_task_is_opened_again(world: World) -> None:
    deploy(world, definition("one", human("sign"), success=".sign"))
    case_id = opened(world, "tests/one")
    start(tasks(world, case_id)["sign"].id, call=Call(world.analyst))
    reject(tasks(world, case_id)["sign"].id, call=Call(world.analyst), reason="not mine")
    drain()
    assert case_row(world, case_id).status == "FAULTED"
    retry_case(case_id, call=Call(world.operator))
    drain()
    finish(world.analyst, case_id, "sign", "DONE")
    assert case_row(world, case_id).status == "COMPLETED"


def test_the_page_of_a_failed_case_has_the_button(world: World, gate: Gate) -> None:
    case_id = gated(world)
    page = browser(world.operator).get(f"/cases/{case_id}/").content.decode()
    assert f'action="/cases/{case_id}/retry/"' in page
    gate.open = True
    sent = browser(world.operator).post(f"/cases/{case_id}/retry/")
    assert sent.status_code == 303
    drain()
    assert case_row(world, case_id).status == "COMPLETED"


def test_a_broken_condition_faults_its_own_step_after_the_others_opened(world: World) -> None:
    broken = human("broken", when="(.late | keys | length) > 0")
    deploy(world, definition("half", broken, human("good"), success=".broken and .good"))
    case_id = opened(world, "tests/half")
    items = plan_items(world, case_id)
    assert items["good"].status == "ACTIVE"
    assert (items["broken"].status, items["broken"].target_id) == ("FAULTED", None)
    assert "null (null) has no keys" in items["broken"].error
    case = case_row(world, case_id)
    assert case.status == "FAULTED"
    assert case.fault.startswith("broken: ")
    assert plan_for(world, case_id).content["steps"] == []


def test_after_a_fix_the_broken_step_is_tried_again(world: World) -> None:
    broken = human("broken", when="(.good | keys | length) > 0 and .broken == null")
    deploy(world, definition("half", broken, human("good"), success=".broken and .good"))
    case_id = opened(world, "tests/half")
    retry_case(case_id, call=Call(world.operator))
    drain()
    assert case_row(world, case_id).status == "FAULTED", "nothing was mended"
    assert len(tries(world, case_id, "broken")) == 2
    finish(world.analyst, case_id, "good", "DONE")
    retry_case(case_id, call=Call(world.operator))
    drain()
    assert case_row(world, case_id).status == "RUNNING"
    assert [item.status for item in tries(world, case_id, "broken")] == [
        "FAULTED", "FAULTED", "ACTIVE",
    ]  # fmt: skip
    finish(world.analyst, case_id, "broken", "DONE")
    assert case_row(world, case_id).status == "COMPLETED"


def test_a_completed_case_calls_off_its_other_work(world: World, gate: Gate) -> None:
    gate.open = True
    case_id = gated(world, human("beside"))
    assert case_row(world, case_id).status == "COMPLETED"
    beside = tasks(world, case_id)["beside"]
    assert (beside.status, beside.ended_reason) == (
        "CANCELLED", "The case is completed without it.",
    )  # fmt: skip
    assert plan_items(world, case_id)["beside"].status == "CANCELLED"
    with tenant_scope(world.operator.tenant_id):
        ended = LedgerEntry.objects.get(subject_id=case_id, action="completed")
        called_off = LedgerEntry.objects.get(subject_id=beside.id, action="cancelled")
    assert called_off.caused_by_id == ended.id


def test_a_late_result_changes_no_context_and_belongs_to_later_plans(
    world: World, gate: Gate
) -> None:
    gate.open = True
    late = automated("late", "erp.book", "true", "{n: 1}", compensation={"mode": "human"})
    case_id = gated(world, late)
    assert case_row(world, case_id).status == "COMPLETED"
    [waiting] = [row for row in executions_of(world, case_id) if row.capability == "erp.book"]
    assert waiting.status == "WAITING"
    record_result(
        waiting.id, call=Call(world.operator), outcome="succeeded", output={"booked": True}
    )
    drain()
    case = case_row(world, case_id)
    assert (case.status, case.context) == ("COMPLETED", {"gate": {"passed": True}})
    item = plan_items(world, case_id)["late"]
    assert (item.status, item.completion_seq, item.written) == ("COMPLETED", 2, [])
    names = [step["original"]["name"] for step in plan_for(world, case_id).content["steps"]]
    assert names == ["late"]


def test_a_late_result_of_a_cancelled_case_changes_no_context(world: World) -> None:
    late = automated("late", "erp.book", "true", "{n: 1}")
    deploy(world, definition("late", late, success=".late"))
    case_id = opened(world, "tests/late")
    cancel_case(case_id, call=Call(world.operator), reason="R")
    [waiting] = executions_of(world, case_id)
    record_result(waiting.id, call=Call(world.operator), outcome="succeeded", output={"a": 1})
    drain()
    case = case_row(world, case_id)
    assert (case.status, case.context) == ("CANCELLED", {})
