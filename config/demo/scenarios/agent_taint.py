"""What an agent found is taken back; what people have built on it is looked at again.

Nothing is undone because of that by itself: whoever did the work decides whether it stays, is
corrected, or is taken back as well, and what that was read by is looked at in turn. Everything is
done through the REST API; only the ledger's verdict is read from the database.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from config.demo.scenarios.casework import Task, completed, deploy, do, open_case, work_of
from config.demo.scenarios.stage import Stage, check_ledger

PEOPLE: Final = ("operator", "agent", "analyst", "surveyor", "underwriter", "compliance")
REASON: Final = "The agent had screened somebody else of the same name."
_STEPS: Final = (
    Task("screening", "agent", "CLEAR"),
    Task("file-note", "surveyor", "NOTED"),
    Task("decision", "underwriter", "GRANTED"),
    Task("letter", "analyst", "SENT"),
)


def play(stage: Stage) -> None:
    """Tell and check the whole story. Raises ScenarioFailed, Refused, Unreachable."""
    stage.tell.title(f"What an agent found is taken back, at {stage.url}")
    stage.tell.chapter("An agent screens, and people go on from there")
    deploy(stage, "agent-screening")
    case_id = open_case(stage, "operator", "agent-screening", {"applicant": "R. Vega"}, "R. Vega")
    do(stage, case_id, *_STEPS)
    completed(stage, case_id)
    _take_back(stage, case_id, "screening", "operator", "compliance")
    _look_again(stage, case_id)
    _follow(stage, case_id)
    check_ledger(stage)


def _take_back(stage: Stage, case_id: str, step: str, asks: str, undoes: str) -> None:
    stage.tell.chapter(f"The {step} is taken back")
    item = work_of(stage, case_id, step)
    stage.client(asks).post(f"work-items/{item['id']}/compensate", {"reason": REASON})
    stage.tell.did(asks, f"wants the {step} undone: {REASON}")
    _undo(stage, case_id, step, undoes)


def _undo(stage: Stage, case_id: str, step: str, who: str) -> None:
    task = stage.until("the undo task", partial(_undo_task, stage, case_id, step))
    stage.work(who, task, outcome="REVERSED")
    stage.tell.did(who, f"Undo of the {step}: REVERSED")


def _look_again(stage: Stage, case_id: str) -> None:
    stage.tell.chapter("The decision had read it")
    review = stage.until("its review", partial(_review_of, stage, case_id, "decision"))
    stage.tell.check(
        "the decision is marked, and nothing else",
        expected={"screening": False, "file-note": False, "decision": True, "letter": False},
        found=_tainted(stage, case_id),
    )
    stage.tell.check(
        "it stands until somebody decides", expected="COMPLETED",
        found=work_of(stage, case_id, "decision")["status"],
    )  # fmt: skip
    stage.tell.check(
        "whoever decided it is asked: keep, correct or compensate",
        expected=("REVIEW", ["underwriter"], ["keep", "correct", "compensate"]),
        found=(review["kind"], review["candidate_users"], review["permitted_outcomes"]),
    )
    _answer(stage, review["id"], "underwriter", "compensate", "Without it I would not have.")
    _undo(stage, case_id, "decision", "underwriter")
    stage.tell.check(
        "the decision is undone", expected="COMPENSATED",
        found=stage.until("the decision is undone", partial(_undone, stage, case_id, "decision")),
    )  # fmt: skip


def _follow(stage: Stage, case_id: str) -> None:
    stage.tell.chapter("And the letter had read the decision")
    review = stage.until("its review", partial(_review_of, stage, case_id, "letter"))
    stage.tell.check(
        "the letter is marked now, and the note on file is not",
        expected=(True, False),
        found=(_tainted(stage, case_id)["letter"], _tainted(stage, case_id)["file-note"]),
    )
    _answer(stage, review["id"], "analyst", "keep", "")
    stage.tell.check(
        "it stays, for somebody has looked", expected=("COMPLETED", []),
        found=(
            work_of(stage, case_id, "letter")["status"],
            work_of(stage, case_id, "letter")["compensations"],
        ),
    )  # fmt: skip
    reviews = [_reviews_of(stage, case_id, step) for step in ("decision", "letter", "file-note")]
    stage.tell.check(
        "each was looked at once", expected=[1, 1, 0], found=[len(each) for each in reviews]
    )


def _answer(stage: Stage, review_id: str, who: str, outcome: str, reason: str) -> None:
    client = stage.client(who)
    client.post(f"work-items/{review_id}/start")
    client.post(f"work-items/{review_id}/complete", {"outcome": outcome, "reason": reason})
    stage.tell.did(who, f"looks at it again: {outcome}")


def _tainted(stage: Stage, case_id: str) -> dict[str, bool]:
    return {task.binding: work_of(stage, case_id, task.binding)["tainted"] for task in _STEPS}


def _reviews_of(stage: Stage, case_id: str, step: str) -> list[dict[str, Any]]:
    about = work_of(stage, case_id, step)["id"]
    every = stage.client("operator").every("work-items?kind=REVIEW")
    return [dict(each) for each in every if each["payload"].get("work_item") == about]


def _review_of(stage: Stage, case_id: str, step: str) -> dict[str, Any] | None:
    return next(iter(_reviews_of(stage, case_id, step)), None)


def _undo_task(stage: Stage, case_id: str, step: str) -> str | None:
    tasks = work_of(stage, case_id, step)["compensated_by"]
    return str(tasks[-1]) if tasks else None


def _undone(stage: Stage, case_id: str, step: str) -> str | None:
    status = str(work_of(stage, case_id, step)["status"])
    return status if status == "COMPENSATED" else None
