"""The verbs of executions: the only way an execution changes. Each is declared in the catalogue."""

from __future__ import annotations

from executions.actions.agreement_verbs import approve_execution, reject_execution
from executions.actions.request import (
    cancel_execution,
    record_result,
    request_execution,
    settle_outcome,
)

__all__ = [
    "approve_execution",
    "cancel_execution",
    "record_result",
    "reject_execution",
    "request_execution",
    "settle_outcome",
]
