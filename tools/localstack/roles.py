"""The database and its roles on a local cluster.

``amends_owner`` owns the database and runs migrations, ``amends_app`` cannot log in and receives
the grants, ``amends_web`` logs in and is a member of it. Only the superuser is above the guards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql

DATABASE: Final = "amends"
SUPERUSER: Final = "postgres"
OWNER: Final = "amends_owner"
APP: Final = "amends_app"
WEB: Final = "amends_web"


@dataclass(frozen=True, kw_only=True)
class Passwords:
    """Passwords of the two roles that log in by password."""

    owner: str
    web: str


def ensure_roles(superuser_url: str, passwords: Passwords, *, owner_may_create: bool) -> None:
    """Make database and roles what they must be, whatever they were; safe to repeat.

    ``superuser_url`` reaches the ``postgres`` database. ``owner_may_create`` lets the owner create
    databases, which tests need to clone their template, and is off otherwise.
    """
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        creation = "CREATEDB" if owner_may_create else "NOCREATEDB"
        _ensure_role(connection, OWNER, f"LOGIN {creation}", passwords.owner)
        _ensure_role(connection, APP, "NOLOGIN NOCREATEDB", None)
        _ensure_role(connection, WEB, "LOGIN NOCREATEDB", passwords.web)
        _run(connection, "GRANT {} TO {} WITH INHERIT TRUE, SET FALSE, ADMIN FALSE", APP, WEB)
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if found.fetchone() is None:
            _run(connection, "CREATE DATABASE {} OWNER {}", DATABASE, OWNER)
        _run(connection, "REVOKE TEMP, CREATE ON DATABASE {} FROM PUBLIC", DATABASE)
    with psycopg.connect(superuser_url, dbname=DATABASE, autocommit=True) as connection:
        _run(connection, "ALTER SCHEMA public OWNER TO {}", OWNER)
        _run(connection, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")


def _ensure_role(
    connection: psycopg.Connection, role: str, options: str, password: str | None
) -> None:
    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    if found.fetchone() is None:
        _run(connection, "CREATE ROLE {}", role)
    limits = "NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION INHERIT"
    statement = sql.SQL("ALTER ROLE {} {} PASSWORD {}").format(
        sql.Identifier(role), sql.SQL(f"{limits} {options}"), sql.Literal(password)
    )
    connection.execute(statement)


def _run(connection: psycopg.Connection, template: str, *identifiers: str) -> None:
    connection.execute(sql.SQL(template).format(*map(sql.Identifier, identifiers)))
