"""Event types that this app announces. Consumers name them by these constants."""

from __future__ import annotations

from typing import Final

REQUESTED: Final = "amends.execution.requested.v1"
DISPATCHED: Final = "amends.execution.dispatched.v1"
RETRIED: Final = "amends.execution.retried.v1"
SUCCEEDED: Final = "amends.execution.succeeded.v1"
FAILED: Final = "amends.execution.failed.v1"
CANCELLED: Final = "amends.execution.cancelled.v1"

#: The execution will change no more, undo aside.
ENDED: Final = frozenset({SUCCEEDED, FAILED, CANCELLED})
