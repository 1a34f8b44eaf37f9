"""The application as a newcomer has it: a web server and a worker, each a process of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.database import ROOT
from tests.subprocesses import environment

START_SECONDS = 60.0
STOP_SECONDS = 30.0
#: What one machine runs, and what many machines run between them.
ONE_MACHINE = {"worker": [sys.executable, str(ROOT / "manage.py"), "worker"]}
_CELERY = [sys.executable, "-m", "celery", "-A", "config", "worker", "--loglevel=INFO", "-c", "2"]
MANY_MACHINES = {
    "lanes": [*_CELERY, "-n", "lanes@%h", "-Q", "undo,engine,notify,upkeep"],
    "work": [*_CELERY, "-n", "work@%h", "-Q", "work"],
    "sweep": [sys.executable, str(ROOT / "manage.py"), "sweep"],
}


@dataclasses.dataclass(frozen=True, slots=True)
class Served:
    """Where the pages are, and the folder of what the processes say."""

    url: str
    folder: Path

    def logs(self) -> str:
        """Return what the processes have said, for the message of a failed test."""
        found = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {path.name}\n{path.read_text()[-8000:]}" for path in found)


@contextlib.contextmanager
def served(
    folder: Path, workers: Mapping[str, Sequence[str]] = ONE_MACHINE, **more: str
) -> Iterator[Served]:
    """Run web server and workers on the test's own database; `more` are environment variables.

    `workers`: their commands by name; one is ready when it says so.
    """
    web = [
        *(sys.executable, "-m", "gunicorn", "config.wsgi:application"),
        *("--config", str(ROOT / "deploy" / "gunicorn_conf.py"), "--bind", "127.0.0.1:0"),
        *("--workers", "1", "--threads", "4", "--no-control-socket"),
    ]
    with contextlib.ExitStack() as running:
        server = running.enter_context(process(web, folder / "web.log", more))
        started = {
            name: running.enter_context(process(command, folder / f"{name}.log", more))
            for name, command in workers.items()
        }
        url = _said(server, folder / "web.log", r"Listening at: (http://[\d.:]+)")
        for name, each in started.items():
            _said(each, folder / f"{name}.log", r"(ready)[.:]")
        yield Served(url, folder)


@contextlib.contextmanager
def process(
    command: Sequence[str], path: Path, more: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process whose words go to a file; ended afterwards."""
    with path.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(**more), stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _said(process: subprocess.Popen[bytes], log: Path, pattern: str) -> str:
    """Wait until the log says something that matches, and return its first group."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        found = re.search(pattern, log.read_text())
        if found is not None:
            return found[1]
        assert process.poll() is None, f"it ended at once:\n{log.read_text()}"
        assert time.monotonic() < deadline, f"it never said {pattern!r}:\n{log.read_text()}"
        time.sleep(0.05)


@contextlib.contextmanager
def working(folder: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `manage.py worker` on the test's database until it is ready."""
    log = folder / "worker.log"
    with process(ONE_MACHINE["worker"], log, more) as worker:
        deadline = time.monotonic() + 60
        while "ready: " not in log.read_text():
            assert worker.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield worker
