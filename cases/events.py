"""The news the engine acts on. What undoing means for a case is told by compensation."""

from __future__ import annotations

ENGINE = "cases.engine"

CASE = frozenset({"opened", "resumed", "rollback_settled"})
_WANTED = {
    "case": CASE,
    "work_item": {"completed", "rejected", "cancelled"},
    "execution": {"succeeded", "failed", "cancelled"},
}
WANTED = frozenset(
    f"amends.{subject}.{action}.v1" for subject, actions in _WANTED.items() for action in actions
)


def wanted(event_type: str) -> bool:
    """Whether the engine wants events of this type."""
    return event_type in WANTED
