"""Suspected money laundering is investigated, and reported to the authority: two people stand
behind the report, and what is filed stays filed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from config.demo.scenarios import casework
from config.demo.scenarios.casework import Task
from config.demo.scenarios.stage import Stage, check_ledger

PEOPLE: Final = ("operator", "analyst", "surveyor", "underwriter", "compliance")
AMOUNT: Final = 940_000
NARRATIVE: Final = "Eleven cash deposits in nine days, each just below the threshold."


def play(stage: Stage) -> None:
    """Tell and check the whole story. Raises ScenarioFailed, Refused, Unreachable."""
    stage.tell.title(f"AML investigation at {stage.url}")
    accounts = casework.accounts_of_its_own(stage, customer=AMOUNT, blocked=0)
    case_id = take_up(stage, accounts)
    investigate(stage, case_id)
    case = report(stage, case_id)
    _check(stage, case, accounts)
    check_ledger(stage)


def take_up(stage: Stage, accounts: Mapping[str, str]) -> str:
    """Open the case of an alert; return its id. Raises as `play` does."""
    stage.tell.chapter("An alert is taken up")
    casework.deploy(stage, "aml-investigation")
    context = {
        "customer": "Hafenkontor GmbH", "alert": "Cash deposits below the threshold",
        "amount": AMOUNT, "customer_account": accounts["customer"],
        "blocked_account": accounts["blocked"],
    }  # fmt: skip
    wanted = {"definition": "examples/aml-investigation", "context": context}
    casework.check_refused(stage, "an analyst cannot open such a case", "analyst", "cases", wanted)
    return casework.open_case(
        stage, "compliance", "aml-investigation", context, "cash deposits of Hafenkontor GmbH"
    )


def investigate(stage: Stage, case_id: str) -> None:
    """Let the customer be looked at from two sides. Raises as `play` does."""
    stage.tell.chapter("The customer is identified and looked at from two sides at once")
    found: dict[str, object] = {"risk": 0.9, "exposed": False}
    casework.do(stage, case_id, Task("identify", "analyst", "IDENTIFIED", resolution=found))
    casework.check_together(stage, case_id, "look-for-patterns", "search-sources")
    casework.do(
        stage,
        case_id,
        Task("search-sources", "surveyor", "FOUND"),
        Task("look-for-patterns", "analyst", "FOUND"),
    )
    stage.tell.say("The risk is high: a senior looks at it.")
    casework.do(
        stage,
        case_id,
        Task("senior-review", "underwriter", "CONFIRMED"),
        Task("triage", "compliance", "SUSPICIOUS"),
    )


def report(stage: Stage, case_id: str) -> dict[str, Any]:
    """Let the report be written, released and filed; return the case. Raises as `play` does."""
    stage.tell.chapter("The money is secured, and the report needs two people")
    casework.saw_program(stage, case_id, "secure-funds")
    said: dict[str, object] = {"narrative": NARRATIVE}
    casework.do(stage, case_id, Task("draft-report", "analyst", "DRAFTED", resolution=said))
    task = casework.waited_target(stage, case_id, "release-report")
    for who, why in (("analyst", "drafted it"), ("compliance", "found it suspicious")):
        casework.check_refused(
            stage, f"whoever {why} cannot release it", who, f"work-items/{task}/claim"
        )
    casework.do(stage, case_id, Task("release-report", "underwriter", "RELEASED"))
    casework.saw_program(stage, case_id, "file-report")
    case = casework.completed(stage, case_id)
    stage.tell.say(f"The case {case['number']} is {case['status']}.")
    return case


def _check(stage: Stage, case: dict[str, Any], accounts: Mapping[str, str]) -> None:
    stage.tell.chapter("Does it hold?")
    casework.check_steps(
        stage, case["id"], "identify", ("look-for-patterns", "search-sources"), "senior-review",
        "triage", ("secure-funds", "draft-report"), "release-report", "file-report",
    )  # fmt: skip
    casework.check_milestones(stage, case, "investigated", "settled")
    casework.check_money(stage, accounts, customer=0, blocked=AMOUNT)
    casework.check_for_good(stage, case["id"], "file-report")
