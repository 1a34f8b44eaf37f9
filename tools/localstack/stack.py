"""The running local stack: who holds it, and how others find its servers.

A lock file is held for life by the supervisor. The lock, not a process number in a file, decides
whether a stack runs: it is gone the moment the supervisor is, however it ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TextIO

from tools.localstack import LocalServerError
from tools.localstack.folders import write_private

_LOCK: Final = "stack.lock"
_STATE: Final = "stack.json"
#: A reader asks for the lock for an instant; the supervisor tries a little longer than that.
_LOCK_ATTEMPTS: Final = 10
_LOCK_PAUSE_SECONDS: Final = 0.05


def folder(root: Path) -> Path:
    """The folder of local data under ``root``."""
    return root / "var"


def running(root: Path) -> dict[str, str] | None:
    """What the stack of the checkout ``root`` published, or None if none runs or it is starting.

    Raises LocalServerError if another user runs it, whose passwords this one may not read.
    """
    lock = folder(root) / _LOCK
    try:
        with lock.open() as file:
            if _take(file, fcntl.LOCK_SH):
                return None
        state: dict[str, str] = json.loads((folder(root) / _STATE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise LocalServerError(
            f"{error.filename} belongs to another user: run this command as the user who ran"
            " make run, or set DATABASE_URL"
        ) from error
    return state


@contextlib.contextmanager
def held(root: Path, url: str) -> Iterator[None]:
    """Hold the lock of this checkout; ``url`` is told to whoever comes second.

    Raises LocalServerError naming the holder's process number and URL.
    """
    var = folder(root)
    var.mkdir(exist_ok=True)
    path = var / _LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError as error:
        raise LocalServerError(
            f"{path} belongs to another user, who started here before"
        ) from error
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        _take_or_name_holder(file)
        (var / _STATE).unlink(missing_ok=True)
        file.truncate(0)
        file.seek(0)
        json.dump({"pid": os.getpid(), "url": url}, file)
        file.flush()
        try:
            yield
        finally:
            (var / _STATE).unlink(missing_ok=True)


def publish(root: Path, environment: Mapping[str, str]) -> None:
    """Let other commands find the stack. The caller holds the lock.

    ``environment`` is what they would have in theirs: AMENDS_URL (without a final slash),
    DATABASE_URL, DATABASE_OWNER_URL and DATABASE_SUPERUSER_URL (either may be empty where the
    database is not ours) and REDIS_URL (empty without Redis). It holds passwords: the file is for
    this user alone.
    """
    write_private(folder(root) / _STATE, environment)


def _take(file: TextIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _take_or_name_holder(file: TextIO) -> None:
    for _ in range(_LOCK_ATTEMPTS):
        if _take(file, fcntl.LOCK_EX):
            return
        time.sleep(_LOCK_PAUSE_SECONDS)
    file.seek(0)
    try:
        holder = json.loads(file.read())
    except ValueError:
        raise LocalServerError("another start is under way here") from None
    raise LocalServerError(
        f"already running here: process {holder['pid']} at {holder['url']}"
        f" (stop it with Ctrl-C there, or with: kill {holder['pid']})"
    )
