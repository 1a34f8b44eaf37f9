"""Runs all due work in the test's own process, with time passing only on demand."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.apps import apps
from django.db import connection

from ledger.dispatch.runner import run_until_idle
from ledger.tenancy import system_scope
from tests.database import FORGET

_TASKS_NOW = """
UPDATE ledger_outboxtask SET due_at = ledger_now()
WHERE done_at IS NULL AND dead_at IS NULL AND due_at > ledger_now()
"""
# What an earlier test left is put off so far that no other test brings it back.
_LEFT = "now() + interval '1000 days'"
_JOBS_NOW = f"""
UPDATE executions_executionjob SET due_at = now()
WHERE due_at > now() AND due_at < {_LEFT} - interval '100 days'
"""  # noqa: S608  -- own words
# What falls due of work items, approvals and milestones, in the same way.
_ITEM_TABLES = (
    "workitems_holdend", "workitems_deadline", "governance_approvalexpiry", "cases_milestonedue",
    "ledger_ledgerverification", "ledger_erasure",
)  # fmt: skip
_TASKS_LEFT = "UPDATE ledger_outboxtask SET done_at = now() WHERE done_at IS NULL"
_JOBS_LEFT = f"""
UPDATE executions_executionjob SET due_at = {_LEFT}, leased_until = NULL, lease_token = NULL
WHERE due_at < {_LEFT} - interval '100 days'
"""  # noqa: S608  -- own words
_TASK_LEASES_OVER = """
UPDATE ledger_outboxtask SET leased_until = now() - interval '1 second'
WHERE done_at IS NULL AND leased_until >= now()
"""
_JOB_LEASES_OVER = """
UPDATE executions_executionjob SET leased_until = now() - interval '1 second'
WHERE leased_until >= now()
"""


def drain(*, fast_forward: bool = False) -> int:
    """Run everything that is due, of every tenant, and return how many runs that took.

    With `fast_forward`, back-offs, holds and the time of deadlines count as over, again and again,
    until nothing waits any more.
    """
    ran = run_until_idle()
    while fast_forward and skip_backoffs():
        ran += run_until_idle()
    return ran


def skip_backoffs() -> int:
    """Make whatever waits for its next attempt due now. Returns how many rows that were."""
    rows = _update("dispatch", _TASKS_NOW) + _update("sweep", _JOBS_NOW)
    return rows + sum(_update("sweep", each) for each in _of_items(_JOBS_NOW))


def expire_leases() -> int:
    """Let every lease run out, as after the time a dead worker is waited for."""
    return _update("dispatch", _TASK_LEASES_OVER) + _update("sweep", _JOB_LEASES_OVER)


def leave_behind(tenants: Sequence[uuid.UUID] = ()) -> None:
    """Let nobody do what earlier tests left undone: tests share a database, not their work.

    Of `tenants`, which nobody will look at any more, nothing falls due again.
    """
    _update("dispatch", _TASKS_LEFT)
    _update("sweep", _JOBS_LEFT)
    for each in _of_items(_JOBS_LEFT):
        _update("sweep", each)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {FORGET}(%s::uuid[])", [list(tenants)])


def _of_items(statement: str) -> list[str]:
    there = [table for table in _ITEM_TABLES if apps.is_installed(table.partition("_")[0])]
    return [statement.replace("executions_executionjob", table) for table in there]


def _update(scope: str, statement: str) -> int:
    opened = system_scope("sweep") if scope == "sweep" else system_scope("dispatch")
    with opened, connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.rowcount)
