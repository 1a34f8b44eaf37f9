"""A tenant whose ledger is full: every entry through the recording door, chained and committed."""

from __future__ import annotations

import uuid

from django.db import transaction

from accounts.acting import ActingUser
from accounts.actions import create_tenant
from ledger import vocabulary
from ledger.erasure.retention import (
    RETENTIONS,
    end_retention,
    prune_due,
    retentions,
    set_retention,
)
from ledger.ids import new_id
from ledger.record import ActorRef, Change, Recording
from ledger.tenancy import set_tenant

#: So long is the chain of each subject.
CHAIN = 8
_AT_ONCE = 1000


def with_heads(subjects: int) -> dict[str, uuid.UUID]:
    """Make a tenant with so many chains of one entry; return what `appending.sql` is told."""
    system = _tenant()
    vocabulary.declare("channel", ["created"])
    for first in range(1, subjects + 1, _AT_ONCE):
        ids = [uuid.UUID(f"{n:032d}") for n in range(first, min(first + _AT_ONCE, subjects + 1))]
        _append(system, ids, steps=1)
    return {"tenant": system.tenant_id, "actor": system.actor_id}


def filled(entries: int) -> uuid.UUID:
    """Make a tenant with so many entries, of which every second has a payload; return its id."""
    system = _tenant()
    _fill(system, entries)
    return system.tenant_id


def half_pruned(entries: int) -> uuid.UUID:
    """Make a tenant as `filled`, of which the payloads of the first half are pruned as workers do
    it, 500 entries under each receipt; return its id."""
    system = _tenant()
    tenant_id = system.tenant_id
    _fill(system, entries // 2)
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        row = set_retention(tenant_id, "TRANSITION", "P0D", system.actor_id)
        RETENTIONS.put_back(tenant_id, row.id, -1.0)
    while prune_due(tenant_id, row.id):
        pass
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        row = retentions(tenant_id).get(id=row.id)
        end_retention(row, system.actor_id)
    if row.pruned != (wanted := entries // 2 // CHAIN * (CHAIN // 2)):
        raise RuntimeError(f"{row.pruned} payloads were pruned, not {wanted}")
    _fill(system, entries // 2)
    return tenant_id


def _fill(system: ActingUser, entries: int) -> None:
    vocabulary.declare("channel", ["created"])
    subjects = entries // CHAIN
    for first in range(0, subjects, _AT_ONCE // CHAIN):
        count = min(_AT_ONCE // CHAIN, subjects - first)
        _append(system, [new_id() for _ in range(count)], steps=CHAIN)


def _tenant() -> ActingUser:
    slug = f"bench-{uuid.uuid4().hex[:8]}"
    return create_tenant(slug, slug)


def _append(system: ActingUser, subjects: list[uuid.UUID], *, steps: int) -> None:
    """Append a chain for each of these subjects, step by step in turn, as work goes on."""
    actor = ActorRef(system.actor_id, "HUMAN", "member")
    with transaction.atomic(durable=True):
        set_tenant(system.tenant_id, flush=False)
        recording = Recording()
        for step in range(steps):
            for id_ in subjects:
                recording.add(
                    Change(
                        tenant_id=system.tenant_id, subject_type="channel", subject_id=id_,
                        version=step + 1, action="created", actor=actor, to_status="OPEN",
                        from_status="OPEN" if step else "", opens=not step,
                        payloads={"reason": f"As it was said, step {step}"} if step % 2 else {},
                    )
                )  # fmt: skip
        recording.append()
