"""Thirty rollbacks at once while workers, sweep, Redis and PostgreSQL are killed at random."""

from __future__ import annotations

import contextlib
import random
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.definitions import automated, definition
from tests.faults.under_fire import KINDS, Installation, under_fire

CASES, STEPS = 30, 3
FIRE_SECONDS, QUIET_SECONDS = 40.0, 60.0
OPENING = {"bank": 1_000_000, "customer": 0}
_STEPS = """
SELECT r.about_id, s.n, s.status, s.completion_seq,
       (SELECT t.id FROM demo_demotransfer t
        WHERE t.idempotency_key = 'comp:' || s.original_id || ':1')
FROM compensation_compensationrun r JOIN compensation_compensationstep s ON s.run_id = r.id
ORDER BY r.about_id, s.n
"""


@pytest.fixture
def installation() -> Iterator[Installation]:
    """A running installation with the demo's people, in a folder that a server's user may enter."""
    with tempfile.TemporaryDirectory(prefix="amends-fire-", ignore_cleanup_errors=True) as folder:
        installation = Installation(Path(folder))
        try:
            installation.start()
            yield installation
        finally:
            installation.stop()


class Client:
    """The demo's operator over REST, who asks again until there is an answer."""

    def __init__(self, installation: Installation) -> None:
        token = installation.manage("create_token", "operator").strip()
        self._http = httpx.Client(
            base_url=f"{installation.url}/api/v1/", timeout=30, trust_env=False,
            headers={"Authorization": f"Bearer {token}"},
        )  # fmt: skip

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def get(self, path: str) -> Any:
        """Return what is read, once the server answers."""
        return self._until_answered("GET", path).json()

    def post(self, path: str, body: Any, key: str, **headers: str) -> httpx.Response:
        """Return the answer to a POST that may be sent several times under one key."""
        said = {"Idempotency-Key": key, **headers}
        return self._until_answered("POST", path, json=body, headers=said)

    def _until_answered(self, method: str, path: str, **said: Any) -> httpx.Response:
        until = time.monotonic() + FIRE_SECONDS + QUIET_SECONDS
        while time.monotonic() < until:
            with contextlib.suppress(httpx.HTTPError):
                answer = self._http.request(method, path, **said)
                if answer.status_code < 500:
                    return answer
            time.sleep(0.2)
        raise AssertionError("the server never answered")


def finished_cases(client: Client) -> list[str]:
    """Open cases whose three payments run by themselves, and return them once they are over."""
    when = ["true", ".s0 != null", ".s1 != null"]
    given = '{from: "bank", to: "customer", amount: 1}'
    steps = [automated(f"s{n}", "demo.transfer", when[n], given) for n in range(STEPS)]
    source = definition("fire", *steps, success=".s2 != null")
    assert client.post("case-definitions", source, "definition").status_code == 201
    opened = [
        client.post("cases", {"definition": "tests/fire", "context": {}}, f"case-{n}").json()["id"]
        for n in range(CASES)
    ]
    wait_for(client, opened, "COMPLETED")
    return opened


def wait_for(client: Client, cases: list[str], status: str) -> None:
    """Wait until every case has a status."""
    until = time.monotonic() + QUIET_SECONDS
    left = list(cases)
    while left:
        left = [case for case in left if client.get(f"cases/{case}")["status"] != status]
        assert time.monotonic() < until, [client.get(f"cases/{case}") for case in left]
        time.sleep(0.2)


def roll_back(client: Client, case: str) -> int:
    """Plan and execute the rollback of a case. Returns the status of the last answer."""
    plan = client.post(
        f"cases/{case}/compensation-plan", {"scope": {"kind": "whole"}, "reason": "Fraud"},
        f"plan-{case}",
    ).json()  # fmt: skip
    match = {"If-Match": f'"{plan["digest"]}"'}
    path = f"compensation-plans/{plan['id']}/execute"
    return client.post(path, {}, f"execute-{case}", **match).status_code


@pytest.mark.timeout(300)
def test_thirty_rollbacks_end_right_whatever_is_killed(installation: Installation) -> None:
    with contextlib.closing(Client(installation)) as client:
        _under_fire(installation, client)


def _under_fire(installation: Installation, client: Client) -> None:
    seed = time.time_ns()
    choice = random.Random(seed)  # noqa: S311  -- which process dies is no secret
    cases = finished_cases(client)
    begun = time.monotonic()
    with under_fire(installation, choice) as killed, ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda case: roll_back(client, case), cases))
        time.sleep(max(0.0, FIRE_SECONDS - (time.monotonic() - begun)))
    story = f"seed {seed}, killed {killed}\n{installation.logs()}"
    assert answers == [202] * CASES, story
    wait_for(client, cases, "COMPENSATED")
    assert set(killed) == set(KINDS), story
    assert len(killed) >= 15, story
    _ends_right(installation, cases, story)
    installation.every_part_lives()
    assert installation.manage("verify_ledger").startswith("The ledger holds")


def _ends_right(installation: Installation, cases: list[str], story: str) -> None:
    with psycopg.connect(installation.cluster.urls()["DATABASE_SUPERUSER_URL"]) as connection:
        found = connection.execute(_STEPS).fetchall()
        started = connection.execute(
            "SELECT subject_id, count(*) FROM ledger_ledgerentry"
            " WHERE subject_type = 'case' AND action = 'rollback_started' GROUP BY subject_id"
        ).fetchall()
        accounts = connection.execute("SELECT name, balance FROM demo_demoaccount").fetchall()
        moved = connection.execute("SELECT count(*) FROM demo_demotransfer").fetchone()
    # Each acknowledged rollback is one run, each effect and each undo happened once.
    assert {str(case): count for case, count in started} == dict.fromkeys(cases, 1), story
    assert moved == (CASES * STEPS * 2,), story
    assert dict(accounts) == OPENING, story
    assert len(found) == CASES * STEPS, story
    for case in cases:
        steps = [row for row in found if str(row[0]) == case]
        assert [row[2] for row in steps] == ["DONE"] * STEPS, story
        # In strictly falling order of completion, each after the one before it.
        assert [row[3] for row in steps] == [3, 2, 1], story
        undone = [row[4] for row in steps]
        assert undone == sorted(undone), story
