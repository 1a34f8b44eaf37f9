"""The verbs of executions and batches: the only way either changes.

Each is declared in the catalogue.
"""

from __future__ import annotations

from executions.actions.batch_stopping import retry_batch
from executions.actions.batches import request_batch
from executions.actions.request import (
    cancel_execution,
    record_result,
    request_execution,
    settle_outcome,
)

__all__ = [
    "cancel_execution",
    "record_result",
    "request_batch",
    "request_execution",
    "retry_batch",
    "settle_outcome",
]
