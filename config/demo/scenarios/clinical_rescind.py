"""An ethics board approves a trial; later a site reports that its protocol was broken.

No case and nobody who watches: the approval listens for such reports and is taken back by itself,
and what was built on it follows. Everything is done through the REST API; only the ledger's
verdict is read from the database, as `manage.py verify_ledger` does.
"""

from __future__ import annotations

import uuid
from typing import Any, Final

from config.demo.client import Refused
from config.demo.scenarios.stage import ScenarioFailed, Stage, check_ledger

PEOPLE: Final = ("operator", "analyst", "compliance", "surveyor", "bystander")
REPORT: Final = "example.trials.constraint-violated"
SOURCE: Final = "/trials/sites/7"
CANNOT: Final = (
    "Two patients were dosed before the report: the approval cannot be made not to have been."
)
EVIDENCE: Final = (
    "The board's letter of rescission went to all sites; the sponsor has confirmed it."
)
APPROVAL: Final[dict[str, Any]] = {
    "name": "Approve a trial protocol",
    "title": "Approve the protocol of trial {trial}",
    "input_schema": {
        "type": "object", "properties": {"trial": {"type": "string"}}, "required": ["trial"],
    },
    "candidate_groups": ["compliance"],
    "permitted_outcomes": ["APPROVED", "REFUSED"],
    "reversibility": "compensable",
    "compensation": {"mode": "human", "performer": "original_actor", "window": "P90D"},
    "compensate_on": [
        {
            "type": REPORT,
            "filter": '.subject == .work_item.payload.trial and .data.severity == "serious"',
        }
    ],
}  # fmt: skip
_UNDONE: Final = ("compensation_completed", "compensation_attested")
_KEPT: Final = ("outcome", "completed_by", "completed_at", "payload")


def play(stage: Stage) -> None:
    """Tell and check the whole story. Raises ScenarioFailed, Refused, Unreachable."""
    stage.tell.title(f"Clinical rescind at {stage.url}")
    # A trial of its own each time, so that the story can be told again.
    trial = f"C-{uuid.uuid4().hex[:8]}"
    approved, enrolled = _approve(stage, trial)
    event = _report(stage, trial, approved)
    task = _cannot_reverse(stage, approved)
    _attest(stage, approved)
    _follow(stage, enrolled)
    _check(stage, approved, task, event)
    check_ledger(stage)


def _approve(stage: Stage, trial: str) -> tuple[dict[str, Any], dict[str, Any]]:
    stage.tell.chapter("The ethics board approves a trial, and a site enrols patients")
    operator = stage.client("operator")
    template = operator.post("work-item-templates", APPROVAL)
    item = operator.post(
        f"work-item-templates/{template['id']}/instantiate", {"payload": {"trial": trial}}
    )
    stage.tell.say(f"{'':<12} {stage.url}/work-items/{item['id']}/")
    approved = stage.work("compliance", item["id"], outcome="APPROVED")
    stage.tell.did("compliance", f"{approved['title']}: APPROVED")
    on = [
        {"type": f"amends.work_item.{action}.v1",
         "filter": ".data.subject.id == .work_item.payload.approval"}
        for action in _UNDONE
    ]  # fmt: skip
    item = operator.post("work-items", {
        "title": f"Enrol patients in trial {trial} at site 7", "assignee": _name(stage, "analyst"),
        "payload": {"trial": trial, "approval": approved["id"]}, "compensate_on": on,
    })  # fmt: skip
    enrolled = stage.work("analyst", item["id"], outcome=None)
    stage.tell.did("analyst", f"{enrolled['title']}: done")
    return approved, enrolled


def _report(stage: Stage, trial: str, approved: dict[str, Any]) -> dict[str, Any]:
    stage.tell.chapter("A site reports that the protocol was broken")
    minor, serious = (_event(trial, severity) for severity in ("minor", "serious"))
    stage.tell.check(
        "a bystander cannot send it", expected=403, found=_refused(stage, "bystander", serious)
    )
    operator = stage.client("operator")
    operator.post("events", minor)
    event: dict[str, Any] = operator.post("events", serious)
    stage.tell.did("site 7", f"{REPORT}: {serious['data']['constraint']}, serious")
    stage.tell.check(
        "the same report again is the same",
        expected=event["id"], found=operator.post("events", serious)["id"],
    )  # fmt: skip
    found = stage.until(
        "the approval is being undone", lambda: _when(stage, approved["id"], "COMPENSATING")
    )
    stage.tell.did("the system", f"takes back {found['title']}")
    history = _history(stage, approved["id"])
    stage.tell.check(
        "because of that report, and of no other",
        expected=[event["entry"]],
        found=[
            each["caused_by"]["id"] for each in history if each["action"] == "compensation_started"
        ],
    )
    return event


def _cannot_reverse(stage: Stage, approved: dict[str, Any]) -> dict[str, Any]:
    stage.tell.chapter("The board's undo task is put on hold, handed on, and answered")
    [task_id] = stage.client("operator").get(f"work-items/{approved['id']}")["compensated_by"]
    board, other = stage.client("compliance"), stage.client("surveyor")
    task = board.get(f"work-items/{task_id}")
    stage.tell.check(
        "it is asked of whoever approved it",
        expected=(approved["completed_by"], "COMPENSATION"), found=(task["assignee"], task["kind"]),
    )  # fmt: skip
    path = f"work-items/{task_id}"
    held = board.post(f"{path}/suspend", {"reason": "The board meets on Thursday."})
    stage.tell.did("compliance", "puts it on hold until the board meets")
    stage.tell.check("it is on hold", expected="SUSPENDED", found=held["status"])
    stage.tell.check(
        "and nobody begins it meanwhile", expected=409,
        found=_refused(stage, "compliance", {}, f"{path}/start"),
    )  # fmt: skip
    board.post(f"{path}/resume", {"reason": "The board has met."})
    board.post(f"{path}/delegate", {"to": _name(stage, "surveyor"), "reason": "Knows the site."})
    other.post(f"{path}/accept-delegation")
    stage.tell.did("compliance", "hands it to surveyor, who takes it over")
    other.post(f"{path}/start")
    done: dict[str, Any] = other.post(
        f"{path}/complete", {"outcome": "CANNOT_REVERSE", "reason": CANNOT}
    )
    stage.tell.did("surveyor", f"{done['title']}: CANNOT_REVERSE")
    stage.tell.say(f"Reason  {CANNOT}")
    stage.tell.check(
        "nothing hangs: somebody has to decide",
        expected="COMPENSATION_FAULTED",
        found=board.get(f"work-items/{approved['id']}")["status"],
    )
    return done


def _attest(stage: Stage, approved: dict[str, Any]) -> None:
    stage.tell.chapter("The board rescinds its approval by letter, and an operator vouches for it")
    answer = stage.client("operator").post(
        f"work-items/{approved['id']}/compensation/attest", {"evidence": EVIDENCE}
    )
    stage.tell.did("operator", "attests that it is undone")
    stage.tell.say(f"Evidence  {EVIDENCE}")
    stage.tell.check(
        "the approval is undone", expected="COMPENSATED", found=answer["original"]["status"]
    )


def _follow(stage: Stage, enrolled: dict[str, Any]) -> None:
    stage.tell.chapter("What was built on it follows by itself")
    found = stage.until(
        "the enrolment is being undone", lambda: _when(stage, enrolled["id"], "COMPENSATING")
    )
    stage.tell.did("the system", f"takes back {found['title']}")
    [task] = found["compensated_by"]
    stage.work("analyst", task, outcome="REVERSED")
    now = stage.client("operator").get(f"work-items/{enrolled['id']}")
    stage.tell.check("the enrolment is undone too", expected="COMPENSATED", found=now["status"])


def _check(
    stage: Stage, approved: dict[str, Any], task: dict[str, Any], event: dict[str, Any]
) -> None:
    stage.tell.chapter("Does it hold?")
    now = stage.client("operator").get(f"work-items/{approved['id']}")
    stage.tell.check(
        "the approval still says what was decided, by whom and when",
        expected={name: approved[name] for name in _KEPT},
        found={name: now[name] for name in _KEPT},
    )
    stage.tell.check(
        "the ledger has the work, its undo, and how that ended",
        expected=["created", "claimed", "started", "completed", "compensation_started",
                  "compensation_faulted", "compensation_attested"],
        found=[each["action"] for each in _history(stage, approved["id"])],
    )  # fmt: skip
    stage.tell.check(
        "and who had the undo task",
        expected=["created", "suspended", "resumed", "delegated", "delegation_accepted", "started",
                  "completed"],
        found=[each["action"] for each in _history(stage, task["id"])],
    )  # fmt: skip
    entry = stage.client("operator").get(f"ledger/entries/{event['entry']}")
    stage.tell.check(
        "the report is an entry of the organisation",
        expected=("event_received", "MESSAGE"), found=(entry["action"], entry["kind"]),
    )  # fmt: skip


def _event(trial: str, severity: str) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": str(uuid.uuid4()), "source": SOURCE, "type": REPORT,
        "subject": trial, "data": {"constraint": "dose escalation", "severity": severity},
    }  # fmt: skip


def _name(stage: Stage, who: str) -> str:
    return stage.client(who).username


def _when(stage: Stage, item_id: str, status: str) -> dict[str, Any] | None:
    found: dict[str, Any] = stage.client("operator").get(f"work-items/{item_id}")
    if found["status"] not in ("COMPLETED", status):
        raise ScenarioFailed(f"{found['title']} is {found['status']}")
    return found if found["status"] == status else None


def _history(stage: Stage, item_id: str) -> list[dict[str, Any]]:
    return list(reversed(list(stage.client("operator").every(f"work-items/{item_id}/history"))))


def _refused(stage: Stage, who: str, body: dict[str, Any], path: str = "events") -> int | None:
    """Return the status with which somebody's call is refused; None when it is not."""
    try:
        stage.client(who).post(path, body)
    except Refused as refusal:
        return refusal.status
    return None
