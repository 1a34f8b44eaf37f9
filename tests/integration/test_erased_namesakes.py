"""A person is erased after whose username steps, programs, groups and members of values are called:
these keep their names, and work goes on and is undone as before."""

from __future__ import annotations

import time
import types
import uuid
from typing import Any

import pytest

from accounts.acting import ActingUser
from cases import selectors
from compensation.actions.plan_execution import execute
from executions import capability_registry
from executions.capability_registry import Invocation, Result, capability
from governance.actions.policy_verbs import add_policy
from governance.policies import in_force
from ledger.erasure.personal_data import KEPT_SECONDS
from ledger.tenancy import tenant_scope
from tests import states
from tests.casework import (
    case_row,
    deploy,
    finish,
    open_item,
    open_undo,
    opened,
    plan_for,
    roll_back,
    run_row,
    steps,
    undo,
)
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.erasing import erase, one_more
from tests.world import World
from verbs.call import Call
from workitems.models import CandidateGroup, WorkItem


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Which programs were called, and with what; `register` adds to what is known."""
    known = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known)
    return []


def register(called: list[tuple[str, Any]], name: str, **how: Any) -> None:
    """Know a program that notes what it is given."""

    def run(call: Invocation) -> Result:
        called.append((name, call.input))
        return Result({"done": True})

    capability(name, **how)(run)


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let so much time go by that no process has a definition in memory as it was."""
    later = time.monotonic() + KEPT_SECONDS + 1
    monkeypatch.setattr(selectors, "time", types.SimpleNamespace(monotonic=lambda: later))


def desk_case(world: World, name: str, called: list[tuple[str, Any]]) -> tuple[uuid.UUID, Any]:
    """Open a case in which everything is called after `name`, and return it with a member of the
    group that does its tasks."""
    register(called, f"{name}.take-back")
    register(called, f"{name}.refund", undone_by=f"{name}.take-back")
    worker = one_more(world, groups=["analysts", f"eu-{name}"])
    task = {
        "title": f"Ask {name}", "candidateGroups": [f"eu-{name}"],
        "outcomes": [f"{name}-ok", "other"], "outputMapping": "{seen: .outcome}",
    }  # fmt: skip
    how = {"mode": "human", "performer": "groups", "candidate_groups": [f"eu-{name}"]}
    source = definition(
        "namesakes",
        human(f"{name}-check", ".seen == null", humanTask=task, compensation=how),
        automated(
            "pay", f"{name}.refund", f'.seen == "{name}-ok"', "{amount: .amount}"
        ),
        human("last", ".pay != null and .last == null"),
        success=".last != null",
    )  # fmt: skip
    deploy(world, source)
    return opened(world, "tests/namesakes", {"amount": 5}), worker


def test_a_case_goes_on_and_is_undone(
    world: World, called: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    person = one_more(world)
    name, token = person.username, str(person.actor_id)
    case_id, worker = desk_case(world, name, called)
    assert open_item(worker, case_id, f"{name}-check").title == f"Ask {name}"
    erase(world, person)
    forget(monkeypatch)
    assert open_item(worker, case_id, f"{name}-check").title == f"Ask {token}"
    finish(worker, case_id, f"{name}-check", f"{name}-ok")
    assert [each for each, _given in called] == [f"{name}.refund"]
    finish(worker, case_id, "last", None)
    assert case_row(world, case_id).status == "COMPLETED"
    plan = plan_for(world, case_id, scope={"kind": "from_step", "step": f"{name}-check"})
    assert [(each["original"]["name"], each["capability"]) for each in plan.content["steps"]] == [
        ("last", ""), ("pay", f"{name}.take-back"), (f"{name}-check", ""),
    ]  # fmt: skip
    run = roll_back(world, case_id)
    undo(worker, case_id)
    assert [each for each, _given in called] == [f"{name}.refund", f"{name}.take-back"]
    task = open_undo(worker, case_id)
    with tenant_scope(world.system.tenant_id):
        asked = CandidateGroup.objects.filter(work_item_id=task.id)
        assert [each.name for each in asked] == [f"eu-{name}"]
    undo(worker, case_id)
    assert run_row(world, run.id).status == "COMPLETED"
    assert case_row(world, case_id).status == "COMPENSATED"


@pytest.mark.parametrize("begun", [True, False])
def test_what_was_planned_before_is_undone_afterwards(
    world: World, called: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch, *, begun: bool
) -> None:
    """By the same programs and groups, whether the rollback has begun or is executed after it."""
    person = one_more(world)
    name = person.username
    case_id, worker = desk_case(world, name, called)
    finish(worker, case_id, f"{name}-check", f"{name}-ok")
    finish(worker, case_id, "last", None)
    scope = {"kind": "steps", "steps": [f"{name}-check", "pay", "last"]}
    plan = plan_for(world, case_id, scope=scope)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest)) if begun else None
    drain()
    erase(world, person)
    forget(monkeypatch)
    run = run or execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    undo(worker, case_id)
    assert [each for each, _given in called] == [f"{name}.refund", f"{name}.take-back"]
    undo(worker, case_id)
    assert run_row(world, run.id).status == "COMPLETED"
    assert [each.original_name for each in steps(world, run.id)] == [
        "last", "pay", f"{name}-check",
    ]  # fmt: skip


def policy_of(world: World, person: ActingUser) -> None:
    name = person.username
    add_policy(
        call=Call(world.admin), name="High scores", priority=10, effect="modify", reason="Too high",
        when=f'.input["{name}"].score > 5 and .capability != "{name}.refund"'
        f' and .input.to != "{name}"',
        change=f'{{input: {{"{name}": 1, to: "{name}", of: .input."{name}-x"}}}}',
    )  # fmt: skip


def test_a_policy_asks_for_the_same_members_and_for_nobody(world: World) -> None:
    person = one_more(world)
    name, token = person.username, str(person.actor_id)
    policy_of(world, person)
    drain()
    erase(world, person)
    with tenant_scope(world.system.tenant_id):
        row = in_force(world.system.tenant_id).get()
    assert (row.when, row.change) == (
        f'.input["{name}"].score > 5 and .capability != "{name}.refund" and .input.to != "{token}"',
        f'{{input: {{"{name}": 1, to: "{token}", of: .input."{name}-x"}}}}',
    )


def test_how_work_is_undone_stays_what_it_was(world: World, called: list[tuple[str, Any]]) -> None:
    """A program of exactly that name is no person; candidates are."""
    person = one_more(world)
    name, token = person.username, str(person.actor_id)
    register(called, name)
    heard = [{"type": f"com.{name}.lost", "filter": f'.data.by == "{name}"'}]
    by_program = {"mode": "automated", "capability": name}
    by_them = {"mode": "human", "candidate_users": [name], "performer": "groups"}
    states.new_item(world.operator, title="1", compensation=by_program, compensate_on=heard)
    states.new_item(world.operator, title="2", compensation=by_them)
    drain()
    erase(world, person)
    with tenant_scope(world.system.tenant_id):
        first, second = WorkItem.objects.filter(title__in=["1", "2"]).order_by("title")
    assert first.policy == by_program
    assert first.compensate_on == [
        {"type": f"com.{name}.lost", "filter": f'.data.by == "{token}"'}
    ]  # fmt: skip
    assert second.policy == {**by_them, "candidate_users": [token]}
