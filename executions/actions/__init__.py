"""The verbs of executions. `within` holds those for use inside another verb's transaction."""

from __future__ import annotations

from executions.actions.requests import cancel_execution, record_result, request_execution

__all__ = ["cancel_execution", "record_result", "request_execution"]
