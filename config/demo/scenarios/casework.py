"""What scenarios about cases share: an example is deployed and opened, its people do their steps,
and it is checked how the case ended.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from config.demo.client import Refused
from config.demo.scenarios.stage import ScenarioFailed, Stage
from config.demo.transfers import balances, open_accounts

NAMESPACE: Final = "examples"
_STOPPED: Final = {"FAULTED", "CANCELLED", "COMPENSATION_FAULTED", "PARTIALLY_COMPENSATED"}
_KINDS: Final = {"work_item": "work-items", "execution": "executions", "sub_case": "cases"}


@dataclasses.dataclass(frozen=True, slots=True)
class Task:
    """One human step: who does it, with which outcome and resolution, and who takes it back."""

    binding: str
    person: str
    outcome: str
    undone_by: str = ""
    resolution: dict[str, object] | None = None


def deploy(stage: Stage, *names: str) -> None:
    """Deploy these examples, as the operator, unless they are there. Raises Refused."""
    for name in names:
        source = Path(settings.BASE_DIR) / "examples" / f"{name}.yaml"
        try:
            stage.client("operator").post_yaml(
                "case-definitions", source.read_text(encoding="utf-8")
            )
        except Refused as refused:
            # An older content of this version is deployed: it stays, and will do.
            if refused.code != "definition_exists":
                raise


def open_case(stage: Stage, who: str, name: str, context: Mapping[str, object], what: str) -> str:
    """Let somebody open a case of an example, say so, and return its id. Raises Refused."""
    definition = f"{NAMESPACE}/{name}"
    case = stage.client(who).post("cases", {"definition": definition, "context": dict(context)})
    stage.tell.did(who, f"opens a case of {definition}: {what}")
    stage.tell.say(f"{'':<12} {stage.url}/cases/{case['id']}/")
    return str(case["id"])


def accounts_of_its_own(stage: Stage, **amounts: int) -> dict[str, str]:
    """Open accounts that no other telling of a story touches, and return their names by what each
    is called in the story: what is moved forward is not moved back, and would be used up."""
    told = uuid.uuid4().hex[:8]
    names = {called: f"{called} {told}" for called in amounts}
    open_accounts(stage.tenant_id, {names[called]: held for called, held in amounts.items()})
    return names


def check_money(stage: Stage, accounts: Mapping[str, str], **expected: int) -> None:
    """Check what is in a story's own accounts."""
    held = balances(stage.tenant_id)
    stage.tell.check(
        "the money is where it belongs",
        expected=expected,
        found={called: held[name] for called, name in accounts.items()},
    )


def plan_items(stage: Stage, case_id: str) -> list[dict[str, Any]]:
    """Return all plan items of a case."""
    return list(stage.client("operator").every(f"cases/{case_id}/plan-items"))


def target_of(stage: Stage, case_id: str, binding: str) -> str | None:
    """Return the id of the work of one step, once there is any."""
    for item in plan_items(stage, case_id):
        if item["binding"] == binding and item["target_id"]:
            return str(item["target_id"])
    return None


def waited_target(stage: Stage, case_id: str, binding: str) -> str:
    """Wait for the work of one step and return its id. Raises ScenarioFailed."""
    return stage.until(f"the work of {binding}", partial(target_of, stage, case_id, binding))


def work_of(stage: Stage, case_id: str, binding: str) -> dict[str, Any]:
    """Return a step's work item, execution or sub-case, once there is one."""
    target = waited_target(stage, case_id, binding)
    [kind] = {
        item["type"] for item in plan_items(stage, case_id) if item["target_id"] == target
    }  # fmt: skip
    found: dict[str, Any] = stage.client("operator").get(f"{_KINDS[kind]}/{target}")
    return found


def do(stage: Stage, case_id: str, *tasks: Task) -> None:
    """Let people do their steps, in this order. Raises ScenarioFailed and Refused."""
    for task in tasks:
        item_id = waited_target(stage, case_id, task.binding)
        done = stage.work(task.person, item_id, outcome=task.outcome, resolution=task.resolution)
        stage.tell.did(task.person, f"{done['title']}: {task.outcome}")


def saw_program(stage: Stage, case_id: str, *bindings: str) -> None:
    """Wait until programs have done these steps, and say so. Raises ScenarioFailed."""
    for binding in bindings:
        stage.until(f"{binding} is done", partial(_completed, stage, case_id, binding))
        execution = work_of(stage, case_id, binding)
        stage.tell.did("Amends", f"{binding} ({execution['capability']}): {execution['status']}")


def check_refused(
    stage: Stage, what: str, who: str, path: str, body: object = None, *, status: int = 403
) -> None:
    """Check that somebody's call is refused with this status."""
    found: int | None = None
    try:
        stage.client(who).post(path, body)
    except Refused as refusal:
        found = refusal.status
    stage.tell.check(what, expected=status, found=found)


def check_together(stage: Stage, case_id: str, *bindings: str) -> None:
    """Wait until each of these steps has work, and check that all are open at once."""
    for binding in bindings:
        waited_target(stage, case_id, binding)
    stage.tell.check(
        f"{' and '.join(bindings)} go on side by side",
        expected=dict.fromkeys(bindings, "ACTIVE"),
        found={
            item["binding"]: item["status"]
            for item in plan_items(stage, case_id)
            if item["binding"] in bindings
        },
    )


def completed(stage: Stage, case_id: str) -> dict[str, Any]:
    """Wait until a case is completed, and return it. Raises ScenarioFailed if it stops before."""
    return stage.until("the case is completed", lambda: case_at(stage, case_id, "COMPLETED"))


def case_at(stage: Stage, case_id: str, wanted: str) -> dict[str, Any] | None:
    """Return the case if it has this status. Raises ScenarioFailed if it stopped in another."""
    case: dict[str, Any] = stage.client("operator").get(f"cases/{case_id}")
    if case["status"] != wanted and case["status"] in _STOPPED:
        raise ScenarioFailed(f"the case is {case['status']}, and should become {wanted}")
    return case if case["status"] == wanted else None


def check_steps(stage: Stage, case_id: str, *groups: str | Sequence[str]) -> list[dict[str, Any]]:
    """Show which steps were done, by whom, and check that it was these, once each, in this order;
    those of one group in any order. Return them, first completed first."""
    done = sorted(
        (item for item in plan_items(stage, case_id) if item["completion_seq"] is not None),
        key=lambda item: int(item["completion_seq"]),
    )
    stage.tell.table(
        ("No.", "Step", "is", "done by"),
        [
            (item["completion_seq"], item["binding"], item["status"], _doer(stage, item))
            for item in done
        ],
    )
    wanted = [[group] if isinstance(group, str) else list(group) for group in groups]
    names = [item["binding"] for item in done]
    found, start = [], 0
    for group in wanted:
        found.append(_like(group, names[start : start + len(group)]))
        start += len(group)
    found += [[name] for name in names[start:]]
    stage.tell.check("these steps were done, once each, in order", expected=wanted, found=found)
    stage.tell.check(
        "and nothing is left open",
        expected={"COMPLETED"},
        found={item["status"] for item in plan_items(stage, case_id)},
    )
    return done


def check_milestones(stage: Stage, case: Mapping[str, Any], *names: str) -> None:
    """Check that a case has these milestones, and has reached all of them."""
    stage.tell.check(
        "its milestones are reached",
        expected=dict.fromkeys(names, "REACHED"),
        found={each["name"]: each["status"] for each in case["milestones"]},
    )


def check_context(stage: Stage, what: str, case: Mapping[str, Any], **expected: object) -> None:
    """Check some of what a case knows at its end."""
    stage.tell.check(
        what, expected=expected, found={key: case["context"].get(key) for key in expected}
    )


def check_for_good(stage: Stage, case_id: str, binding: str) -> None:
    """Check that what a program did in a step is known as something that cannot be undone."""
    execution = work_of(stage, case_id, binding)
    stage.tell.check(
        f"{binding} cannot be undone, and is known for it",
        expected=("SUCCEEDED", "irreversible"),
        found=(execution["status"], execution["reversibility"]),
    )


def _completed(stage: Stage, case_id: str, binding: str) -> dict[str, Any] | None:
    for item in plan_items(stage, case_id):
        if item["binding"] == binding and item["status"] == "FAULTED":
            raise ScenarioFailed(f"{binding} failed: {item['error']}")
        if item["binding"] == binding and item["status"] == "COMPLETED":
            return dict(item)
    return None


def _like(wanted: Collection[str], found: list[str]) -> list[str]:
    """Return the same names in the wanted order, where they are the same."""
    return list(wanted) if sorted(wanted) == sorted(found) else found


def _doer(stage: Stage, item: Mapping[str, Any]) -> str:
    work = stage.client("operator").get(f"{_KINDS[item['type']]}/{item['target_id']}")
    if item["type"] == "work_item":
        return str(work["completed_by"])
    if item["type"] == "execution":
        return str(work["capability"])
    return f"case {work['number']}"
