"""PostgreSQL and Redis of the local stack, or the real servers that the environment names."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tools.localstack import roles, stack
from tools.localstack.errors import LocalServerError
from tools.localstack.folders import (
    clone_mark,
    invoking_user,
    server_home,
    server_user,
    socket_folder,
    write_private,
)
from tools.localstack.postgres import DURABLE, Cluster
from tools.localstack.programs import bundled_postgres, copied_postgres, find_redis
from tools.localstack.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST_LOG_BYTES: Final = 10_000_000


@dataclass(frozen=True, kw_only=True)
class LocalServers:
    """What this stack runs itself, and the URLs of everything."""

    cluster: Cluster | None
    redis: RedisServer | None
    database_url: str
    database_owner_url: str
    database_superuser_url: str
    redis_url: str

    def remove_socket_folders(self) -> None:
        """Leave nothing in the temp folder. Call it after the servers are stopped."""
        folders = [self.cluster.sockets] if self.cluster else []
        if self.redis is not None:
            self.redis.socket.unlink(missing_ok=True)
            folders.append(self.redis.socket.parent)
        for folder in folders:
            with contextlib.suppress(OSError):  # not empty: not ours to judge
                folder.rmdir()

    def info(self, amends_url: str) -> stack.StackInfo:
        """The same as told to other commands."""
        return stack.StackInfo(
            pid=os.getpid(),
            amends_url=amends_url,
            database_url=self.database_url,
            database_owner_url=self.database_owner_url,
            database_superuser_url=self.database_superuser_url,
            redis_url=self.redis_url,
        )


def planned(root: Path, environment: Mapping[str, str]) -> LocalServers:
    """Decide what to run, without starting it. The caller holds the stack's lock.

    With DATABASE_URL the database is somebody else's, and so are its roles. A REDIS_URL that is
    set but empty means no Redis at all.
    """
    logs = stack.folder(root) / "log"
    logs.mkdir(exist_ok=True)
    redis = _redis(root, logs) if "REDIS_URL" not in environment else None
    redis_url = environment.get("REDIS_URL", "") if redis is None else redis.url
    if environment.get("DATABASE_URL"):
        return LocalServers(
            cluster=None,
            redis=redis,
            database_url=environment["DATABASE_URL"],
            database_owner_url=environment.get("DATABASE_OWNER_URL", ""),
            database_superuser_url=environment.get("DATABASE_SUPERUSER_URL", ""),
            redis_url=redis_url,
        )
    cluster = _cluster(root, logs)
    passwords = _passwords(stack.folder(root) / "roles.json")
    return LocalServers(
        cluster=cluster,
        redis=redis,
        database_url=cluster.url(roles.WEB, passwords.web, roles.DATABASE),
        database_owner_url=cluster.url(roles.OWNER, passwords.owner, roles.DATABASE),
        database_superuser_url=cluster.url(roles.SUPERUSER, None, roles.DATABASE),
        redis_url=redis_url,
    )


def start_cluster(root: Path, cluster: Cluster) -> bool:
    """Create the cluster if it is missing, start it, and see to its roles; True if it is new."""
    created = cluster.ensure_created()
    cluster.start()
    roles.ensure_roles(
        cluster.url(roles.SUPERUSER, None, "postgres"),
        _passwords(stack.folder(root) / "roles.json"),
        owner_may_create=False,
    )
    return created


def _cluster(root: Path, logs: Path) -> Cluster:
    home = server_home(stack.folder(root), root)
    user = server_user(home)
    return Cluster(
        data=home / "data",
        sockets=socket_folder(f"{clone_mark(root)}-pg", user),
        log=_log(logs / "postgres.log"),
        user=user,
        programs=copied_postgres(home) if user.is_other else bundled_postgres(),
        settings=DURABLE,
    )


def _redis(root: Path, logs: Path) -> RedisServer | None:
    program = find_redis()
    if program is None:
        return None
    home = stack.folder(root) / "redis"
    home.mkdir(mode=0o700, exist_ok=True)
    return RedisServer(
        program=program,
        folder=home,
        socket=socket_folder(f"{clone_mark(root)}-redis", invoking_user()) / "redis.sock",
        log=_log(logs / "redis.log"),
        keeps_data=True,
    )


def _passwords(path: Path) -> roles.Passwords:
    """The two passwords. Each start sets them in the cluster, so a lost file is no loss."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return roles.Passwords(owner=content["owner"], web=content["web"])
    except FileNotFoundError:
        content = {"owner": secrets.token_hex(24), "web": secrets.token_hex(24)}
        write_private(path, content)
        return roles.Passwords(owner=content["owner"], web=content["web"])
    except (ValueError, KeyError, TypeError) as error:
        raise LocalServerError(f"{path} is damaged; remove it, a new one is made") from error


def _log(path: Path) -> Path:
    """A log file to append to; one that has grown large is put aside first."""
    if path.exists() and path.stat().st_size > _LARGEST_LOG_BYTES:
        path.replace(path.with_suffix(".old.log"))
    return path
