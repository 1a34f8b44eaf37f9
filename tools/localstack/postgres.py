"""One PostgreSQL 18 cluster: made, started, asked whether it is ready, stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final
from urllib.parse import quote

import psycopg

from tools.localstack import orphans
from tools.localstack.errors import LocalServerError
from tools.localstack.folders import ServerUser, invoking_user

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tools.localstack.programs import PostgresPrograms

_PORT: Final = 5432
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.02
_LOG_TAIL_BYTES: Final = 2000

#: For data that people keep.
DURABLE: Final[Mapping[str, str]] = {
    "fsync": "on",
    "shared_buffers": "128MB",
    "max_connections": "60",
}
#: For data that die with the run: tests and benchmarks of behaviour.
THROW_AWAY: Final[Mapping[str, str]] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_connections": "120",
}


@dataclass(kw_only=True)
class Cluster:
    """A data folder and the server that runs on it, reachable by socket alone."""

    data: Path
    sockets: Path
    log: Path
    user: ServerUser
    programs: PostgresPrograms
    settings: Mapping[str, str]
    name: str = "postgres"
    process: subprocess.Popen[bytes] | None = None

    def ensure_created(self) -> bool:
        """Run initdb if there is no data folder yet; True if it was made now.

        It is made under another name and renamed, so an interrupted initdb leaves no half cluster.
        """
        if self.data.exists():
            return False
        draft = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        command = [
            str(self.programs.initdb),
            *("-D", str(draft), "-U", "postgres", "--auth=peer", "-E", "UTF8"),
            *("--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8"),
            "--no-instructions",
        ]
        if self.settings["fsync"] == "off":
            command.append("--no-sync")
        with self._popen(command, subprocess.PIPE) as process:
            output, _ = process.communicate()
        if process.returncode != 0:
            raise LocalServerError(f"initdb failed: {output.decode(errors='replace').strip()}")
        draft.rename(self.data)
        return True

    def start(self) -> None:
        """Stop what an earlier supervisor left, start the server and wait until it answers.

        The caller holds the lock on this data folder. Raises LocalServerError with the end of the
        server's log if it does not come up.
        """
        orphans.stop_postgres(self.data)
        # Under the lock, and with nothing left running, these can only be stale; a stale one whose
        # process number was given to another process would refuse the start.
        for stale in (
            self.data / "postmaster.pid",
            self.sockets / f".s.PGSQL.{_PORT}",
            self.sockets / f".s.PGSQL.{_PORT}.lock",
        ):
            stale.unlink(missing_ok=True)
        self._write_access_rules()
        command = [str(self.programs.postgres), "-D", str(self.data), "-k", str(self.sockets)]
        for name, value in {**self.settings, "listen_addresses": "", "port": str(_PORT)}.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self.process = self._popen(command, log)
        self._wait_until_ready()

    def ended(self) -> int | None:
        """The server's exit code if it ended by itself, else None."""
        return None if self.process is None else self.process.poll()

    def stop(self) -> None:
        """Fast shutdown: clients are disconnected, data written. Does nothing if not running."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait()

    def url(self, role: str, password: str | None, database: str) -> str:
        """A libpq URL for ``role`` over this cluster's socket."""
        credentials = role if password is None else f"{role}:{quote(password, safe='')}"
        return f"postgresql://{credentials}@/{database}?host={quote(str(self.sockets), safe='')}"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        conninfo = self.url("postgres", None, "postgres")
        while True:
            if self.process is None or self.process.poll() is not None:
                raise LocalServerError(f"PostgreSQL did not start; its log ends:\n{self._tail()}")
            try:
                psycopg.connect(conninfo, connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    self.stop()
                    raise LocalServerError(
                        f"PostgreSQL did not answer within {_START_SECONDS:.0f} s ({error});"
                        f" its log ends:\n{self._tail()}"
                    ) from error
                time.sleep(_POLL_SECONDS)
            else:
                return

    def _write_access_rules(self) -> None:
        """Superuser by operating-system name (server's and invoking user), others by password."""
        rules = "local all postgres peer map=loc\nlocal all all scram-sha-256\n"
        people = sorted({self.user.name, invoking_user().name})
        quoted = ['"' + name.replace('"', '""') + '"' for name in people]
        (self.data / "pg_hba.conf").write_text(rules, encoding="utf-8")
        (self.data / "pg_ident.conf").write_text(
            "".join(f"loc {name} postgres\n" for name in quoted), encoding="utf-8"
        )

    def _tail(self) -> str:
        return self.log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()

    def _popen(self, command: list[str], output: int | IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a PostgreSQL program as the server's user, with a clean environment."""
        other = self.user.is_other
        try:
            return subprocess.Popen(  # noqa: S603 - fixed programs, argument list, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath},
                cwd="/",
                start_new_session=True,  # Ctrl-C reaches the supervisor alone
                user=self.user.uid if other else None,
                group=self.user.gid if other else None,
                extra_groups=[] if other else None,
            )
        except PermissionError as error:
            raise LocalServerError(
                f"cannot run {command[0]} as user {self.user.name}: {error};"
                " start as an ordinary user, or set DATABASE_URL to a server of your own"
            ) from error
