"""An expense is claimed, looked at, approved by somebody else and paid: the smallest case.

How an approval is taken back without any case is told by `expense-reversal`.
"""

from __future__ import annotations

from typing import Final

from config.demo.scenarios import casework
from config.demo.scenarios.casework import Task
from config.demo.scenarios.stage import Stage, check_ledger

PEOPLE: Final = ("operator", "analyst", "underwriter")
AMOUNT: Final = 184_000


def play(stage: Stage) -> None:
    """Tell and check the whole story. Raises ScenarioFailed, Refused, Unreachable."""
    stage.tell.title(f"Expense at {stage.url}")
    accounts = casework.accounts_of_its_own(stage, payer=AMOUNT, claimant=0)
    stage.tell.chapter("An expense is claimed")
    casework.deploy(stage, "expense")
    context = {
        "claimant": "Ines Vogel", "purpose": "Fair in Lyon", "amount": AMOUNT,
        "paid_from": accounts["payer"], "paid_to": accounts["claimant"],
    }  # fmt: skip
    case_id = casework.open_case(stage, "operator", "expense", context, "a fair in Lyon, 1,840.00")
    stage.tell.chapter("Two people look at it, and it is paid")
    casework.do(stage, case_id, Task("check-receipts", "analyst", "COMPLETE"))
    task = casework.waited_target(stage, case_id, "approve")
    casework.check_refused(
        stage, "whoever looked at the receipts cannot approve", "analyst",
        f"work-items/{task}/claim",
    )  # fmt: skip
    casework.do(stage, case_id, Task("approve", "underwriter", "APPROVED"))
    casework.saw_program(stage, case_id, "pay")
    case = casework.completed(stage, case_id)
    stage.tell.say(f"The case {case['number']} is {case['status']}.")
    stage.tell.chapter("Does it hold?")
    casework.check_steps(stage, case_id, "check-receipts", "approve", "pay")
    casework.check_money(stage, accounts, payer=0, claimant=AMOUNT)
    check_ledger(stage)
