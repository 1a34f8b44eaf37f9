"""Three systems make one change together. It goes well here; that undoing it may fail, and what is
done then, is in the definition.
"""

from __future__ import annotations

from typing import Any, Final

from config.demo.scenarios import casework
from config.demo.scenarios.casework import Task
from config.demo.scenarios.stage import Stage, check_ledger

PEOPLE: Final = ("operator", "analyst", "surveyor", "underwriter")
CONTEXT: Final = {"change": "Prices in euros", "undo_failures": 2}
#: Who undoes what, and in which order: the definition says so, whatever was finished last.
UNDONE: Final = {
    "publish-site": "take-down-site",
    "roll-out-service": "withdraw-service",
    "migrate-database": "restore-database",
}


def play(stage: Stage) -> None:
    """Tell and check the whole story. Raises ScenarioFailed, Refused, Unreachable."""
    stage.tell.title(f"Coordinated change at {stage.url}")
    case_id = agree(stage)
    case = change(stage, case_id)
    _check(stage, case)
    check_ledger(stage)


def agree(stage: Stage) -> str:
    """Open the case and let two people agree; return its id. Raises as `play` does."""
    stage.tell.chapter("A change is planned, and somebody else agrees")
    casework.deploy(stage, "coordinated-change")
    case_id = casework.open_case(
        stage, "operator", "coordinated-change", CONTEXT, str(CONTEXT["change"])
    )
    casework.do(stage, case_id, Task("plan", "analyst", "PLANNED"))
    task = casework.waited_target(stage, case_id, "agree")
    casework.check_refused(
        stage, "whoever planned it cannot agree to it", "analyst", f"work-items/{task}/claim"
    )
    casework.do(stage, case_id, Task("agree", "underwriter", "AGREED"))
    return case_id


def change(stage: Stage, case_id: str) -> dict[str, Any]:
    """Let the systems be changed; return the case. Raises as `play` does."""
    stage.tell.chapter("Database, service and site are changed")
    casework.saw_program(stage, case_id, *reversed(UNDONE))
    casework.do(stage, case_id, Task("verify", "surveyor", "HEALTHY"))
    casework.saw_program(stage, case_id, "announce")
    case = casework.completed(stage, case_id)
    stage.tell.say(f"The case {case['number']} is {case['status']}.")
    return case


def _check(stage: Stage, case: dict[str, Any]) -> None:
    stage.tell.chapter("Does it hold?")
    casework.check_steps(
        stage, case["id"], "plan", "agree", "migrate-database",
        ("roll-out-service", "publish-site"), "verify", "announce",
    )  # fmt: skip
    casework.check_milestones(stage, case, "agreed", "changed")
    casework.check_context(
        stage, "the service needed a second attempt, the others did not", case,
        database={"attempts": 1}, service={"attempts": 2}, site={"attempts": 1},
    )  # fmt: skip
    graph = stage.client("operator").get("case-definitions/examples/coordinated-change/1.0.0/graph")
    stage.tell.check(
        "what undoes each system is known before it is needed",
        expected=UNDONE,
        found={
            node["name"]: node["undone_by"] for node in graph["nodes"] if node["name"] in UNDONE
        },
    )
    stage.tell.check("and no step is without a way back", expected=[], found=graph["gaps"])
