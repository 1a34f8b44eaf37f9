"""Who sees whose rows, read from the catalogue: one policy for the application, and roles
of their own for the few jobs that look across tenants.

What each of those may do is written out by hand, in `opened_tables`.
"""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.db import ProgrammingError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from pytest_django.plugin import DjangoDbBlocker

from ledger.tenancy import SystemScope, system_scope
from tests.architecture.test_catalogue import APP_ROLE, rows, tenant_tables
from tests.database import ROOT, cloned
from tests.security.doors import refused
from tests.security.opened_tables import ALL_COLUMNS, OPENED, SHARED
from tests.world import World

TENANT = "({key} = (NULLIF(current_setting('amends.tenant_id'::text, true), ''::text))::uuid)"
SCOPES: dict[SystemScope, str] = {
    "login": "amends_login",
    "dispatch": "amends_dispatch",
    "sweep": "amends_sweep",
    "verify": "amends_verify",
    "seal": "amends_seal",
    "erase": "amends_erase",
}


def policies() -> list[tuple[Any, ...]]:
    return rows(
        """SELECT roles::text[], tablename, policyname, permissive, cmd, qual, with_check
             FROM pg_policies WHERE schemaname = 'public' AND policyname <> 'owner_all'"""
    )


def granted(role: str) -> set[tuple[str, str, str, str]]:
    """Return what a role was granted in this database: on whole tables, and on columns."""
    tables = rows(
        """SELECT c.relname::text, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
            WHERE a.grantee = %s::regrole AND NOT a.is_grantable""",
        role,
    )
    columns = rows(
        """SELECT c.relname::text, a.privilege_type, string_agg(t.attname, ' ' ORDER BY attnum)
             FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a
            WHERE a.grantee = %s::regrole GROUP BY 1, 2""",
        role,
    )
    return {(role, *found, ALL_COLUMNS) for found in tables} | {(role, *found) for found in columns}


def in_any_order(
    opened: set[tuple[str, str, str, str]],
) -> set[tuple[str, str, str, frozenset[str]]]:
    return {(role, table, cmd, frozenset(columns.split())) for role, table, cmd, columns in opened}


@pytest.mark.django_db
def test_the_owner_sees_every_row_that_it_has_to_migrate() -> None:
    found = rows("SELECT tablename FROM pg_policies WHERE policyname = 'owner_all' AND cmd = 'ALL'")
    assert {table for (table,) in found} == tenant_tables()


@pytest.mark.django_db
def test_the_application_has_exactly_one_policy_a_table_and_it_is_the_tenants() -> None:
    own = [found for found in policies() if APP_ROLE in found[0] or "public" in found[0]]
    assert sorted(table for _roles, table, *_ in own) == sorted(tenant_tables())
    for roles, table, _name, permissive, command, using, check in own:
        text = TENANT.format(key="id" if table == "accounts_tenant" else "tenant_id")
        assert (roles, permissive, command) == ([APP_ROLE], "PERMISSIVE", "ALL"), table
        assert [re.sub(r"\s+AS \"?\w+\"?", "", each) for each in (using, check)] == [text, text], (
            table
        )


@pytest.mark.django_db
def test_the_scopes_have_the_listed_policies_and_grants_and_no_others() -> None:
    others = [found for found in policies() if found[0] != [APP_ROLE]]
    opened = {(*roles, table, cmd) for roles, table, _name, _permissive, cmd, *_ in others}
    assert opened == {found[:3] for found in OPENED if found[1] not in SHARED}
    for roles, table, _name, _permissive, command, using, check in others:
        if roles == ["amends_erase"]:
            text = TENANT.format(key="tenant_id")
            wanted = (None if command == "INSERT" else text,
                      text if command in {"INSERT", "UPDATE"} else None)  # fmt: skip
            assert (using, check) == wanted, table
            continue
        everything = ("true", "true" if command == "UPDATE" else None)
        assert (using, check) == ((None, "true") if command == "INSERT" else everything), table
    held = {found for role in SCOPES.values() for found in granted(role)}
    assert in_any_order(held) == in_any_order(OPENED)


@pytest.mark.django_db
def test_the_scopes_are_plain_roles_that_the_application_may_become_and_does_not_inherit() -> None:
    names = sorted(SCOPES.values())
    plain = rows(
        """SELECT rolname::text, rolcanlogin, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole,
                  rolreplication FROM pg_roles WHERE rolname = ANY(%s) ORDER BY 1""",
        names,
    )
    assert plain == [(name, *(False,) * 6) for name in names]
    members = rows(
        """SELECT roleid::regrole::text, member::regrole::text, inherit_option, set_option,
                  admin_option
             FROM pg_auth_members WHERE roleid::regrole::text = ANY(%s)
               AND member::regrole::text <> 'postgres' ORDER BY 1""",
        names,
    )
    assert members == [(name, APP_ROLE, False, True, False) for name in names]
    usable = rows("SELECT pg_has_role(current_user, oid, 'USAGE') FROM pg_roles"
                  " WHERE rolname = ANY(%s)", names)  # fmt: skip
    assert usable == [(False,)] * len(names)


def test_each_scope_is_its_role_and_the_application_again_afterwards(world: World) -> None:
    before = who()
    for scope, role in SCOPES.items():
        with system_scope(scope):
            assert who() == role
        assert who() == before


def test_nested_scopes_restore_the_outer_one(world: World) -> None:
    before = who()
    with transaction.atomic():
        with system_scope("verify"):
            with system_scope("login"):
                assert who() == "amends_login"
            assert who() == "amends_verify"
            with refused("division by zero"), system_scope("sweep"):
                rows("SELECT 1 / 0")
            assert who() == "amends_verify"
        assert who() == before


@pytest.mark.parametrize(
    ("scope", "statement"),
    [
        ("login", "SELECT count(id) FROM workitems_workitem"),
        ("dispatch", "SELECT count(id) FROM workitems_workitem"),
        ("sweep", "SELECT count(id) FROM ledger_ledgerentry"),
        ("verify", "SELECT max(title) FROM workitems_workitem"),
        ("dispatch", "DELETE FROM ledger_outboxtask"),
        ("sweep", "INSERT INTO executions_executionjob (execution_id) VALUES (NULL)"),
    ],
)
def test_a_scope_may_not_do_what_is_not_opened_to_it(
    world: World, scope: SystemScope, statement: str
) -> None:
    with refused("permission denied", ProgrammingError), system_scope(scope):
        rows(statement)


def test_a_role_that_is_no_scope_cannot_be_entered(world: World) -> None:
    for role in ("amends_owner", "postgres"):
        with refused("permission denied to set role", ProgrammingError), transaction.atomic():
            rows("SELECT set_config('role', %s, true)", role)


def older(superuser: psycopg.Connection[Any]) -> None:
    """Make a database what it was while scopes were a setting and their policies the app role's."""
    scope = "nullif(current_setting('amends.scope', true), '')"
    tenant = "nullif(current_setting('amends.tenant_id', true), '')::uuid"
    found = superuser.execute(
        "SELECT tablename, policyname FROM pg_policies WHERE policyname <> 'owner_all'"
    ).fetchall()
    # Tables that came later were never otherwise.
    then = {table for table, _name in found if f"public.{table}\n" in " ".join(of_the_migrations())}
    for table, name in found:
        if table not in then:
            continue
        if name == "tenant_rows":
            key = "id" if table == "accounts_tenant" else "tenant_id"
            change = f"ALTER POLICY tenant_rows ON {table} USING ({key} = {tenant})"
        else:
            change = f"DROP POLICY {name} ON {table}"
        superuser.execute(change.encode())
    for role, table, command, _columns in OPENED:
        if table in then and table not in SHARED:
            asked = role.removeprefix("amends_")
            superuser.execute(
                f"CREATE POLICY scope_{asked}_{command.lower()} ON {table} FOR {command}"
                f" TO {APP_ROLE} USING ({scope} = '{asked}')".encode()
            )
    for role in SCOPES.values():
        named_then = ", ".join(sorted(then))
        superuser.execute(f"REVOKE ALL ON {named_then} FROM {role}".encode())


@pytest.mark.usefixtures("django_db_setup")
def test_a_database_from_before_the_roles_comes_to_the_same(
    django_db_blocker: DjangoDbBlocker, worker_id: str
) -> None:
    with django_db_blocker.unblock(), cloned(f"older_{worker_id}") as name:
        made = (everything(), {role: granted(role) for role in SCOPES.values()})
        with psycopg.connect(named("DATABASE_SUPERUSER_URL", name), autocommit=True) as superuser:
            older(superuser)
        assert everything() != made[0]
        with psycopg.connect(named("DATABASE_OWNER_URL", name)) as owner:
            for statement in of_the_migrations():
                owner.execute(statement.encode())
        assert (everything(), {role: granted(role) for role in SCOPES.values()}) == made


@pytest.mark.usefixtures("django_db_setup")
def test_policies_with_a_subquery_come_to_the_same(
    django_db_blocker: DjangoDbBlocker, worker_id: str
) -> None:
    changes = MigrationLoader(None).disk_migrations["ledger", "0012_plans_that_stay"].operations
    with django_db_blocker.unblock(), cloned(f"subqueries_{worker_id}") as name:
        made = everything()
        with psycopg.connect(named("DATABASE_SUPERUSER_URL", name), autocommit=True) as superuser:
            for table in sorted(tenant_tables()):
                key = "id" if table == "accounts_tenant" else "tenant_id"
                tenant = "(SELECT nullif(current_setting('amends.tenant_id', true), '')::uuid)"
                superuser.execute(
                    f"ALTER POLICY tenant_rows ON {table}"
                    f" USING ({key} = {tenant}) WITH CHECK ({key} = {tenant})".encode()
                )
        still = [each for each in everything() if each in made]
        assert "tenant_rows" not in {policy for _schema, _table, policy, *_ in still}
        with psycopg.connect(named("DATABASE_OWNER_URL", name)) as owner:
            for operation in changes:
                owner.execute(str(vars(operation)["sql"]).encode())
        assert everything() == made


def of_the_migrations() -> list[str]:
    """Return what the migrations do that make scopes roles."""
    found = MigrationLoader(None).disk_migrations
    roles = [found[key] for key in sorted(found) if key[1].endswith("_roles")]
    assert len(roles) >= 8
    return [str(vars(operation)["sql"]) for each in roles for operation in each.operations]


def everything() -> list[tuple[Any, ...]]:
    return rows("SELECT * FROM pg_policies WHERE schemaname = 'public' ORDER BY 2, 3")


def named(variable: str, database: str) -> str:
    """Return the address that a variable has, of another database."""
    return urlunsplit(urlsplit(os.environ[variable])._replace(path=f"/{database}"))


@pytest.mark.django_db
def test_the_file_that_makes_the_roles_names_these() -> None:
    written = (ROOT / "deploy" / "roles.sql").read_text(encoding="utf-8")
    assert "ARRAY['app', 'login', 'dispatch', 'sweep', 'verify', 'seal', 'erase']" in written
    assert {f"amends_{scope}" for scope in SCOPES} == set(SCOPES.values())


def who() -> str:
    """Return the role that statements of this connection run as."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user::text")
        (name,) = cursor.fetchone()
    return str(name)
