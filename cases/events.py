"""The news the engine acts on. What undoing means for a case is told by compensation."""

from __future__ import annotations

ENGINE = "cases.engine"

CASE = frozenset({"opened", "resumed", "rollback_settled"})
_NEWS = {
    "case": CASE,
    "work_item": {"completed", "rejected", "cancelled"},
    "execution": {"succeeded", "failed", "cancelled"},
}
ENGINE_NEWS = frozenset(
    f"amends.{subject}.{action}.v1" for subject, actions in _NEWS.items() for action in actions
)
