"""An expense is approved and paid; then it turns out to have been claimed twice.

One task, no case: the approval itself is taken back, by the compliance group. Everything is done
through the REST API; only the ledger's verdict is read from the database, as
`manage.py verify_ledger` does.
"""

from __future__ import annotations

from typing import Any, Final

from config.demo.client import Refused
from config.demo.scenarios.stage import ScenarioFailed, Stage, check_ledger

PEOPLE: Final = ("operator", "analyst", "underwriter", "compliance", "bystander")
REASON: Final = "The same hotel bill was paid in March: the expense was claimed twice."
BASIS: Final = [{"code": "INTERNAL_POLICY", "note": "Travel policy 7.3: a bill is paid once"}]
TEMPLATE: Final[dict[str, Any]] = {
    "name": "Approve an expense",
    "title": "Approve the expense of {claimant}",
    "description": "{claimant} asks for {amount} {currency}.",
    "input_schema": {
        "type": "object",
        "properties": {
            "claimant": {"type": "string"},
            "amount": {"type": "string"},
            "currency": {"type": "string"},
        },
        "required": ["claimant", "amount", "currency"],
    },
    "candidate_groups": ["underwriters"],
    "permitted_outcomes": ["APPROVED", "DECLINED"],
    "reversibility": "compensable",
    "compensation": {
        "mode": "human",
        "performer": "groups",
        "candidate_groups": ["compliance"],
        "deadline": "PT48H",
    },
}
EXPENSE: Final = {"claimant": "Ines Vogel", "amount": "1840.00", "currency": "EUR"}
_KEPT: Final = ("outcome", "resolution", "completed_by", "completed_at", "payload")


def play(stage: Stage) -> None:
    """Tell and check the whole story. Raises ScenarioFailed, Refused, Unreachable."""
    stage.tell.title(f"Expense reversal at {stage.url}")
    approved = _approve(stage)
    task = _ask_back(stage, approved)
    _reverse(stage, task)
    _check(stage, approved, task)
    check_ledger(stage)


def _approve(stage: Stage) -> dict[str, Any]:
    stage.tell.chapter("An expense is claimed and approved")
    template = stage.client("operator").post("work-item-templates", TEMPLATE)
    item = stage.client("analyst").post(
        f"work-item-templates/{template['id']}/instantiate", {"payload": EXPENSE}
    )
    stage.tell.did("analyst", f"opens “{item['title']}” from version {template['version']}")
    stage.tell.say(f"{'':<12} {stage.url}/work-items/{item['id']}/")
    done = stage.work(
        "underwriter", item["id"], outcome="APPROVED", resolution={"paid": EXPENSE["amount"]}
    )
    stage.tell.did("underwriter", f"{done['title']}: APPROVED")
    return done


def _ask_back(stage: Stage, approved: dict[str, Any]) -> dict[str, Any]:
    stage.tell.chapter("It was claimed twice")
    undo = {"reason": REASON, "regulatory_basis": BASIS}
    path = f"work-items/{approved['id']}/compensate"
    stage.tell.check(
        "a bystander cannot take it back",
        expected=403,
        found=_refused(stage, "bystander", path, undo),
    )
    answer = stage.client("operator").post(path, undo)
    task: dict[str, Any] = answer["compensation"]
    stage.tell.did("operator", "takes the approval back")
    stage.tell.say(f"Reason  {REASON}")
    for basis in BASIS:
        stage.tell.say(f"Basis   {basis['code']}: {basis['note']}")
    stage.tell.check(
        "the approval is being undone", expected="COMPENSATING", found=answer["original"]["status"]
    )
    stage.tell.check(
        "by a task of the compliance group",
        expected=("COMPENSATION", ["compliance"], approved["id"]),
        found=(task["kind"], task["candidate_groups"], task["compensates"]),
    )
    stage.tell.check(
        "it cannot be taken back twice", expected=409, found=_refused(stage, "operator", path, undo)
    )
    return task


def _reverse(stage: Stage, task: dict[str, Any]) -> None:
    stage.tell.chapter("Compliance gets the money back")
    stage.tell.check(
        "whoever approved it does not undo it",
        expected=403,
        found=_refused(stage, "underwriter", f"work-items/{task['id']}/claim", {}),
    )
    done = stage.work("compliance", task["id"], outcome="REVERSED")
    stage.tell.did("compliance", f"{done['title']}: REVERSED")


def _check(stage: Stage, approved: dict[str, Any], task: dict[str, Any]) -> None:
    stage.tell.chapter("Does it hold?")
    operator = stage.client("operator")
    now = operator.get(f"work-items/{approved['id']}")
    stage.tell.check("the approval is undone", expected="COMPENSATED", found=now["status"])
    stage.tell.check(
        "it still says what was decided, by whom and when",
        expected={name: approved[name] for name in _KEPT},
        found={name: now[name] for name in _KEPT},
    )
    stage.tell.check("it names what undid it", expected=[task["id"]], found=now["compensated_by"])
    entries = list(reversed(list(operator.every(f"work-items/{approved['id']}/history"))))
    stage.tell.check(
        "the ledger has the work and its undo",
        expected=["created", "claimed", "started", "completed", "compensation_started",
                  "compensation_completed"],
        found=[each["action"] for each in entries],
    )  # fmt: skip
    completed = next((each for each in entries if each["action"] == "completed"), None)
    if completed is None:
        raise ScenarioFailed("the ledger does not have the approval")
    stage.tell.check(
        "the undo names the very entry that it undoes",
        expected={"id": completed["id"], "hash": completed["hash"]},
        found=entries[-1]["original"],
    )
    refusals = operator.every(f"work-items/{task['id']}/history")
    stage.tell.check(
        "and the refused claim is on record",
        expected=1,
        found=sum(each["action"] == "claim_refused" for each in refusals),
    )


def _refused(stage: Stage, who: str, path: str, body: dict[str, Any]) -> int | None:
    """Return the status with which somebody's call is refused; None when it is not."""
    try:
        stage.client(who).post(path, body)
    except Refused as refusal:
        return refusal.status
    return None
