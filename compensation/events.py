"""The news that moves runs: of runs themselves, and of anything whose undo moved."""

from __future__ import annotations

RUNS = "compensation.runs"
#: Hears how the rollbacks end that other tenants have asked for.
REQUESTS = "compensation.requests"
#: Hears what those who are asked answer, and carries it back to whoever asked.
ANSWERS = "executions.other_tenants"
#: Hears, in the lane of a whole, what became of the runs below its own.
NESTED_RUNS = "compensation.nested_runs"
# Runs, and what carries on a whole that they are about, hear the news of one shard in one order.
ENGINE_LANE = "engine"
UNDO = frozenset(
    {
        "compensation_started",
        "compensation_retried",
        "compensation_reassigned",
        "compensation_handed_to_human",
        "compensation_completed",
        "compensation_faulted",
        "compensation_attested",
        "compensation_abandoned",
        "compensation_withdrawn",
    }
)
# The run may go on: it has begun, or a person decided.
RUN = frozenset(
    {
        "compensation_started",
        "compensation_resumed",
        "compensation_step_abandoned",
        "compensation_step_resolved",
        "compensation_step_retried",
    }
)
