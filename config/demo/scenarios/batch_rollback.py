"""Five corrections are booked together; the third cannot be, and the two before it are taken back.

The first batch only stops, and an operator rolls it back; the second is told to take back by itself
what was done. Everything is done through the REST API; only what is in the accounts, and the
ledger's verdict, are read from the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from config.demo.client import Refused
from config.demo.scenarios import casework
from config.demo.scenarios.stage import Stage, check_ledger
from ledger.ids import new_id

PEOPLE: Final = ("operator", "bystander")
REASON: Final = "The correction of Hamburg could not be booked."
_ENDED: Final = {"COMPLETED", "FAILED", "COMPENSATED", "COMPENSATION_FAULTED"}
_OPENING: Final = {"berlin": 1_000, "bremen": 2_000, "hamburg": 3_000}


def play(stage: Stage) -> None:
    """Tell and check the whole story. Raises ScenarioFailed, Refused, Unreachable."""
    stage.tell.title(f"Rollback of a batch at {stage.url}")
    accounts = casework.accounts_of_its_own(stage, **_OPENING)
    _refuse(stage, accounts)
    batch = _fail(stage, accounts, on_failure="stop", until=frozenset({"FAILED"}))
    casework.check_money(stage, accounts, berlin=1_100, bremen=2_200, hamburg=3_000)
    plan = _plan(stage, batch)
    _roll_back(stage, plan)
    casework.check_money(stage, accounts, **_OPENING)
    _check_links(stage, batch)
    _by_itself(stage, accounts)
    check_ledger(stage)


def _calls(accounts: Mapping[str, str]) -> list[dict[str, object]]:
    """Return five calls; the account that the third is about does not exist."""
    wanted = [("berlin", 1_100), ("bremen", 2_200), ("", 0), ("hamburg", 3_300), ("berlin", 1_200)]
    return [
        {
            "capability": "demo.adjust",
            "input": {"account": accounts.get(name, "Lübeck, closed in 2019"), "balance": held},
        }
        for name, held in wanted
    ]


def _refuse(stage: Stage, accounts: Mapping[str, str]) -> None:
    stage.tell.chapter("Who may, and what is accepted")
    calls = _calls(accounts)
    stage.tell.check(
        "a bystander cannot ask for a batch",
        expected=403,
        found=_refused(stage, "bystander", {"calls": calls}),
    )
    calls[3] = {"capability": "demo.adjust", "input": {"account": "Kiel", "balance": -1}}
    stage.tell.check(
        "one wrong input, and nothing of it is accepted",
        expected=422,
        found=_refused(stage, "operator", {"calls": calls}),
    )


def _refused(stage: Stage, who: str, body: Mapping[str, object]) -> int:
    try:
        stage.client(who).post("batches", dict(body))
    except Refused as refused:
        return refused.status
    return 0


def _fail(
    stage: Stage, accounts: Mapping[str, str], *, on_failure: str, until: frozenset[str]
) -> dict[str, Any]:
    """Ask for the five, and wait for how it ends."""
    stage.tell.chapter(f"Five corrections are booked together (on failure: {on_failure})")
    body = {"calls": _calls(accounts), "on_failure": on_failure, "reason": "Closing of the year"}
    made = stage.client("operator").post("batches", body)
    stage.tell.did("operator", "asks for a batch of five calls of demo.adjust")
    stage.tell.say(f"{'':<12} {stage.url}/batches/{made['id']}/")

    def ended() -> dict[str, Any] | None:
        now: dict[str, Any] = stage.client("operator").get(f"batches/{made['id']}")
        return now if now["status"] in until else None

    batch = stage.until(f"the batch is {' or '.join(sorted(until))}", ended)
    stage.tell.say(f"The batch is {batch['status']}; call {batch['failed_call'] + 1} failed.")
    return batch


def _statuses(stage: Stage, batch: Mapping[str, Any]) -> list[str]:
    client = stage.client("operator")
    return [client.get(f"executions/{id_}")["status"] for id_ in batch["executions"]]


def _plan(stage: Stage, batch: Mapping[str, Any]) -> dict[str, Any]:
    stage.tell.check(
        "it stopped at the third, and the rest was never begun",
        expected=["SUCCEEDED", "SUCCEEDED", "FAILED", "CANCELLED", "CANCELLED"],
        found=_statuses(stage, batch),
    )
    stage.tell.chapter("What was done is to be taken back")
    plan: dict[str, Any] = stage.client("operator").post(
        f"batches/{batch['id']}/compensation-plan", {"reason": REASON}
    )
    stage.tell.did("operator", f"plans to undo {len(plan['steps'])} calls")
    stage.tell.check(
        "the plan is the reverse of what was done",
        expected=list(reversed(batch["executions"][:2])),
        found=[each["original"]["id"] for each in plan["steps"]],
    )
    return plan


def _roll_back(stage: Stage, plan: Mapping[str, Any]) -> None:
    operator = stage.client("operator")
    run = operator.post(
        f"compensation-plans/{plan['id']}/execute",
        If_Match=f'"{plan["digest"]}"',
        Idempotency_Key=f"scenario-{new_id()}",
    )
    stage.tell.did("operator", "executes exactly this plan")

    def ended() -> dict[str, Any] | None:
        now: dict[str, Any] = operator.get(f"compensation-runs/{run['id']}")
        return now if now["status"] in {"COMPLETED", "PARTIAL", "FAULTED"} else None

    done = stage.until("the rollback ends", ended)
    stage.tell.check("the rollback is complete", expected="COMPLETED", found=done["status"])


def _check_links(stage: Stage, batch: Mapping[str, Any]) -> None:
    operator = stage.client("operator")
    now = operator.get(f"batches/{batch['id']}")
    stage.tell.check("the batch is undone", expected="COMPENSATED", found=now["status"])
    for id_ in batch["executions"][:2]:
        done = operator.get(f"executions/{id_}")
        undo = operator.get(f"executions/{done['compensations'][0]['id']}")
        stage.tell.check(
            "a call names what undid it, and that names the call",
            expected=("COMPENSATED", {"type": "execution", "id": id_}),
            found=(done["status"], undo["undoes"]),
        )


def _by_itself(stage: Stage, accounts: Mapping[str, str]) -> None:
    batch = _fail(stage, accounts, on_failure="compensate", until=frozenset(_ENDED - {"FAILED"}))
    stage.tell.check("it was undone by itself", expected="COMPENSATED", found=batch["status"])
    run = stage.client("operator").get(f"compensation-runs/{batch['compensation_run']}")
    stage.tell.check(
        "by a rollback that the batch started", expected=("batch", "COMPLETED"),
        found=(run["trigger"], run["status"]),
    )  # fmt: skip
    casework.check_money(stage, accounts, **_OPENING)
