"""The verbs of executions and batches: the only way either changes.

Each is declared in the catalogue.
"""

from __future__ import annotations

from executions.actions.agreement_verbs import approve_execution, reject_execution
from executions.actions.batch_stopping import retry_batch
from executions.actions.batches import request_batch
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
    "request_batch",
    "request_execution",
    "retry_batch",
    "settle_outcome",
]
