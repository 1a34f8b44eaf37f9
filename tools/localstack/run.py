"""``python -m tools.localstack.run``: everything a developer needs, in one foreground process.

PostgreSQL and Redis, migrations, demo data, web server and worker; Ctrl-C stops all of it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

import psycopg

from tools.localstack import orphans, stack, web
from tools.localstack.console import Console
from tools.localstack.errors import LocalServerError
from tools.localstack.folders import PROJECT
from tools.localstack.parts import Part, Service, StopRequested, Watched, watch
from tools.localstack.prepare import Preparation
from tools.localstack.servers import LocalServers, planned, start_cluster
from tools.localstack.stopping import StopSignal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Names of the people of the demo (tenant demo; outsider belongs to tenant other).
DEMO_LOGINS: Final = (
    "analyst surveyor underwriter compliance operator approver auditor bystander admin",
    "outsider (of another tenant, sees nothing of this one)",
)
DEMO_PASSWORD: Final = "amends-demo"  # noqa: S105 - printed at every start, for invented people
_NO: Final = frozenset({"", "0", "false", "no", "off"})
_LAST_PORT: Final = 65535
#: Known to the owner's migrations and to the superuser alone.
_NOT_FOR_THE_APPLICATION: Final = ("DATABASE_OWNER_URL", "DATABASE_SUPERUSER_URL", "AMENDS_DB_ROLE")


def main(root: Path = PROJECT) -> int:
    """Run the checkout ``root`` until a signal asks to stop; 0 then, 1 if the start fails."""
    console = Console()
    stop = StopSignal()
    stop.listen()
    try:
        port = _port()
        url = f"http://{web.HOST}:{port}"
        with stack.held(root, url):
            _Run(root=root, port=port, url=url, console=console, stop=stop).run()
    except LocalServerError as error:
        console.line("amends", f"{error}")
        return 1
    except StopRequested:
        pass
    console.line("amends", "stopped")
    return 0


def _port() -> int:
    """Return where to listen. Raises LocalServerError when `PORT` is no port."""
    said = os.environ.get("PORT") or "8000"
    if not (said.isascii() and said.isdigit() and 0 < int(said) <= _LAST_PORT):
        raise LocalServerError(f"PORT: must be a whole number from 1 to {_LAST_PORT}")
    return int(said)


class _Run:
    """One start, under the lock."""

    def __init__(
        self, *, root: Path, port: int, url: str, console: Console, stop: StopSignal
    ) -> None:
        self.root = root
        self.port = port
        self.url = url
        self.console = console
        self.stop = stop
        self.demo = os.environ.get("AMENDS_DEMO", "1").lower() not in _NO

    def run(self) -> None:
        """Start everything in order, watch it, and stop everything in the opposite order."""
        mark = str(stack.folder(self.root).resolve())
        if orphans.stop_marked(mark):
            self.console.line("amends", "stopped what an earlier start had left running")
        web.refuse_port_in_use(self.port)
        servers = planned(self.root, os.environ)
        environment = self._application_environment(servers, mark)
        started: list[Service] = []
        try:
            started += self._start_servers(servers)
            self._prepare(servers, environment)
            # Published before the pages answer: a failing page is best looked into from a shell.
            stack.publish(self.root, servers.info(self.url))
            parts = self._parts(environment)
            for part in parts:
                started.append(part)
                part.start()
            web.wait_for_first_page(self.port, parts[0], self.stop)
            if not self.stop.is_set():
                self._greet()
                watch([Watched(service=one, console=self.console) for one in started], self.stop)
        finally:
            self.console.line("amends", "stopping")
            _stop_all(started)
            servers.remove_socket_folders()

    def _start_servers(self, servers: LocalServers) -> list[Service]:
        started: list[Service] = []
        try:
            if servers.cluster is not None:
                started.append(servers.cluster)
                created = start_cluster(self.root, servers.cluster)
                state = "new database" if created else "ready"
                self.console.line("postgres", f"{state}; its log: {servers.cluster.log}")
            else:
                self.console.line("postgres", "using DATABASE_URL")
            if servers.redis is not None:
                started.append(servers.redis)
                servers.redis.start()
                self.console.line("redis", f"ready; its log: {servers.redis.log}")
            elif servers.redis_url:
                self.console.line("redis", "using REDIS_URL")
            else:
                self.console.line("redis", "none: work is found by looking once a second")
        except BaseException:
            _stop_all(started)
            raise
        return started

    def _prepare(self, servers: LocalServers, environment: Mapping[str, str]) -> None:
        try:
            Preparation(
                root=self.root,
                servers=servers,
                environment=environment,
                demo=self.demo,
                console=self.console,
                stop=self.stop,
            ).run()
        except psycopg.Error as error:
            raise LocalServerError(f"the database refused a question: {error}") from error

    def _application_environment(self, servers: LocalServers, mark: str) -> dict[str, str]:
        """What web and worker see: the application's role, never the owner's or superuser's."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in _NOT_FOR_THE_APPLICATION
        }
        environment.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
        return environment | {
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis_url,
            "AMENDS_URL": self.url,
            "AMENDS_DEMO": "1" if self.demo else "0",
            "PYTHONUNBUFFERED": "1",
            orphans.MARK: mark,
        }

    def _parts(self, environment: Mapping[str, str]) -> list[Part]:
        gunicorn = [
            *(sys.executable, "-m", "gunicorn", "config.wsgi:application"),
            *("--bind", f"{web.HOST}:{self.port}", "--workers", "2", "--threads", "4"),
            *("--graceful-timeout", "5", "--no-control-socket", "--access-logfile", "-"),
            *("--access-logformat", "%(m)s %(U)s %(s)s %(M)sms"),
        ]
        worker = [sys.executable, str(self.root / "manage.py"), "worker"]
        return [
            Part(
                name=name,
                command=command,
                environment=environment,
                folder=self.root,
                console=self.console,
            )
            for name, command in (("web", gunicorn), ("worker", worker))
        ]

    def _greet(self) -> None:
        lines = ["", f"  Amends is running at  {self.url}/", ""]
        if self.demo:
            lines += [f"  Log in as  {DEMO_LOGINS[0]}"]
            lines += [f"        or   {other}" for other in DEMO_LOGINS[1:]]
            lines += [f"  Password   {DEMO_PASSWORD}", ""]
        lines += ["  Ctrl-C stops everything.", ""]
        self.console.plain("\n".join(lines) + "\n")


def _stop_all(started: list[Service]) -> None:
    """Stop in the opposite order of the start: the worker and web first, PostgreSQL last."""
    for service in started:
        if isinstance(service, Part):
            service.ask_to_stop()
    while started:
        started.pop().stop()


if __name__ == "__main__":
    sys.exit(main())
