"""The news that moves runs: of runs themselves, and of anything whose undo moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from compensation.lifecycle import CompensationState as S

RUNS = "compensation.runs"
#: Hears how the rollbacks end that other tenants have asked for.
REQUESTS = "compensation.requests"
#: Hears what those who are asked answer, and carries it back to whoever asked.
ANSWERS = "executions.other_tenants"
#: Hears, in the lane of a whole, what became of the runs below its own.
NESTED_RUNS = "compensation.nested_runs"
# Runs, and what carries on a whole that they are about, hear the news of one shard in one order.
ENGINE_LANE = "engine"
#: How far the undo of something is after an entry that says that it moved.
STATES_OF_UNDO: Final[Mapping[str, S]] = {
    "compensation_started": S.COMPENSATING,
    "compensation_retried": S.COMPENSATING,
    "compensation_reassigned": S.COMPENSATING,
    "compensation_handed_to_human": S.COMPENSATING,
    "compensation_completed": S.COMPENSATED,
    "compensation_faulted": S.COMPENSATION_FAULTED,
    "compensation_attested": S.COMPENSATED,
    "compensation_abandoned": S.NONE,
    "compensation_withdrawn": S.NONE,
}
UNDO = frozenset(STATES_OF_UNDO)
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
