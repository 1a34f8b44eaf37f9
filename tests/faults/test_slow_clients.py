"""Clients that send half a request take nothing away from the others (real gunicorn, loopback)."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from accounts.actions import create_token
from tests.database import ROOT
from tests.subprocesses import environment
from tests.world import World

SLOW = 50
DEADLINE = 6.0
_START_SECONDS = 60.0
HEADERS = b"POST /api/v1/work-items HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: "
BODY = b"POST /api/v1/work-items HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.fixture
def port(world: World, tmp_path: Path) -> Iterator[int]:
    """A server with the documented settings; its log is `tmp_path / "web.log"`."""
    log = tmp_path / "web.log"
    command = [
        *(sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn_conf.py"),
        *("--bind", "127.0.0.1:0", "--no-control-socket", "config.wsgi:application"),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(AMENDS_RECEIVE_SECONDS=str(DEADLINE)),
            stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + _START_SECONDS
        while (found := re.search(r"Listening at: http://[\d.]+:(\d+)", log.read_text())) is None:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        port = int(found[1])
        # Its workers are ready somewhat later than its door.
        assert answered(port, "/accounts/login/", seconds=_START_SECONDS) == 200
        yield port
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


@contextlib.contextmanager
def half_sent(port: int, *requests: bytes) -> Iterator[list[socket.socket]]:
    """Open connections that stop in the middle of what they send."""
    with contextlib.ExitStack() as opened:
        found = []
        for request in requests:
            each = opened.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            each.sendall(request)
            found.append(each)
        yield found


def answered(port: int, path: str, token: str = "", *, seconds: float = DEADLINE / 2) -> int:
    """Return the status of an answer that comes at once, long before any deadline."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urlopen(request, timeout=seconds) as response:  # noqa: S310  -- loopback
        return int(response.status)


def test_the_others_are_served_and_the_slow_are_given_up(
    world: World, port: int, tmp_path: Path
) -> None:
    token = create_token(world.analyst)
    assert answered(port, "/accounts/login/") == 200
    half_body = BODY + f"Authorization: Bearer {token}\r\nContent-Length: 900\r\n\r\n{{".encode()
    requests = [*[HEADERS] * (SLOW // 2), *[half_body] * (SLOW // 2)]
    with half_sent(port, *requests) as slow:
        for _ in range(10):
            assert answered(port, "/accounts/login/") == 200
            assert answered(port, "/api/v1/work-items", token) == 200
        for each in slow:
            each.settimeout(DEADLINE * 3)
            with contextlib.suppress(ConnectionResetError):
                # Until its end: a refusal where the headers were whole, else nothing.
                while each.recv(4096):
                    pass
        begun = time.monotonic()
        assert answered(port, "/api/v1/work-items", token) == 200
        assert time.monotonic() - begun < DEADLINE / 2
    told = (tmp_path / "web.log").read_text()
    assert "Traceback" not in told
    assert "WORKER TIMEOUT" not in told


def test_the_log_of_the_server_cannot_be_forged(port: int, tmp_path: Path) -> None:
    path = "/accounts/login/?next=%0aERROR%20forged%1b[2J"
    assert answered(port, path) == 200
    told = (tmp_path / "web.log").read_text()
    deadline = time.monotonic() + 10
    while "forged" not in told and time.monotonic() < deadline:
        time.sleep(0.05)
        told = (tmp_path / "web.log").read_text()
    [line] = [each for each in told.splitlines() if "forged" in each]
    assert "%0aERROR%20forged%1b[2J" in line
    assert "\x1b" not in told
