"""Requests as news carries them between tenants: written here, called back, and answered.

Each function opens its own transaction in the tenant that it is told, and in no other: whoever
carries news from one tenant to another is in one of them at a time. Each may be called again.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from accounts.acting import authority_of, system_of
from compensation.actions.foreign_request_verbs import REQUEST, lock_request, settle
from compensation.events import REQUESTS
from compensation.foreign_request_tables import CompensationRequest
from compensation.foreign_requests import asked_by, requests
from compensation.lifecycle import RequestStatus, RunStatus
from compensation.subject import is_undoable, whole_subject
from ledger import failpoints
from ledger.clock import now
from ledger.dispatch.consumer_registry import Consumer, Done, Event
from ledger.record import ActorRef, EntryRef
from ledger.selectors import latest_ref
from ledger.tenancy import set_tenant, tenant_scope
from verbs.move import insert, newest_entry
from verbs.subject import subject_of

failpoints.declare("request.received", "request.answered")

NOT_ASKED_ANY_MORE = "not_asked_any_more"
_NOT_ALL = "not_all_undone"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a tenant asks of another: the undo of something of that one's, and why.

    `tenant_id` and `id` are the asking tenant and its execution, `name` what it calls itself,
    `entry` the hash of its entry. `about_*` is what the other has.
    """

    tenant_id: uuid.UUID
    id: uuid.UUID
    name: str
    entry: bytes
    about_type: str
    about_id: uuid.UUID
    strategy: str
    reason: str
    regulatory_basis: Sequence[dict[str, Any]]


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What whoever asked may know of a request: its outcome word, the hash of the entry that wrote
    it, and that of the entry that answered it. It names no row of the tenant that was asked."""

    status: str
    request: bytes
    answer: bytes | None


def receive(tenant_id: uuid.UUID, asked: Asked) -> bytes | None:
    """Write what another tenant asks of this one, once, and return the hash of the entry; None
    where there is nothing of that kind and id."""
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        known = asked_by(tenant_id, asked.tenant_id, asked.id)
        if known is not None:
            return _asked_entry(known)
        if not _is_there(tenant_id, asked.about_type, asked.about_id):
            return None
        row = CompensationRequest(
            tenant_id=tenant_id,
            about_type=asked.about_type,
            about_id=asked.about_id,
            asking_tenant_id=asked.tenant_id,
            asking_id=asked.id,
            asking_name=asked.name,
            asking_hash=asked.entry.hex(),
            strategy=asked.strategy,
            reason=asked.reason,
            regulatory_basis=list(asked.regulatory_basis),
            created_at=now(),
        )
        payloads = {"reason": asked.reason, "asked_by": asked.name}
        entry = insert(row, "requested", by=_system(tenant_id), payloads=payloads)
        failpoints.reach("request.received")
        return entry.ref.hash


def _is_there(tenant_id: uuid.UUID, type_: str, id_: uuid.UUID) -> bool:
    if not is_undoable(type_) and whole_subject(type_) is None:
        return False
    row = subject_of(type_).read_many(tenant_id, [id_]).get(id_)
    # What undoes something is not undone itself, whoever asks.
    return row is not None and getattr(row, "undoes_id", None) is None


def call_back(tenant_id: uuid.UUID, asking_tenant_id: uuid.UUID, asking_id: uuid.UUID) -> None:
    """Whoever asked does not wait any more: a request that nobody has decided yet has failed. One
    that was agreed to goes on: it is this tenant's own undo by now."""
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        known = asked_by(tenant_id, asking_tenant_id, asking_id)
        if known is None:
            return
        row = lock_request(tenant_id, known.id)
        if row.status == RequestStatus.PENDING:
            settle(
                row, done=False, code=NOT_ASKED_ANY_MORE, by=_system(tenant_id),
                caused_by=newest_entry(row),
            )  # fmt: skip


def answer_of(event: Event) -> tuple[CompensationRequest, Answer]:
    """Return a request that was answered, as the tenant that was asked has it, and what whoever
    asked may know of that."""
    tenant_id = event.tenant_id
    with tenant_scope(tenant_id):
        row = requests(tenant_id).get(id=event.subject_id)
        return row, Answer(str(row.status), _asked_entry(row), event.hash)


def _asked_entry(row: CompensationRequest) -> bytes:
    found = latest_ref(row.tenant_id, REQUEST, row.id, actions=["requested"])
    if found is None:
        raise LookupError(f"request {row.id} has no entry")
    return found.hash


def handle(events: Sequence[Event], _done: Done) -> None:
    """Answer the requests whose rollbacks have ended."""
    for event in events:
        _run_ended(event)


def _run_ended(event: Event) -> None:
    """Answer the request that a rollback was begun for, once: a second time it is answered."""
    tenant_id = event.tenant_id
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        found = requests(tenant_id).filter(run_id=event.subject_id, status=RequestStatus.APPROVED)
        id_ = found.values_list("id", flat=True).first()
        if id_ is None:
            return
        row = lock_request(tenant_id, id_)
        if row.status != RequestStatus.APPROVED:
            return
        done = event.to_status == RunStatus.COMPLETED
        settle(
            row, done=done, code="" if done else _NOT_ALL, by=_system(tenant_id),
            caused_by=EntryRef(event.id, event.hash),
        )  # fmt: skip
        failpoints.reach("request.answered")


#: Chosen by the entry of such a rollback itself, and by nothing else.
CONSUMER = Consumer(name=REQUESTS, wants=lambda _type: False, handle=handle)


def _system(tenant_id: uuid.UUID) -> ActorRef:
    return authority_of(system_of(tenant_id)).ref()
