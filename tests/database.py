"""The test database: migrated once as the owner, cloned per worker, used as the application's role.

One alias only. The set-up connects as the owner (`DATABASE_OWNER_URL`), builds a template under an
advisory lock, clones it for this worker and hands the app role's connection to the tests, so that
row security, grants and guards hold in every test as they do in service.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections

ROOT = Path(__file__).resolve().parents[1]
_LOCK = 7_301_944
# Rows that stand for a tenant as long as it lives. Each test leaves two tenants, and whoever looks
# for due work would step over all of them: after a thousand tests that is most of a test's time.
FORGET = "left_behind.forget"
_FORGET = f"""
CREATE SCHEMA left_behind;
CREATE FUNCTION {FORGET}(tenants uuid[]) RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp BEGIN ATOMIC
    {{}}
END;
GRANT USAGE ON SCHEMA left_behind TO amends_app
"""
_OF_APPS = ("compensation_undocheck", "cases_missednewscheck", "audit_ledgerwatch")


def _fingerprint() -> str:
    """Name the template by the apps and the migrations' text: what changes makes a new template."""
    digest = hashlib.sha256(repr(settings.INSTALLED_APPS).encode())
    for path in sorted(
        [*ROOT.glob("*/migrations/*.py"), *ROOT.glob("config/demo/migrations/*.py")]
    ):
        digest.update(path.read_bytes())
    digest.update((ROOT / "ledger" / "sql.py").read_bytes())
    return digest.hexdigest()[:12]


def _admin() -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True)


@contextmanager
def cloned(worker: str) -> Iterator[str]:
    """Give this worker a fresh clone of the migrated template; drop it afterwards."""
    template = f"amends_template_{_fingerprint()}"
    name = f"amends_test_{worker}_{os.getpid()}"
    with _admin() as admin:
        admin.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            _ensure_template(admin, template)
            clone(admin, template, name)
        finally:
            admin.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
    previous = use_database(name)
    try:
        yield name
    finally:
        use_database(previous)
        # As superuser: a back end that is still leaving belongs to another role than the owner's.
        with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as superuser:
            superuser.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def clone(admin: psycopg.Connection[tuple[object, ...]], template: str, name: str) -> None:
    """Clone `template` as `name`; privileges on a database are not cloned, so TEMP goes again."""
    admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy".encode())
    admin.execute(f"REVOKE TEMP, CREATE ON DATABASE {name} FROM PUBLIC".encode())
    installed = [each for each in _OF_APPS if apps.is_installed(each.partition("_")[0])]
    deleted = "\n    ".join(
        f"DELETE FROM public.{each} WHERE tenant_id = ANY(tenants);"  # noqa: S608  -- own names
        for each in installed
    )
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], dbname=name) as owner:
        owner.execute(_FORGET.format(deleted).encode())


def use_database(name: str) -> str:
    """Point the one alias at another database of the same server and return the former name."""
    connection = connections["default"]
    connection.close()
    previous = str(connection.settings_dict["NAME"])
    connection.settings_dict["NAME"] = name
    return previous


def _ensure_template(admin: psycopg.Connection[tuple[object, ...]], template: str) -> None:
    if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone():
        return
    building = f"{template}_new"
    admin.execute(f"DROP DATABASE IF EXISTS {building} WITH (FORCE)".encode())
    admin.execute(f"CREATE DATABASE {building}".encode())
    admin.execute(f"REVOKE TEMP, CREATE ON DATABASE {building} FROM PUBLIC".encode())
    connection = connections["default"]
    settings = connection.settings_dict
    owner = psycopg.conninfo.conninfo_to_dict(os.environ["DATABASE_OWNER_URL"])
    kept = {key: settings[key] for key in ("NAME", "USER", "PASSWORD")}
    connection.close()
    settings.update(NAME=building, USER=owner["user"], PASSWORD=owner.get("password", ""))
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        connection.close()
        settings.update(kept)
    admin.execute(f"ALTER DATABASE {building} RENAME TO {template}".encode())
