"""What the database itself refuses, read from its catalogue as the application's role.

Whoever adds a table, a policy or a unique index has to say here why it is an exception.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, transaction

from tests.architecture.test_model_relations import GUARDED, TENANTLESS, own_models

pytestmark = pytest.mark.django_db

APP_ROLE = "amends_app"
INSERT_ONLY = {
    "cases_casedefinition", "compensation_compensationplan", "events_inboundevent",
    "ledger_ledgerentry",
}  # fmt: skip
#: What the ledger proves with, beside its entries, and what the application itself writes of it.
#: All else is written by the roles of what seals and erases, or by the database.
KEPT = {
    "ledger_payload": {"INSERT"},
    "ledger_erasurereceipt": {"INSERT"},
    "ledger_erasedpayload": set[str](),
    "ledger_countersignature": set[str](),
    "ledger_checkpoint": set[str](),
    "ledger_ledgerleaf": set[str](),
    "ledger_ledgertile": set[str](),
}
#: Of these rows none is ever changed, by whomever: payloads are what is erased.
APPEND_ONLY = {*INSERT_ONLY, *KEPT} - {"ledger_payload"}
# Unique without the tenant: what they cover is random, or a row of the tenant already.
UNIQUE_ACROSS_TENANTS: set[tuple[str, frozenset[str]]] = {
    ("accounts_tenant", frozenset({"slug"})),
    ("ledger_outboxtask", frozenset({"event_id", "consumer"})),
}


def rows(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Return what `statement` finds."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def tenant_tables() -> set[str]:
    """Return the tables whose rows belong to a tenant, and the table of tenants."""
    found = {model._meta.db_table for model in own_models() if model._meta.label not in TENANTLESS}
    return {*found, "accounts_tenant"}


def guarded_tables() -> set[str]:
    return {apps.get_model(label)._meta.db_table for label in GUARDED}


def test_the_tests_run_as_the_application() -> None:
    ((role, member),) = rows(
        "SELECT current_user, pg_has_role(current_user, %s, 'USAGE')", APP_ROLE
    )
    assert member, f"{role} is no member of {APP_ROLE}"


def test_the_application_role_has_no_power_over_the_server() -> None:
    powers = rows(
        """SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolreplication
             FROM pg_roles WHERE rolname IN (current_user, %s)""",
        APP_ROLE,
    )
    assert len(powers) == 2
    assert [row[1:] for row in powers] == [(False,) * 5] * 2
    assert rows("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", APP_ROLE) == [(False,)]


def test_the_application_role_owns_nothing() -> None:
    owned = rows(
        """WITH r AS (SELECT oid FROM pg_roles WHERE rolname IN (current_user, %s))
           SELECT 'relation', relname::text FROM pg_class WHERE relowner IN (TABLE r)
           UNION ALL SELECT 'function', proname::text FROM pg_proc WHERE proowner IN (TABLE r)
           UNION ALL SELECT 'schema', nspname::text FROM pg_namespace WHERE nspowner IN (TABLE r)
           UNION ALL SELECT 'type', typname::text FROM pg_type WHERE typowner IN (TABLE r)
           UNION ALL SELECT 'database', datname::text FROM pg_database WHERE datdba IN (TABLE r)""",
        APP_ROLE,
    )
    assert owned == []


def test_the_application_role_may_create_nothing() -> None:
    assert rows(
        """SELECT has_database_privilege(current_database(), 'TEMP'),
                  has_database_privilege(current_database(), 'CREATE'),
                  has_schema_privilege('public', 'CREATE')"""
    ) == [(False, False, False)]


def test_nor_in_any_other_database() -> None:
    open_to_it = rows(
        """SELECT datname FROM pg_database
            WHERE has_database_privilege(datname, 'TEMP')
               OR has_database_privilege(datname, 'CREATE')
               OR (has_database_privilege(datname, 'CONNECT')
                   AND datname IN ('postgres', 'template1'))"""
    )
    assert open_to_it == []


@pytest.mark.parametrize(
    "statement",
    ["SELECT lo_create(0)", "SELECT lo_creat(-1)", "SELECT lo_from_bytea(0, 'x')"],
)
def test_the_application_role_makes_no_large_objects(statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        rows(statement)
    assert rows("SELECT count(*) FROM pg_largeobject_metadata") == [(0,)]
    usable = """SELECT oid::regprocedure::text FROM pg_proc WHERE (proname ~ '^lo_'
                 OR proname IN ('loread', 'lowrite')) AND has_function_privilege(oid, 'EXECUTE')"""
    assert rows(usable) == []


def test_every_tenant_table_forces_row_level_security() -> None:
    forced = rows(
        """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
            AND relkind IN ('r', 'p') AND relrowsecurity AND relforcerowsecurity"""
    )
    assert {name for (name,) in forced} == tenant_tables()


def test_nobody_else_may_read_a_tenant_table() -> None:
    granted = rows(
        """SELECT DISTINCT table_name, grantee FROM information_schema.table_privileges
            WHERE table_schema = 'public' AND grantee = 'PUBLIC'"""
    )
    assert granted == []


def test_guarded_rows_cannot_be_deleted() -> None:
    for table in sorted(guarded_tables()):
        assert rows(
            """SELECT has_table_privilege(%s, 'DELETE'), has_table_privilege(%s, 'TRUNCATE'),
                      has_table_privilege(%s, 'TRIGGER')""",
            *(f"public.{table}",) * 3,
        ) == [(False, False, False)], table


def test_guards_fire_always_at_commit_on_insert_and_update() -> None:
    guards = rows(
        """SELECT c.relname, t.tgenabled::text, t.tgdeferrable, t.tginitdeferred,
                  t.tgtype & 4 > 0, t.tgtype & 16 > 0, t.tgconstraint <> 0
             FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
            WHERE t.tgname = c.relname || '_guard'"""
    )
    assert {name for name, *_ in guards} >= guarded_tables()
    for name, *facts in guards:
        assert facts == ["A", True, True, True, True, True], name


def test_insert_only_tables_refuse_everything_else() -> None:
    for table in sorted(INSERT_ONLY):
        assert rows(
            """SELECT has_table_privilege(%s, 'INSERT'), has_any_column_privilege(%s, 'UPDATE'),
                      has_table_privilege(%s, 'DELETE'), has_table_privilege(%s, 'TRUNCATE')""",
            *(f"public.{table}",) * 4,
        ) == [(True, False, False, False)], table
        triggers = rows(
            """SELECT bit_or(tgtype & 56) FROM pg_trigger t
                 JOIN pg_proc p ON p.oid = t.tgfoid AND p.proname = 'ledger_append_only'
                WHERE t.tgrelid = %s::regclass AND t.tgenabled = 'A' AND t.tgtype & 2 > 0""",
            f"public.{table}",
        )
        # Bits of DELETE, UPDATE and TRUNCATE, all before the fact and in every replication role.
        assert triggers == [(8 | 16 | 32,)], table


def test_of_what_the_ledger_proves_with_nothing_is_changed() -> None:
    """By the application's role. What erases may do is in `tests/security/opened_tables.py`."""
    powers = ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER")
    for table, wanted in sorted(KEPT.items()):
        found = {
            power for power in powers
            if rows("SELECT has_table_privilege(%s, %s)", f"public.{table}", power) == [(True,)]
        }  # fmt: skip
        assert (table, found) == (table, wanted)
        by_column = "SELECT has_any_column_privilege(%s, 'UPDATE')"
        assert rows(by_column, f"public.{table}") == [(False,)], table
    triggers = rows(
        """SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
             JOIN pg_proc p ON p.oid = t.tgfoid AND p.proname = 'ledger_append_only'
            WHERE t.tgenabled = 'A' AND t.tgtype & 2 > 0
            GROUP BY c.relname HAVING bit_or(t.tgtype & 56) = 56"""
    )
    assert {name for (name,) in triggers} >= APPEND_ONLY


@pytest.mark.parametrize("table", sorted({*KEPT, "ledger_ledgerentry", "ledger_ledgerhead"}))
def test_the_application_takes_no_table_of_the_ledger_apart(table: str) -> None:
    refused = [
        f"DELETE FROM {table}",  # noqa: S608  -- own names
        f"TRUNCATE {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        "SET session_replication_role = replica",
    ]
    if table in APPEND_ONLY:
        refused.append(f"DROP TRIGGER {table}_append_only ON {table}")
    if table != "ledger_ledgerhead":
        # Its head moves with each entry; where it is, the check compares with the chain.
        refused.append(f"UPDATE {table} SET tenant_id = tenant_id")  # noqa: S608  -- own names
    for statement in refused:
        with pytest.raises(ProgrammingError) as said, transaction.atomic():
            rows(statement)
        words = ("permission denied", "must be owner")
        assert any(each in str(said.value) for each in words), (statement, said.value)


def test_functions_of_the_owner_name_their_search_path() -> None:
    functions = rows(
        """SELECT proname, proconfig FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace AND prosecdef"""
    )
    assert functions
    for name, configuration in functions:
        assert configuration == ["search_path=pg_catalog, pg_temp"], name


def test_no_foreign_key_can_point_into_another_tenant() -> None:
    keys = rows(
        """SELECT f.conname, c.relname, t.relname,
                  ARRAY(SELECT attname::text FROM pg_attribute
                         WHERE attrelid = f.conrelid AND attnum = ANY (f.conkey)),
                  ARRAY(SELECT attname::text FROM pg_attribute
                         WHERE attrelid = f.confrelid AND attnum = ANY (f.confkey))
             FROM pg_constraint f
             JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class t ON t.oid = f.confrelid
            WHERE f.contype = 'f' AND f.connamespace = 'public'::regnamespace"""
    )
    inside = tenant_tables() - {"accounts_tenant"}
    loose = [
        name
        for name, table, target, columns, referenced in keys
        if table in inside and target in inside
        if "tenant_id" not in columns or "tenant_id" not in referenced
    ]
    assert loose == []


def test_every_tenant_id_refers_to_a_tenant() -> None:
    """By a key of its own, or by one that no row can do without to a row that does."""
    keys = rows(
        """SELECT c.relname, t.relname FROM pg_constraint f
             JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class t ON t.oid = f.confrelid
            WHERE f.contype = 'f' AND f.convalidated AND c.oid <> t.oid
              AND (SELECT bool_and(a.attnotnull) AND bool_or(a.attname = 'tenant_id')
                     FROM pg_attribute a
                    WHERE a.attrelid = c.oid AND a.attnum = ANY (f.conkey))"""
    )
    # The database itself makes these of an entry, whose tenant a head refers to: a key of theirs
    # would let each entry lock the tenant's one row.
    of_entries = {"ledger_unsealedentry", "ledger_ledgerleaf"}
    found = {"accounts_tenant"}
    while more := {table for table, target in keys if target in found} - found:
        found |= more
    assert found >= tenant_tables() - of_entries
    assert not {table for table, _target in keys} & of_entries


def test_a_duplicate_never_reveals_another_tenants_row() -> None:
    unique = rows(
        """SELECT c.relname, ARRAY(SELECT a.attname::text FROM pg_attribute a
                                    WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey::int2[]))
             FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
            WHERE i.indisunique AND NOT i.indisprimary
              AND c.relnamespace = 'public'::regnamespace"""
    )
    across = {
        (table, frozenset(columns))
        for table, columns in unique
        if table in tenant_tables() and "tenant_id" not in columns
    }
    assert across == UNIQUE_ACROSS_TENANTS
