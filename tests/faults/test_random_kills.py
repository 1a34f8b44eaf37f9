"""Fifty rollbacks under way, ten of them below ten others, while workers, sweep, Redis and
PostgreSQL are killed at random and Redis is emptied and stopped.

The first step of each is a person's, who does it only once everything has been hit: so all fifty
are under way through every kind of fault.
"""

from __future__ import annotations

import contextlib
import random
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.definitions import automated, definition, human
from tests.faults.under_fire import KINDS, Installation, under_fire
from tests.subcases import below

PLAIN, NESTED, PAYMENTS = 30, 10, 2
CASES = PLAIN + NESTED
FIRE_SECONDS, QUIET_SECONDS = 40.0, 90.0
#: Within this, after the last fault, every rollback has gone on.
RESUMED_SECONDS = 30.0
#: The trees in which a run is under way, about whose runs nothing was written since a moment.
_STILL = """
SELECT coalesce(r.root_id, r.about_id) FROM compensation_compensationrun r
LEFT JOIN ledger_ledgerentry e ON e.subject_id = r.id
GROUP BY 1 HAVING max(e.at) < %s AND bool_or(r.ended_at IS NULL)
"""
OPENING = {"bank": 1_000_000, "customer": 0}
#: Of each run by its case and that of the tree: its steps in their order, how each stands, and the
#: first and the last entry about it.
_STEPS = """
SELECT r.about_id, coalesce(c.parent_id, c.id), s.n, s.original_name, s.status, s.completion_seq,
       e.first, e.last, e.began, e.ended
FROM compensation_compensationrun r JOIN compensation_compensationstep s ON s.run_id = r.id
JOIN cases_case c ON c.id = r.about_id
JOIN LATERAL (
    SELECT min(subject_seq) FILTER (WHERE compensation ->> 'step_status' = 'RUNNING') AS first,
           max(subject_seq) AS last,
           min(at) FILTER (WHERE compensation ->> 'step_status' = 'RUNNING') AS began,
           max(at) AS ended
    FROM ledger_ledgerentry
    WHERE subject_id = r.id AND compensation ->> 'step' = s.n::text) e ON true
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


def deploy(client: Client) -> None:
    """Deploy a case of two payments that run by themselves and a task, and one with a payment of
    its own before such a case below it."""
    given = '{from: "bank", to: "customer", amount: 1}'
    pay = [
        automated("s0", "demo.transfer", "true", given),
        automated("s1", "demo.transfer", ".s0 != null", given),
    ]
    task = human("task", when=".s1 != null and .task == null")
    plain = definition("fire", *pay, task, success=".task != null")
    own = automated("own", "demo.transfer", "true", given)
    low = below("low", "fire", ".own != null and .low == null")
    for source in (plain, definition("nested", own, low, success=".low != null")):
        answer = client.post("case-definitions", source, f"definition-{source['name']}")
        assert answer.status_code == 201, answer.text


def finished_cases(client: Client) -> list[str]:
    """Open cases, do the task of each, and return them once they are over."""
    deploy(client)
    opened = [
        client.post("cases", {"definition": f"tests/{name}", "context": {}}, f"case-{n}").json()
        for n, name in enumerate(["fire"] * PLAIN + ["nested"] * NESTED)
    ]
    found = [case["id"] for case in opened]
    for case in found[:PLAIN]:
        do_task(client, target_of(client, case, "task"), None)
    for case in found[PLAIN:]:
        do_task(client, target_of(client, target_of(client, case, "low"), "task"), None)
    wait_for(client, found, "COMPLETED", QUIET_SECONDS)
    return found


def target_of(client: Client, case: str, binding: str) -> str:
    """Return the id of what a binding of a case became, once it has."""
    until = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < until:
        items = client.get(f"cases/{case}/plan-items")["results"]
        for item in items:
            if item["binding"] == binding and item["target_id"] is not None:
                return str(item["target_id"])
        time.sleep(0.1)
    raise AssertionError(f"{binding} of {case} never began")


def do_task(client: Client, item: str, outcome: str | None) -> None:
    """Start and complete a task."""
    started = client.post(f"work-items/{item}/start", {}, f"start-{item}")
    done = client.post(f"work-items/{item}/complete", {"outcome": outcome}, f"complete-{item}")
    assert (started.status_code, done.status_code) == (200, 200), (started.text, done.text)


def wait_for(client: Client, cases: list[str], status: str, seconds: float) -> None:
    """Wait until every case has a status."""
    until = time.monotonic() + seconds
    left = list(cases)
    while left:
        left = [case for case in left if client.get(f"cases/{case}")["status"] != status]
        assert time.monotonic() < until, [client.get(f"cases/{case}") for case in left]
        time.sleep(0.2)


def roll_back(client: Client, case: str) -> tuple[int, str]:
    """Plan and execute the rollback of a case. Returns the status of the last answer and the
    run's id."""
    plan = client.post(
        f"cases/{case}/compensation-plan", {"scope": {"kind": "whole"}, "reason": "Fraud"},
        f"plan-{case}",
    ).json()  # fmt: skip
    match = {"If-Match": f'"{plan["digest"]}"'}
    path = f"compensation-plans/{plan['id']}/execute"
    answer = client.post(path, {}, f"execute-{case}", **match)
    return answer.status_code, answer.json().get("id", "")


def undo_task(client: Client, run: str) -> None:
    """Do what a rollback waits for: the undo of the task, perhaps in the run below."""
    until = time.monotonic() + QUIET_SECONDS
    while (first := client.get(f"compensation-runs/{run}")["steps"][0]["compensation"]) is None:
        assert time.monotonic() < until, f"the first step of {run} never began"
        time.sleep(0.2)
    if first["type"] == "compensation_run":
        undo_task(client, first["id"])
    else:
        do_task(client, first["id"], "REVERSED")


@pytest.mark.timeout(300)
def test_fifty_rollbacks_end_right_whatever_is_killed(installation: Installation) -> None:
    with contextlib.closing(Client(installation)) as client:
        _under_fire(installation, client)


def _under_fire(installation: Installation, client: Client) -> None:
    seed = time.time_ns()
    choice = random.Random(seed)  # noqa: S311  -- which process dies is no secret
    cases = finished_cases(client)
    begun = time.monotonic()
    with under_fire(installation, choice) as hits, ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda case: roll_back(client, case), cases))
        already = len(hits)
        assert [status for status, _ in answers] == [202] * CASES, installation.logs()
        # All of them wait now, and are hit by everything.
        while set(hits[already:]) != set(KINDS):
            assert time.monotonic() < begun + FIRE_SECONDS + QUIET_SECONDS, hits
            time.sleep(0.1)
        list(threads.map(lambda answer: undo_task(client, answer[1]), answers))
        time.sleep(max(0.0, FIRE_SECONDS - (time.monotonic() - begun)))
    story = f"seed {seed}, hit {hits}\n{installation.logs()}"
    _all_go_on(installation, story)
    wait_for(client, cases, "COMPENSATED", QUIET_SECONDS)
    assert len(hits) >= 15, story
    _ends_right(installation, cases, story)
    installation.every_part_lives()
    assert installation.manage("verify_ledger").startswith("The ledger holds")


def _all_go_on(installation: Installation, story: str) -> None:
    since, until = datetime.now(UTC), time.monotonic() + RESUMED_SECONDS
    with psycopg.connect(
        installation.cluster.urls()["DATABASE_SUPERUSER_URL"], autocommit=True
    ) as connection:
        while still := connection.execute(_STILL, [since]).fetchall():
            assert time.monotonic() < until, f"{still} stand still\n{story}"
            time.sleep(0.5)


def _ends_right(installation: Installation, cases: list[str], story: str) -> None:
    with psycopg.connect(installation.cluster.urls()["DATABASE_SUPERUSER_URL"]) as connection:
        found = connection.execute(_STEPS).fetchall()
        started = connection.execute(
            "SELECT subject_id, count(*) FROM ledger_ledgerentry"
            " WHERE subject_type = 'case' AND action = 'rollback_started' GROUP BY subject_id"
        ).fetchall()
        accounts = connection.execute("SELECT name, balance FROM demo_demoaccount").fetchall()
        moved = connection.execute("SELECT count(*) FROM demo_demotransfer").fetchone()
        undos = connection.execute(
            "SELECT count(*) FROM workitems_workitem WHERE kind = 'COMPENSATION'"
        ).fetchone()
    # Each acknowledged rollback is one run, and one below it; each effect and undo happened once.
    assert [count for _, count in started] == [1] * (CASES + NESTED), story
    assert {str(case) for case, _ in started} >= set(cases), story
    assert moved == ((CASES * PAYMENTS + NESTED) * 2,), story
    assert undos == (CASES,), story
    assert dict(accounts) == OPENING, story
    for n, case in enumerate(cases):
        _in_order([row for row in found if str(row[1]) == case], nested=n >= PLAIN, story=story)


def _in_order(rows: list[Any], *, nested: bool, story: str) -> None:
    """All was undone, in strictly falling order of completion, each after the one before it."""
    plain = [("task", "DONE", 3), ("s1", "DONE", 2), ("s0", "DONE", 1)]
    wanted = [plain, [("low", "DONE", 2), ("own", "DONE", 1)]] if nested else [plain]
    runs = [[row for row in rows if row[0] == about] for about in {row[0] for row in rows}]
    runs.sort(key=len, reverse=True)
    assert [[row[3:6] for row in run] for run in runs] == wanted, story
    for run in runs:
        ends = [at for row in run for at in row[6:8]]
        assert ends == sorted(ends), story
        # The next begins with the end of the one before; what a program was at when it was killed
        # is taken up again.
        by_programs = [row[8:10] for row in run if row[3] in {"s0", "s1", "own"}]
        taken = [(ended - began).total_seconds() for began, ended in by_programs]
        assert max(taken) < RESUMED_SECONDS, story
