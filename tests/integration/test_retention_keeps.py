"""What a policy of retention never prunes, and what it keeps for as long as something goes on."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from compensation.actions.foreign_request_verbs import reject
from compensation.actions.plan_execution import execute
from compensation.actions.waiting_runs import cancel_run
from ledger.clock import now
from ledger.erasure import retention
from ledger.erasure.erasure_tables import Retention
from ledger.ids import new_id
from ledger.models import LedgerEntry, Payload
from ledger.selectors import Entry
from ledger.tenancy import system_scope, tenant_scope
from people.key_verbs import report_compromise, retire_key
from tests import states
from tests.casework import case_row, deploy, finish, opened, plan_for, preview, run_row
from tests.definitions import definition, human
from tests.draining import drain
from tests.erasing import placed_hold
from tests.integration.test_governed_executions import policy as governed
from tests.integration.test_nested_rollback import three_levels
from tests.integration.test_notifications_email import (
    SMTP_DOWN,
    Refusing,
    email_to,
    make_due,
    sent_to,
)
from tests.integration.test_retention import chain, policy, pruned
from tests.outside import asked_from_outside
from tests.signing import registered
from tests.subcases import below, child
from tests.world import World
from verbs.call import Call


@pytest.fixture(autouse=True)
def _two_days_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test has made is two days old where policies look at it."""
    monkeypatch.setattr(retention, "now", lambda: now() + dt.timedelta(days=2))


def named(entries: list[Entry], *actions: str) -> list[Entry]:
    return [each for each in entries if each.action in actions]


def test_what_says_whose_a_signature_was_and_what_is_held_is_never_pruned(world: World) -> None:
    tenant_id, analyst = world.system.tenant_id, world.analyst
    retired, lost = registered(analyst), registered(analyst, "Lost")
    retire_key(retired.id, call=Call(analyst))
    report_compromise(lost.id, call=Call(analyst), reason="It was in a log")
    placed_hold(world)
    id_ = policy(world, "ADMIN")
    keys = ("key_registered", "key_retired", "key_compromised")
    about = named(chain(world, analyst.actor_id, "actor"), *keys)
    said = named(chain(world, tenant_id, "tenant"), "hold_placed", "retention_set")
    assert [each.action for each in about] == [
        "key_registered", "key_registered", "key_retired", "key_compromised",
    ]  # fmt: skip
    assert [each.action for each in said] == ["hold_placed", "retention_set"]
    assert all(each.payloads for each in (*about, *said))
    assert pruned(world, id_) > 0
    [added] = named(chain(world, analyst.actor_id, "actor"), "member_added")
    assert (added.payloads, bool(added.erased)) == ({}, True)
    assert named(chain(world, analyst.actor_id, "actor"), *keys) == about
    assert named(chain(world, tenant_id, "tenant"), "hold_placed", "retention_set") == said
    # Nor is it what the next day begins with again: it never goes.
    with tenant_scope(tenant_id):
        row = Retention.objects.get(id=id_)
        assert row.place["kept"] is None
        # Nor does it go where it is named.
        ids = [each.id for each in about]
        with system_scope("erase"):
            assert retention._removed(row, ids, new_id()) == []  # noqa: SLF001  -- its last guard
    assert named(chain(world, analyst.actor_id, "actor"), *keys) == about


def kept(world: World, entry_id: uuid.UUID) -> bool:
    """Whether what an entry has is still there."""
    with tenant_scope(world.system.tenant_id):
        return Payload.objects.filter(entry_id=entry_id).exists()


def result_of(world: World, item_id: uuid.UUID) -> uuid.UUID:
    """Return the entry that says how a task ended."""
    [entry] = named(chain(world, item_id), "completed")
    assert entry.payloads["outcome"]
    return entry.id


def test_what_has_ended_below_a_case_that_runs_stays_until_all_of_its_tree_has_ended(
    world: World,
) -> None:
    deploy(world, definition("low", human("task"), success=".task != null"))
    both = [below("low", "low"), human("last")]
    deploy(world, definition("top", *both, success=".low != null and .last != null"))
    top = opened(world, "tests/top")
    low = child(world, top).id
    task = result_of(world, finish(world.analyst, low, "task", "OK"))
    [ended] = named(chain(world, low, "case"), "completed")
    assert [case_row(world, each).status for each in (top, low)] == ["RUNNING", "COMPLETED"]
    with tenant_scope(world.system.tenant_id):
        assert LedgerEntry.objects.get(id=task).case_id == low
    id_ = policy(world)
    pruned(world, id_)
    assert kept(world, task)
    assert named(chain(world, low, "case"), "completed") == [ended]
    finish(world.analyst, top, "last", "OK")
    assert case_row(world, top).status == "COMPLETED"
    pruned(world, id_)
    assert not kept(world, task)


def agreement_needed(world: World) -> None:
    """Let others have to agree to every rollback."""
    governed(
        world, "require_approval", '.operation == "roll_back"', approvers=[{"roles": ["approver"]}]
    )


def test_a_task_whose_rollback_waits_for_approval_keeps_all_it_would_be_decided_by(
    world: World,
) -> None:
    item, other = (states.completed(world.operator) for _n in range(2))
    agreement_needed(world)
    plan = preview(("work_item", item.id), call=Call(world.operator), reason="Wrong")
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    assert run.status == "PENDING_APPROVAL"
    task, without = result_of(world, item.id), result_of(world, other.id)
    id_ = policy(world)
    pruned(world, id_)
    assert (kept(world, task), kept(world, without)) == (True, False)
    cancel_run(run.id, call=Call(world.operator), reason="No need")
    drain()
    pruned(world, id_)
    assert not kept(world, task)


def test_a_tree_whose_rollback_waits_for_approval_keeps_all_that_is_in_it(world: World) -> None:
    top, _middle, low = three_levels(world)
    with tenant_scope(world.system.tenant_id):
        rows = LedgerEntry.objects.filter(case_id=low, subject_type="work_item")
        task = rows.values_list("id", flat=True).get(action="completed")
    agreement_needed(world)
    plan = plan_for(world, top)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    assert (run.status, case_row(world, top).status) == ("PENDING_APPROVAL", "COMPLETED")
    id_ = policy(world)
    pruned(world, id_)
    assert kept(world, task)
    cancel_run(run.id, call=Call(world.operator), reason="No need")
    drain()
    assert run_row(world, run.id).status == "CANCELLED"
    pruned(world, id_)
    assert not kept(world, task)


def test_a_request_from_outside_keeps_what_it_says_until_it_is_decided(world: World) -> None:
    request = asked_from_outside(world)
    [asked] = named(chain(world, request.id, "compensation_request"), "requested")
    assert asked.payloads["reason"] == "It was forged"
    id_ = policy(world, asked.kind)
    pruned(world, id_)
    assert kept(world, asked.id)
    reject(request.id, call=Call(world.operator), reason="Not ours")
    drain()
    pruned(world, id_)
    assert not kept(world, asked.id)


def test_what_a_message_says_stays_until_it_is_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of news that cannot be sent yet, what its words are made of stays, though all has ended."""
    begun = states.compensate(
        states.completed(world.analyst, title="Check the file"), world.operator,
        reason="It was forged",
    )  # fmt: skip
    task = begun.attempt.compensation_id
    told = result_of(world, states.completed(world.operator).id)
    with monkeypatch.context() as patched:
        Refusing(SMTP_DOWN).install(patched)
        drain()
        delivery = email_to(world.analyst)
        states.undo(task, world.analyst)
        id_, other = policy(world), policy(world, "COMPENSATION")
        assert (delivery.status, delivery.subject_id) == ("FAILED", task)
        [news] = [each for each in chain(world, task) if each.id == delivery.event_id]
        [because] = named(chain(world, begun.original.id), "compensation_started")
        assert news.caused_by is not None
        assert (news.caused_by.id, because.payloads["reason"]) == (because.id, "It was forged")
        pruned(world, id_)
        pruned(world, other)
    assert [kept(world, each) for each in (news.id, because.id, told)] == [True, True, False]
    make_due(delivery)
    drain()
    [mail] = sent_to(world, "analyst")
    assert "Because: It was forged" in mail.body
    pruned(world, id_)
    pruned(world, other)
    assert (kept(world, news.id), kept(world, because.id)) == (False, False)
