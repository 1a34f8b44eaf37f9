"""Find and stop server processes left behind by a supervisor that was killed.

Only Linux's /proc is read; without it nothing is found, and a left-behind server then shows as an
error of the new one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_PATIENCE_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.02

#: Set in the environment of the web server and the worker, so that a later start knows them.
MARK: Final = "AMENDS_LOCAL_STACK"


def stop_postgres(data: Path) -> None:
    """Stop every PostgreSQL process that works in ``data``.

    A postmaster is asked for a fast shutdown. Back ends that outlived a killed postmaster would
    block the next start while they are busy, so they are told to quit at once.
    """
    found = _working_in(data, ("postgres",))
    masters = {pid for pid in found if b"-D" in _words(pid, "cmdline")}
    if masters:
        _send(masters, signal.SIGINT)
    else:
        _send(found, signal.SIGQUIT)
    _finish(found)


def stop_redis(folder: Path) -> None:
    """Stop every Redis or Valkey process that works in ``folder``."""
    found = _working_in(folder, ("redis", "valkey"))
    _send(found, signal.SIGTERM)
    _finish(found)


def stop_marked(mark: str) -> bool:
    """Stop every process that carries ``mark`` in its environment; True if there was one."""
    wanted = os.fsencode(f"{MARK}={mark}")
    found = {pid for pid in _processes() if wanted in _words(pid, "environ")} - {os.getpid()}
    _send(found, signal.SIGTERM)
    _finish(found)
    return bool(found)


def _processes() -> list[int]:
    if not _PROC.is_dir():
        return []
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal()]


def _working_in(folder: Path, programs: tuple[str, ...]) -> set[int]:
    real = os.path.realpath(folder)
    found = set()
    for pid in _processes():
        # Not those that are gone, zombies, or of another user.
        with contextlib.suppress(OSError):
            cwd = (_PROC / str(pid) / "cwd").readlink()
            program = (_PROC / str(pid) / "exe").readlink()
            if str(cwd) == real and program.name.startswith(programs):
                found.add(pid)
    return found


def _words(pid: int, name: str) -> list[bytes]:
    """What the kernel tells of a process in the file ``name``; nothing if it is gone."""
    try:
        return (_PROC / str(pid) / name).read_bytes().split(b"\0")
    except OSError:
        return []


def _alive(pid: int) -> bool:
    """Whether the process still runs; a zombie holds no file, socket or port any more."""
    state = b"".join(_words(pid, "stat")).rpartition(b") ")[2][:1]
    return state not in {b"", b"Z", b"X"}


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _finish(pids: Iterable[int]) -> None:
    """Wait for the processes to end, and kill what is left after the patience has run out."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while remaining := [pid for pid in pids if _alive(pid)]:
        if time.monotonic() > deadline:
            _send(remaining, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)
