"""An order rests on the delivery of another organisation; the rollback has to ask that one.

It refuses at first, and the rollback waits for a decision; asked again, it agrees and undoes its
own. Everything is done through the REST API, as the people of both; only the ledger's verdict is
read from the database.
"""

from __future__ import annotations

from typing import Any, Final

from config.demo.scenarios.casework import (
    Task,
    case_at,
    check_refused,
    completed,
    deploy,
    do,
    open_case,
)
from config.demo.scenarios.stage import Stage, check_ledger
from ledger.ids import new_id

PEOPLE: Final = ("operator", "analyst", "underwriter", "compliance", "outsider")
REASON: Final = "The order was placed on a forged signature."
_GOODS: Final = "Forty chairs"


def play(stage: Stage) -> None:
    """Tell and check the whole story. Raises ScenarioFailed, Refused, Unreachable."""
    stage.tell.title(f"Rollback across organisations at {stage.url}")
    delivery = _deliver(stage)
    case_id = _order(stage, delivery)
    run_id = _roll_back(stage, case_id)
    refused = _refuse(stage, case_id, run_id, delivery)
    _agree(stage, run_id, refused, delivery)
    _check(stage, case_id, run_id, delivery)
    check_ledger(stage)


def _deliver(stage: Stage) -> str:
    stage.tell.chapter("The other organisation delivers")
    item = stage.client("outsider").post(
        "work-items", {"title": f"Deliver {_GOODS.lower()}", "permitted_outcomes": ["DELIVERED"]}
    )
    done = stage.work("outsider", item["id"], outcome="DELIVERED")
    stage.tell.did("outsider", f"{done['title']}: DELIVERED")
    return str(done["id"])


def _order(stage: Stage, delivery: str) -> str:
    stage.tell.chapter("We order, and release the invoice")
    deploy(stage, "supplier-order")
    context = {"goods": _GOODS, "delivery": delivery}
    case_id = open_case(stage, "operator", "supplier-order", context, _GOODS)
    do(
        stage, case_id, Task("order", "analyst", "ORDERED"),
        Task("release-invoice", "underwriter", "RELEASED"),
    )  # fmt: skip
    completed(stage, case_id)
    check_refused(
        stage, "what is delivered there cannot be read here", "operator",
        f"work-items/{delivery}/compensate", {"reason": REASON}, status=404,
    )  # fmt: skip
    return case_id


def _roll_back(stage: Stage, case_id: str) -> str:
    stage.tell.chapter("The order is to be taken back")
    operator = stage.client("operator")
    plan = operator.post(f"cases/{case_id}/compensation-plan", {"reason": REASON})
    run = operator.post(
        f"compensation-plans/{plan['id']}/execute",
        If_Match=f'"{plan["digest"]}"',
        Idempotency_Key=f"scenario-{new_id()}",
    )
    stage.tell.did("operator", f"rolls back {len(plan['steps'])} steps")
    undo = stage.until("the release is to be withdrawn", lambda: _undo_task(stage, run["id"], 1))
    stage.work("compliance", undo, outcome="REVERSED")
    stage.tell.did("compliance", "withdraws the release")
    return str(run["id"])


def _refuse(stage: Stage, case_id: str, run_id: str, delivery: str) -> dict[str, Any]:
    stage.tell.chapter("The supplier is asked, and refuses")
    request = stage.until("the supplier is asked", lambda: _pending(stage, delivery))
    step = stage.until("the step knows that it is asked", lambda: _asked(stage, run_id))
    stage.tell.check(
        "our step waits for the other organisation", expected="other",
        found=step["waits_for"]["tenant"],
    )  # fmt: skip
    stage.tell.check(
        "the supplier reads who asks and why",
        expected=("Demo Bank", REASON),
        found=(request["asked_by"]["name"], request["reason"]),
    )
    check_refused(
        stage, "its request cannot be read here", "operator",
        f"compensation-requests/{request['id']}/approve", {}, status=404,
    )  # fmt: skip
    stage.client("outsider").post(
        f"compensation-requests/{request['id']}/reject", {"reason": "They are sat on already."}
    )
    stage.tell.did("outsider", "refuses")
    failed = stage.until("the refusal has come back", lambda: _step(stage, run_id, 2, "FAILED"))
    stage.tell.check(
        "our step has failed, with a code and not with their words",
        expected="remote_refused", found=failed["error"],
    )  # fmt: skip
    case = stage.client("operator").get(f"cases/{case_id}")
    stage.tell.check(
        "the rollback waits for a decision", expected="COMPENSATION_FAULTED", found=case["status"]
    )
    return request


def _agree(stage: Stage, run_id: str, refused: dict[str, Any], delivery: str) -> None:
    stage.tell.chapter("Asked again, the supplier agrees")
    stage.client("operator").post(f"compensation-runs/{run_id}/steps/2/retry")
    stage.tell.did("operator", "asks again")
    request = stage.until("the supplier is asked again", lambda: _pending(stage, delivery))
    stage.tell.check("by another request", expected=False, found=request["id"] == refused["id"])
    outsider = stage.client("outsider")
    agreed = outsider.post(f"compensation-requests/{request['id']}/approve")
    stage.tell.did("outsider", "agrees")
    run = outsider.get(f"compensation-runs/{agreed['run']}")
    stage.tell.check(
        "their own rollback does it", expected=("other_tenant", "outsider"),
        found=(run["trigger"], run["requested_by"]),
    )  # fmt: skip
    undo = stage.until("their undo task", lambda: _undo_of(stage, delivery))
    stage.work("outsider", undo, outcome="REVERSED")
    stage.tell.did("outsider", "takes the delivery back")


def _check(stage: Stage, case_id: str, run_id: str, delivery: str) -> None:
    stage.tell.chapter("Does it hold?")
    case = stage.until("the case is settled", lambda: case_at(stage, case_id, "COMPENSATED"))
    stage.tell.check("our case is rolled back", expected="COMPENSATED", found=case["status"])
    theirs = stage.client("outsider").get(f"work-items/{delivery}")
    stage.tell.check("their delivery is undone", expected="COMPENSATED", found=theirs["status"])
    step = stage.until("the step is done", lambda: _step(stage, run_id, 2, "DONE"))
    asked = stage.client("operator").get(f"executions/{step['compensation']['id']}")
    [request, *_] = _requests(stage, delivery)
    ours = stage.client("operator").get(f"ledger/entries?subject=execution:{asked['id']}")[
        "results"
    ]
    chain = stage.client("outsider").get(
        f"ledger/entries?subject=compensation_request:{request['id']}"
    )["results"]
    stage.tell.check(
        "their request names our entry by its hash", expected=True,
        found=request["asked_by"]["entry_hash"] in {each["hash"] for each in ours},
    )  # fmt: skip
    hashes = {each["hash"] for each in chain}
    stage.tell.check(
        "and ours names theirs: how it was asked, and how it was answered",
        expected=("DONE", True, True),
        found=(
            asked["remote"]["outcome"], asked["remote"]["request"] in hashes,
            asked["remote"]["answer"] in hashes,
        ),
    )  # fmt: skip


def _requests(stage: Stage, delivery: str) -> list[dict[str, Any]]:
    every = stage.client("outsider").every("compensation-requests")
    return [dict(each) for each in every if each["subject"]["id"] == delivery]


def _pending(stage: Stage, delivery: str) -> dict[str, Any] | None:
    found = _requests(stage, delivery)
    return next((each for each in found if each["status"] == "PENDING"), None)


def _step(stage: Stage, run_id: str, n: int, status: str) -> dict[str, Any] | None:
    run = stage.client("operator").get(f"compensation-runs/{run_id}")
    found = (dict(each) for each in run["steps"] if each["n"] == n and each["status"] == status)
    return next(found, None)


def _asked(stage: Stage, run_id: str) -> dict[str, Any] | None:
    step = _step(stage, run_id, 2, "RUNNING")
    return step if step and step["waits_for"] and step["waits_for"]["request"] else None


def _undo_task(stage: Stage, run_id: str, n: int) -> str | None:
    step = _step(stage, run_id, n, "RUNNING")
    return str(step["compensation"]["id"]) if step and step["compensation"] else None


def _undo_of(stage: Stage, delivery: str) -> str | None:
    tasks = stage.client("outsider").get(f"work-items/{delivery}")["compensated_by"]
    return str(tasks[-1]) if tasks else None
