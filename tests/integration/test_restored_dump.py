"""A dump that was taken before, put back by `pg_restore`: everything in it fits, and it is told."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from ledger.broken import Broken
from ledger.models import LedgerTree
from ledger.tenancy import system_scope
from ledger.tree import anchor_comparison
from ledger.tree.anchoring import anchor_due
from ledger.tree.sealer import seal_due
from ledger.verify import Report, verify_tenant
from tests import states
from tests.database import use_database
from tests.sealed import forget_anchors, sealed
from tests.world import World
from tools.localstack.programs import bundled_postgres

SUPERUSER = "DATABASE_SUPERUSER_URL"


def _run(program: str, *arguments: str) -> None:
    subprocess.run([bundled_postgres() / program, *arguments], check=True, capture_output=True)


def _url(name: str) -> str:
    return urlunsplit(urlsplit(os.environ[SUPERUSER])._replace(path=f"/{name}"))


@contextmanager
def restored(dump: Path) -> Iterator[None]:
    """The application works with what was dumped, for the length of the block."""
    name = f"restored_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(os.environ[SUPERUSER], autocommit=True) as superuser:
        superuser.execute(f"CREATE DATABASE {name}".encode())
        try:
            _run("pg_restore", "--exit-on-error", "--dbname", _url(name), str(dump))
            before = use_database(name)
            try:
                yield
            finally:
                use_database(before)
        finally:
            superuser.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def database() -> str:
    """Return the name of the database that the application works with."""
    return str(connection.settings_dict["NAME"])


def tree(tenant: uuid.UUID) -> LedgerTree:
    with system_scope("seal"):
        return LedgerTree.objects.get(tenant_id=tenant)


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """Where checkpoints are kept outside."""
    settings.AMENDS_ANCHOR_DIR = str(tmp_path / "anchors")
    (tmp_path / "anchors").mkdir()
    yield tmp_path / "anchors"
    forget_anchors()


@pytest.mark.parametrize(
    ("by", "stamped"), [("this process", True), ("this process", False), ("another process", True)]
)
def test_who_works_on_while_an_old_dump_is_put_back_seals_nothing(
    world: World, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *,
    by: str, stamped: bool,
) -> None:  # fmt: skip
    """A worker that has compared knows what the database said then, and the old one says the same:
    it sees that the tree was larger, or that somebody has put another anchor there (where the file
    system says when that was)."""
    if not stamped:
        monkeypatch.setattr(anchor_comparison, "changed_at", lambda *_given: 0)
    tenant = world.system.tenant_id
    older = sealed(tenant)
    assert anchor_due(tenant) is True
    dump = tmp_path / "dump"
    _run("pg_dump", "--format", "custom", "--file", str(dump), _url(database()))
    # All that there is is compared, and that the database says up to where it was put.
    anchor_comparison._compared_at.clear()  # noqa: SLF001  -- as in a new process
    assert seal_due(tenant) is False
    known = dict(anchor_comparison._compared_at)  # noqa: SLF001  -- what the process knows
    assert known[tenant].known == older.size
    states.new_item(world.analyst)
    newer = sealed(tenant)
    if by == "another process":
        anchor_comparison._compared_at.update(known)  # noqa: SLF001  -- this one has seen none of it
    assert anchor_due(tenant) is True
    with restored(dump):
        assert tree(tenant).anchored_size == older.size
        states.new_item(world.analyst)
        assert seal_due(tenant) is False
        assert tree(tenant).sealed_size == older.size
        assert tree(tenant).trouble.startswith(
            f"ROLLBACK: outside there is a signed checkpoint of {newer.size} "
        )
    states.new_item(world.analyst)
    assert seal_due(tenant) is True
    assert tree(tenant).trouble == ""


def test_an_old_dump_is_a_rollback(world: World, folder: Path, tmp_path: Path) -> None:
    tenant = world.system.tenant_id
    older = sealed(tenant)
    assert anchor_due(tenant) is True
    dump = tmp_path / "dump"
    _run("pg_dump", "--format", "custom", "--file", str(dump), _url(database()))
    states.new_item(world.analyst)
    newer = sealed(tenant)
    assert anchor_due(tenant) is True
    assert newer.size > older.size
    with restored(dump):
        assert tree(tenant).sealed_size == older.size
        with pytest.raises(
            Broken, match=f"of {newer.size} entries, in the database one of"
        ) as told:
            verify_tenant(tenant, Report())
        assert told.value.kind == "rollback"
        # Where work begins, it is seen without anything that waits to be sealed.
        call_command("sweep", "--once", verbosity=0)
        assert tree(tenant).trouble.startswith(
            f"ROLLBACK: outside there is a signed checkpoint of {newer.size} "
        )
        anchor_comparison._compared_at.clear()  # noqa: SLF001  -- as in a new process
        states.new_item(world.analyst)
        assert seal_due(tenant) is False
        assert tree(tenant).sealed_size == older.size
        assert len([*(folder / str(tenant)).glob("*.checkpoint")]) == 2
    # The right database goes on.
    anchor_comparison._compared_at.clear()  # noqa: SLF001  -- as above
    states.new_item(world.analyst)
    assert seal_due(tenant) is True
    assert tree(tenant).trouble == ""
