"""Run one command with a throw-away PostgreSQL and Redis.

``python -m tools.localstack.ephemeral -- CMD ARGS…``

The command finds DATABASE_URL (the application's role), DATABASE_OWNER_URL,
DATABASE_SUPERUSER_URL and REDIS_URL in its environment. Servers and data are gone when it ends,
however it ends. Any number may run at once.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from tools.localstack import LocalServerError, orphans
from tools.localstack.folders import private_folder, server_user
from tools.localstack.postgres import DURABLE, THROW_AWAY, Cluster, Passwords
from tools.localstack.programs import find_redis
from tools.localstack.redis_server import RedisServer

_LOCK: Final = "lock"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def servers(*, with_redis: bool = True, durable: bool = False) -> Iterator[Mapping[str, str]]:
    """Start a cluster (and Redis, if wanted and there is one) in a temp folder; remove all after.

    Yields what a command needs in its environment to reach them. `durable` makes commits wait for
    the disk, as in service: for timings that mean something. Raises LocalServerError if PostgreSQL
    cannot be started.
    """
    _sweep()
    with contextlib.ExitStack() as last:
        folder = Path(tempfile.mkdtemp(prefix=_prefix()))
        last.callback(shutil.rmtree, folder, ignore_errors=True)
        lock = last.enter_context((folder / _LOCK).open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        cluster = _cluster(folder, DURABLE if durable else THROW_AWAY)
        redis = _redis(folder) if with_redis else None
        last.callback(cluster.stop)
        cluster.open()
        if redis is not None:
            last.callback(redis.stop)
            redis.start()
        yield {**cluster.urls(), "REDIS_URL": redis.url if redis is not None else ""}


def _cluster(folder: Path, settings: Mapping[str, str]) -> Cluster:
    user = server_user()
    if user.is_other:
        # Root keeps the folder; the server's user may only pass through it.
        folder.chmod(0o711)
    return Cluster(
        home=private_folder(folder / "pg", user),
        sockets=private_folder(folder / "s", user),
        log=folder / "postgres.log",
        settings=settings,
        passwords=Passwords(),
        owner_may_create=True,
    )


def _redis(folder: Path) -> RedisServer | None:
    program = find_redis()
    if program is None:
        return None
    home = folder / "redis"
    home.mkdir(mode=0o700)
    return RedisServer(
        program=program,
        folder=home,
        socket=home / "redis.sock",
        log=folder / "redis.log",
        keeps_data=False,
    )


def _prefix() -> str:
    return f"amends-throwaway-{os.geteuid()}-"


def _sweep() -> None:
    """Remove what killed runs of this user left behind: folders whose lock nobody holds."""
    for lock in Path(tempfile.gettempdir()).glob(f"{_prefix()}*/{_LOCK}"):
        folder = lock.parent
        if folder.is_symlink() or folder.lstat().st_uid != os.geteuid():
            continue
        try:
            with lock.open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                orphans.stop_redis(folder / "redis")
                orphans.stop_postgres(folder / "pg/data")
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # in use, or removed by a parallel run
            continue


def _run_command(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command, hand signals on to it, and return its exit code as a shell would."""
    process: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if process is None:
            raise SystemExit(128 + number)
        # The terminal's Ctrl-C reaches the command by itself.
        if number != signal.SIGINT or not _in_foreground():
            process.send_signal(number)

    with _signals(pass_on):
        inherited = {name: value for name, value in os.environ.items() if name[:2] != "PG"}
        process = subprocess.Popen(  # noqa: S603 - the caller's own command
            [*command], env={**inherited, **environment}
        )
        code = process.wait()
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def _signals(handler: signal.Handlers | object) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in _SIGNALS}  # type: ignore[arg-type] # a handler function or constant
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _ignore_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def main(arguments: Sequence[str]) -> int:
    """Command line; returns the command's exit code, or 1 if the servers did not start."""
    parser = argparse.ArgumentParser(prog="python -m tools.localstack.ephemeral")
    parser.add_argument("--redis", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--durable", action="store_true", help="wait for the disk at commit")
    parser.add_argument("command", nargs="+", metavar="CMD")
    options = parser.parse_args(arguments)

    def give_up(number: int, _frame: FrameType | None) -> None:
        _ignore_signals()  # a second one must not interrupt the cleaning up
        raise SystemExit(128 + number)

    try:
        with (
            _signals(give_up),
            servers(with_redis=options.redis, durable=options.durable) as started,
        ):
            code = _run_command(options.command, started)
            _ignore_signals()
            return code
    except (LocalServerError, FileNotFoundError) as error:
        print(f"ephemeral: {error}", file=sys.stderr)  # noqa: T201 - a command line's answer
        return 1 if isinstance(error, LocalServerError) else 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
