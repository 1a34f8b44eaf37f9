"""A whole installation on servers of its own, whose processes are killed at random."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from redis import Redis

from tests.database import ROOT
from tests.faults.test_queues import descendants
from tools.localstack.folders import private_folder, server_user
from tools.localstack.postgres import DURABLE, Cluster, Passwords
from tools.localstack.programs import find_redis
from tools.localstack.redis_server import RedisServer

_START_SECONDS = 60.0
#: What `manage.py worker` runs beside a broker: two pools over it, two by itself, the publisher.
PARTS = 5
_STEADY_SECONDS = 6.0
#: What happens, and how often compared with the others: SIGKILL, except to a Redis that is emptied
#: or stopped.
KINDS = {"part": 6, "worker": 2, "redis": 2, "flush": 2, "stop": 1, "postgres": 1}
_WITHOUT_REDIS_SECONDS = 3.0


class Installation:
    """PostgreSQL, Redis, a web server and a worker; each may be killed and comes back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        user = server_user()
        if user.is_other:
            # Ours; the server's user may only pass through it.
            folder.chmod(0o711)
        self.cluster = Cluster(
            home=private_folder(folder / "pg", user), sockets=private_folder(folder / "s", user),
            log=folder / "postgres.log", settings=DURABLE, passwords=Passwords(),
        )  # fmt: skip
        program = find_redis()
        assert program is not None, "the development requirements bring Redis"
        home = folder / "redis"
        home.mkdir(mode=0o700)
        self.redis = RedisServer(
            program=program, folder=home, socket=home / "redis.sock", log=folder / "redis.log",
            keeps_data=False,
        )  # fmt: skip
        self.url = ""
        self._web: subprocess.Popen[bytes] | None = None
        self._worker: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What the programs find in their environment."""
        urls = self.cluster.urls()
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings.test",
            "DATABASE_URL": urls["DATABASE_URL"],
            "DATABASE_OWNER_URL": urls["DATABASE_OWNER_URL"],
            "REDIS_URL": self.redis.url,
            "PYTHONUNBUFFERED": "1",
        }

    def manage(self, *arguments: str, **more: str) -> str:
        """Run a command of `manage.py` to its end and return what it says."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, capture_output=True, text=True,
            env={**self.environment, **more}, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        """Start everything, with the demo's people."""
        self.cluster.open()
        self.redis.start()
        self.manage("migrate", "--verbosity", "0", AMENDS_DB_ROLE="owner")
        self.manage("load_demo")
        web = [
            *(sys.executable, "-m", "gunicorn", "config.wsgi:application"),
            *("--config", str(ROOT / "deploy" / "gunicorn_conf.py"), "--bind", "127.0.0.1:0"),
            *("--workers", "1", "--threads", "4", "--no-control-socket"),
        ]
        self._web = self._process(web, "web.log")
        self.start_worker()
        self.url = self._said("web.log", r"Listening at: (http://[\d.:]+)")

    def start_worker(self) -> None:
        """Start `manage.py worker`."""
        self._worker = self._process([sys.executable, "manage.py", "worker"], "worker.log")

    def hit(self, what: str, choice: random.Random) -> None:
        """Do one of `KINDS`, and start again what nobody else does."""
        assert self._worker is not None
        if what == "part":
            below = descendants(self._worker.pid)
            if below:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(choice.choice(below), signal.SIGKILL)
        elif what == "worker":
            self._worker.kill()
            self._worker.wait()
            self.start_worker()
        elif what == "flush":
            with Redis.from_url(self.redis.url) as client:
                client.flushall()
        elif what == "stop":
            self.redis.stop()
            time.sleep(_WITHOUT_REDIS_SECONDS)
            self.redis.start()
        else:
            service = self.redis if what == "redis" else self.cluster
            assert service.process is not None
            service.process.kill()
            service.process.wait()
            service.process = None
            time.sleep(choice.uniform(0, 1))
            service.start()

    def every_part_lives(self) -> None:
        """Wait until the worker has all of its parts again, each for longer than a restart."""
        assert self._worker is not None
        until, since, parts = time.monotonic() + _START_SECONDS, time.monotonic(), set[int]()
        while time.monotonic() - since < _STEADY_SECONDS or len(parts) != PARTS:
            assert time.monotonic() < until, self.logs()
            below = Path(f"/proc/{self._worker.pid}/task/{self._worker.pid}/children")
            now = {int(each) for each in below.read_text().split()}
            if now != parts:
                parts, since = now, time.monotonic()
            time.sleep(0.1)

    def stop(self) -> None:
        """End everything."""
        for process in (self._worker, self._web):
            if process is not None and process.poll() is None:
                below = descendants(process.pid)
                process.kill()
                process.wait()
                for pid in below:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        self.redis.stop()
        self.cluster.stop()

    def logs(self) -> str:
        """Return the end of what the programs have said."""
        found = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {path.name}\n{path.read_text()[-3000:]}" for path in found)

    def _process(self, command: list[str], log: str) -> subprocess.Popen[bytes]:
        with (self.folder / log).open("ab") as file:
            return subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=file, stderr=subprocess.STDOUT
            )

    def _said(self, log: str, pattern: str) -> str:
        until = time.monotonic() + _START_SECONDS
        while (found := re.search(pattern, (self.folder / log).read_text())) is None:
            assert time.monotonic() < until, self.logs()
            time.sleep(0.05)
        return found[1]


@contextlib.contextmanager
def under_fire(installation: Installation, choice: random.Random) -> Iterator[list[str]]:
    """Hit something every second or so for as long as the body runs; yields what was hit."""
    over, hits, faults = threading.Event(), [], []

    def fire() -> None:
        # Each kind once, and then by lot.
        first = choice.sample(list(KINDS), k=len(KINDS))
        while not over.wait(choice.uniform(0.5, 2.0)):
            what = first.pop() if first else choice.choices(list(KINDS), list(KINDS.values()))[0]
            try:
                installation.hit(what, choice)
                hits.append(what)
            except BaseException as fault:  # noqa: BLE001  -- shown by the test's own thread
                faults.append(fault)
                return

    thread = threading.Thread(target=fire)
    thread.start()
    try:
        yield hits
    finally:
        over.set()
        thread.join(60)
    assert faults == []
