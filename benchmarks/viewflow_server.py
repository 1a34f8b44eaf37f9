"""django-viewflow in an environment, a database and a process of its own, asked line by line.

It is installed once, from `viewflow/requirements.txt`, into `var/`: it is no part of the product.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from benchmarks.preparing import ROOT

HERE = Path(__file__).resolve().parent / "viewflow"
ENVIRONMENT = ROOT / "var" / "viewflow"
DATABASE = "viewflow"


class Viewflow:
    """The running process."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self._process = process
        self.url = url

    def run(self, flow: str, number: int) -> float:
        """Run so many processes of a flow, one after the other, and return the seconds."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("viewflow is asked and answers through pipes")
        self._process.stdin.write(f"{flow} {number}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("viewflow ended; what it said is above")
        return float(answer)


@contextlib.contextmanager
def viewflow(owner_url: str) -> Iterator[Viewflow]:
    """Install it if need be, make its database beside ours, and run it while the body runs."""
    program = _installed()
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    url = urlunsplit(urlsplit(owner_url)._replace(path=f"/{DATABASE}"))
    environment = {
        **os.environ,
        "VIEWFLOW_DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "five_steps.viewflow_settings",
        "PYTHONPATH": str(HERE),
    }
    django = [str(program), "-m", "django"]
    subprocess.run([*django, "migrate", "--verbosity", "0"], check=True, env=environment)
    with subprocess.Popen(
        [*django, "serve"], env=environment, text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            yield Viewflow(process, url)
        finally:
            process.terminate()


def _installed() -> Path:
    """Return the Python of an environment that holds what the lock file says, made where it is
    not there yet."""
    lock, stamp = HERE / "requirements.txt", ENVIRONMENT / "installed-from.txt"
    program = ENVIRONMENT / "bin" / "python"
    wanted = lock.read_text("utf-8")
    if not (stamp.exists() and stamp.read_text("utf-8") == wanted and program.exists()):
        print("installing django-viewflow into an environment of its own; once", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
        pip = [str(program), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-input", "--require-hashes", "-r", str(lock)], check=True)
        stamp.write_text(wanted, "utf-8")
    return program
