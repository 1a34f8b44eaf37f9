"""What happens between the servers' start and the web server's: migrations, static files, demo."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.localstack import freshness, stack
from tools.localstack.parts import Part

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tools.localstack.console import Console
    from tools.localstack.servers import LocalServers
    from tools.localstack.stopping import StopSignal


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
        self._migrate()
        self._collect_static()
        if self.demo:
            # The command itself looks whether the database is empty.
            self._manage("demo", "load_demo", environment=self.environment)

    def _migrate(self) -> None:
        owner_url = self.servers.database_owner_url
        if not owner_url:
            self.console.line(
                "migrate", "skipped: DATABASE_OWNER_URL is not set, and only the owner migrates"
            )
            return
        stamp = stack.folder(self.root) / "migrated.json"
        # Only our own cluster is remembered: of another server we may not ask enough to be sure.
        own_url = self.servers.database_superuser_url if self.servers.cluster else ""
        if own_url:
            now = freshness.migrated_now(own_url, self.root, demo=self.demo)
            if now is not None and freshness.is_fresh(stamp, freshness.as_stamp(now)):
                self.console.line("migrate", "nothing to do")
                return
        owner = {
            **self.environment,
            "AMENDS_DB_ROLE": "owner",
            "DATABASE_OWNER_URL": owner_url,
        }
        self._manage("migrate", "migrate", "--no-input", "--verbosity=1", environment=owner)
        if own_url:
            now = freshness.migrated_now(own_url, self.root, demo=self.demo)
            if now is not None:
                freshness.remember(stamp, freshness.as_stamp(now))

    def _collect_static(self) -> None:
        stamp = stack.folder(self.root) / "staticfiles.json"
        wanted = freshness.static_files(self.root)
        if (stack.folder(self.root) / "staticfiles").is_dir() and freshness.is_fresh(stamp, wanted):
            return
        self._manage(
            "static", "collectstatic", "--no-input", "--clear", "--verbosity=0",
            environment=self.environment,
        )  # fmt: skip
        freshness.remember(stamp, wanted)

    def _manage(self, part: str, *command: str, environment: Mapping[str, str]) -> None:
        Part(
            name=part,
            command=[sys.executable, str(self.root / "manage.py"), *command],
            environment=environment,
            folder=self.root,
            console=self.console,
        ).run_once(self.stop)
