"""How long an execution waits for its next attempt, as its capability declares it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from executions import capability_registry
from executions.capability_registry import Failed, Invocation, Result, RetryPolicy, capability
from executions.models import ExecutionJob
from ledger.clock import now
from ledger.tenancy import tenant_scope
from tests.draining import drain
from tests.integration.test_executions import request
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def away(_call: Invocation) -> Result:
    """Fail."""
    raise Failed("not now")


@pytest.mark.parametrize(
    "policy",
    [
        RetryPolicy(base_seconds=1000, cap_seconds=9000, backoff="fixed", jitter=0.5),
        RetryPolicy(base_seconds=1000, cap_seconds=9000),
    ],
)
def test_the_next_attempt_is_due_when_the_policy_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch, policy: RetryPolicy
) -> None:
    known = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known)
    capability("test.away", retry=policy)(away)
    execution = request(world.operator, "test.away", {})
    before = now()
    drain()
    with tenant_scope(world.system.tenant_id):
        due = ExecutionJob.objects.get(execution_id=execution.id).due_at
    wait = timedelta(seconds=policy.wait_after(1, str(execution.id)))
    assert before + wait <= due <= now() + wait
