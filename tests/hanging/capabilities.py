"""Capabilities that take longer than they may."""

from __future__ import annotations

import time

from executions.capability_registry import Invocation, Result, RetryPolicy, capability


@capability(
    "test.hangs",
    retry=RetryPolicy(max_attempts=2, base_seconds=0.1),
    lease_seconds=1,
    max_seconds=2,
)
def hangs(_call: Invocation) -> Result:
    """Never return."""
    time.sleep(3600)
    return Result({})
