"""Throw-away servers: there while the command runs, gone afterwards, however it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from kombu import Connection
from redis import Redis

from config import env
from tools.localstack import ephemeral
from tools.localstack.folders import PROJECT

_REPORT = """
import os, sys, time
print(os.environ["DATABASE_SUPERUSER_URL"].partition("host=")[2], flush=True)
if sys.argv[1:] == ["wait"]:
    time.sleep(600)
sys.exit(7)
"""


def _start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "tools.localstack.ephemeral", "--no-redis", "--"),
            *(sys.executable, "-c", _REPORT, *arguments),
        ],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _folder(process: subprocess.Popen[str]) -> Path:
    """The run's temp folder, told by its command: the parent of the socket folder."""
    assert process.stdout is not None
    return Path(process.stdout.readline().strip().replace("%2F", "/")).parent


def test_the_exit_code_passes_through_and_nothing_stays() -> None:
    with _start() as process:
        folder = _folder(process)
        assert process.wait(60) == 7
    assert folder.name.startswith("amends-throwaway-")
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
def test_a_signal_reaches_the_command_and_the_servers_go(number: signal.Signals) -> None:
    with _start("wait") as process:
        folder = _folder(process)
        postmaster = int((folder / "pg/data/postmaster.pid").read_text().split()[0])
        process.send_signal(number)
        assert process.wait(60) == 128 + number
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(postmaster, 0)


def test_what_a_killed_run_left_behind_is_removed_by_the_next() -> None:
    with _start("wait") as process:
        folder = _folder(process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)
    assert folder.exists()
    with ephemeral.servers(with_redis=False) as started:
        assert not folder.exists()
        with psycopg.connect(started["DATABASE_OWNER_URL"], autocommit=True) as owner:
            owner.execute("CREATE DATABASE clone TEMPLATE amends")
            assert owner.execute("SHOW fsync").fetchone() == ("off",)


def test_two_runs_at_once_do_not_disturb_each_other() -> None:
    with ephemeral.servers() as one, ephemeral.servers() as two:
        assert one["DATABASE_URL"] != two["DATABASE_URL"]
        assert one["REDIS_URL"] != two["REDIS_URL"]
        for started in (one, two):
            with psycopg.connect(started["DATABASE_URL"]) as connection:
                assert connection.execute("SELECT current_user").fetchone() == ("amends_web",)


def test_celery_and_redis_py_meet_in_the_database_that_one_url_names() -> None:
    with ephemeral.servers() as started:
        urls = env.redis_urls(started["REDIS_URL"].replace("db=0", "db=3"))
        with Connection(urls.celery) as connection, connection.SimpleQueue("probe") as queue:
            queue.put("poke")
            with Redis.from_url(urls.client) as third:
                assert third.llen("probe") == 1
