"""The supervisor of the local servers, on real servers and real processes that get killed."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tools.localstack import orphans, stack
from tools.localstack.folders import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE_SECONDS = 60.0

#: A project small enough to start in an instant, whose parts write down what they were given.
_MANAGE = """
import os, signal, sys
from pathlib import Path
import psycopg

command = sys.argv[1]
names = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_SUPERUSER_URL", "REDIS_URL", "AMENDS_URL")
given = "".join(f"{name}={os.environ.get(name)}\\n" for name in names)
Path(f"{command}.seen").write_text(given)
if Path(f"{command}.fails").exists():
    sys.exit(f"{command} was told to fail")
if command == "migrate":
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as connection:
        connection.execute("CREATE TABLE django_migrations (id int)")
        connection.execute("CREATE TABLE kept (value text)")
        connection.execute("GRANT SELECT, INSERT ON kept TO amends_app")
if command == "collectstatic":
    Path("var/staticfiles").mkdir(exist_ok=True)
if command == "worker":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"worker is process {os.getpid()}", flush=True)
    while True:
        signal.pause()
"""
_WSGI = """
import os

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    names = ("DATABASE_OWNER_URL", "DATABASE_SUPERUSER_URL")
    return [" ".join(name for name in names if name in os.environ).encode() or b"app role alone"]
"""
_START = """
import sys
from pathlib import Path
from tools.localstack.run import main
sys.exit(main(Path(sys.argv[1])))
"""


class Supervisor:
    """A running supervisor and its lines."""

    def __init__(self, root: Path, port: int, **environment: str) -> None:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DATABASE_", "REDIS_", "AMENDS_", "PG", "DJANGO_"))
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START, str(root)],
            cwd=PROJECT,
            env={**inherited, "PORT": str(port), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.seen: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                self._lines.put(line.rstrip())
        self._lines.put(None)

    def wait_for(self, text: str) -> str:
        """The next line that contains ``text``."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            line = self._lines.get(timeout=max(deadline - time.monotonic(), 0.01))
            assert line is not None, f"ended without {text!r}:\n" + "\n".join(self.seen)
            self.seen.append(line)
            if text in line:
                return line

    def wait_until_running(self) -> None:
        """Pages answer and the worker works; which comes first is chance."""
        for text in ("Ctrl-C stops everything", "worker is process"):
            if not any(text in line for line in self.seen):
                self.wait_for(text)

    @property
    def worker(self) -> int:
        """Process number of the first worker, as it told."""
        return int(next(line for line in self.seen if "worker is process" in line).split()[-1])

    def end(self, number: signal.Signals | None = None) -> int:
        """Send the signal, if any, and return the exit code; its lines are in ``seen``."""
        if number is not None:
            self.process.send_signal(number)
        code = self.process.wait(_PATIENCE_SECONDS)
        if number is not signal.SIGKILL:  # what a killed one leaves behind keeps the pipe open
            self._reader.join(_PATIENCE_SECONDS)
            while (line := self._lines.get()) is not None:
                self.seen.append(line)
        return code

    @property
    def output(self) -> str:
        return "\n".join(self.seen)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A small project, in a folder whose name has what shells stumble over."""
    root = tmp_path / 'it\'s a "project"'
    (root / "config/settings").mkdir(parents=True)
    (root / "manage.py").write_text(_MANAGE)
    (root / "config/__init__.py").touch()
    (root / "config/wsgi.py").write_text(_WSGI)
    (root / "deploy").mkdir()
    (root / "deploy/gunicorn_conf.py").write_text('workers = 2\nthreads = 4\naccesslog = "-"\n')
    (root / "requirements.txt").touch()
    yield root
    var = stack.folder(root)
    orphans.stop_marked(str(var.resolve()))
    orphans.stop_redis(var / "redis")
    orphans.stop_postgres(var / "postgres/data")
    if (var / "postgres").is_symlink():
        shutil.rmtree((var / "postgres").readlink())


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def supervisor(root: Path, port: int) -> Iterator[Supervisor]:
    """A supervisor that shows its pages."""
    started = Supervisor(root, port)
    started.wait_until_running()
    yield started
    if started.process.poll() is None:
        started.end(signal.SIGTERM)


def _page(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        return str(answer.read().decode())


def _urls(root: Path) -> dict[str, str]:
    urls = stack.running(root)
    assert urls is not None
    return urls


def _postmaster(root: Path) -> int:
    return int((stack.folder(root) / "postgres/data/postmaster.pid").read_text().split()[0])


def _gone(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def _redis_pid(urls: dict[str, str]) -> int:
    path = urls["REDIS_URL"].removeprefix("unix://").partition("?")[0]
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(path)
        client.sendall(b"INFO server\r\n")
        answer = client.recv(65536).decode()
    return int(answer.partition("process_id:")[2].split()[0])


def test_it_gives_each_part_what_it_may_have_and_stops_all(
    supervisor: Supervisor, root: Path, port: int
) -> None:
    urls = _urls(root)
    lock = (stack.folder(root) / "stack.lock").read_text()
    assert json.loads(lock)["pid"] == supervisor.process.pid
    assert urls["AMENDS_URL"] == f"http://127.0.0.1:{port}"
    assert _page(port) == "app role alone"
    for command in ("worker", "load_demo", "collectstatic"):
        assert (root / f"{command}.seen").read_text() == (
            f"DATABASE_URL={urls['DATABASE_URL']}\nDATABASE_OWNER_URL=None\n"
            f"DATABASE_SUPERUSER_URL=None\nREDIS_URL={urls['REDIS_URL']}\n"
            f"AMENDS_URL=http://127.0.0.1:{port}\n"
        )
    seen = (root / "migrate.seen").read_text()
    assert f"DATABASE_OWNER_URL={urls['DATABASE_OWNER_URL']}\n" in seen
    assert "DATABASE_SUPERUSER_URL=None\n" in seen
    pids = [_postmaster(root), _redis_pid(urls)]
    assert supervisor.end(signal.SIGINT) == 0
    assert supervisor.seen[-1] == "amends   | stopped"
    assert [pid for pid in pids if not _gone(pid)] == []
    assert stack.running(root) is None


def test_roles_have_exactly_their_rights(supervisor: Supervisor, root: Path) -> None:
    urls = _urls(root)
    with psycopg.connect(urls["DATABASE_SUPERUSER_URL"]) as connection:
        rows = connection.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolcanlogin,"
            " pg_has_role(rolname, 'amends_app', 'USAGE'),"
            " has_database_privilege(rolname, 'amends', 'TEMP'),"
            " has_database_privilege(rolname, 'amends', 'CREATE'),"
            " has_schema_privilege(rolname, 'public', 'CREATE')"
            " FROM pg_roles WHERE rolname LIKE 'amends%' ORDER BY rolname"
        ).fetchall()
        version = connection.info.server_version // 10000
    no = False
    assert rows == [
        ("amends_app", no, no, no, no, False, True, no, no, no),
        ("amends_dispatch", no, no, no, no, False, False, no, no, no),
        ("amends_erase", no, no, no, no, False, False, no, no, no),
        ("amends_login", no, no, no, no, False, False, no, no, no),
        ("amends_owner", no, no, no, no, True, False, True, True, True),
        ("amends_seal", no, no, no, no, False, False, no, no, no),
        ("amends_sweep", no, no, no, no, False, False, no, no, no),
        ("amends_verify", no, no, no, no, False, False, no, no, no),
        ("amends_web", no, no, no, no, True, True, no, no, no),
    ]
    assert version == 18
    password = urls["DATABASE_URL"].partition("amends_web:")[2].partition("@")[0]
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(urls["DATABASE_URL"].replace(password, "guessed"))


def test_a_second_start_names_the_first_and_leaves_it_alone(
    supervisor: Supervisor, root: Path, port: int
) -> None:
    before = (_postmaster(root), _redis_pid(_urls(root)))
    second = Supervisor(root, port)
    assert second.end() == 1
    assert second.output == (
        f"amends   | already running here: process {supervisor.process.pid} at"
        f" http://127.0.0.1:{port} (stop it with Ctrl-C there, or with:"
        f" kill {supervisor.process.pid})"
    )
    assert (_postmaster(root), _redis_pid(_urls(root))) == before
    assert _page(port) == "app role alone"


def test_after_kill_9_of_the_supervisor_the_next_start_reuses_the_data(
    supervisor: Supervisor, root: Path, port: int
) -> None:
    urls = _urls(root)
    with psycopg.connect(urls["DATABASE_URL"]) as connection:
        connection.execute("INSERT INTO kept VALUES ('here')")
    orphaned = [_postmaster(root), _redis_pid(urls), supervisor.worker]
    assert supervisor.end(signal.SIGKILL) == -signal.SIGKILL
    assert stack.running(root) is None
    assert not any(map(_gone, orphaned))
    (root / "migrate.seen").unlink()
    following = Supervisor(root, port)
    following.wait_until_running()
    assert "amends   | stopped what an earlier start had left running" in following.seen
    assert all(map(_gone, orphaned))
    with psycopg.connect(_urls(root)["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT value FROM kept").fetchall() == [("here",)]
    # Nothing had changed, so nothing was migrated.
    assert not (root / "migrate.seen").exists()
    assert following.end(signal.SIGTERM) == 0


def test_a_busy_back_end_that_outlived_everything_does_not_block_the_next_start(
    supervisor: Supervisor, root: Path, port: int
) -> None:
    busy = psycopg.connect(_urls(root)["DATABASE_URL"])
    backend = busy.info.backend_pid

    def work() -> None:
        with contextlib.suppress(psycopg.OperationalError):
            busy.execute("SELECT count(*) FROM generate_series(1, 1000000000000)")

    thread = threading.Thread(target=work)
    thread.start()
    with psycopg.connect(_urls(root)["DATABASE_SUPERUSER_URL"], autocommit=True) as connection:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        state = None
        while state != ("active",):
            assert time.monotonic() < deadline
            state = connection.execute(
                "SELECT state FROM pg_stat_activity WHERE pid = %s", [backend]
            ).fetchone()
    postmaster = _postmaster(root)
    assert supervisor.end(signal.SIGKILL) == -signal.SIGKILL
    os.kill(postmaster, signal.SIGKILL)
    following = Supervisor(root, port)
    following.wait_until_running()
    thread.join(_PATIENCE_SECONDS)
    assert _gone(backend)
    busy.close()
    assert following.end(signal.SIGTERM) == 0


def test_a_part_that_is_killed_is_started_again_and_it_says_so(
    supervisor: Supervisor, root: Path, port: int
) -> None:
    urls = _urls(root)
    for name, pid in (
        ("postgres", _postmaster(root)),
        ("redis", _redis_pid(urls)),
        ("worker", supervisor.worker),
    ):
        os.kill(pid, signal.SIGKILL)
        told = supervisor.wait_for(f"{name} ended unexpectedly")
        assert told == f"amends   | {name} ended unexpectedly (signal SIGKILL); next start in 1 s"
        supervisor.wait_for(f"{name} is started again")
    with psycopg.connect(urls["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert _redis_pid(urls) > 0
    assert _page(port) == "app role alone"


def test_a_port_in_use_is_refused_before_anything_starts(root: Path, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        refused = Supervisor(root, port)
        assert refused.end() == 1
    assert refused.output == (
        f"amends   | PORT: 127.0.0.1:{port} cannot be used (Address already in use);"
        " choose another, for example: PORT=8001 make run"
    )
    assert not (stack.folder(root) / "postgres").exists()


def test_a_failing_step_stops_the_servers_and_names_the_step(root: Path, port: int) -> None:
    (root / "load_demo.fails").touch()
    failed = Supervisor(root, port)
    assert failed.end() == 1
    assert "demo     | load_demo was told to fail" in failed.seen
    assert failed.seen[-1] == "amends   | demo failed with exit code 1; see its lines above"
    assert not (stack.folder(root) / "postgres/data/postmaster.pid").exists()
    assert not (root / "worker.seen").exists()


def test_an_empty_redis_url_means_none_and_a_database_url_is_used_as_it_is(
    supervisor: Supervisor, root: Path, tmp_path: Path, port: int
) -> None:
    real = _urls(root)
    other = tmp_path / "other"
    shutil.copytree(root, other, ignore=shutil.ignore_patterns("var", "*.seen"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        other_port = int(probe.getsockname()[1])
    started = Supervisor(other, other_port, DATABASE_URL=real["DATABASE_URL"], REDIS_URL="")
    started.wait_until_running()
    urls = _urls(other)
    assert (urls["DATABASE_URL"], urls["DATABASE_OWNER_URL"], urls["REDIS_URL"]) == (
        real["DATABASE_URL"],
        "",
        "",
    )
    assert "\nREDIS_URL=\n" in (other / "worker.seen").read_text()
    assert not (other / "migrate.seen").exists()
    assert not (stack.folder(other) / "postgres").exists()
    assert not (stack.folder(other) / "redis").exists()
    assert started.end(signal.SIGTERM) == 0
    with psycopg.connect(real["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
