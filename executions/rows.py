"""The rows that apps above may name: read through `selectors`, changed through `actions`."""

from __future__ import annotations

from compensation.models import CompensationAttempt
from executions.models import Execution

__all__ = ["CompensationAttempt", "Execution"]
