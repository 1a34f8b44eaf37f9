"""A batch is rolled back as a case is: planned, run and settled by the same machinery."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import IntegrityError
from django.urls import reverse

from compensation.actions.plan_execution import execute
from compensation.actions.waiting_runs import approve_run
from compensation.errors import AlreadyCompensated, RunLive
from compensation.models import CompensationPlan, CompensationRun
from config.demo.transfers import balances, open_accounts, transfers
from executions.actions import request_execution
from executions.capability_registry import Invocation, Permanent, Result, capability
from executions.models import Batch, Execution
from ledger import selectors as entries
from ledger.errors import Conflict, NotFound
from ledger.ids import new_id
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from tests.bank import open_bank
from tests.batching import (
    FAILS,
    adjust,
    asked,
    batch_now,
    calls_now,
    execution,
    history,
    statuses,
)
from tests.casework import preview, run_row
from tests.clients import api, browser
from tests.draining import drain
from tests.states import work
from tests.verifying import verify
from tests.world import World
from verbs import catalogue
from verbs.call import Call
from workitems.models import WorkItem


def _answer(_call: Invocation) -> Result:
    return Result({})


def _locked(_call: Invocation) -> Result:
    raise Permanent("the file is locked")


def _failed(world: World, *calls: dict[str, Any], **more: Any) -> Batch:
    """A batch of five whose third fails."""
    open_accounts(world.system.tenant_id, {"a": 10, "b": 20, "c": 30})
    made = asked(world, *(calls or (
        adjust("a", 11), adjust("b", 22), FAILS, adjust("c", 33), adjust("a", 12),
    )), **more)  # fmt: skip
    drain(fast_forward=True)
    return batch_now(world, made.id)


def _plan(world: World, batch: Batch, **more: Any) -> CompensationPlan:
    return preview(("batch", batch.id), call=Call(world.operator), reason="Half done", **more)


def _execute(world: World, plan: CompensationPlan) -> CompensationRun:
    started = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain(fast_forward=True)
    return run_row(world, started.id)


def _undo_of(world: World, id_: uuid.UUID) -> Execution:
    with tenant_scope(world.system.tenant_id):
        return Execution.objects.get(undoes_id=id_)


def _runs(world: World) -> list[CompensationRun]:
    with tenant_scope(world.system.tenant_id):
        return list(CompensationRun.objects.order_by("started_at"))


def test_the_plan_is_the_reverse_of_what_was_done_and_restores_it(world: World) -> None:
    batch = _failed(world)
    first, second, *_rest = rows = calls_now(world, batch.id)
    assert balances(world.system.tenant_id) == {"a": 11, "b": 22, "c": 30}

    plan = _plan(world, batch)

    steps = plan.content["steps"]
    assert [each["original"]["id"] for each in steps] == [str(second.id), str(first.id)]
    assert [each["completion_seq"] for each in steps] == [2, 1]
    assert [(each["mode"], each["strategy"]) for each in steps] == [("automated", "restore")] * 2
    assert {each["original"]["id"]: each["code"] for each in plan.content["excluded"]} == {
        str(row.id): "not_completed" for row in rows[2:]
    }
    assert balances(world.system.tenant_id) == {"a": 11, "b": 22, "c": 30}, "a preview did it"
    assert (plan.whole_type, plan.whole_id) == ("batch", batch.id)

    # What was done since is overwritten: the image says what was there.
    request_execution(call=Call(world.operator), **adjust("b", 99))
    drain()
    run = _execute(world, plan)

    assert (run.status, run.trigger) == ("COMPLETED", "operator")
    assert balances(world.system.tenant_id) == {"a": 10, "b": 20, "c": 30}
    assert batch_now(world, batch.id).status == "COMPENSATED"
    assert statuses(world, batch.id) == [
        "COMPENSATED", "COMPENSATED", "FAILED", "CANCELLED", "CANCELLED",
    ]  # fmt: skip
    assert history(world, "batch", batch.id) == [
        ("requested", "", "RUNNING"),
        ("failed", "RUNNING", "FAILED"),
        ("rollback_started", "FAILED", "COMPENSATING"),
        ("rollback_settled", "COMPENSATING", "COMPENSATED"),
    ]
    assert transfers(world.system.tenant_id)[-2:] == [("b", "b", -79), ("a", "a", -1)]


def test_both_links_are_in_the_ledger(world: World) -> None:
    batch = _failed(world)
    first = calls_now(world, batch.id)[0]
    run = _execute(world, _plan(world, batch))
    undo = _undo_of(world, first.id)
    tenant_id = world.system.tenant_id
    with tenant_scope(tenant_id):
        done = {each.action: each for each in entries.entries_of(tenant_id, "execution", first.id)}
        of_undo = entries.entries_of(tenant_id, "execution", undo.id)
        of_batch = entries.entries_of(tenant_id, "batch", batch.id)
    for entry in (*of_undo, done["compensation_started"], done["compensation_completed"]):
        assert entry.original is not None
        assert (entry.original.id, entry.original.hash) == (
            done["succeeded"].id, done["succeeded"].hash,
        )  # fmt: skip
    settled = done["compensation_completed"].caused_by
    assert settled is not None
    assert settled.id == of_undo[-1].id, "the undo's end is not what settled it"
    assert {each.case_id for each in (*of_undo, *done.values(), *of_batch)} == {batch.id}
    assert [
        (each.compensation or {}).get("run") for each in of_batch if each.kind == "COMPENSATION"
    ] == [str(run.id)] * 2
    assert verify().entries > 0


def test_correct_takes_back_the_difference_and_leaves_what_came_since(world: World) -> None:
    batch = _failed(world)
    plan = _plan(world, batch, strategy="correct")
    request_execution(call=Call(world.operator), **adjust("b", 99))
    drain()
    run = _execute(world, plan)
    assert run.status == "COMPLETED"
    assert balances(world.system.tenant_id) == {"a": 10, "b": 97, "c": 30}


def test_by_policy_it_is_undone_by_itself(world: World) -> None:
    batch = _failed(world, on_failure="compensate")
    [run] = _runs(world)
    assert (run.status, run.trigger, run.whole_id) == ("COMPLETED", "batch", batch.id)
    assert run.requested_by_id == world.operator.actor_id
    assert run.reason == "Call 3 failed: demo.fail never works (attempt 3)"
    assert batch.status == "COMPENSATED"
    assert balances(world.system.tenant_id) == {"a": 10, "b": 20, "c": 30}
    with tenant_scope(run.tenant_id):
        [started, *_rest] = entries.entries_of(run.tenant_id, "compensation_run", run.id)
        failed = next(
            each
            for each in entries.entries_of(run.tenant_id, "batch", batch.id)
            if each.action == "failed"
        )
    assert started.caused_by is not None
    assert started.caused_by.id == failed.id
    assert started.actor_type == "SYSTEM"


@pytest.mark.parametrize("on_failure", ["stop", "continue"])
def test_without_that_policy_nothing_is_undone_by_itself(world: World, on_failure: str) -> None:
    batch = _failed(world, on_failure=on_failure)
    assert batch.status == "FAILED"
    assert _runs(world) == []


def test_what_cannot_be_undone_is_left_to_a_person(world: World) -> None:
    filed = {"capability": "demo.file", "input": {"to": "The court", "subject": "A"}}
    batch = _failed(world, adjust("a", 11), filed, FAILS, on_failure="compensate")
    assert batch.status == "FAILED"
    assert _runs(world) == []
    assert balances(world.system.tenant_id)["a"] == 11
    with tenant_scope(batch.tenant_id):
        refused = entries.entries_of(batch.tenant_id, "batch", batch.id)[-1]
    assert (refused.action, refused.kind, refused.payloads["code"]) == (
        "compensation_refused", "REFUSAL", "irreversible",
    )  # fmt: skip
    # A person may, knowing what stays, if another one agrees.
    plan = _plan(world, batch)
    waits = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    assert (waits.status, balances(world.system.tenant_id)["a"]) == ("PENDING_APPROVAL", 11)
    approve_run(waits.id, call=Call(world.approver))
    drain(fast_forward=True)
    run = run_row(world, waits.id)
    assert run.status == "PARTIAL"
    assert batch_now(world, batch.id).status == "PARTIALLY_COMPENSATED"
    assert balances(world.system.tenant_id)["a"] == 10


def test_where_nothing_was_done_nothing_is_undone(world: World) -> None:
    batch = _failed(world, FAILS, adjust("a", 11), on_failure="compensate")
    assert (batch.status, batch.failed_call) == ("FAILED", 0)
    assert _runs(world) == []
    assert history(world, "batch", batch.id)[-1] == ("compensation_refused", "FAILED", "FAILED")


def test_a_batch_that_went_well_can_be_undone_too(world: World) -> None:
    batch = _failed(world, adjust("a", 11), adjust("a", 12), adjust("a", 13))
    assert batch.status == "COMPLETED"
    _execute(world, _plan(world, batch))
    assert balances(world.system.tenant_id)["a"] == 10
    assert transfers(world.system.tenant_id)[3:] == [("a", "a", -1)] * 3
    with pytest.raises(AlreadyCompensated):
        _plan(world, batch)


def test_a_part_of_it_goes_back_to_where_it_was(world: World) -> None:
    batch = _failed(world, adjust("a", 11), adjust("b", 22), adjust("c", 33))
    run = _execute(world, _plan(world, batch, scope={"kind": "from_step", "step": "2"}))
    assert run.status == "COMPLETED"
    assert balances(world.system.tenant_id) == {"a": 11, "b": 20, "c": 30}
    assert batch_now(world, batch.id).status == "COMPLETED"
    _execute(world, _plan(world, batch))
    assert balances(world.system.tenant_id)["a"] == 10
    assert batch_now(world, batch.id).status == "COMPENSATED"


def test_while_it_runs_it_is_not_rolled_back(world: World) -> None:
    open_accounts(world.system.tenant_id, {"a": 10})
    batch = asked(world, adjust("a", 11), adjust("a", 12))
    plan = _plan(world, batch)
    assert plan.content["steps"] == []
    with pytest.raises(Conflict) as refused:
        execute(plan.id, call=Call(world.operator, digest=plan.digest))
    assert refused.value.code == "illegal_state"
    assert _runs(world) == []


def test_one_rollback_at_a_time_and_one_effect_each(world: World) -> None:
    batch = _failed(world)
    one, other = _plan(world, batch), _plan(world, batch)
    execute(one.id, call=Call(world.operator, digest=one.digest))
    with pytest.raises(RunLive):
        execute(other.id, call=Call(world.operator, digest=other.digest))
    drain(fast_forward=True)
    assert [row.status for row in _runs(world)] == ["COMPLETED"]
    assert transfers(world.system.tenant_id)[2:] == [("b", "b", -2), ("a", "a", -1)]


def test_a_failed_undo_holds_the_batch_until_a_person_decides(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_bank(monkeypatch)
    capability("test.once", restore=_locked, reversibility="compensable")(_answer)
    batch = _failed(world, adjust("a", 11), {"capability": "test.once", "input": {}}, FAILS)
    run = _execute(world, _plan(world, batch))
    assert run.status == "FAULTED"
    assert batch_now(world, batch.id).status == "COMPENSATION_FAULTED"
    assert balances(world.system.tenant_id)["a"] == 11, "it went on past a failed step"
    step = catalogue.find("compensation_step", "attest")
    step(run.id, 1, call=Call(world.operator), evidence="Unlocked by hand")
    drain(fast_forward=True)
    assert run_row(world, run.id).status == "COMPLETED"
    assert batch_now(world, batch.id).status == "COMPENSATED"
    assert balances(world.system.tenant_id)["a"] == 10
    assert [action for action, *_ in history(world, "batch", batch.id)][-4:] == [
        "rollback_started", "compensation_faulted", "compensation_resumed", "rollback_settled",
    ]  # fmt: skip


def test_one_call_alone_leaves_the_status_of_its_batch(world: World) -> None:
    batch = _failed(world)
    second = calls_now(world, batch.id)[1]
    plan = preview(("execution", second.id), call=Call(world.operator), reason="Only that")
    run = _execute(world, plan)
    assert (run.status, run.whole_id, run.about_id) == ("COMPLETED", batch.id, second.id)
    assert balances(world.system.tenant_id) == {"a": 11, "b": 20, "c": 30}
    assert batch_now(world, batch.id).status == "FAILED"
    later = _plan(world, batch)
    codes = {each["original"]["id"]: each["code"] for each in later.content["excluded"]}
    assert codes[str(second.id)] == "already_compensated"
    assert execution(world, second.id).status == "COMPENSATED"


def test_of_something_that_is_not_there_nothing_is_planned(world: World) -> None:
    batch = _failed(world)
    with pytest.raises(NotFound):
        preview(("batch", new_id()), call=Call(world.operator), reason="?")
    with pytest.raises(NotFound):
        preview(("batch", batch.id), call=Call(world.outsider), reason="?")


def test_where_the_program_fails_a_person_takes_it_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_bank(monkeypatch)
    capability("test.once", restore=_locked, reversibility="compensable")(_answer)
    batch = _failed(world, adjust("a", 11), {"capability": "test.once", "input": {}}, FAILS)
    run = _execute(world, _plan(world, batch))
    hand = catalogue.find("compensation_step", "hand-to-human")
    hand(run.id, 1, call=Call(world.operator), assignee=world.analyst.username)
    drain()
    assert balances(world.system.tenant_id)["a"] == 11, "it went on before the person was done"
    with tenant_scope(world.system.tenant_id):
        task = WorkItem.objects.get(undoes_id=calls_now(world, batch.id)[1].id)
    work(world.analyst, task.id, "REVERSED")
    drain(fast_forward=True)
    assert run_row(world, run.id).status == "COMPLETED"
    assert batch_now(world, batch.id).status == "COMPENSATED"
    assert balances(world.system.tenant_id)["a"] == 10


def test_a_call_undone_in_doubt_counts_as_not_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = open_bank(monkeypatch)
    bank.answers = False
    batch = _failed(
        world, adjust("a", 11), {"capability": "test.pay-safe", "input": {"amount": 5}},
        adjust("a", 12),
    )  # fmt: skip
    unclear = calls_now(world, batch.id)[1]
    assert (batch.status, unclear.status) == ("RUNNING", "UNCERTAIN")
    bank.answers = True
    plan = preview(
        ("execution", unclear.id), call=Call(world.operator), reason="Enough",
        include=[unclear.capability],
    )  # fmt: skip
    _execute(world, plan)
    ended = batch_now(world, batch.id)
    assert (ended.status, ended.failed_call) == ("FAILED", 1)
    assert statuses(world, batch.id) == ["SUCCEEDED", "COMPENSATED", "CANCELLED"]
    assert (bank.out, balances(world.system.tenant_id)["a"]) == (0, 11)


def test_operators_are_told_once_of_a_failed_batch(world: World) -> None:
    batch = _failed(world)
    with tenant_scope(world.system.tenant_id):
        told = Delivery.objects.filter(topic="batch_failed", channel="in_app")
        assert {row.subject_id for row in told} == {batch.id}
        assert sorted(row.recipient_id for row in told) == sorted(
            [world.operator.actor_id, world.admin.actor_id]
        )


def test_the_pages_of_its_rollback_name_the_batch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_bank(monkeypatch)
    capability("test.once", restore=_locked, reversibility="compensable")(_answer)
    batch = _failed(world, adjust("a", 11), {"capability": "test.once", "input": {}}, FAILS)
    client, title = browser(world.operator), str(batch)
    asked_for = client.get(f"/batches/{batch.id}/rollback/").content.decode()
    assert title in asked_for
    plan = client.post(f"/batches/{batch.id}/rollback/", {"reason": "R", "scope": "whole"})
    assert plan.status_code == 303
    previewed = client.get(plan["Location"]).content.decode()
    assert title in previewed
    assert "2. " in previewed
    run = _execute(world, _plan(world, batch))
    for page in (
        f"/compensation-runs/{run.id}/",
        reverse("workitems:decisions"),
        f"/batches/{batch.id}/",
    ):
        assert title in client.get(page).content.decode(), page
    shown = api(world.operator).get(f"/api/v1/compensation-runs/{run.id}").json()
    assert (shown["subject"], shown["case"]) == ({"type": "batch", "id": str(batch.id)}, None)


def test_a_batch_does_not_move_without_an_entry(world: World) -> None:
    batch = _failed(world)
    changes: list[dict[str, Any]] = [
        {"status": "COMPLETED"}, {"status": "COMPLETED", "version": batch.version + 1},
    ]  # fmt: skip
    for change in changes:
        with pytest.raises(IntegrityError), tenant_scope(batch.tenant_id):
            Batch.objects.filter(id=batch.id).update(**change)
    assert (batch_now(world, batch.id).status, batch_now(world, batch.id).version) == ("FAILED", 2)
