"""Killed at every named point, started again, everything ends as if nothing had happened."""

from __future__ import annotations

import signal
import uuid
from typing import Any

import pytest

from compensation.selectors import run_of_plan, runs_in
from config.demo.transfers import open_accounts, transfers, version_of
from executions.actions import request_execution
from executions.models import Execution
from ledger import failpoints
from ledger.tenancy import tenant_scope
from people.actions import deactivate
from tests import states
from tests.approvals import ONE, ask, of_item
from tests.casework import (
    case_row,
    deploy,
    entries,
    finish,
    open_item,
    opened,
    plan_for,
    plan_items,
    undo,
)
from tests.definitions import definition, human
from tests.draining import drain
from tests.faults.kills import Runner
from tests.states import work
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.models import WorkItem

RECORD = ["record.before", "record.after"]
VERB = ["verb.locked", *RECORD, "verb.moved", "verb.done", "verb.committed"]
# The points on the way of each scenario. Only after the last of a verb has it been committed.
PATHS: dict[str, list[str]] = {
    "complete": VERB,
    "compensate": ["verb.locked", *RECORD, "compensation.begun", "verb.done", "verb.committed"],
    "settle": [*VERB, "compensation.settled"],
    "approve": [
        "verb.locked", "approval.granted", "compensation.begun", *RECORD, "verb.done",
        "verb.committed",
    ],
    "execute": ["verb.locked", *RECORD, "execute.started", "verb.done", "verb.committed"],
    "work": [
        "dispatch.leased", "dispatch.before_done", "dispatch.handled", "runs.handled",
        "row.leased", "row.settling", "row.done",
        "notification.told", "notification.leased", "notification.sent",
        "execution.dispatched", "execution.handled", "execution.before_settle",
        "execution.settled", *RECORD, "compensation.settled",
    ],
    "expect": [
        "execution.dispatched", "execution.state_compared", "execution.call_marked",
        "execution.handled", "execution.before_settle", "execution.settled",
    ],
    # Of each source of due rows, in `test_due_row_kills`.
    "due": ["row.leased", "row.settling", "row.done"],
    "trouble": ["row.troubled"],
    "out of trouble": ["row.untroubled"],
    "leave": ["work.left_behind"],
    "batch": ["dispatch.leased", *RECORD, "batch.advanced", "batch.handled", "execute.started",
              "dispatch.before_done", "dispatch.handled"],
    "seal": ["seal.leaves", "seal.checkpoint"],
    # In `test_erasure_kills`.
    "erase": ["erase.portion", "erase.identity", "erase.receipt"],
    # In `test_nested_run_kills`.
    "nest": ["dispatch.leased", *RECORD, "runs.handled", "runs.nested_handled"],
    # Each in `test_other_tenant_kills`.
    "ask": ["request.received", "elsewhere.asked", "elsewhere.noted"],
    "answer": ["request.answered", "elsewhere.answered"],
    "agree": ["request.approved"],
    "mark": ["used_result.marked"],
    # Both in `test_begun_by_kills`.
    "begin": ["dispatch.leased", *RECORD, "engine.handled", "execute.started",
              "dispatch.before_done", "dispatch.handled"],
    "grant": ["verb.locked", "approval.granted", *RECORD, "execute.started", "verb.done",
              "verb.committed"],
    "carry": [
        "dispatch.leased", *RECORD, "engine.handled", "dispatch.before_done", "dispatch.handled",
    ],
}  # fmt: skip
AFTER_COMMIT = {"verb.committed"}
TRANSFER = {"from": "bank", "to": "customer", "amount": 25_000}


def prepared(world: World, scenario: str) -> tuple[WorkItem, uuid.UUID]:
    """Return a fresh item and the subject that the scenario is about."""
    by = world.operator
    if scenario == "complete":
        item = states.in_progress(by)
        return item, item.id
    if scenario == "compensate":
        item = states.completed(by)
        return item, item.id
    if scenario == "approve":
        item = states.completed(by, compensation=ONE)
        return item, ask(item, by).id
    if scenario == "settle":
        begun = states.compensating(by)
        task = begun.attempt.compensation_id
        actions.start(task, call=Call(by))
        return begun.original, task
    item = states.completed(
        by, payload=TRANSFER, compensation={"capability": "demo.reverse-transfer"}
    )
    return item, states.compensate(item, by).attempt.compensation_id


def outcome(world: World, item: WorkItem) -> Any:
    """Return how everything about an item stands, without ids, times and counted tries."""
    row = states.stored(world, item.id)
    tries = states.attempts(world, item.id)
    with tenant_scope(world.system.tenant_id):
        tasks = [
            (str(t.status), t.version, t.outcome, t.compensation_state)
            for t in WorkItem.objects.filter(undoes_id=item.id)
        ]
        runs = [
            (str(e.status), e.compensation_state, e.output)
            for e in Execution.objects.filter(undoes_id=item.id)
        ]
    return (
        (str(row.status), row.version, row.compensation_state, row.outcome),
        states.actions_of(world, "work_item", item.id),
        [(a.round, a.number, a.outcome, a.error) for a in tries],
        [states.actions_of(world, "work_item", a.compensation_id) for a in tries],
        tasks,
        [run[:2] for run in runs],
        [(str(each.status), each.version) for each in of_item(item)],
    )


def test_every_declared_point_is_on_a_way() -> None:
    swept = {point for points in PATHS.values() for point in points}
    assert swept == failpoints.declared()


@pytest.mark.parametrize("scenario", ["complete", "compensate", "settle", "approve"])
def test_a_verb_killed_anywhere_happens_once_or_not_at_all(
    world: World, runner: Runner, scenario: str
) -> None:
    by = world.approver if scenario == "approve" else world.operator
    smooth, subject = prepared(world, scenario)
    untouched = outcome(world, smooth)
    assert runner.do(scenario, subject, by) == 0
    wanted = outcome(world, smooth)
    assert wanted != untouched
    for point in PATHS[scenario]:
        item, subject = prepared(world, scenario)
        assert runner.do(scenario, subject, by, point=point) == -signal.SIGKILL, point
        now = wanted if point in AFTER_COMMIT else untouched
        assert outcome(world, item) == now, point
        assert runner.do(scenario, subject, by) == 0, point
        assert outcome(world, item) == wanted, point
    verify()


def test_a_rollback_killed_while_it_is_executed_begins_once_or_not_at_all(
    world: World, runner: Runner
) -> None:
    by = world.operator
    deploy(world, definition("one", human("a"), human("b")))
    for point in (each for each in PATHS["execute"] if each not in AFTER_COMMIT):
        case_id = opened(world, "tests/one")
        finish(world.analyst, case_id, "a", None)
        task = open_item(world.analyst, case_id, "b").id
        plan = plan_for(world, case_id)
        assert runner.do("execute", plan.id, by, point=point) == -signal.SIGKILL, point
        assert case_row(world, case_id).status == "RUNNING", point
        assert states.stored(world, task).status == "PENDING", point
        with tenant_scope(by.tenant_id):
            assert run_of_plan(plan) is None, point
        for _ in range(2):
            assert runner.do("execute", plan.id, by) == 0, point
        assert case_row(world, case_id).status == "COMPENSATING", point
        assert states.stored(world, task).status == "CANCELLED", point
        with tenant_scope(by.tenant_id):
            assert [run.plan_id for run in runs_in(by.tenant_id, case_id)] == [plan.id], point
        drain()
        undo(world.analyst, case_id)
        assert case_row(world, case_id).status == "COMPENSATED", point
    verify()


def test_an_automated_step_killed_anywhere_has_its_effect_once(
    world: World, runner: Runner
) -> None:
    by = world.operator
    open_accounts(by.tenant_id, {"bank": 0, "customer": 1_000_000})
    drain(fast_forward=True)
    smooth, subject = prepared(world, "work")
    assert runner.do("work", subject, by) == 0
    wanted = outcome(world, smooth)
    assert wanted[0][0] == "COMPENSATED"
    moved = transfers(by.tenant_id)
    assert moved == [("customer", "bank", 25_000)]
    for point in PATHS["work"]:
        item, subject = prepared(world, "work")
        assert runner.do("work", subject, by, point=point) == -signal.SIGKILL, point
        assert runner.do("work", subject, by) == 0, point
        assert outcome(world, item) == wanted, point
        moved.append(("customer", "bank", 25_000))
        assert transfers(by.tenant_id) == moved, point
    verify()


def test_what_expects_a_state_killed_anywhere_has_its_effect_once(
    world: World, runner: Runner
) -> None:
    by = world.operator
    open_accounts(by.tenant_id)
    drain(fast_forward=True)
    for n, point in enumerate(PATHS["expect"], start=1):
        expected = version_of(by.tenant_id, ["bank", "customer"])
        row = request_execution(
            call=Call(by), capability="demo.transfer", input=TRANSFER,
            expected_state_version=expected,
        )  # fmt: skip
        assert runner.do("work", row.id, by, point=point) == -signal.SIGKILL, point
        assert runner.do("work", row.id, by) == 0, point
        with tenant_scope(by.tenant_id):
            assert Execution.objects.get(id=row.id).status == "SUCCEEDED", point
        assert transfers(by.tenant_id) == [("bank", "customer", 25_000)] * n, point
    verify()


def test_a_case_killed_anywhere_is_carried_on_once(world: World, runner: Runner) -> None:
    source = definition("two", human("a"), human("b", when=".a != null and .b == null"))
    deploy(world, source)

    def done_once() -> uuid.UUID:
        case_id = opened(world, "tests/two")
        work(world.analyst, open_item(world.analyst, case_id, "a").id, "DONE")
        return case_id

    def stands(case_id: uuid.UUID) -> Any:
        items = plan_items(world, case_id)
        task = open_item(world.analyst, case_id, "b")
        return (
            [(name, str(item.status), item.written) for name, item in items.items()],
            states.actions_of(world, "case", case_id),
            states.actions_of(world, "work_item", task.id),
            (case_row(world, case_id).version, len(entries(world, case_id))),
        )

    smooth = done_once()
    assert runner.do("work", smooth, world.operator) == 0
    wanted = stands(smooth)
    assert [name for name, _status, _written in wanted[0]] == ["a", "b"]
    for point in PATHS["carry"]:
        case_id = done_once()
        assert runner.do("work", case_id, world.operator, point=point) == -signal.SIGKILL, point
        assert runner.do("work", case_id, world.operator) == 0, point
        assert stands(case_id) == wanted, point
    verify()


def test_work_of_who_left_goes_back_once_however_often_it_is_heard_of(
    world: World, runner: Runner
) -> None:
    for who, point in zip((world.analyst, world.surveyor), [*PATHS["leave"], ""], strict=True):
        item = states.new_item(world.operator, assignee=who.username)
        assert who.membership_id is not None
        deactivate(who.membership_id, call=Call(world.admin))
        if point:
            assert runner.do("work", item.id, world.operator, point=point) == -signal.SIGKILL
            assert states.stored(world, item.id).assignee_id == who.actor_id
        assert runner.do("work", item.id, world.operator) == 0
        row = states.stored(world, item.id)
        assert (row.status, row.assignee_id, row.offered_to) == ("PENDING", None, "OPERATORS")
        assert states.actions_of(world, "work_item", item.id)[-1] == "released"
        assert states.actions_of(world, "work_item", item.id).count("released") == 1
    verify()


def test_an_unarmed_point_does_nothing_and_an_undeclared_one_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failpoints.reach("nobody declared this")
    monkeypatch.setattr(failpoints, "_armed", "record.before")
    failpoints.reach("record.after")
    with pytest.raises(LookupError, match="nobody declared this"):
        failpoints.reach("nobody declared this")
