"""A customer is taken on in ten steps, six by people and four by programs."""

from __future__ import annotations

from typing import Final

from config.demo.scenarios import casework
from config.demo.scenarios.casework import Task
from config.demo.scenarios.stage import Stage, check_ledger

PEOPLE: Final = ("operator", "analyst", "surveyor", "underwriter", "compliance")
DEPOSIT: Final = 50_000
PROGRAMS: Final = ("open-account", "fund-account", "issue-card", "welcome")
#: Ten steps; two of them go on side by side.
STEPS: Final = (
    "collect-details",
    ("verify-identity", "screen"),
    "rate-risk",
    "accept",
    "sign-contract",
    *PROGRAMS,
)


def play(stage: Stage) -> None:
    """Tell and check the whole story. Raises ScenarioFailed, Refused, Unreachable."""
    stage.tell.title(f"Onboarding at {stage.url}")
    accounts = casework.accounts_of_its_own(stage, funding=DEPOSIT, new=0)
    stage.tell.chapter("Somebody wants to be a customer")
    casework.deploy(stage, "onboarding")
    context = {
        "customer": "R. Vega", "birth_date": "1980-02-03", "deposit": DEPOSIT,
        "funding_account": accounts["funding"], "new_account": accounts["new"],
    }  # fmt: skip
    case_id = casework.open_case(stage, "operator", "onboarding", context, "R. Vega, 500.00")
    told: dict[str, object] = {"country": "Portugal"}
    casework.do(stage, case_id, Task("collect-details", "analyst", "COMPLETE", resolution=told))
    _look_at(stage, case_id)
    stage.tell.chapter("The contract is signed, and programs do the rest")
    casework.do(stage, case_id, Task("sign-contract", "analyst", "SIGNED"))
    casework.saw_program(stage, case_id, *PROGRAMS)
    case = casework.completed(stage, case_id)
    stage.tell.say(f"The case {case['number']} is {case['status']}.")
    stage.tell.chapter("Does it hold?")
    done = casework.check_steps(stage, case_id, *STEPS)
    stage.tell.check("there are ten", expected=10, found=len(done))
    casework.check_milestones(stage, case, "known", "accepted", "active")
    casework.check_money(stage, accounts, funding=0, new=DEPOSIT)
    check_ledger(stage)


def _look_at(stage: Stage, case_id: str) -> None:
    stage.tell.chapter("Four people look at the customer, two of them at once")
    casework.check_together(stage, case_id, "verify-identity", "screen")
    casework.do(
        stage,
        case_id,
        Task("screen", "compliance", "CLEAR"),
        Task("verify-identity", "surveyor", "PROVEN"),
        Task("rate-risk", "analyst", "LOW"),
    )
    task = casework.waited_target(stage, case_id, "accept")
    casework.check_refused(
        stage, "whoever rated the risk cannot accept", "analyst", f"work-items/{task}/claim"
    )
    casework.do(stage, case_id, Task("accept", "underwriter", "ACCEPTED"))
