"""Giving an execution to the workers, inside the caller's transaction."""

from __future__ import annotations

from executions import capability_registry
from executions.lifecycle import JOBS_SOURCE
from executions.models import Execution, ExecutionJob
from ledger.dispatch import hints
from ledger.dispatch.hints import RowWork
from verbs.move import Moves


def enqueue(execution: Execution, *, moves: Moves) -> None:
    """Let a worker do it: at once, by the database's clock. What undoes goes before."""
    found = capability_registry.get(execution.capability)
    queue = "work" if execution.undoes_id is None else "undo"
    job = ExecutionJob(execution=execution, tenant_id=execution.tenant_id, queue=queue)
    if found is not None:
        job.seconds = found.max_seconds
    moves.add(job)
    hints.leave([RowWork(queue, JOBS_SOURCE, execution.tenant_id, execution.id, job.seconds)])
