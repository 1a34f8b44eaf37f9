"""Statements that are put off: with what they go, and what becomes of them if that fails."""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from django.db import DataError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from psycopg.pq import TransactionStatus

from accounts.models import Membership
from ledger.postgresql import session
from ledger.statements import fetched, right_behind, server, soon
from ledger.tenancy import current_tenant, set_tenant, tenant_scope
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
LARGE = "x" * 100_000


def status() -> TransactionStatus:
    """Return what the server has been told of the transaction."""
    connection.ensure_connection()
    return TransactionStatus(server().connection.pgconn.transaction_status)


@pytest.fixture(autouse=True)
def kept() -> Iterator[None]:
    """A table of our own, which the application may write."""
    url, name = os.environ["DATABASE_SUPERUSER_URL"], str(connection.settings_dict["NAME"])
    with psycopg.connect(url, dbname=name, autocommit=True) as superuser:
        superuser.execute("CREATE TABLE public.kept (n int PRIMARY KEY)")
        superuser.execute("GRANT ALL ON public.kept TO PUBLIC")
        yield
        superuser.execute("DROP TABLE public.kept")


def test_a_transaction_begins_with_its_first_statement(world: World) -> None:
    with transaction.atomic():
        set_tenant(world.operator.tenant_id)
        assert status() == TransactionStatus.IDLE
        assert fetched("SELECT 1") == [(1,)]
        assert status() == TransactionStatus.INTRANS
        assert current_tenant() == world.operator.tenant_id
    assert status() == TransactionStatus.IDLE


def test_what_django_sends_first_is_in_the_tenant_too(world: World) -> None:
    with transaction.atomic():
        set_tenant(world.operator.tenant_id)
        assert Membership.objects.filter(tenant_id=world.operator.tenant_id).exists()


@pytest.mark.parametrize("told", [False, True])
def test_a_cursor_that_was_there_before_is_in_the_tenant_too(world: World, *, told: bool) -> None:
    listening = CaptureQueriesContext(connection) if told else contextlib.nullcontext()
    with listening, transaction.atomic(), connection.cursor() as cursor:
        set_tenant(world.operator.tenant_id)
        cursor.execute("SELECT current_setting('amends.tenant_id', true)")
        assert cursor.fetchall() == [(str(world.operator.tenant_id),)]
        cursor.executemany("INSERT INTO kept VALUES (%s)", [(1,), (2,)])
    assert fetched("SELECT count(*) FROM kept") == [(2,)]


@pytest.mark.parametrize("fails", [False, True])
def test_a_tenant_that_was_set_for_nothing_is_not_the_next_ones(
    world: World, *, fails: bool
) -> None:
    with transaction.atomic():
        set_tenant(world.operator.tenant_id)
        transaction.set_rollback(fails)
    with transaction.atomic():
        assert current_tenant() is None
        assert not Membership.objects.filter(tenant_id=world.operator.tenant_id).exists()


def test_what_is_put_off_goes_before_the_next_or_right_behind() -> None:
    with transaction.atomic():
        behind = right_behind("SELECT count(*) FROM kept WHERE %s", [True])
        before = soon("INSERT INTO kept VALUES (%s) RETURNING n", [1])
        assert fetched("SELECT n FROM kept") == [(1,)]
        fetched("INSERT INTO kept VALUES (2)")
        assert before().rows == [(1,)]
        assert before().names == ["n"]
        assert behind().rows == [(1,)]


def test_who_asks_for_the_answer_sends_it() -> None:
    with transaction.atomic():
        first = soon("INSERT INTO kept VALUES (%s) RETURNING n", [1])
        second = right_behind("SELECT count(*) FROM kept")
        assert second().rows == [(1,)]
        assert first().rows == [(1,)]


@pytest.mark.parametrize("size", ["x", LARGE])
def test_it_is_committed_with_the_transaction(size: str) -> None:
    with transaction.atomic():
        fetched("SELECT 1")
        soon("INSERT INTO kept SELECT length(%s)", [size])
    assert fetched("SELECT n FROM kept") == [(len(size),)]


def test_a_transaction_of_nothing_else_is_committed_too(world: World) -> None:
    with transaction.atomic():
        set_tenant(world.operator.tenant_id)
        soon("INSERT INTO kept VALUES (%s)", [1])
    assert fetched("SELECT n FROM kept") == [(1,)]


def test_if_it_fails_nothing_is_committed() -> None:
    @transaction.atomic
    def failing() -> None:
        fetched("INSERT INTO kept VALUES (1)")
        soon("SELECT 1 / %s::int", [0])

    with pytest.raises(DataError):
        failing()
    assert fetched("SELECT n FROM kept") == []
    assert status() == TransactionStatus.IDLE


def test_if_it_fails_so_does_what_it_goes_with() -> None:
    @transaction.atomic
    def failing() -> None:
        soon("SELECT 1 / %s::int", [0])
        fetched("INSERT INTO kept VALUES (%s)", [1])

    with pytest.raises(DataError):
        failing()
    assert fetched("SELECT n FROM kept") == []


def test_if_what_it_goes_with_fails_it_has_no_answer() -> None:
    with transaction.atomic():
        behind = right_behind("SELECT n FROM kept")
        with pytest.raises(DataError):
            fetched("SELECT 1 / %s::int", [0])
        with pytest.raises(RuntimeError, match="is over"):
            behind()
        connection.set_rollback(True)
    assert fetched("SELECT 1") == [(1,)]


def test_it_is_forgotten_with_its_transaction() -> None:
    with transaction.atomic():
        fetched("SELECT 1")
        soon("INSERT INTO kept VALUES (%s)", [1])
        transaction.set_rollback(True)
    with transaction.atomic():
        assert fetched("SELECT n FROM kept") == []
    assert fetched("SELECT n FROM kept") == []


def test_what_django_sends_comes_after_it() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        soon("INSERT INTO kept VALUES (%s)", [1])
        with transaction.atomic():
            soon("INSERT INTO kept VALUES (%s)", [2])
            transaction.set_rollback(True)
        assert fetched("SELECT n FROM kept") == [(1,)]
        cursor.execute("SELECT 1")


def test_it_is_the_newest_until_something_else_is_sent() -> None:
    with transaction.atomic():
        behind = right_behind("SELECT count(*) FROM kept")
        assert behind.is_newest
        fetched("SELECT n FROM kept FOR UPDATE")
        assert behind().rows == [(0,)]
        assert behind.is_newest
        fetched("SELECT 1")
        assert not behind.is_newest


def test_what_django_locks_first_is_not_behind(world: World) -> None:
    with transaction.atomic():
        set_tenant(world.operator.tenant_id)
        behind = right_behind("SELECT 1")
        list(Membership.objects.filter(tenant_id=world.operator.tenant_id))
        assert behind().rows == [(1,)]
        assert not behind.is_newest


def test_nothing_comes_after_a_commit(world: World) -> None:
    with transaction.atomic():
        set_tenant(world.operator.tenant_id)
        fetched("SELECT 1")
        behind = right_behind("SELECT current_setting('amends.tenant_id', true)")
    assert behind().rows == [(str(world.operator.tenant_id),)]


def test_who_goes_past_both_says_so_first(world: World) -> None:
    with transaction.atomic():
        set_tenant(world.operator.tenant_id)
        server().flush()
        with server().connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('amends.tenant_id', true)")
            assert cursor.fetchall() == [(str(world.operator.tenant_id),)]
    with transaction.atomic():
        set_tenant(world.operator.tenant_id)
        with server().connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        with pytest.raises(RuntimeError, match="without what was to begin it"):
            fetched("SELECT 1")
        transaction.set_rollback(True)


def test_what_begins_a_transaction_is_asked_first(world: World) -> None:
    with transaction.atomic():
        soon("SELECT 1")
        with pytest.raises(RuntimeError, match="comes before"):
            set_tenant(world.operator.tenant_id)
        transaction.set_rollback(True)


def test_what_is_read_right_behind_a_lock_is_as_new_as_that() -> None:
    url, name = os.environ["DATABASE_URL"], str(connection.settings_dict["NAME"])
    seen, asked = [], threading.Event()
    with psycopg.connect(url, dbname=name) as other:
        other.execute("INSERT INTO kept VALUES (1)")
        other.commit()
        other.execute("SELECT FROM kept FOR UPDATE")
        other.execute("INSERT INTO kept VALUES (2)")
        ((waited_for,),) = other.execute("SELECT pg_backend_pid()").fetchall()

        def waits() -> None:
            try:
                with transaction.atomic():
                    behind = right_behind("SELECT count(*) FROM kept")
                    asked.set()
                    fetched("SELECT n FROM kept WHERE n = %s FOR UPDATE", [1])
                    seen.append(behind().rows)
            finally:
                connection.close()

        thread = threading.Thread(target=waits)
        thread.start()
        asked.wait(20)
        # This thread goes on meanwhile: the other waits for the database, and not in this process.
        sought = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
        while fetched(sought, [waited_for]) == [(0,)]:
            pass
        other.commit()
        thread.join(20)
    assert seen == [[(2,)]]


def test_who_is_stopped_in_the_middle_leaves_no_answers_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stopped(Exception):
        pass

    def stopped(_session: session.Session) -> None:
        raise Stopped

    @transaction.atomic
    def interrupted() -> None:
        fetched("SELECT %s::int", [7])

    fetched("SELECT 1")
    with monkeypatch.context() as patched:
        patched.setattr(session.Session, "_next_result", stopped)
        with pytest.raises(Stopped):
            interrupted()
    connection.close()
    assert fetched("SELECT 8") == [(8,)]


def test_a_server_that_goes_away_says_so() -> None:
    url, name = os.environ["DATABASE_SUPERUSER_URL"], str(connection.settings_dict["NAME"])
    ((pid,),) = fetched("SELECT pg_backend_pid()")
    with psycopg.connect(url, dbname=name, autocommit=True) as superuser:
        superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    @transaction.atomic
    def told() -> None:
        soon("SELECT 1")
        fetched("SELECT 2")

    with pytest.raises(OperationalError):
        told()
    connection.close()
    assert fetched("SELECT 3") == [(3,)]


def test_a_scope_within_a_scope_goes_back(world: World) -> None:
    with tenant_scope(world.operator.tenant_id):
        with tenant_scope(uuid.UUID(int=7)):
            assert current_tenant() == uuid.UUID(int=7)
        assert current_tenant() == world.operator.tenant_id
