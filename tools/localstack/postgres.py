"""One PostgreSQL 18 cluster: made, started, asked whether it is ready, stopped; and its roles.

``amends_owner`` owns the database and runs migrations, ``amends_app`` cannot log in and receives
the grants, ``amends_web`` logs in and is a member of it. ``deploy/roles.sql`` has those that cannot
log in. Only the superuser is above the guards.
"""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar, Final
from urllib.parse import quote

import psycopg
from psycopg import sql
from typing_extensions import override

from tools.localstack import LocalServerError, orphans
from tools.localstack.folders import invoking_user, server_user
from tools.localstack.programs import bundled_postgres, copied_postgres
from tools.localstack.services import Service, spawn

_PORT: Final = 5432
_START_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.02
_LOG_TAIL_BYTES: Final = 2000
_DATABASE: Final = "amends"
#: What comes with the server; new databases are copies of the second.
_OTHERS: Final = ("postgres", "template1")
_DEPLOY: Final = Path(__file__).parents[2] / "deploy"
_ROLES: Final = _DEPLOY / "roles.sql"
_NO_LARGE_OBJECTS: Final = _DEPLOY / "large_objects.sql"
_SUPERUSER: Final = "postgres"
_OWNER: Final = "amends_owner"
_APP: Final = "amends_app"
_WEB: Final = "amends_web"

#: For data that people keep.
DURABLE: Final[Mapping[str, str]] = {
    "fsync": "on",
    "shared_buffers": "128MB",
    "max_connections": "200",
}
#: For data that die with the run: tests and benchmarks of behaviour.
THROW_AWAY: Final[Mapping[str, str]] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_connections": "120",
}


@dataclass(frozen=True, kw_only=True)
class Passwords:
    """Passwords of the two roles that log in by password."""

    owner: str = field(default_factory=secrets.token_hex)
    web: str = field(default_factory=secrets.token_hex)


@dataclass(kw_only=True)
class Cluster(Service):
    """A data folder and the server that runs on it, reachable by socket alone.

    ``home`` belongs to the user who runs the server, and has the data and, if that is another user
    than ours, a copy of the programs.
    """

    # SIGTERM would wait for every client to go.
    ending: ClassVar = (signal.SIGINT, 20.0, signal.SIGQUIT)

    name: str = "postgres"
    home: Path
    sockets: Path
    log: Path
    settings: Mapping[str, str]
    passwords: Passwords
    #: Lets the owner create databases: tests clone their template.
    owner_may_create: bool = False

    def __post_init__(self) -> None:
        """Find out who runs it, and with which programs."""
        self.user = server_user(self.home)
        self.data = self.home / "data"
        self.programs = copied_postgres(self.home) if self.user.is_other else bundled_postgres()

    def open(self) -> bool:
        """Create it if it is missing, start it, and see to its roles; True if it is new."""
        created = not self.data.exists()
        if created:
            self._create()
        self.start()
        self._ensure_roles()
        return created

    def urls(self) -> dict[str, str]:
        """The libpq URL of each role that logs in, by the environment variable that has it."""
        web, owner = (quote(said, safe="") for said in (self.passwords.web, self.passwords.owner))
        return {
            "DATABASE_URL": self._url(f"{_WEB}:{web}", _DATABASE),
            "DATABASE_OWNER_URL": self._url(f"{_OWNER}:{owner}", _DATABASE),
            "DATABASE_SUPERUSER_URL": self._url(_SUPERUSER, _DATABASE),
        }

    @override
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
        command = ["postgres", "-D", str(self.data), "-k", str(self.sockets)]
        for name, value in {**self.settings, "listen_addresses": "", "port": str(_PORT)}.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self.process = self._popen(command, log)
        self._wait_until_ready()

    def _create(self) -> None:
        """Run initdb under another name and rename: an interrupted one leaves no half cluster."""
        draft = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        command = [
            *("initdb", "-D", str(draft), "-U", _SUPERUSER, "--auth=peer", "-E", "UTF8"),
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

    def _url(self, credentials: str, database: str) -> str:
        return f"postgresql://{credentials}@/{database}?host={quote(str(self.sockets), safe='')}"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            if self.process is None or self.process.poll() is not None:
                raise LocalServerError(f"PostgreSQL did not start; its log ends:\n{self._tail()}")
            try:
                psycopg.connect(self._url(_SUPERUSER, "postgres"), connect_timeout=5).close()
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

    def _ensure_roles(self) -> None:
        """Make database and roles what they must be, whatever they were; safe to repeat."""
        creation = "CREATEDB" if self.owner_may_create else "NOCREATEDB"
        with psycopg.connect(self._url(_SUPERUSER, "postgres"), autocommit=True) as connection:
            _ensure_role(connection, _OWNER, f"LOGIN {creation}", self.passwords.owner)
            _ensure_role(connection, _WEB, "LOGIN NOCREATEDB", self.passwords.web)
            connection.execute(_ROLES.read_bytes())
            # SET, so that it may become what the application's role may become.
            _run(connection, "GRANT {} TO {} WITH INHERIT TRUE, SET TRUE, ADMIN FALSE", _APP, _WEB)
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_DATABASE])
            if found.fetchone() is None:
                _run(connection, "CREATE DATABASE {} OWNER {}", _DATABASE, _OWNER)
            _run(connection, "REVOKE TEMP, CREATE ON DATABASE {} FROM PUBLIC", _DATABASE)
            # Where nothing is kept, nobody but the superuser has anything to do.
            for database in _OTHERS:
                _run(connection, "REVOKE ALL ON DATABASE {} FROM PUBLIC", database)
        for database in (_DATABASE, *_OTHERS):
            with psycopg.connect(self._url(_SUPERUSER, database), autocommit=True) as connection:
                connection.execute(_NO_LARGE_OBJECTS.read_bytes())
        with psycopg.connect(self._url(_SUPERUSER, _DATABASE), autocommit=True) as connection:
            _run(connection, "ALTER SCHEMA public OWNER TO {}", _OWNER)
            _run(connection, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")

    def _tail(self) -> str:
        return self.log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()

    def _popen(self, command: list[str], output: int | IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a PostgreSQL program as the server's user."""
        program = str(self.programs / command[0])
        as_other: dict[str, Any] = {}
        if self.user.is_other:
            as_other = {"user": self.user.uid, "group": self.user.gid, "extra_groups": []}
        try:
            return spawn([program, *command[1:]], output, cwd="/", **as_other)
        except PermissionError as error:
            raise LocalServerError(
                f"cannot run {program} as user {self.user.name}: {error};"
                " start as an ordinary user, or set DATABASE_URL to a server of your own"
            ) from error


def _ensure_role(connection: psycopg.Connection, role: str, options: str, password: str) -> None:
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
