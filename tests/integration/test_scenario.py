"""`manage.py scenario loan-rollback` against real processes, with Redis and without.

The same command that a newcomer types, against a web server and a worker of its own on a database
of its own. Without Redis the worker finds everything by looking.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.database import cloned
from tests.processes import served
from tests.subprocesses import manage

UNDONE = [
    "1. demo.reverse-transfer: SUCCEEDED at attempt 1",
    "2. Withdraw the approval of the loan: REVERSED",
    "3. Withdraw the valuation of the property: REVERSED",
]
CHECKS = 16


@pytest.fixture
def own_database(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, worker_id: str
) -> Iterator[None]:
    """Give the test an empty database of its own: the demo's names exist once in a database."""
    with django_db_blocker.unblock(), cloned(f"scenario_{worker_id}"):
        yield


@pytest.mark.parametrize("bell", ["redis", "none"])
def test_the_loan_is_taken_back_in_reverse_order(
    own_database: None, bell: str, tmp_path: Path
) -> None:
    broker = os.environ["REDIS_URL"] if bell == "redis" else ""
    loaded = manage("load_demo")
    assert loaded.returncode == 0, loaded.stderr
    with served(tmp_path, REDIS_URL=broker) as application:
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
