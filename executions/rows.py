"""The rows that apps above may name: read through `selectors`, changed through `actions`."""

from __future__ import annotations

from executions.models import CompensationAttempt, Execution

__all__ = ["CompensationAttempt", "Execution"]
