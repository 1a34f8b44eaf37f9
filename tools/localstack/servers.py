"""PostgreSQL and Redis of the local stack, or the real servers that the environment names."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tools.localstack import LocalServerError, stack
from tools.localstack.folders import (
    clone_mark,
    invoking_user,
    server_home,
    server_user,
    socket_folder,
    write_private,
)
from tools.localstack.postgres import DURABLE, Cluster, Passwords
from tools.localstack.programs import find_redis
from tools.localstack.redis_server import RedisServer

_LARGEST_LOG_BYTES: Final = 10_000_000


@dataclass(frozen=True, kw_only=True)
class LocalServers:
    """What this stack runs itself, and the URLs of everything as environment variables."""

    cluster: Cluster | None
    redis: RedisServer | None
    environment: Mapping[str, str]

    def remove_socket_folders(self) -> None:
        """Leave nothing in the temp folder. Call it after the servers are stopped."""
        folders = [self.cluster.sockets] if self.cluster else []
        if self.redis is not None:
            self.redis.socket.unlink(missing_ok=True)
            folders.append(self.redis.socket.parent)
        for folder in folders:
            with contextlib.suppress(OSError):  # not empty: not ours to judge
                folder.rmdir()


def planned(root: Path, environment: Mapping[str, str]) -> LocalServers:
    """Decide what to run, without starting it. The caller holds the stack's lock.

    With DATABASE_URL the database is somebody else's, and so are its roles. A REDIS_URL that is
    set but empty means no Redis at all.
    """
    (stack.folder(root) / "log").mkdir(exist_ok=True)
    redis = _redis(root) if "REDIS_URL" not in environment else None
    cluster = None if environment.get("DATABASE_URL") else _cluster(root)
    names = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_SUPERUSER_URL")
    urls = cluster.urls() if cluster else {name: environment.get(name, "") for name in names}
    urls["REDIS_URL"] = redis.url if redis else environment.get("REDIS_URL", "")
    return LocalServers(cluster=cluster, redis=redis, environment=urls)


def _cluster(root: Path) -> Cluster:
    home = server_home(stack.folder(root), root)
    return Cluster(
        home=home,
        sockets=socket_folder(f"{clone_mark(root)}-pg", server_user(home)),
        log=_log(root, "postgres"),
        settings=DURABLE,
        passwords=_passwords(stack.folder(root) / "roles.json"),
    )


def _redis(root: Path) -> RedisServer | None:
    program = find_redis()
    if program is None:
        return None
    home = stack.folder(root) / "redis"
    home.mkdir(mode=0o700, exist_ok=True)
    return RedisServer(
        program=program,
        folder=home,
        socket=socket_folder(f"{clone_mark(root)}-redis", invoking_user()) / "redis.sock",
        log=_log(root, "redis"),
        keeps_data=True,
    )


def _passwords(path: Path) -> Passwords:
    """The two passwords. Each start sets them in the cluster, so a lost file is no loss."""
    try:
        return Passwords(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        made = Passwords()
        write_private(path, asdict(made))
        return made
    except (ValueError, TypeError) as error:
        raise LocalServerError(f"{path} is damaged; remove it, a new one is made") from error


def _log(root: Path, name: str) -> Path:
    """A log file to append to; one that has grown large is put aside first."""
    path = stack.folder(root) / "log" / f"{name}.log"
    if path.exists() and path.stat().st_size > _LARGEST_LOG_BYTES:
        path.replace(path.with_suffix(".old.log"))
    return path
