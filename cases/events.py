"""The news the engine acts on."""

from __future__ import annotations

ENGINE = "cases.engine"

CASE = frozenset({"opened", "resumed", "rollback_settled"})
WORK_ITEM_ENDED = frozenset({"completed", "rejected", "cancelled"})
EXECUTION_ENDED = frozenset({"succeeded", "failed", "cancelled"})
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


def _types(subject: str, *actions: frozenset[str]) -> set[str]:
    return {f"amends.{subject}.{action}.v1" for some in actions for action in some}


WANTED = frozenset(
    _types("case", CASE)
    | _types("work_item", WORK_ITEM_ENDED, UNDO)
    | _types("execution", EXECUTION_ENDED, UNDO)
    | _types("compensation_run", RUN)
)


def wanted(event_type: str) -> bool:
    """Whether the engine wants events of this type."""
    return event_type in WANTED
