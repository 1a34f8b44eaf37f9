"""`manage.py scenario …` against real processes, with Redis and without.

The same command that a newcomer types, against a web server and a worker of its own on a database
of its own. Without Redis the worker finds everything by looking.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from django.core.management import call_command

from ledger.dispatch import beats
from tests.database import ROOT
from tests.processes import MANY_MACHINES, ONE_MACHINE, served
from tests.subprocesses import environment, manage

UNDONE = [
    "1. demo.reverse-transfer: SUCCEEDED at attempt 1",
    "2. Withdraw the approval of the loan: REVERSED",
    "3. Withdraw the valuation of the property: REVERSED",
]
CHECKS = 16
EXPENSE_CHECKS = 12
RESCIND_CHECKS = 14
#: By scenario that runs an example to its end: how much is checked.
FORWARD = {
    "aml-investigation": 10,
    "batch-rollback": 14,
    "clinical-adverse-event": 8,
    "coordinated-change": 8,
    "expense": 5,
    "kyc-onboarding": 7,
    "onboarding": 8,
    "travel-plan": 11,
}
#: By scenario that takes an example back: how much is checked.
TAKEN_BACK = {"coordinated-change-rollback": 8, "travel-plan-rollback": 12, "aml-reversal": 13}

#: The same of what goes beyond one case.
BEYOND = {"agent-taint": 8, "cross-tenant-rollback": 13}


@pytest.mark.parametrize(
    ("bell", "workers"),
    [("redis", ONE_MACHINE), ("none", ONE_MACHINE), ("redis", MANY_MACHINES)],
    ids=["one-machine", "no-broker", "many-machines"],
)
def test_the_loan_is_taken_back_in_reverse_order(
    own_database: None, bell: str, workers: Mapping[str, Sequence[str]], tmp_path: Path
) -> None:
    broker = os.environ["REDIS_URL"] if bell == "redis" else ""
    loaded = manage("load_demo")
    assert loaded.returncode == 0, loaded.stderr
    with served(tmp_path, workers, REDIS_URL=broker) as application:
        if workers is MANY_MACHINES:
            assert still_unheard() == []
            assert queues_seen() == {
                "lanes": {"undo", "engine", "notify", "upkeep"},
                "work": {"work"},
            }
        told = manage("scenario", "loan-rollback", "--url", application.url, REDIS_URL=broker)
        logs = application.logs()
    assert told.returncode == 0, f"{told.stdout}\n{told.stderr}\n{logs}"
    steps = re.findall(r"^ {3}\w+ +(\d\. .*)$", told.stdout, re.MULTILINE)
    assert steps[:3] == UNDONE
    assert len(steps) == 4
    assert steps[3].startswith("4. ")
    assert steps[3].endswith(": REVERSED")
    assert "WRONG" not in told.stdout
    assert told.stdout.count("\n   ok    ") == CHECKS
    assert told.stdout.endswith("Everything holds.\n")
    assert told.stderr == ""
    verified = manage("verify_ledger")
    assert verified.returncode == 0, verified.stderr


def test_an_expense_and_an_approval_are_taken_back(own_database: None, tmp_path: Path) -> None:
    assert manage("load_demo").returncode == 0
    with served(tmp_path, ONE_MACHINE, REDIS_URL="") as application:
        name = ("scenario", "expense-reversal", "--url", application.url)
        told = manage(*name, REDIS_URL="")
        again = manage(*name, REDIS_URL="")
        name = ("scenario", "clinical-rescind", "--url", application.url)
        rescinded = [manage(*name, REDIS_URL="") for _ in range(2)]
        logs = application.logs()
    for said in (told, again):
        assert said.returncode == 0, f"{said.stdout}\n{said.stderr}\n{logs}"
        assert "WRONG" not in said.stdout
        assert said.stdout.count("\n   ok    ") == EXPENSE_CHECKS
        assert said.stdout.endswith("Everything holds.\n")
    assert "compliance   Undo: Approve the expense of Ines Vogel: REVERSED" in told.stdout
    for said in rescinded:
        assert said.returncode == 0, f"{said.stdout}\n{said.stderr}\n{logs}"
        assert "WRONG" not in said.stdout
        assert said.stdout.count("\n   ok    ") == RESCIND_CHECKS
        assert said.stdout.endswith("Everything holds.\n")
        assert "surveyor     Undo: Approve the protocol of trial" in said.stdout


# Six stories, one server.
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "stories", [FORWARD, TAKEN_BACK, BEYOND], ids=["forward", "taken-back", "beyond"]
)
def test_the_examples_run_to_their_end(
    own_database: None, stories: Mapping[str, int], tmp_path: Path
) -> None:
    call_command("load_demo", stdout=io.StringIO())
    with served(tmp_path, ONE_MACHINE, REDIS_URL="") as application:
        for name, checks in stories.items():
            out, err = io.StringIO(), io.StringIO()
            with contextlib.suppress(SystemExit):
                call_command("scenario", name, url=application.url, stdout=out, stderr=err)
            said = out.getvalue()
            assert err.getvalue() == "", f"{said}\n{err.getvalue()}\n{application.logs()}"
            assert "WRONG" not in said
            assert said.count("\n   ok    ") == checks, said
            assert said.endswith("Everything holds.\n")


def test_what_is_missing_is_said_in_one_sentence(own_database: None) -> None:
    nowhere = ("scenario", "loan-rollback", "--url", "http://127.0.0.1:9")
    told = manage(*nowhere)
    assert told.returncode == 1
    assert "there is no user 'operator' in tenant 'demo'" in told.stderr
    assert manage("load_demo").returncode == 0
    told = manage(*nowhere)
    assert told.returncode == 1
    assert "nothing answers at http://127.0.0.1:9/api/v1/" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_foreign_address_is_never_called(own_database: None) -> None:
    told = manage("scenario", "loan-rollback", AMENDS_URL="http://example.com")
    assert told.returncode == 1
    assert "must be localhost or a loopback address" in told.stderr


def still_unheard() -> list[str]:
    """Return the queues for which no worker has said that it is there, within a while."""
    until = time.monotonic() + 30
    while beats.unheard() and time.monotonic() < until:
        time.sleep(0.1)
    return beats.unheard()


def queues_seen() -> dict[str, set[str]]:
    """Return the queues of each worker, as `celery inspect` sees them."""
    command = ["-m", "celery", "-A", "config", "inspect", "active_queues", "--json", "--timeout=10"]
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment(), capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout[done.stdout.index("{") :])
    return {
        name.partition("@")[0]: {queue["name"] for queue in queues}
        for name, queues in found.items()
    }
