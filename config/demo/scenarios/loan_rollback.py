"""A loan is approved and paid out; then its credit check turns out to be forged.

Everything is done through the REST API, as the people of the demo. Only the demo accounts' balances
and the ledger's verdict are read from the database: no client may see the former, and the latter is
`manage.py verify_ledger` itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final

from config.demo.scenarios.casework import (
    Task,
    case_at,
    completed,
    deploy,
    do,
    open_case,
    target_of,
)
from config.demo.scenarios.stage import ScenarioFailed, Stage, check_ledger
from config.demo.transfers import BANK, CUSTOMER, balances, open_accounts, transfers
from ledger.ids import new_id

PEOPLE: Final = ("operator", "analyst", "surveyor", "underwriter", "compliance")
DEFINITION: Final = "examples/loan-approval"
AMOUNT: Final = 250_000
CONTEXT: Final = {
    "applicant": "R. Vega", "amount": AMOUNT, "adviser": "operator", "bank_account": BANK,
    "customer_account": CUSTOMER,
}  # fmt: skip
REASON: Final = "The credit check was forged: the salary statement was not issued by the employer."
BASIS: Final = [
    {"code": "INTERNAL_POLICY", "note": "Credit policy 4.2: decisions on forged papers are undone"},
    {"code": "CONTRACT", "note": "Loan contract, clause 12: false statements"},
]
UNDO_ORDER: Final = ("disbursement", "approval", "valuation", "credit-check")
_RUN_FAILED: Final = {"PARTIAL", "FAULTED", "CANCELLED", "REJECTED", "SUPERSEDED"}

FORWARD: Final = (
    Task("credit-check", "analyst", "PASSED", "compliance"),
    Task("valuation", "surveyor", "VALUED", "surveyor", {"value": 31_000_000}),
    Task("approval", "underwriter", "APPROVED", "underwriter"),
)
UNDOERS: Final = {task.binding: task.undone_by for task in FORWARD}


def play(stage: Stage) -> None:
    """Tell and check the whole story. Raises ScenarioFailed, Refused, Unreachable."""
    open_accounts(stage.tenant_id)
    before = balances(stage.tenant_id)
    moved_before = len(transfers(stage.tenant_id))
    stage.tell.title(f"Loan rollback at {stage.url}")
    case_id = open_loan(stage)
    pay_out(stage, case_id)
    originals = _originals(stage, case_id)
    _show_balances(stage, "the bank has paid")
    plan = preview(stage, case_id)
    run = _roll_back(stage, plan)
    _show_balances(stage, "the money is back")
    _check(stage, case_id, run, originals)
    _check_money(stage, before, moved_before)
    check_ledger(stage)


def open_loan(stage: Stage) -> str:
    """Open a case of the loan example and return its id. Raises as `play` does."""
    stage.tell.chapter("A loan is applied for")
    deploy(stage, "loan-approval")
    return open_case(
        stage, "operator", "loan-approval", CONTEXT, f"R. Vega asks for {_money(AMOUNT)}"
    )


def pay_out(stage: Stage, case_id: str) -> None:
    """Let everybody do their work until the case is completed. Raises as `play` does."""
    stage.tell.chapter("Three people and a program do their work")
    do(stage, case_id, *FORWARD)
    case = completed(stage, case_id)
    paid = target_of(stage, case_id, "disbursement")
    execution = stage.client("operator").get(f"executions/{paid}")
    stage.tell.did(
        "Amends", f"{execution['capability']} of {_money(AMOUNT)}: {execution['status']}"
    )
    stage.tell.say(f"The case is {case['status']}.")


def _originals(stage: Stage, case_id: str) -> dict[str, dict[str, Any]]:
    """Return every finished step as it stands before the rollback, by binding."""
    operator = stage.client("operator")
    found = {}
    for item in operator.every(f"cases/{case_id}/plan-items"):
        if item["binding"] in UNDO_ORDER:
            kind = "work-items" if item["type"] == "work_item" else "executions"
            found[item["binding"]] = {
                "path": f"{kind}/{item['target_id']}",
                "seq": item["completion_seq"],
                **operator.get(f"{kind}/{item['target_id']}"),
            }
    return found


def preview(stage: Stage, case_id: str) -> dict[str, Any]:
    """Ask for the plan of rolling the case back, and return it. Raises as `play` does."""
    stage.tell.chapter("The credit check was forged")
    stage.tell.did("operator", "asks what would be undone, in which order and by whom")
    plan: dict[str, Any] = stage.client("operator").post(
        f"cases/{case_id}/compensation-plan",
        {"scope": {"kind": "whole"}, "reason": REASON, "regulatory_basis": BASIS},
    )
    stage.tell.say()
    stage.tell.table(
        ("No.", "Undo", "finished as", "done by", "how", "undone by"),
        [
            (
                step["n"],
                step["original"]["name"],
                f"number {step['completion_seq']}",
                step["completed_by"] or "-",
                f"{step['mode']}, {step['strategy']}",
                _performer(step),
            )
            for step in plan["steps"]
        ],
    )
    for out in plan["excluded"]:
        stage.tell.say(f"left out: {out['original']['name']} ({out['code']})")
    stage.tell.say()
    stage.tell.say(f"Reason  {REASON}")
    for basis in BASIS:
        stage.tell.say(f"Basis   {basis['code']}: {basis['note']}")
    stage.tell.say(f"Digest  {plan['digest']}")
    return plan


def _roll_back(stage: Stage, plan: dict[str, Any]) -> dict[str, Any]:
    stage.tell.chapter("What was previewed is what runs")
    run = stage.client("operator").post(
        f"compensation-plans/{plan['id']}/execute",
        If_Match=f'"{plan["digest"]}"',
        Idempotency_Key=f"scenario-{new_id()}",
    )
    stage.tell.did("operator", "executes exactly this plan")
    for step in plan["steps"]:
        _follow(stage, run["id"], step["n"])
    ended = stage.until("the run ends", lambda: _run_at(stage, run["id"]))
    stage.tell.say(f"The run is {ended['status']}: {ended['undo_progress']['done']} of "
                   f"{ended['undo_progress']['total']} steps undone.")  # fmt: skip
    return ended


def _follow(stage: Stage, run_id: str, n: int) -> None:
    """See one step through: its person does the undo task, or the program's work is awaited."""
    started = stage.until(
        f"step {n} of the rollback starts",
        lambda: _step_if(stage, run_id, n, lambda step: bool(step["compensation"])),
    )
    name = started["original"]["name"]
    undo = started["compensation"]
    if undo["type"] == "work_item" and started["status"] != "DONE":
        person = UNDOERS[name]
        done = stage.work(person, undo["id"], outcome="REVERSED")
        stage.tell.did(person, f"{n}. {done['title']}: REVERSED")
    step = stage.until(
        f"step {n} of the rollback is done",
        lambda: _step_if(stage, run_id, n, lambda step: bool(step["status"] == "DONE")),
    )
    if undo["type"] == "execution":
        execution = stage.client("operator").get(f"executions/{undo['id']}")
        attempts = len(step["attempts"])
        stage.tell.did(
            "Amends",
            f"{n}. {execution['capability']}: {execution['status']} at attempt {attempts}",
        )


def _check(
    stage: Stage, case_id: str, run: dict[str, Any], originals: dict[str, dict[str, Any]]
) -> None:
    stage.tell.chapter("Does it hold?")
    operator = stage.client("operator")
    steps = sorted(run["steps"], key=lambda step: str(_times(step)[0]))
    stage.tell.check(
        "the last finished was undone first",
        expected=list(UNDO_ORDER),
        found=[step["original"]["name"] for step in steps],
    )
    numbers = [originals[name]["seq"] for name in UNDO_ORDER if name in originals]
    stage.tell.check(
        "which is the reverse order of completion",
        expected=sorted(numbers, reverse=True),
        found=numbers,
    )
    stage.tell.check(
        "no step began before the one before it had ended",
        expected=[],
        found=_overlaps(steps),
    )
    case = stage.until("the case is settled", lambda: case_at(stage, case_id, "COMPENSATED"))
    stage.tell.check("the case is rolled back", expected="COMPENSATED", found=case["status"])
    stage.tell.check("no rollback is live", expected=None, found=case["live_run"])
    for name in reversed(UNDO_ORDER):
        now, then = operator.get(originals[name]["path"]), originals[name]
        kept = ("outcome", "resolution", "completed_by", "completed_at", "output", "input")
        stage.tell.check(
            f"{name} is undone", expected="COMPENSATED", found=now["compensation_state"]
        )
        stage.tell.check(
            f"{name} still says what was decided ({_said(then)})",
            expected={field: then[field] for field in kept if field in then},
            found={field: now.get(field) for field in kept if field in then},
        )


def _check_money(stage: Stage, before: dict[str, int], moved_before: int) -> None:
    stage.tell.check("the money is back", expected=before, found=balances(stage.tenant_id))
    stage.tell.check(
        "it moved once there and once back",
        expected=[(BANK, CUSTOMER, AMOUNT), (CUSTOMER, BANK, AMOUNT)],
        found=transfers(stage.tenant_id)[moved_before:],
    )


def _show_balances(stage: Stage, why: str) -> None:
    held = balances(stage.tenant_id)
    shown = ", ".join(f"{name} {_money(held[name])}" for name in (BANK, CUSTOMER))
    stage.tell.say(f"Balances, {why}: {shown}")


def _run_of(stage: Stage, run_id: str) -> dict[str, Any]:
    run: dict[str, Any] = stage.client("operator").get(f"compensation-runs/{run_id}")
    if run["status"] in _RUN_FAILED:
        errors = [
            f"step {step['n']} {step['original']['name']}: {step['status']}"
            f" {[attempt['error'] for attempt in step['attempts'] if attempt['error']]}"
            for step in run["steps"]
        ]
        raise ScenarioFailed(f"the rollback is {run['status']}: {'; '.join(errors)}")
    return run


def _run_at(stage: Stage, run_id: str) -> dict[str, Any] | None:
    run = _run_of(stage, run_id)
    return run if run["status"] == "COMPLETED" else None


def _step_if(
    stage: Stage, run_id: str, n: int, holds: Callable[[dict[str, Any]], bool]
) -> dict[str, Any] | None:
    steps = _run_of(stage, run_id)["steps"]
    return next((dict(step) for step in steps if step["n"] == n and holds(step)), None)


def _times(step: dict[str, Any]) -> tuple[str, str]:
    """Return when a step's first attempt began and its last ended (RFC 3339, so text sorts)."""
    attempts = step["attempts"]
    return str(attempts[0]["started_at"]), str(attempts[-1]["ended_at"])


def _overlaps(steps: Sequence[dict[str, Any]]) -> list[str]:
    return [
        f"{later['original']['name']} began {_times(later)[0]}, "
        f"{earlier['original']['name']} ended {_times(earlier)[1]}"
        for earlier, later in itertools.pairwise(steps)
        if _times(later)[0] < _times(earlier)[1]
    ]


def _performer(step: dict[str, Any]) -> str:
    if step["mode"] == "automated":
        return str(step.get("capability") or "a program")
    named = [*step.get("candidate_groups", ()), *step.get("candidate_users", ())]
    return ", ".join(named) if named else str(step["performer"])


def _said(original: dict[str, Any]) -> str:
    return str(original.get("outcome") or original.get("status"))


def _money(minor: int) -> str:
    return f"{minor / 100:,.2f}"
