"""The news the engine acts on. What undoing means for a case is told by compensation."""

from __future__ import annotations

ENGINE = "cases.engine"

RETRIED = "retried"
CASE = frozenset({"opened", "resumed", RETRIED, "rollback_settled"})
# What becomes of a program is not known yet: nothing is taken in, but a rollback that waits for it
# says so.
UNSETTLED = frozenset({"outcome_unknown", "retried"})
_NEWS = {
    "case": CASE,
    "work_item": {"completed", "rejected", "cancelled"},
    "execution": {"succeeded", "failed", "cancelled"} | UNSETTLED,
}
ENGINE_NEWS = frozenset(
    f"amends.{subject}.{action}.v1" for subject, actions in _NEWS.items() for action in actions
)
