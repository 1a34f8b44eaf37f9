"""A customer is taken on, until the seventh of ten steps fails: the case undoes the six before it.

Nobody asks for that: the definition says `on_fault: compensate`. Four of the undos are asked of
people, two are done by programs, each awaited before the next begins.
"""

from __future__ import annotations

from typing import Any, Final

from config.demo.scenarios import casework
from config.demo.scenarios.casework import Task
from config.demo.scenarios.stage import Stage, check_ledger

PEOPLE: Final = ("operator", "analyst", "surveyor", "underwriter", "compliance")
DEPOSIT: Final = 50_000
FORWARD: Final = (
    Task("collect-details", "analyst", "COMPLETE", "compliance"),
    Task("verify-identity", "surveyor", "PROVEN", "surveyor"),
    Task("screen", "compliance", "CLEAR", "compliance"),
    Task("accept", "underwriter", "ACCEPTED", "underwriter"),
)
PROGRAMS: Final = ("open-account", "fund-account")
FAILS: Final = "tell-authority"
NEVER: Final = {"issue-card", "activate", "welcome"}
UNDONE: Final = (*reversed(PROGRAMS), *(task.binding for task in reversed(FORWARD)))


def play(stage: Stage) -> None:
    """Tell and check the whole story. Raises ScenarioFailed, Refused, Unreachable."""
    stage.tell.title(f"Customer due diligence at {stage.url}")
    accounts = casework.accounts_of_its_own(stage, funding=DEPOSIT, new=0)
    stage.tell.chapter("Six of ten steps are done")
    casework.deploy(stage, "kyc-onboarding")
    context = {
        "customer": "R. Vega", "deposit": DEPOSIT,
        "funding_account": accounts["funding"], "new_account": accounts["new"],
    }  # fmt: skip
    case_id = casework.open_case(stage, "operator", "kyc-onboarding", context, "R. Vega, 500.00")
    casework.do(stage, case_id, *FORWARD)
    casework.saw_program(stage, case_id, *PROGRAMS)
    stage.tell.chapter("The seventh fails, and the case undoes what was done")
    run = stage.until("a rollback begins by itself", lambda: _run_of(stage, case_id))
    stage.tell.say(f"Because of {run['trigger']}: {run['reason']}")
    for task in reversed(FORWARD):
        _undo(stage, run["id"], task)
    case = stage.until("all is undone", lambda: _compensated(stage, case_id))
    stage.tell.say(f"The case {case['number']} is {case['status']}.")
    stage.tell.chapter("Does it hold?")
    _check(stage, case_id, run["id"])
    casework.check_money(stage, accounts, funding=DEPOSIT, new=0)
    check_ledger(stage)


def _run_of(stage: Stage, case_id: str) -> dict[str, Any] | None:
    run_id = stage.client("operator").get(f"cases/{case_id}")["live_run"]
    if run_id is None:
        return None
    found: dict[str, Any] = stage.client("operator").get(f"compensation-runs/{run_id}")
    return found


def _compensated(stage: Stage, case_id: str) -> dict[str, Any] | None:
    return casework.case_at(stage, case_id, "COMPENSATED")


def _undo(stage: Stage, run_id: str, task: Task) -> None:
    """Let the person who is asked take back one step, once the turn has come to it."""
    undo = stage.until(
        f"somebody is asked to undo {task.binding}", lambda: _asked(stage, run_id, task)
    )
    done = stage.work(task.undone_by, undo, outcome="REVERSED")
    stage.tell.did(task.undone_by, f"{done['title']}: REVERSED")


def _asked(stage: Stage, run_id: str, task: Task) -> str | None:
    for step in stage.client("operator").get(f"compensation-runs/{run_id}")["steps"]:
        if step["original"]["name"] == task.binding and step["status"] == "RUNNING":
            return str(step["compensation"]["id"])
    return None


def _check(stage: Stage, case_id: str, run_id: str) -> None:
    operator = stage.client("operator")
    run = operator.get(f"compensation-runs/{run_id}")
    stage.tell.check(
        "nobody asked for it",
        expected=("fault", "COMPLETED"),
        found=(run["trigger"], run["status"]),
    )
    steps = sorted(run["steps"], key=lambda step: step["attempts"][0]["started_at"])
    stage.tell.check(
        "the six steps before it are undone, the last one first",
        expected=list(UNDONE),
        found=[step["original"]["name"] for step in steps],
    )
    stage.tell.check("each is done", expected={"DONE"}, found={step["status"] for step in steps})
    items = {item["binding"]: item for item in casework.plan_items(stage, case_id)}
    stage.tell.check(
        "what failed is not undone",
        expected=("FAULTED", "NONE"),
        found=(items[FAILS]["status"], items[FAILS]["compensation_state"]),
    )
    stage.tell.check("what comes after it never began", expected=set(), found=NEVER & items.keys())
