"""The database is away just when an effect outside is made: it is made once, and what it came to is
stored; what was not begun has used no attempt."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection

from audit.actions.due_work import RESUMED, STOPPED
from config.demo.transfers import open_accounts, transfers
from executions.actions import execution_attempts, request_execution
from executions.models import Execution, ExecutionJob
from ledger import verifications
from ledger.clock import now
from ledger.dispatch import trouble
from ledger.dispatch.runner import work_row
from ledger.models import LedgerVerification
from ledger.tenancy import system_scope, tenant_scope
from ledger.verify import verify_tenant
from notifications.actions import sending
from notifications.models import Delivery
from notifications.texts import texts_of
from tests import states
from tests.clients import browser
from tests.draining import drain, expire_leases
from tests.integration.test_due_work_trouble import noted
from tests.integration.test_notifications_email import email_to, make_due, sent_to, task_for, tries
from tests.world import World
from verbs.call import Call

TRANSFER = {"from": "bank", "to": "customer", "amount": 25_000}


class Away:
    """A database that is away for the first so many calls of what it is asked to do."""

    def __init__(self, act: Callable[..., Any], times: int, error: Exception | None = None) -> None:
        self.act, self.times, self.asked = act, times, 0
        self.error = error or OperationalError("the connection is lost")

    def __call__(self, *given: Any, **more: Any) -> Any:
        self.asked += 1
        if self.asked <= self.times:
            raise self.error
        return self.act(*given, **more)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no worker wait for the database."""
    monkeypatch.setattr(trouble, "AWAY_SECONDS", -1.0)


def test_a_message_that_trouble_kept_from_being_sent_has_used_no_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_for(world, world.analyst)
    away = Away(texts_of, 1)
    monkeypatch.setattr(sending, "texts_of", away)
    drain()
    row = email_to(world.analyst)
    assert (row.attempts, row.status, row.lease_token) == (0, "PENDING", None)
    assert row.troubled_since is not None
    assert (tries(row), sent_to(world, "analyst")) == ([], [])
    make_due(row)
    assert work_row(sending.SOURCE.name, row.tenant_id, row.id)
    row = email_to(world.analyst)
    assert (row.attempts, row.status, row.troubled_since) == (1, "ACCEPTED", None)
    assert len(sent_to(world, "analyst")) == 1


def test_a_message_that_was_sent_is_not_sent_again_for_a_database_that_comes_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_for(world, world.analyst)
    away = Away(sending.settle, 2)
    monkeypatch.setattr(sending, "settle", away)
    drain()
    row = email_to(world.analyst)
    assert (row.attempts, row.status, row.troubled_since) == (1, "ACCEPTED", None)
    assert tries(row) == [(None, "")]
    assert len(sent_to(world, "analyst")) == 1
    assert away.asked == 3


@pytest.mark.usefixtures("impatient")
def test_a_message_that_was_sent_counts_where_the_database_stays_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_for(world, world.analyst)
    monkeypatch.setattr(sending, "settle", Away(sending.settle, 1))
    drain()
    row = email_to(world.analyst)
    # Its lease runs out: it is not sent every two seconds. And it is in trouble.
    assert (row.attempts, row.status) == (1, "PENDING")
    assert row.lease_token is not None
    assert row.leased_until is not None
    assert row.leased_until > now() + dt.timedelta(seconds=50)
    assert row.troubled_since is not None
    assert len(sent_to(world, "analyst")) == 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (IntegrityError("no such column\nDETAIL: of somebody"), "IntegrityError: no such column"),
        (OperationalError("it is away"), "NotStored: OperationalError: it is away"),
    ],
)
def test_a_message_of_which_nobody_can_store_that_it_was_sent_is_told_of(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, cause: str
) -> None:
    task_for(world, world.analyst)
    with monkeypatch.context() as patch:
        patch.setattr(sending, "settle", Away(sending.settle, 2, error))
        drain()
        assert noted(world) == []
        row = email_to(world.analyst)
        assert row.troubled_since is not None
        long_in_trouble(row)
        assert work_row(sending.SOURCE.name, row.tenant_id, row.id)
    row = email_to(world.analyst)
    assert (row.attempts, row.status) == (2, "PENDING")
    ((action, said),) = noted(world)
    assert (action, said["detail"]) == (STOPPED, sending.SOURCE.name)
    assert said["cause"] == cause
    long_in_trouble(row)
    assert work_row(sending.SOURCE.name, row.tenant_id, row.id)
    row = email_to(world.analyst)
    assert (row.attempts, row.status, row.troubled_since) == (3, "ACCEPTED", None)
    assert [each for each, _said in noted(world)] == [STOPPED, RESUMED]


def long_in_trouble(row: Delivery) -> None:
    """Let a message that was in trouble for two minutes be due, and its lease be over."""
    with system_scope("sweep"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_delivery SET next_attempt_at = ledger_now(), leased_until = NULL,"
            " troubled_since = ledger_now() - interval '2 minutes' WHERE id = %s",
            [row.id],
        )


def test_a_call_that_was_made_is_not_made_again_for_a_database_that_comes_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = world.operator
    open_accounts(by.tenant_id)
    away = Away(execution_attempts.settle, 2)
    monkeypatch.setattr(execution_attempts, "settle", away)
    row = request_execution(call=Call(by), capability="demo.transfer", input=TRANSFER)
    drain()
    with tenant_scope(by.tenant_id):
        done = Execution.objects.get(id=row.id)
        assert (done.status, done.attempts) == ("SUCCEEDED", 1)
        assert not ExecutionJob.objects.filter(execution_id=row.id).exists()
    assert transfers(by.tenant_id) == [("bank", "customer", 25_000)]
    assert away.asked == 3


@pytest.mark.usefixtures("impatient")
def test_a_call_that_was_made_counts_where_the_database_stays_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = world.operator
    open_accounts(by.tenant_id)
    monkeypatch.setattr(execution_attempts, "settle", Away(execution_attempts.settle, 1))
    row = request_execution(call=Call(by), capability="demo.transfer", input=TRANSFER)
    drain()
    with tenant_scope(by.tenant_id):
        job = ExecutionJob.objects.get(execution_id=row.id)
        assert Execution.objects.get(id=row.id).status == "RUNNING"
    # Its lease runs out: the call is not made every two seconds. And it is in trouble.
    assert job.lease_token is not None
    assert job.leased_until is not None
    assert job.leased_until > now() + dt.timedelta(seconds=5)
    assert job.troubled_since is not None
    assert not work_row("executions", by.tenant_id, row.id)
    expire_leases()
    drain()
    with tenant_scope(by.tenant_id):
        done = Execution.objects.get(id=row.id)
        assert (done.status, done.attempts) == ("SUCCEEDED", 2)
    [retried] = [
        each for each in states.history(world, "execution", row.id) if each.action == "retried"
    ]
    assert retried.payloads == {"attempt": 2, "error": execution_attempts.NOT_STORED}
    assert transfers(by.tenant_id) == [("bank", "customer", 25_000)]


def test_a_check_that_trouble_kept_from_ending_has_used_no_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = world.system.tenant_id
    browser(world.auditor).post("/ledger/check/")
    monkeypatch.setattr(verifications, "verify_tenant", Away(verify_tenant, 1))
    drain()
    with tenant_scope(tenant):
        row = LedgerVerification.objects.get()
    assert (row.attempts, row.outcome, row.lease_token) == (0, "", None)
    assert row.troubled_since is not None
    with system_scope("sweep"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_ledgerverification SET leased_until = NULL WHERE id = %s", [row.id]
        )
    drain()
    with tenant_scope(tenant):
        row = LedgerVerification.objects.get()
    assert (row.attempts, row.outcome, row.troubled_since) == (1, "valid", None)
