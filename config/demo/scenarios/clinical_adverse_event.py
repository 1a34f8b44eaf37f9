"""A patient of a trial has a severe reaction: doses are stopped, two people assess it at once, the
safety board decides, and the authority is told.

How a board's approval is taken back is told by `clinical-rescind`.
"""

from __future__ import annotations

from typing import Any, Final

from config.demo.scenarios import casework
from config.demo.scenarios.casework import Task
from config.demo.scenarios.stage import Stage, check_ledger

PEOPLE: Final = ("operator", "analyst", "surveyor", "underwriter", "compliance")
CONTEXT: Final = {"trial": "C-17", "patient": "P-0042", "event": "Severe allergic reaction"}
GRADE: Final = 4


def play(stage: Stage) -> None:
    """Tell and check the whole story. Raises ScenarioFailed, Refused, Unreachable."""
    stage.tell.title(f"Clinical adverse event at {stage.url}")
    case_id = _report(stage)
    _assess(stage, case_id)
    case = _tell_the_authority(stage, case_id)
    _check(stage, case)
    check_ledger(stage)


def _report(stage: Stage) -> str:
    stage.tell.chapter("A site reports a reaction, and the doses stop")
    casework.deploy(stage, "clinical-adverse-event")
    case_id = casework.open_case(
        stage, "analyst", "clinical-adverse-event", CONTEXT, str(CONTEXT["event"])
    )
    said: dict[str, object] = {"grade": GRADE}
    casework.do(stage, case_id, Task("report-event", "analyst", "REPORTED", resolution=said))
    casework.saw_program(stage, case_id, "stop-dosing")
    return case_id


def _assess(stage: Stage, case_id: str) -> None:
    stage.tell.chapter("It is assessed from two sides at once, and the board decides")
    casework.check_together(stage, case_id, "assess-causality", "assess-expectedness")
    casework.do(
        stage,
        case_id,
        Task("assess-expectedness", "compliance", "UNEXPECTED"),
        Task("assess-causality", "surveyor", "RELATED"),
        Task("board", "underwriter", "CONTINUE"),
    )


def _tell_the_authority(stage: Stage, case_id: str) -> dict[str, Any]:
    stage.tell.chapter("The authority is told, and the patient looked after")
    casework.do(stage, case_id, Task("write-report", "compliance", "WRITTEN"))
    task = casework.waited_target(stage, case_id, "sign-report")
    casework.check_refused(
        stage, "whoever wrote the report cannot sign it", "compliance", f"work-items/{task}/claim"
    )
    casework.do(stage, case_id, Task("sign-report", "surveyor", "SIGNED"))
    casework.saw_program(stage, case_id, "file-report")
    casework.do(stage, case_id, Task("follow-up", "analyst", "RECOVERED"))
    case = casework.completed(stage, case_id)
    stage.tell.say(f"The case {case['number']} is {case['status']}.")
    return case


def _check(stage: Stage, case: dict[str, Any]) -> None:
    stage.tell.chapter("Does it hold?")
    casework.check_steps(
        stage, case["id"], "report-event", "stop-dosing",
        ("assess-causality", "assess-expectedness"), "board", "write-report", "sign-report",
        "file-report", "follow-up",
    )  # fmt: skip
    casework.check_milestones(stage, case, "assessed", "told")
    casework.check_context(stage, "no more doses are given", case, dosing={"stopped": True})
    report = casework.work_of(stage, case["id"], "file-report")
    casework.check_context(
        stage, "the case knows under which reference the authority keeps it", case,
        filing=report["output"],
    )  # fmt: skip
