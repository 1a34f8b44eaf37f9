"""A change of three systems is taken back in the order its definition asks for; one undo fails, as
a program and as a person's task, is handed to another, and in the end attested.
"""

from __future__ import annotations

from typing import Any, Final

from config.demo.scenarios import coordinated_change, rollback_steps
from config.demo.scenarios.rollback_steps import Undoer
from config.demo.scenarios.stage import Stage, check_ledger

PEOPLE: Final = coordinated_change.PEOPLE
REASON: Final = "Prices in euros were announced a month too early."
SITE: Final = "publish-site"
CACHED: Final = "The provider still serves a copy of the site."
EVIDENCE: Final = "Ticket 4711 of the provider: all copies are removed, checked from three places."
UNDOERS: Final = {
    SITE: Undoer("operator", "CANNOT_REVERSE", CACHED),
    "agree": Undoer("underwriter"),
    "plan": Undoer("analyst"),
}


def play(stage: Stage) -> None:
    """Tell and check the whole story. Raises ScenarioFailed, Refused, Unreachable."""
    stage.tell.title(f"Coordinated change rollback at {stage.url}")
    case_id = coordinated_change.agree(stage)
    coordinated_change.change(stage, case_id)
    stage.tell.chapter("The change came too early")
    found = rollback_steps.plan(stage, case_id, REASON)
    run_id = rollback_steps.execute(stage, found)
    told: list[str] = []
    step = _fail_twice(stage, run_id, told)
    _hand_over(stage, run_id, step, told)
    _attest(stage, run_id, step)
    run = rollback_steps.see_through(stage, run_id, UNDOERS, told)
    stage.tell.say(f"The rollback is {run['status']}.")
    _check(stage, case_id, run)
    check_ledger(stage)


def _site(stage: Stage, run_id: str) -> dict[str, Any]:
    steps = rollback_steps.run_of(stage, run_id)["steps"]
    return next(dict(step) for step in steps if step["original"]["name"] == SITE)


def _fail_twice(stage: Stage, run_id: str, told: list[str]) -> int:
    """Let the program fail, and then whoever is asked instead; return the number of the step."""
    stage.tell.chapter("The site does not come down: not by the program, and not by hand")
    run = rollback_steps.see_through(stage, run_id, UNDOERS, told)
    step = _site(stage, run_id)
    case = stage.client("operator").get(f"cases/{run['subject']['id']}")
    stage.tell.check(
        "it holds the rollback and the case, and nothing behind it has begun",
        expected=("FAULTED", "COMPENSATION_FAULTED", "FAILED", [None] * 4),
        found=(
            run["status"], case["status"], step["status"],
            [each["compensation"] for each in run["steps"] if each["n"] != step["n"]][:4],
        ),
    )  # fmt: skip
    stage.tell.check(
        "it was tried by a program, then by a person",
        expected=[("automated", "FAILED"), ("human", "FAILED")],
        found=[(each["mode"], each["outcome"]) for each in step["attempts"]],
    )
    return int(step["n"])


def _hand_over(stage: Stage, run_id: str, n: int, told: list[str]) -> None:
    stage.tell.chapter("It is handed to somebody else, who cannot do it either")
    operator = stage.client("operator")
    surveyor = stage.client("surveyor").username
    operator.post(
        f"compensation-runs/{run_id}/steps/{n}/hand-to-human",
        {"assignee": surveyor, "reason": "The site is hosted at the surveyors'."},
    )
    stage.tell.did("operator", "hands it to the surveyor")
    undoers = {**UNDOERS, SITE: Undoer("surveyor", "CANNOT_REVERSE", CACHED)}
    run = rollback_steps.see_through(stage, run_id, undoers, told)
    stage.tell.check("the rollback still waits", expected="FAULTED", found=run["status"])


def _attest(stage: Stage, run_id: str, n: int) -> None:
    stage.tell.chapter("The provider confirms, and the operator vouches for it")
    operator = stage.client("operator")
    operator.post(f"compensation-runs/{run_id}/steps/{n}/attest", {"evidence": EVIDENCE})
    stage.tell.did("operator", f"attests that it is undone: {EVIDENCE}")


def _check(stage: Stage, case_id: str, run: dict[str, Any]) -> None:
    stage.tell.chapter("Does it hold?")
    order = rollback_steps.order_of(stage, run["id"])
    stage.tell.check(
        "the systems came first, in the order their author wrote, then the rest as it was done",
        expected=[*coordinated_change.UNDONE, "announce", "agree", "plan"],
        found=order,
    )
    step = _site(stage, run["id"])
    stage.tell.check(
        "one step was settled by hand, after three attempts",
        expected=("RESOLVED", 3),
        found=(step["status"], len(step["attempts"])),
    )
    case = stage.client("operator").get(f"cases/{case_id}")
    stage.tell.check(
        "the case is rolled back",
        expected=("COMPENSATED", "COMPLETED"),
        found=(case["status"], run["status"]),
    )
