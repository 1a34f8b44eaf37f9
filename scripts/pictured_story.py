"""What happens before the pictures of the documentation: loans that are given and taken back, and
what stands around them, through the REST API as anybody could. Needs Django set up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from config.demo.scenarios.loan_rollback import BASIS, PEOPLE, REASON, open_loan, pay_out
from config.demo.scenarios.stage import Stage, Transcript, opened

#: Finished work whose undo somebody has to agree to, and why it shall be undone.
CLAIMS = (
    ("Pay the claim of T. Novak", "The garage has withdrawn its invoice."),
    ("Pay the claim of Nordlicht GmbH", "The damage was paid for by another insurer in October."),
)
EVENTS = (
    ("score.recalculated", "J. Brun"),
    ("payslip.withdrawn", "R. Vega"),
    ("account.closed", "T. Novak"),
)
TEMPLATES: tuple[dict[str, Any], ...] = (
    {
        "name": "Count the till",
        "title": "Count the till of the branch",
        "candidate_groups": ["analysts"],
    },
    {
        "name": "Report to the supervisor",
        "title": "Report of large loans",
        "candidate_groups": ["compliance"],
    },
)
FILTERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Late loans", {"q": "loan", "overdue": True}),
    ("Valuations that nobody has taken", {"group": "surveyors", "status": ["PENDING"]}),
    ("Mine for this week", {"assignee": "me", "due": "week"}),
)


def tell(url: str, say: Callable[[str], None]) -> dict[str, str]:
    """Let the demo's people work, and return the ids of what the pictures show, by name; `say` what
    they do."""
    quiet = Transcript(lambda _line: None)
    with opened(url, (*PEOPLE, "auditor"), quiet) as stage:
        story = Story(stage)
        say("a loan whose rollback somebody cannot carry on")
        stuck = story.paid()
        why = "The customer has a binding letter of 3 November and insists on it."
        no = {"outcome": "CANNOT_REVERSE", "reason": why}
        story.end(story.roll_back(stuck), 2, "underwriter", no)
        say("a loan that is being taken back")
        going = story.paid()
        run = story.roll_back(going)
        story.end(run, 2, "underwriter", {"outcome": "REVERSED"})
        task = story.undo_of(run, 3)
        stage.client("surveyor").post(f"work-items/{task}/start")
        say("a loan of which the rollback is looked at")
        looked_at = story.paid()
        plan = story.plan(looked_at)
        say("two loans that have just begun")
        for _ in range(2):
            story.work(open_loan(stage), "credit-check", "analyst", "PASSED")
        say("what must be agreed, what other programs say, and what comes again")
        approval = story.asked_for()
        story.around()
        return {
            "approval": approval,
            "stuck": stuck,
            "going": going,
            "plan": plan["id"],
            "task": task,
            "payment": story.item(looked_at, "disbursement"),
            "entry": story.entry(run, "compensation_step_completed"),
        }


class Story:
    """What the demo's people do, one thing a method."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._operator = stage.client("operator")

    def paid(self) -> str:
        """Open a loan, let it be paid out and return its case."""
        case = open_loan(self._stage)
        pay_out(self._stage, case)
        return case

    def plan(self, case: str) -> dict[str, Any]:
        """Ask what a rollback would undo."""
        wish = {"scope": {"kind": "whole"}, "reason": REASON, "regulatory_basis": BASIS}
        planned: dict[str, Any] = self._operator.post(f"cases/{case}/compensation-plan", wish)
        return planned

    def roll_back(self, case: str) -> str:
        """Execute a plan and return the run."""
        plan = self.plan(case)
        run = self._operator.post(
            f"compensation-plans/{plan['id']}/execute",
            If_Match=f'"{plan["digest"]}"', Idempotency_Key=f"picture-{case}",
        )  # fmt: skip
        return str(run["id"])

    def undo_of(self, run: str, n: int) -> str:
        """Wait for a step's undo task and return it."""

        def look() -> str | None:
            steps = self._operator.get(f"compensation-runs/{run}")["steps"]
            found = steps[n - 1]["compensation"]
            return str(found["id"]) if found else None

        return self._stage.until(f"step {n} begins", look)

    def end(self, run: str, n: int, who: str, answer: Mapping[str, str]) -> None:
        """Let somebody answer a step's undo task, and wait until its step has ended."""
        task, client = self.undo_of(run, n), self._stage.client(who)
        client.post(f"work-items/{task}/start")
        client.post(f"work-items/{task}/complete", answer)

        def look() -> bool | None:
            steps = self._operator.get(f"compensation-runs/{run}")["steps"]
            return True if steps[n - 1]["status"] in {"DONE", "FAILED"} else None

        self._stage.until(f"step {n} ends", look)

    def item(self, case: str, binding: str) -> str:
        """Wait for the work of a step and return its id."""

        def look() -> str | None:
            for row in self._operator.every(f"cases/{case}/plan-items"):
                if row["binding"] == binding and row["target_id"]:
                    return str(row["target_id"])
            return None

        return self._stage.until(f"{binding} begins", look)

    def work(self, case: str, binding: str, who: str, outcome: str) -> None:
        """Let somebody do a step's task."""
        self._stage.work(who, self.item(case, binding), outcome=outcome)
        self.item(case, "valuation")

    def asked_for(self) -> str:
        """Ask for undos that need agreement; return the newest of the approvals."""
        approval = ""
        for title, why in CLAIMS:
            agreed = {"mode": "human", "approval": "one", "window": "P30D"}
            item = {"title": title, "candidate_groups": ["analysts"], "compensation": agreed}
            made = self._operator.post("work-items", item)
            self._stage.work("analyst", made["id"], outcome=None)
            self._operator.post(f"work-items/{made['id']}/compensate", {"reason": why})
            [found] = self._operator.get(f"approvals?subject={made['id']}")["results"]
            approval = str(found["id"])
        return approval

    def around(self) -> None:
        """Let other programs say things, and people keep what comes again."""
        for number, (type_, subject) in enumerate(EVENTS, start=1):
            said = {"specversion": "1.0", "id": str(number), "source": "/credit-bureau"}
            self._operator.post("events", {**said, "type": type_, "subject": subject})
        for template in TEMPLATES:
            made = self._operator.post("work-item-templates", template)
            cron = {"cron": "0 8 * * MON-FRI", "zone": "Europe/Vienna"}
            self._operator.post(
                "schedules", {"name": template["name"], "template": made["id"], **cron}
            )
        for name, asked in FILTERS:
            saved = {"name": name, "filter": asked, "shared": "assignee" not in asked}
            self._operator.post("saved-filters", saved)
        until = (dt.datetime.now(dt.UTC) + dt.timedelta(days=9)).isoformat()
        away = {"substitute": "underwriter", "until": until}
        self._stage.client("surveyor").post("substitutions", away)

    def entry(self, run: str, action: str) -> str:
        """Return the last ledger entry of a run with this action."""
        auditor = self._stage.client("auditor")
        entries = auditor.every(f"ledger/entries?subject=compensation_run:{run}")
        found = [entry for entry in entries if entry["action"] == action]
        return str(max(found, key=lambda entry: int(entry["subject_seq"]))["id"])
