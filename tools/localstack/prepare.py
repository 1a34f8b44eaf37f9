"""What happens between the servers' start and the web server's: migrations, static files, demo.

A step whose ground has not changed is left out, because starting Django for a migration that has
nothing to do costs seconds of every start.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from tools.localstack import LocalServerError, stack
from tools.localstack.folders import write_private
from tools.localstack.servers import LocalServers
from tools.localstack.services import Part
from tools.localstack.terminal import Console, StopSignal

_IGNORED: Final = frozenset({".venv", "var", ".git", "node_modules", "__pycache__"})

#: What each step does, for whoever waits for it.
DOING: Final = {
    "migrate": "making the tables",
    "static": "gathering style sheets and scripts",
    "demo": "loading the demo's people and examples",
}


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """The steps of one start."""

    root: Path
    servers: LocalServers
    #: The environment that web and worker get: the application's role and no other.
    environment: Mapping[str, str]
    demo: bool
    console: Console
    stop: StopSignal

    def run(self) -> None:
        """Run the steps that are due. Raises LocalServerError naming the step that failed."""
        try:
            self._migrate()
        except psycopg.Error as error:
            raise LocalServerError(f"the database refused a question: {error}") from error
        self._collect_static()
        if self.demo:
            # The command itself looks whether the database is empty.
            self._manage("demo", "load_demo")

    def _migrate(self) -> None:
        owner_url = self.servers.environment["DATABASE_OWNER_URL"]
        if not owner_url:
            self.console.line(
                "migrate", "skipped: DATABASE_OWNER_URL is not set, and only the owner migrates"
            )
            return
        stamp = stack.folder(self.root) / "migrated.json"
        before = self._migrated()
        if before is not None and is_fresh(stamp, before):
            self.console.line("migrate", "nothing to do")
            return
        owner = {"AMENDS_DB_ROLE": "owner", "DATABASE_OWNER_URL": owner_url}
        self._manage("migrate", "migrate", "--no-input", "--verbosity=1", **owner)
        after = self._migrated()
        if after is not None:
            write_private(stamp, after)

    def _migrated(self) -> dict[str, object] | None:
        """The state of the database and of the migration files; None if it was never migrated.

        Only our own cluster is remembered: of another server we may not ask enough to be sure. Its
        number was given by PostgreSQL when it was made. The rows in the table of applied migrations
        are counted because somebody may have migrated by hand since.
        """
        if self.servers.cluster is None:
            return None
        with psycopg.connect(self.servers.environment["DATABASE_SUPERUSER_URL"]) as connection:
            found = connection.execute("SELECT to_regclass('public.django_migrations')").fetchone()
            if found is None or found[0] is None:
                return None
            row = connection.execute(
                "SELECT (SELECT system_identifier::text FROM pg_control_system()),"
                " (SELECT count(*) FROM django_migrations)"
            ).fetchone()
        files = migration_files(self.root, demo=self.demo)
        return None if row is None else {"system": row[0], "applied": row[1], "files": files}

    def _collect_static(self) -> None:
        stamp = stack.folder(self.root) / "staticfiles.json"
        wanted = static_files(self.root)
        if (stack.folder(self.root) / "staticfiles").is_dir() and is_fresh(stamp, wanted):
            return
        self._manage("static", "collectstatic", "--no-input", "--clear", "--verbosity=0")
        write_private(stamp, wanted)

    def _manage(self, part: str, *command: str, **more: str) -> None:
        """Run a command of manage.py, with ``more`` in its environment."""
        with self.console.busy(part, DOING[part]):
            Part(
                name=part,
                command=[sys.executable, str(self.root / "manage.py"), *command],
                environment={**self.environment, **more},
                folder=self.root,
                console=self.console,
            ).run_once(self.stop)


def migration_files(root: Path, *, demo: bool) -> str:
    """Fingerprint of every migration of ours and of the versions of everybody else's."""
    ours = (path for path in _files(root, "migrations") if path.suffix == ".py")
    return _fingerprint(root, [*ours, root / "requirements.txt"], f"demo={demo}")


def static_files(root: Path) -> str:
    """Fingerprint of what collectstatic gathers: our files, others' versions, the settings."""
    settings = (root / "config/settings").glob("*.py")
    ours = _files(root, "static")
    return _fingerprint(root, [*ours, *settings, root / "requirements.txt"], "")


def is_fresh(stamp: Path, wanted: object) -> bool:
    """Whether ``stamp`` says exactly ``wanted``."""
    try:
        return bool(json.loads(stamp.read_text(encoding="utf-8")) == wanted)
    except (OSError, ValueError):
        return False


def _files(root: Path, folder: str) -> Iterator[Path]:
    """Files anywhere below a folder of that name, without walking through what is not ours."""
    for place, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _IGNORED]
        if folder in Path(place).relative_to(root).parts:
            yield from (Path(place, name) for name in files)


def _fingerprint(root: Path, paths: Iterable[Path], extra: str) -> str:
    digest = hashlib.sha256(extra.encode())
    for path in sorted(paths):
        if path.is_file():
            digest.update(f"\0{path.relative_to(root)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
