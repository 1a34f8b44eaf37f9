"""What scenarios about rollbacks share: a plan is asked for, executed, and seen through, step by
step and case below by case below, until its run ends or needs a decision.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from config.demo.scenarios.casework import check_refused
from config.demo.scenarios.stage import Stage
from ledger.ids import new_id

_RESTS: Final = {"COMPLETED", "PARTIAL", "FAULTED"}


@dataclasses.dataclass(frozen=True, slots=True)
class Undoer:
    """Who undoes a step, how it ends, and what is said about that."""

    person: str
    outcome: str = "REVERSED"
    reason: str = ""


def plan(stage: Stage, case_id: str, reason: str, **wish: object) -> dict[str, Any]:
    """Ask, as the operator, what would be undone; show it, and return it. Raises Refused."""
    stage.tell.did("operator", "asks what would be undone, in which order and by whom")
    body = {"scope": {"kind": "whole"}, "reason": reason, **wish}
    found: dict[str, Any] = stage.client("operator").post(
        f"cases/{case_id}/compensation-plan", body
    )
    stage.tell.say()
    stage.tell.table(("No.", "Undo", "how"), list(_rows(found["steps"], "")))
    for out in found["excluded"]:
        why = f": {out['waived']}" if out.get("waived") else ""
        stage.tell.say(f"left out: {out['original']['name']} ({out['code']}){why}")
    stage.tell.say()
    stage.tell.say(f"Reason  {reason}")
    stage.tell.say(f"Digest  {found['digest']}")
    return found


def _rows(steps: list[dict[str, Any]], above: str) -> Iterator[tuple[str, str, str]]:
    for step in steps:
        number = f"{above}{step['n']}"
        how = "its own rollback" if step["nested"] else f"{step['mode']}, {step['strategy']}"
        yield number, step["original"]["name"], how
        if step["nested"]:
            yield from _rows(step["nested"]["steps"], f"{number}.")


def execute(stage: Stage, found: Mapping[str, Any]) -> str:
    """Execute exactly this plan, as the operator; return the run's id. Raises Refused."""
    run = stage.client("operator").post(
        f"compensation-plans/{found['id']}/execute",
        If_Match=f'"{found["digest"]}"',
        Idempotency_Key=f"scenario-{new_id()}",
    )
    stage.tell.did("operator", "executes exactly this plan")
    stage.tell.say(f"{'':<12} {stage.url}/compensation-runs/{run['id']}/")
    return str(run["id"])


def agree(stage: Stage, run_id: str, what: str) -> None:
    """Let somebody else agree to `what`, for which the rollback waits. Raises ScenarioFailed."""
    stage.tell.chapter(f"Four eyes: {what} only if another agrees")
    run = run_of(stage, run_id)
    stage.tell.check(
        "the rollback waits for that",
        expected=("PENDING_APPROVAL", ["PENDING"]),
        found=(run["status"], [each["status"] for each in run["approvals"]]),
    )
    path = f"compensation-runs/{run_id}/approve"
    check_refused(stage, "nobody agrees with oneself", "operator", path, {}, status=403)
    stage.client("approver").post(path)
    stage.tell.did("approver", "agrees to exactly this plan")


def run_of(stage: Stage, run_id: str) -> dict[str, Any]:
    """Return a run as it is now."""
    found: dict[str, Any] = stage.client("operator").get(f"compensation-runs/{run_id}")
    return found


def see_through(
    stage: Stage, run_id: str, undoers: Mapping[str, Undoer], told: list[str]
) -> dict[str, Any]:
    """Let everybody undo what they are asked to, until the run is over or needs a decision.

    `told` gets the names of the steps, in the order in which they were undone by people or seen to
    be undone by programs. Returns the run. Raises ScenarioFailed, Refused.
    """
    while True:
        move = stage.until("the rollback goes on", partial(_move, stage, run_id, set(told)))
        if move.step is None:
            return move.run
        _act(stage, move.step, undoers)
        told.append(_key(move.run["id"], move.step))


def _key(run_id: str, step: Mapping[str, Any]) -> str:
    return f"{run_id}/{step['n']}/{step['compensation']['id']}"


@dataclasses.dataclass(frozen=True, slots=True)
class _Move:
    """A run, and its step that somebody has to act on or that is news; without one it rests."""

    run: dict[str, Any]
    step: dict[str, Any] | None = None


def _move(stage: Stage, run_id: str, told: set[str]) -> _Move | None:
    """Return a step nobody has told of yet, that waits for a person or that a program has done, in
    this run or one below; else the run, once it rests; else nothing."""
    run = run_of(stage, run_id)
    for step in run["steps"]:
        undo = step["compensation"]
        if undo is None:
            continue
        if undo["type"] == "compensation_run":
            below = _move(stage, undo["id"], told)
            if below is not None and below.step is not None:
                return below
        elif _key(run_id, step) not in told and _is_ready(step):
            return _Move(run, step)
    return _Move(run) if run["status"] in _RESTS else None


def _is_ready(step: Mapping[str, Any]) -> bool:
    if step["compensation"]["type"] == "work_item":
        return bool(step["status"] == "RUNNING")
    return bool(step["status"] == "DONE")


def _act(stage: Stage, step: Mapping[str, Any], undoers: Mapping[str, Undoer]) -> None:
    undo, name = step["compensation"], step["original"]["name"]
    if undo["type"] == "work_item":
        who = undoers.get(name) or _whoever_is_asked(stage, undo["id"])
        done = stage.work(who.person, undo["id"], outcome=who.outcome, reason=who.reason)
        stage.tell.did(who.person, f"{done['title']}: {who.outcome}")
        return
    execution = stage.client("operator").get(f"executions/{undo['id']}")
    stage.tell.did("Amends", f"{name} ({execution['capability']}): {execution['status']}")


def _whoever_is_asked(stage: Stage, item_id: str) -> Undoer:
    return Undoer(stage.client("operator").get(f"work-items/{item_id}")["assignee"])


def order_of(stage: Stage, run_id: str) -> list[str]:
    """Return the names of what a run undid, with those of the runs below it in their places, in the
    order in which their undoing ended."""
    steps = [step for step in run_of(stage, run_id)["steps"] if step["ended_at"]]
    names: list[str] = []
    for step in sorted(steps, key=lambda step: str(step["ended_at"])):
        undo = step["compensation"]
        if undo and undo["type"] == "compensation_run":
            names += order_of(stage, undo["id"])
        names.append(step["original"]["name"])
    return names
