"""Batches: operators ask for one, members read, and only operators take it back."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from compensation.subject import Cause
from executions.actions.batch_changes import lock_batch, save_batch
from ledger.clock import now
from ledger.record import ActorRef
from ledger.tenancy import set_tenant
from tests.batching import FAILS, asked
from tests.security.matrix import Row, expect
from tests.world import World


def _batch(world: World) -> dict[str, object]:
    """A batch whose only call nobody has started."""
    return {"id": asked(world, FAILS).id}


def stop(world: World, batch_id: uuid.UUID) -> None:
    """Have news of a batch fail, as the dispatcher says it."""
    with transaction.atomic(durable=True):
        set_tenant(world.system.tenant_id)
        batch = lock_batch(world.system.tenant_id, batch_id)
        assert batch is not None
        by = ActorRef(world.system.actor_id, world.system.actor_type, "system")
        save_batch(
            batch, "engine_stopped", cause=Cause(by, None), payloads={"error": "E"},
            also={"stopped_since": now(), "stopped_error": "E"},
        )  # fmt: skip


def _stopped(world: World) -> dict[str, object]:
    """A batch that cannot go on."""
    made = _batch(world)
    stop(world, uuid.UUID(str(made["id"])))
    return made


_OPERATORS: dict[str, Any] = {"operator": 200, "admin": 200}
_REASON = {"reason": "R"}

ROWS = {
    "executions-api:batch-list": Row(
        GET=expect(200),
        POST=expect(403, operator=201, admin=201, body={"calls": [FAILS]}),
    ),
    "executions-api:batch-detail": Row(make=_batch, GET=expect(200)),
    "executions-api:batch-retry": Row(make=_stopped, POST=expect(403, **_OPERATORS)),
    "executions-api:batch-compensation-plan": Row(
        make=_batch, POST=expect(403, operator=201, admin=201, body=_REASON)
    ),
    "executions:batches": Row(GET=expect(200)),
    "executions:batch": Row(make=_batch, GET=expect(200)),
    "executions:batch-retry": Row(make=_stopped, POST=expect(403, operator=303, admin=303)),
    "compensation:rollback-batch": Row(
        make=_batch,
        GET=expect(403, operator=200, admin=200),
        POST=expect(403, operator=303, admin=303, body={**_REASON, "scope": "whole"}),
    ),
}
