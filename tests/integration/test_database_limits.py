"""No connection waits or works for ever: what each process says as it connects, and what follows
for a request, a page and a handler that meet a limit. Nothing was changed then, and is tried again.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from cases.actions import open_case
from cases.events import ENGINE
from cases.models import Case
from config import env
from config.database_limits import LIMITS
from ledger.dispatch.runner import do, find_due
from ledger.models import OutboxTask
from ledger.statements import fetched
from ledger.tenancy import tenant_scope
from tests import casework, states
from tests.clients import api, browser
from tests.database import ROOT
from tests.draining import drain, skip_backoffs
from tests.integration.foundation_calls import code
from tests.subprocesses import environment
from tests.world import World
from verbs.call import Call
from web.problems import problem_of

_NAMES = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
_SHOW = f"""
import django
django.setup()
from django.db import connection, transaction
cursor = connection.cursor()
for name in {_NAMES!r}:
    cursor.execute(f"SHOW {{name}}")
    print(cursor.fetchone()[0])
"""
_WEB, _WORK = ["5s", "20s", "30s"], ["10s", "2min", "1min"]


def _settings_of(script: str, **more: str) -> list[str]:
    shown = subprocess.run(
        [sys.executable, "-c", script],
        check=True, capture_output=True, text=True, cwd=ROOT, env=environment(**more),
    )  # fmt: skip
    return shown.stdout.split()


@pytest.mark.parametrize(
    ("script", "more", "shown"),
    [
        ("import config.wsgi", {}, _WEB),
        ("import config.celery", {}, _WORK),
        ("", {}, _WORK),
        (
            "",
            {"AMENDS_DB_ROLE": "owner", "DATABASE_OWNER_URL": os.environ["DATABASE_OWNER_URL"]},
            ["1min", "4h", "10min"],
        ),
    ],
    ids=["web", "worker", "command", "migrations"],
)
def test_each_kind_of_process_says_its_three_limits(
    world: World, script: str, more: dict[str, str], shown: list[str]
) -> None:
    assert _settings_of(f"{script}\n{_SHOW}", **more) == shown


def test_they_hold_in_a_role_for_all_tenants_too(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('role', 'amends_dispatch', false)")
        try:
            for name, shown in zip(_NAMES, _WORK, strict=True):
                cursor.execute(f"SHOW {name}")
                assert cursor.fetchone() == (shown,)
        finally:
            cursor.execute("RESET ROLE")


def test_what_the_url_says_comes_before_them() -> None:
    url = "postgres://h/amends?options=-c%20lock_timeout%3D9000"
    options = env.database(url, limits=LIMITS["web"])["OPTIONS"]
    assert isinstance(options, dict)
    assert options["options"] == (
        "-c lock_timeout=5000 -c statement_timeout=20000"
        " -c idle_in_transaction_session_timeout=30000 -c lock_timeout=9000"
    )


@pytest.fixture(params=["lock_timeout", "statement_timeout"])
def briefly(request: pytest.FixtureRequest) -> Iterator[None]:
    """Wait as briefly as a test may for a lock, of which either limit is one of the wait."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET {request.param} = '150ms'")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"RESET {request.param}")


@contextlib.contextmanager
def _locked(table: str, id_: uuid.UUID) -> Iterator[None]:
    """Keep a row locked, as somebody does who neither commits nor goes away."""
    url, name = os.environ["DATABASE_SUPERUSER_URL"], str(connection.settings_dict["NAME"])
    with psycopg.connect(url, dbname=name) as other:
        other.execute(f"SELECT FROM {table} WHERE id = %s FOR UPDATE".encode(), [id_])
        yield


def test_a_call_that_meets_a_lock_is_503_and_changes_nothing(world: World, briefly: None) -> None:
    item, client = states.new_item(world.operator), api(world.analyst)
    url = f"/api/v1/work-items/{item.id}/claim"
    with _locked("workitems_workitem", item.id):
        refused = client.post(url, {}, content_type="application/json")
        assert code(refused) == (503, "unavailable")
        assert refused.headers["Retry-After"] == "1"
        assert client.get(f"/api/v1/work-items/{item.id}").json()["status"] == "PENDING"
    assert len(states.history(world, "work_item", item.id)) == 1
    assert client.post(url, {}, content_type="application/json").status_code == 200


def test_so_is_a_page(world: World, briefly: None) -> None:
    item, client = states.new_item(world.operator), browser(world.analyst)
    client.raise_request_exception = False
    with _locked("workitems_workitem", item.id):
        refused = client.post(f"/work-items/{item.id}/claim/")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert b"<html" in refused.content
    assert len(states.history(world, "work_item", item.id)) == 1


def test_a_handler_that_meets_a_lock_is_put_back_uncounted_and_does_its_work_later(
    world: World,
) -> None:
    casework.deploy(world, casework.LOAN)
    case = open_case(
        call=Call(world.operator), definition="examples/loan-approval", context=casework.CONTEXT
    )
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '150ms'")
    try:
        with _locked("cases_case", case.id):
            do(find_due())
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
    assert casework.plan_items(world, case.id) == {}
    with tenant_scope(world.operator.tenant_id):
        [task] = OutboxTask.objects.filter(shard=case.id, consumer=ENGINE)
    assert (task.done_at, task.dead_at, task.attempts) == (None, None, 0)
    skip_backoffs()
    drain()
    assert list(casework.plan_items(world, case.id)) == ["credit-check"]


@pytest.mark.parametrize(
    "ask", [lambda: fetched("SELECT 1"), Case.objects.count], ids=["ours", "Django's"]
)
def test_a_transaction_that_idles_is_ended_and_told_as_503(
    world: World, ask: Callable[[], object]
) -> None:
    url, name = os.environ["DATABASE_SUPERUSER_URL"], str(connection.settings_dict["NAME"])
    raised: list[Exception] = []
    with psycopg.connect(url, dbname=name, autocommit=True) as superuser:
        try:
            with transaction.atomic():
                fetched("SELECT set_config('idle_in_transaction_session_timeout', '50ms', true)")
                ((pid,),) = fetched("SELECT pg_backend_pid()")
                _until_gone(superuser, pid)
                ask()
        except Exception as error:  # noqa: BLE001  -- which one is what is asked
            raised.append(error)
        finally:
            connection.close()
    problem = problem_of(raised[0])
    assert problem is not None
    assert (problem.status, problem.code) == (503, "unavailable")


def _until_gone(superuser: psycopg.Connection[Any], pid: int) -> None:
    until = time.monotonic() + 20
    while superuser.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid]).rowcount:
        assert time.monotonic() < until, "the idle transaction was not ended"
