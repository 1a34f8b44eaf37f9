"""Statements of our own text: what is given arrives as it is, and what fails fails as Django's."""

from __future__ import annotations

import datetime as dt
import decimal
import os
import uuid
from typing import Any

import psycopg
import pytest
from django.db import (
    DataError,
    IntegrityError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)

from ledger.postgresql import session
from ledger.statements import answered, fetched
from ledger.tenancy import set_tenant
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
ID = uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057")
MOMENT = dt.datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=dt.UTC)


def prepared(text: str) -> int:
    """Return how many statements with this in their text the server keeps for us."""
    sought = f"%{text}%"
    ((number,),) = fetched(
        "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s"
        " AND statement NOT LIKE '%%pg_prepared%%'",
        [sought],
    )
    return int(number)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("text", ""),
        ("text", "naïve ☃ \\ \" ' %s $1"),
        ("int", -7),
        ("bigint", 2**62),
        ("float8", 0.1),
        ("boolean", True),
        ("boolean", False),
        ("uuid", ID),
        ("timestamptz", MOMENT),
        ("text", None),
        ("text[]", []),
        ("text[]", ["", "NULL", None, 'a "b" \\ {c}, d', "ü"]),
        ("uuid[]", [ID, None]),
        ("boolean[]", [True, False]),
        ("timestamptz[]", [MOMENT]),
    ],
)
def test_a_value_arrives_as_it_was(type_: str, value: Any) -> None:
    with transaction.atomic():
        for _ in range(4):
            # Sent as it is, and prepared.
            assert fetched(f"SELECT %s::{type_}", [value]) == [(value,)]
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT %s::{type_}", [value])
                assert cursor.fetchall() == [(value,)]


def test_places_are_found_by_name_and_by_order() -> None:
    with transaction.atomic():
        text = "SELECT %(b)s::int, %(a)s::int, %(b)s::int + 1, 7 %% 4"
        assert fetched(text, {"a": 1, "b": 2, "unread": 3}) == [(2, 1, 3, 3)]
        assert fetched("SELECT %s::int, %s::int", [1, 2]) == [(1, 2)]
        rows, names = answered("SELECT 1 AS one, 'x' AS two")
        assert (rows, names) == ([(1, "x")], ["one", "two"])
        assert answered("SET LOCAL work_mem = '4MB'") == ([], [])


def test_a_text_is_prepared_when_it_comes_again_and_stays_so() -> None:
    text = "SELECT 'comes again', %s::int"
    with transaction.atomic():
        for number in range(2):
            assert fetched(text, [number]) == [("comes again", number)]
        assert prepared("comes again") == 0
        assert fetched(text, [2]) == [("comes again", 2)]
        assert prepared("comes again") == 1
        with pytest.raises(ProgrammingError), transaction.atomic():
            fetched("SELECT no_such_column")
        # The driver would have forgotten it with the savepoint.
        assert fetched(text, [3]) == [("comes again", 3)]
        with pytest.raises(ProgrammingError), transaction.atomic():
            _fail_after_others()
        assert fetched(text, [4]) == [("comes again", 4)]
        assert prepared("comes again") == 1


def _fail_after_others() -> None:
    with connection.cursor() as cursor:
        for _ in range(5):
            cursor.execute("SELECT %s::int", [1])
        cursor.execute("SELECT no_such_column")


def test_no_more_than_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_MOST", 3)
    connection.close()
    with transaction.atomic():
        for _ in range(3):
            for number in range(3):
                fetched(f"SELECT 'kept', {number}")
        assert prepared("SELECT 'kept'") == 2
        for number in range(3):
            assert fetched(f"SELECT 'kept', {number}") == [("kept", number)]
    connection.close()


def test_what_is_not_ours_to_write_goes_djangos_way() -> None:
    with transaction.atomic():
        ((found,),) = fetched("SELECT %s::numeric + 1", [decimal.Decimal("1.5")])
        assert found == decimal.Decimal("2.5")
        ((nested,),) = fetched("SELECT %s::int[]", [[[1, 2], [3, 4]]])
        assert nested == [[1, 2], [3, 4]]
    assert fetched("SELECT 1") == [(1,)]


@pytest.mark.parametrize("value", ["a\0b", ["a\0b"]])
def test_half_a_text_is_never_sent(value: object) -> None:
    type_ = "text[]" if isinstance(value, list) else "text"
    with pytest.raises(DataError), transaction.atomic():
        fetched(f"SELECT %s::{type_}", [value])


def test_errors_are_djangos(world: World) -> None:
    tenant_id = world.operator.tenant_id

    @transaction.atomic
    def count_nothing() -> None:
        set_tenant(tenant_id)
        fetched("INSERT INTO cases_casecounter (tenant_id) VALUES (%s)", [tenant_id])

    with pytest.raises(IntegrityError) as caught:
        count_nothing()
    cause: Any = caught.value.__cause__
    assert cause.sqlstate == "23502"
    assert cause.diag.table_name == "cases_casecounter"
    with transaction.atomic():
        with pytest.raises(DataError):
            fetched("SELECT 1 / %s::int", [0])
        connection.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            fetched("SELECT 1")
    with transaction.atomic():
        with pytest.raises(DataError):
            fetched("SELECT 1 / %s::int", [0])
        # Of a transaction in which something failed, the server says so.
        with pytest.raises(InternalError, match="current transaction is aborted"):
            fetched("SELECT 1")
        connection.set_rollback(True)


def test_a_server_that_went_away_is_trouble_and_no_fault_of_ours() -> None:
    text, pids = "SELECT pg_backend_pid(), %s::int", set()

    @transaction.atomic
    def told(*, times: int) -> None:
        for number in range(times):
            ((pid, _number),) = fetched(text, [number])
            pids.add(pid)

    told(times=3)
    url, name = os.environ["DATABASE_SUPERUSER_URL"], str(connection.settings_dict["NAME"])
    with psycopg.connect(url, dbname=name, autocommit=True) as superuser:
        superuser.execute("SELECT pg_terminate_backend(%s, 5000)", list(pids))
    with pytest.raises(OperationalError):
        told(times=1)
    connection.close()
    told(times=3)
    assert len(pids) == 2


def test_a_server_that_goes_away_within_a_transaction_is_the_same_trouble() -> None:
    url, name = os.environ["DATABASE_SUPERUSER_URL"], str(connection.settings_dict["NAME"])

    @transaction.atomic
    def killed() -> None:
        for _ in range(3):
            ((pid,),) = fetched("SELECT pg_backend_pid()")
        with psycopg.connect(url, dbname=name, autocommit=True) as superuser:
            superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        fetched("SELECT pg_backend_pid()")

    with pytest.raises(OperationalError):
        killed()
    connection.close()


@pytest.mark.parametrize("times", range(4))
def test_rows_without_columns_are_rows(times: int) -> None:
    # Whether there are any: also once the text is prepared.
    for _ in range(times):
        fetched("SELECT FROM generate_series(1, %s)", [2])
    assert fetched("SELECT FROM generate_series(1, %s)", [2]) == [(), ()]
    assert fetched("SELECT FROM generate_series(1, %s)", [0]) == []
