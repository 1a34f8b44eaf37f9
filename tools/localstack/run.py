"""``python -m tools.localstack.run``: everything a developer needs, in one foreground process.

PostgreSQL and Redis, migrations, demo data, web server and worker; Ctrl-C stops all of it.
"""

from __future__ import annotations

import http.client
import os
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools.localstack import LocalServerError, orphans, stack
from tools.localstack.folders import PROJECT
from tools.localstack.greeting import Greeting
from tools.localstack.prepare import Preparation
from tools.localstack.servers import LocalServers, planned
from tools.localstack.services import Part, Service, watch
from tools.localstack.terminal import Console, StopRequested, StopSignal

#: Development settings only ever listen here.
HOST: Final = "127.0.0.1"
_FIRST_PAGE_SECONDS: Final = 90.0
_ANSWER_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.1
_SERVER_ERROR: Final = 500
_NO: Final = frozenset({"", "0", "false", "no", "off"})
_LAST_PORT: Final = 65535
#: Known to the owner's migrations and to the superuser alone.
_NOT_FOR_THE_APPLICATION: Final = ("DATABASE_OWNER_URL", "DATABASE_SUPERUSER_URL", "AMENDS_DB_ROLE")


def main(root: Path = PROJECT) -> int:
    """Run the checkout ``root`` until a signal asks to stop; 0 then, 1 if the start fails."""
    console = Console()
    stop = StopSignal()
    try:
        port = _port()
        with stack.held(root, f"http://{HOST}:{port}"):
            _Run(root, port, console, stop).run()
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

    def __init__(self, root: Path, port: int, console: Console, stop: StopSignal) -> None:
        self.root = root
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self.console = console
        self.stop = stop
        self.demo = os.environ.get("AMENDS_DEMO", "1").lower() not in _NO

    def run(self) -> None:
        """Start everything in order, watch it, and stop everything in the opposite order."""
        mark = str(stack.folder(self.root).resolve())
        if orphans.stop_marked(mark):
            self.console.line("amends", "stopped what an earlier start had left running")
        _refuse_port_in_use(self.port)
        servers = planned(self.root, os.environ)
        environment = self._application_environment(servers, mark)
        started: list[Service] = []
        try:
            with self.console.busy("amends", "starting the servers"):
                self._start_servers(servers, started)
            Preparation(
                root=self.root,
                servers=servers,
                environment=environment,
                demo=self.demo,
                console=self.console,
                stop=self.stop,
            ).run()
            # Published before the pages answer: a failing page is best looked into from a shell.
            stack.publish(self.root, {**servers.environment, "AMENDS_URL": self.url})
            parts = self._parts(environment)
            for part in parts:
                started.append(part)
                part.start()
            with self.console.busy("web", "waiting for the first page"):
                self._wait_for_first_page(parts[0])
            if not self.stop.wait(0):
                greeting = Greeting(self.url, self.console, demo=self.demo)
                greeting.say()
                watch(started, self.console, self.stop, greeting.say_again_when_quiet)
        finally:
            self.console.line("amends", "stopping")
            _stop_all(started)
            servers.remove_socket_folders()

    def _start_servers(self, servers: LocalServers, started: list[Service]) -> None:
        if servers.cluster is not None:
            started.append(servers.cluster)
            state = "new database" if servers.cluster.open() else "ready"
            self.console.line("postgres", f"{state}; its log: {servers.cluster.log}")
        else:
            self.console.line("postgres", "using DATABASE_URL")
        if servers.redis is not None:
            started.append(servers.redis)
            servers.redis.start()
            self.console.line("redis", f"ready; its log: {servers.redis.log}")
        elif servers.environment["REDIS_URL"]:
            self.console.line("redis", "using REDIS_URL")
        else:
            self.console.line("redis", "none: work is found by looking once a second")

    def _application_environment(self, servers: LocalServers, mark: str) -> dict[str, str]:
        """What web and worker see: the application's role, never the owner's or superuser's."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in _NOT_FOR_THE_APPLICATION
        }
        environment.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
        return environment | {
            "DATABASE_URL": servers.environment["DATABASE_URL"],
            "REDIS_URL": servers.environment["REDIS_URL"],
            "AMENDS_URL": self.url,
            "AMENDS_DEMO": "1" if self.demo else "0",
            "PYTHONUNBUFFERED": "1",
            orphans.MARK: mark,
        }

    def _parts(self, environment: Mapping[str, str]) -> list[Part]:
        gunicorn = [
            *(sys.executable, "-m", "gunicorn", "config.wsgi:application"),
            *("--config", str(self.root / "deploy" / "gunicorn_conf.py")),
            *("--bind", f"{HOST}:{self.port}", "--graceful-timeout", "5", "--no-control-socket"),
            # As it was sent, still percent-encoded: what is decoded could forge a line.
            *("--access-logformat", "%(r)s %(s)s %(M)sms"),
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

    def _wait_for_first_page(self, web: Part) -> None:
        """Return once the page answers or it is to stop; LocalServerError if it never does."""
        deadline = time.monotonic() + _FIRST_PAGE_SECONDS
        while not self.stop.wait(_POLL_SECONDS):
            status = _status(self.port)
            if status is not None and status < _SERVER_ERROR:
                return
            if web.ended() is not None:
                raise LocalServerError("the web server ended before its first page; see its lines")
            if status is not None:
                raise LocalServerError(
                    f"the first page is an error (status {status}); see its lines"
                )
            if time.monotonic() > deadline:
                raise LocalServerError(f"no page within {_FIRST_PAGE_SECONDS:.0f} s; see its lines")


def _refuse_port_in_use(port: int) -> None:
    """Raise LocalServerError if something listens on the port already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise LocalServerError(
                f"PORT: {HOST}:{port} cannot be used ({error.strerror});"
                " choose another, for example: PORT=8001 make run"
            ) from error


def _status(port: int) -> int | None:
    connection = http.client.HTTPConnection(HOST, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _stop_all(started: list[Service]) -> None:
    """Stop in the opposite order of the start: the worker and web first, PostgreSQL last."""
    for service in started:
        if isinstance(service, Part):
            service.ask_to_stop()
    while started:
        started.pop().stop()


if __name__ == "__main__":
    sys.exit(main())
