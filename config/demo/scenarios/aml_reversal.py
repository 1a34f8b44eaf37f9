"""A report to the authority turns out to be about the wrong customer. What was filed stays filed:
it is corrected forward; the rest is taken back, and the money is released.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from config.demo.scenarios import aml_investigation, casework, rollback_steps
from config.demo.scenarios.aml_investigation import AMOUNT
from config.demo.scenarios.rollback_steps import Undoer
from config.demo.scenarios.stage import Stage, check_ledger

PEOPLE: Final = (*aml_investigation.PEOPLE, "approver")
REASON: Final = "The deposits were made by a company of the same name."
BASIS: Final = [{"code": "INTERNAL_POLICY", "note": "AML manual 9.3: mistaken identity"}]
CORRECTED: Final = "A correction was filed; it names the first report and what was wrong in it."
UNDOERS: Final = {
    "file-report": Undoer("operator", "CORRECTED", CORRECTED),
    "release-report": Undoer("compliance"),
    "draft-report": Undoer("analyst", "CORRECTED", "The new draft says which company it is."),
    "triage": Undoer("compliance"),
    "senior-review": Undoer("underwriter"),
    "look-for-patterns": Undoer("analyst"),
    "search-sources": Undoer("surveyor"),
    "identify": Undoer("analyst", "CORRECTED", "It is the other company."),
}


def play(stage: Stage) -> None:
    """Tell and check the whole story. Raises ScenarioFailed, Refused, Unreachable."""
    stage.tell.title(f"AML reversal at {stage.url}")
    accounts = casework.accounts_of_its_own(stage, customer=AMOUNT, blocked=0)
    case_id = aml_investigation.take_up(stage, accounts)
    aml_investigation.investigate(stage, case_id)
    aml_investigation.report(stage, case_id)
    run_id = _reverse(stage, case_id)
    _check(stage, case_id, run_id, accounts)
    check_ledger(stage)


def _reverse(stage: Stage, case_id: str) -> str:
    stage.tell.chapter("It was the wrong customer")
    plain = rollback_steps.plan(stage, case_id, REASON, regulatory_basis=BASIS)
    stage.tell.check(
        "what is filed cannot be taken back",
        expected={"file-report": "irreversible"},
        found={each["original"]["name"]: each["code"] for each in plain["excluded"]},
    )
    stage.tell.say("So it is to be corrected: by a person, as a part of the same rollback.")
    found = rollback_steps.plan(
        stage, case_id, REASON, regulatory_basis=BASIS, strategy="correct", include=["file-report"]
    )
    first = found["steps"][0]
    stage.tell.check(
        "the correction comes first, and nothing is left out",
        expected=("file-report", "human", "correct", []),
        found=(first["original"]["name"], first["mode"], first["strategy"], found["excluded"]),
    )
    run_id = rollback_steps.execute(stage, found)
    rollback_steps.agree(stage, run_id, "what cannot be undone is corrected")
    stage.tell.chapter("The correction is filed, and all that led to the report is taken back")
    told: list[str] = []
    run = rollback_steps.see_through(stage, run_id, UNDOERS, told)
    stage.tell.say(f"The rollback is {run['status']}.")
    return run_id


def _check(stage: Stage, case_id: str, run_id: str, accounts: Mapping[str, str]) -> None:
    stage.tell.chapter("Does it hold?")
    operator = stage.client("operator")
    case, run = operator.get(f"cases/{case_id}"), rollback_steps.run_of(stage, run_id)
    stage.tell.check(
        "the case is rolled back",
        expected=("COMPENSATED", "COMPLETED"),
        found=(case["status"], run["status"]),
    )
    items = {item["binding"]: item for item in casework.plan_items(stage, case_id)}
    done = sorted(
        (item for item in items.values() if item["binding"] in {*UNDOERS, "secure-funds"}),
        key=lambda item: -int(item["completion_seq"]),
    )
    stage.tell.check(
        "the last finished was undone first",
        expected=[item["binding"] for item in done],
        found=rollback_steps.order_of(stage, run_id),
    )
    filed: dict[str, Any] = casework.work_of(stage, case_id, "file-report")
    stage.tell.check(
        "the report still says what was filed, and that it was corrected",
        expected=("COMPENSATED", True),
        found=(filed["compensation_state"], bool(filed["output"])),
    )
    casework.check_money(stage, accounts, customer=AMOUNT, blocked=0)
