"""Undoing works with `cases` and `notifications` not installed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.database import ROOT
from tests.subprocesses import environment

# What is undone without a case: an item or an execution by itself, also because of an event, and a
# run of one of them.
TESTS = (
    "test_choreography",
    "test_approvals",
    "test_approvals_moved",
    "test_compensation",
    "test_compensation_repair",
    "test_events_received",
    "test_executions_undo",
    "test_lone_runs",
    "test_workitems_api_undo",
)


def test_they_are_really_gone() -> None:
    ask = (
        "import django; django.setup(); from django.apps import apps;"
        " print(sorted(apps.app_configs))"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings_without_cases"}
    found = subprocess.run(
        [sys.executable, "-c", ask], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert "'compensation'" in found.stdout
    assert "'cases'" not in found.stdout
    assert "'notifications'" not in found.stdout


@pytest.mark.timeout(600)
def test_items_executions_and_runs_of_one_are_undone(transactional_db: None) -> None:
    more = {
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "DJANGO_SETTINGS_MODULE": "tests.settings_without_cases",
    }
    inherited = {
        name: value
        for name, value in environment(**more).items()
        if not name.startswith(("PYTEST", "AMENDS_TEST"))
    }
    files = [f"tests/integration/{name}.py" for name in TESTS]
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *files],
        cwd=ROOT, env=inherited, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    said = found.stdout[-4000:] + found.stderr[-2000:]
    assert found.returncode == 0, said
    assert " passed" in found.stdout, said
    assert "skipped" not in found.stdout, said
