"""Find and stop server processes left behind by a supervisor that was killed.

Only Linux's /proc is read; without it nothing is found, and a left-behind server then shows as an
error of the new one.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROC: Final = Path("/proc")
_PATIENCE_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.02

#: Set in the environment of the web server and the worker, so that a later start knows them.
MARK: Final = "AMENDS_LOCAL_STACK"


def stop_postgres(data: Path) -> bool:
    """Stop every PostgreSQL process that works in ``data``; True if there was one.

    A postmaster is asked for a fast shutdown. Back ends that outlived a killed postmaster would
    block the next start while they are busy, so they are told to quit at once.
    """
    found = set(_working_in(data, ("postgres",)))
    masters = {pid for pid in found if b"-D" in _command(pid)}
    if masters:
        _send(masters, signal.SIGINT)
    else:
        _send(found, signal.SIGQUIT)
    _finish(found)
    return bool(found)


def stop_redis(folder: Path) -> bool:
    """Stop every Redis or Valkey process that works in ``folder``; True if there was one."""
    found = set(_working_in(folder, ("redis", "valkey")))
    _send(found, signal.SIGTERM)
    _finish(found)
    return bool(found)


def stop_marked(mark: str) -> bool:
    """Stop every process that carries ``mark`` in its environment; True if there was one."""
    wanted = os.fsencode(f"{MARK}={mark}")
    found = {pid for pid in _processes() if wanted in _environment(pid)} - {os.getpid()}
    _send(found, signal.SIGTERM)
    _finish(found)
    return bool(found)


def _processes() -> Iterator[int]:
    if _PROC.is_dir():
        for entry in _PROC.iterdir():
            if entry.name.isdecimal():
                yield int(entry.name)


def _working_in(folder: Path, programs: tuple[str, ...]) -> Iterator[int]:
    real = os.path.realpath(folder)
    for pid in _processes():
        try:
            cwd = (_PROC / str(pid) / "cwd").readlink()
            program = (_PROC / str(pid) / "exe").readlink()
        except OSError:  # gone, a zombie, or of another user
            continue
        if str(cwd) == real and program.name.startswith(programs):
            yield pid


def _command(pid: int) -> list[bytes]:
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def _environment(pid: int) -> list[bytes]:
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _alive(pid: int) -> bool:
    """Whether the process still runs; a zombie holds no file, socket or port any more."""
    try:
        state = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}


def _send(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _finish(pids: set[int]) -> None:
    """Wait for the processes to end, and kill what is left after the patience has run out."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    remaining = {pid for pid in pids if _alive(pid)}
    while remaining:
        if time.monotonic() > deadline:
            _send(remaining, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)
        remaining = {pid for pid in remaining if _alive(pid)}
