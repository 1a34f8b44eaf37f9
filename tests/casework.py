"""Cases for tests: deploy, open, and do the people's work, all through the service layer."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from accounts.acting import ActingUser
from cases import actions
from cases.models import Case, PlanItem
from compensation.actions.plan_execution import execute
from compensation.models import CompensationPlan, CompensationRun, CompensationStep
from config.demo.transfers import open_accounts
from executions.models import Execution
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from tests.draining import drain
from tests.states import work
from tests.world import World
from verbs.call import Call
from verbs.catalogue import find
from workitems.models import WorkItem

LOAN = (Path(__file__).resolve().parents[1] / "examples" / "loan-approval.yaml").read_text("utf-8")
CONTEXT = {
    "applicant": "R. Vega",
    "amount": 25_000,
    "bank_account": "bank",
    "customer_account": "customer",
}
LOAN_STEPS = (
    ("analyst", "credit-check", "PASSED", None),
    ("surveyor", "valuation", "VALUED", {"value": 250_000}),
    ("underwriter", "approval", "APPROVED", None),
)
# What undoes what, in the order of undoing, and who does it.
UNDO_STEPS = (
    ("underwriter", "approval"),
    ("surveyor", "valuation"),
    ("compliance", "credit-check"),
)
REASON = "The credit check was forged"
# What is said of an undo task that ends otherwise than reversed.
BASIS = [{"code": "INTERNAL_POLICY", "note": "fraud manual 4.2"}]


def deploy(world: World, source: str | dict[str, Any]) -> None:
    """Deploy a definition as the operator."""
    actions.deploy_definition(call=Call(world.operator), source=source)


def opened(world: World, key: str, context: dict[str, Any] | None = None) -> uuid.UUID:
    """Open a case and let the engine fire its first steps."""
    case = actions.open_case(call=Call(world.operator), definition=key, context=context or {})
    drain()
    return case.id


def open_loan(world: World) -> uuid.UUID:
    """Deploy the loan example, give the demo accounts money, and open a loan."""
    deploy(world, LOAN)
    open_accounts(world.operator.tenant_id)
    return opened(world, "examples/loan-approval", dict(CONTEXT))


def approved_loan(world: World) -> uuid.UUID:
    """Open a loan and complete all its four steps."""
    case_id = open_loan(world)
    for who, binding, outcome, resolution in LOAN_STEPS:
        finish(world.of(who), case_id, binding, outcome, resolution)
    return case_id


def finish(
    who: ActingUser, case_id: uuid.UUID, binding: str, outcome: str | None, resolution: Any = None
) -> uuid.UUID:
    """Do the open task of a binding from claim to complete, and let the engine go on."""
    item = open_item(who, case_id, binding)
    work(who, item.id, outcome, resolution)
    drain()
    return item.id


def open_item(who: ActingUser, case_id: uuid.UUID, binding: str) -> WorkItem:
    """Return the open forward task of a binding."""
    with tenant_scope(who.tenant_id):
        return WorkItem.objects.get(
            case_id=case_id,
            binding=binding,
            kind="TASK",
            status__in=["PENDING", "ASSIGNED", "IN_PROGRESS"],
        )


def open_undo(who: ActingUser, case_id: uuid.UUID) -> WorkItem:
    """Return the one undo task that is open in a case."""
    with tenant_scope(who.tenant_id):
        return WorkItem.objects.get(
            case_id=case_id,
            kind="COMPENSATION",
            status__in=["PENDING", "ASSIGNED", "IN_PROGRESS"],
        )


def undo(who: ActingUser, case_id: uuid.UUID, outcome: str = "REVERSED") -> None:
    """Do the one open undo task, and let the run go on."""
    work(who, open_undo(who, case_id).id, outcome)
    drain()


def preview(subject: tuple[str, uuid.UUID], *, call: Call, **wish: Any) -> CompensationPlan:
    """Plan the undo of a case, a work item or an execution."""
    plan: CompensationPlan = find(subject[0], "compensation-plan")(subject[1], call=call, **wish)
    return plan


def plan_for(world: World, case_id: uuid.UUID, **wish: Any) -> CompensationPlan:
    """Preview the rollback of a case as the operator."""
    said = {"reason": REASON, "regulatory_basis": BASIS, **wish}
    return preview(("case", case_id), call=Call(world.operator), **said)


def roll_back(world: World, case_id: uuid.UUID, **wish: Any) -> CompensationRun:
    """Preview and execute, and let the engine start the first step."""
    plan = plan_for(world, case_id, **wish)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    return run


def case_row(world: World, case_id: uuid.UUID) -> Case:
    """Return the case as it is now."""
    with tenant_scope(world.operator.tenant_id):
        return Case.objects.get(id=case_id)


def run_row(world: World, run_id: uuid.UUID) -> CompensationRun:
    """Return the run as it is now."""
    with tenant_scope(world.operator.tenant_id):
        return CompensationRun.objects.get(id=run_id)


def steps(world: World, run_id: uuid.UUID) -> list[CompensationStep]:
    """Return a run's steps by number."""
    with tenant_scope(world.operator.tenant_id):
        return list(CompensationStep.objects.filter(run_id=run_id).order_by("n"))


def plan_items(world: World, case_id: uuid.UUID) -> dict[str, PlanItem]:
    """Return a case's plan items by binding."""
    with tenant_scope(world.operator.tenant_id):
        rows = PlanItem.objects.filter(case_id=case_id).order_by("created_at", "id")
        return {row.binding: row for row in rows}


def counted(world: World) -> tuple[int, ...]:
    """Return how many entries, items, executions, plan items and runs the tenant has."""
    with tenant_scope(world.operator.tenant_id):
        return tuple(
            model.objects.count()
            for model in (LedgerEntry, WorkItem, Execution, PlanItem, CompensationRun)
        )


def entries(world: World, case_id: uuid.UUID) -> list[LedgerEntry]:
    """Return every entry of a case and its parts, in time."""
    with tenant_scope(world.operator.tenant_id):
        return list(LedgerEntry.objects.filter(case_id=case_id).order_by("at", "id"))
