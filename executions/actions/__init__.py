"""The verbs of executions: the only way an execution changes. Each is declared in the catalogue."""

from __future__ import annotations

from executions.actions.request import (
    cancel_execution,
    record_result,
    request_execution,
    settle_outcome,
)

__all__ = ["cancel_execution", "record_result", "request_execution", "settle_outcome"]
