"""The running local stack: who holds it, and how others find its servers.

A lock file is held for life by the supervisor. The lock, not a process number in a file, decides
whether a stack runs: it is gone the moment the supervisor is, however it ended.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tools.localstack.errors import AlreadyRunningError, LocalServerError
from tools.localstack.folders import write_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_LOCK: Final = "stack.lock"
_STATE: Final = "stack.json"
#: A reader asks for the lock for an instant; the supervisor tries a little longer than that.
_LOCK_ATTEMPTS: Final = 10
_LOCK_PAUSE_SECONDS: Final = 0.05


@dataclass(frozen=True, kw_only=True)
class StackInfo:
    """What a running stack offers. URLs hold passwords; the file is for this user alone."""

    #: Process number of the supervisor.
    pid: int
    #: Where the pages are, without a final slash.
    amends_url: str
    #: As the application's role.
    database_url: str
    #: As the owner, who runs migrations; empty if the servers are not ours and none was named.
    database_owner_url: str
    #: As the superuser, for tests of what even an administrator leaves traces of; may be empty.
    database_superuser_url: str
    #: As redis-py reads it; empty if there is no Redis.
    redis_url: str

    def environment(self) -> dict[str, str]:
        """The same as environment variables."""
        return {
            "DATABASE_URL": self.database_url,
            "DATABASE_OWNER_URL": self.database_owner_url,
            "DATABASE_SUPERUSER_URL": self.database_superuser_url,
            "REDIS_URL": self.redis_url,
            "AMENDS_URL": self.amends_url,
        }


def folder(root: Path) -> Path:
    """The folder of local data under ``root``."""
    return root / "var"


def running(root: Path) -> StackInfo | None:
    """The stack that runs for the checkout ``root``, or None if none does or it is still starting.

    Raises LocalServerError if another user runs it, whose passwords this one may not read.
    """
    lock = folder(root) / _LOCK
    try:
        with lock.open() as file:
            if _take(file, fcntl.LOCK_SH):
                return None
        content = json.loads((folder(root) / _STATE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise LocalServerError(
            f"{error.filename} belongs to another user: run this command as the user who ran"
            " make run, or set DATABASE_URL"
        ) from error
    return StackInfo(**content)


@contextlib.contextmanager
def held(root: Path, url: str) -> Iterator[None]:
    """Hold the lock of this checkout; ``url`` is told to whoever comes second.

    Raises AlreadyRunningError naming the holder's process number and URL.
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


def publish(root: Path, info: StackInfo) -> None:
    """Let other commands find the stack. The caller holds the lock."""
    write_private(folder(root) / _STATE, dataclasses.asdict(info))


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
        raise AlreadyRunningError("another start is under way here") from None
    raise AlreadyRunningError(
        f"already running here: process {holder['pid']} at {holder['url']}"
        f" (stop it with Ctrl-C there, or with: kill {holder['pid']})"
    )
