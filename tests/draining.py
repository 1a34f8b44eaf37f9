"""Runs all due work in the test's own process, with time passing only on demand."""

from __future__ import annotations

from django.db import connection

from ledger.dispatch.runner import run_until_idle
from ledger.tenancy import system_scope

_TASKS_NOW = """
UPDATE ledger_outboxtask SET next_attempt_at = now()
WHERE done_at IS NULL AND dead_at IS NULL AND next_attempt_at > now()
"""
_JOBS_NOW = "UPDATE executions_executionjob SET due_at = now() WHERE due_at > now()"
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

    With `fast_forward`, back-offs count as over, again and again, until nothing waits any more.
    """
    ran = run_until_idle()
    while fast_forward and skip_backoffs():
        ran += run_until_idle()
    return ran


def skip_backoffs() -> int:
    """Make whatever waits for its next attempt due now. Returns how many rows that were."""
    return _update("dispatch", _TASKS_NOW) + _update("sweep", _JOBS_NOW)


def expire_leases() -> int:
    """Let every lease run out, as after the time a dead worker is waited for."""
    return _update("dispatch", _TASK_LEASES_OVER) + _update("sweep", _JOB_LEASES_OVER)


def _update(scope: str, statement: str) -> int:
    opened = system_scope("sweep") if scope == "sweep" else system_scope("dispatch")
    with opened, connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.rowcount)
