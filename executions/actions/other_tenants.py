"""Undos that another tenant is asked for: carried there, and its answer carried back.

    the undo WAITS ─ news ─> a request is written there ─> its hash is noted here
    the request is answered ─ news ─> the undo has SUCCEEDED or FAILED here
    the undo waits no more ─ news ─> the request is called back there

Each arrow is a transaction in one tenant, and may happen twice: a request is written once for each
undo, noted while that waits, and answered once. A worker killed between two of them leaves the news
undone, and it is heard again. An answer that comes when nobody waits any more is noted. What comes
from the other tenant is an outcome word and two hashes. Of a tenant that is not there, and of a
thing that the other does not have, the same is said.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import transaction

from accounts.acting import authority_of, system_of
from accounts.selectors import tenant_called, tenant_named
from compensation.actions.foreign_request_verbs import REQUEST as REQUEST_TYPE
from compensation.actions.foreign_requests_carried import (
    NOT_ASKED_ANY_MORE,
    Answer,
    Asked,
    answer_of,
    call_back,
    receive,
)
from compensation.events import ANSWERS
from compensation.lifecycle import RequestStatus
from compensation.remote import ASK, FAILED, REFUSED, UNKNOWN
from executions.actions import endings
from executions.asking_elsewhere import ANSWER, OUTCOME, REQUEST
from executions.handler_contract import Result
from executions.lifecycle import ExecutionStatus
from executions.models import Execution
from ledger import failpoints
from ledger.dispatch.consumer_registry import Consumer, Done, Event
from ledger.errors import NotFound
from ledger.record import ActorRef, EntryRef
from ledger.tenancy import set_tenant, tenant_scope
from verbs.move import move, newest_entry
from verbs.subject import Locked, subject_of

EXECUTION = Execution.subject_type
failpoints.declare("elsewhere.asked", "elsewhere.noted", "elsewhere.answered")

#: What is said here, by the outcome word.
_FAULTS = {RequestStatus.REFUSED: REFUSED, RequestStatus.FAILED: FAILED}


def handle(events: Sequence[Event], _done: Done) -> None:
    """Carry what waits to be asked, what is not waited for any more, and what was answered."""
    for event in events:
        if event.subject_type == REQUEST_TYPE:
            _answered(event)
        elif event.to_status == ExecutionStatus.WAITING:
            _ask(event)
        else:
            _call_back(event)


#: Chosen by the entries of such undos and requests themselves, and by nothing else.
CONSUMER = Consumer(name=ANSWERS, wants=lambda _type: False, handle=handle)


def _ask(event: Event) -> None:
    """Write the request in the other tenant, and note its hash. Nothing where it is noted."""
    row = _read(event)
    if row is None or row.status != ExecutionStatus.WAITING or REQUEST in (row.remote or {}):
        return
    other = _other(row)
    if other is None or row.undoes_id is None:
        _end_unknown(event)
        return
    with tenant_scope(event.tenant_id):
        _slug, name = tenant_called(event.tenant_id)
    written = receive(other, _asked(row, event, name))
    failpoints.reach("elsewhere.asked")
    if written is None:
        _end_unknown(event)
    elif not _noted(event, written):
        # It was settled here in the meantime, and that news may have been heard before this.
        call_back(other, event.tenant_id, event.subject_id)


def _asked(row: Execution, event: Event, name: str) -> Asked:
    remote, block = row.remote or {}, row.compensation or {}
    return Asked(
        tenant_id=event.tenant_id,
        id=row.id,
        name=name,
        entry=event.hash,
        about_type=str(remote["type"]),
        about_id=uuid.UUID(str(remote["id"])),
        strategy=str(block.get("strategy") or "restore"),
        reason=row.reason,
        regulatory_basis=list(block.get("regulatory_basis") or ()),
    )


def _noted(event: Event, written: bytes) -> bool:
    """Note the hash of the request on the undo that waits for it. Whether it still waits."""
    with transaction.atomic(durable=True):
        locked = _lock(event.tenant_id, event.subject_id)
        row = None if locked is None else locked.row
        if row is None or row.status != ExecutionStatus.WAITING:
            return False
        if REQUEST not in row.remote:
            row.remote = {**row.remote, REQUEST: written.hex()}
            move(
                row, "asked_elsewhere", before=str(row.status), by=_system(event.tenant_id),
                caused_by=EntryRef(event.id, event.hash), fields=["remote"],
            )  # fmt: skip
        failpoints.reach("elsewhere.noted")
        return True


def _call_back(event: Event) -> None:
    row = _read(event)
    other = None if row is None else _other(row)
    if other is not None:
        call_back(other, event.tenant_id, event.subject_id)


def _answered(event: Event) -> None:
    """Let the undo here end as the request has ended there; once, while it waits."""
    request, answer = answer_of(event)
    tenant_id = request.asking_tenant_id
    with transaction.atomic(durable=True):
        locked = _lock(tenant_id, request.asking_id)
        if locked is None:
            return
        row, by = locked.row, _system(tenant_id)
        if row.status != ExecutionStatus.WAITING:
            if request.answer != NOT_ASKED_ANY_MORE:
                _note_late(row, answer, by=by)
            return
        row.remote = {**row.remote, **_hashes(answer), OUTCOME: answer.status}
        move(
            row, "answered_elsewhere", before=str(row.status), by=by, fields=["remote"],
            caused_by=newest_entry(row), payloads={"outcome": answer.status},
        )  # fmt: skip
        if answer.status == RequestStatus.DONE:
            result = Result({**_hashes(answer), OUTCOME: answer.status})
            endings.succeed(row, locked.others, result, by=by)
        else:
            endings.fail(row, locked.others, _FAULTS[RequestStatus(answer.status)], by=by)
        failpoints.reach("elsewhere.answered")


def _note_late(row: Execution, answer: Answer, *, by: ActorRef) -> None:
    """Note on an undo that has ended how the other has answered all the same, once: they may have
    undone what somebody here has settled otherwise, and only people can put that right."""
    if OUTCOME in (row.remote or {}):
        return
    row.remote = {**(row.remote or {}), **_hashes(answer), OUTCOME: answer.status}
    move(
        row, "answered_too_late", before=str(row.status), by=by, fields=["remote"],
        caused_by=newest_entry(row), payloads={"outcome": answer.status},
    )  # fmt: skip


def _hashes(answer: Answer) -> dict[str, str | None]:
    found = {REQUEST: answer.request, ANSWER: answer.answer}
    return {name: None if hash_ is None else hash_.hex() for name, hash_ in found.items()}


def _end_unknown(event: Event) -> None:
    """Let the undo fail that nobody can be asked for."""
    with transaction.atomic(durable=True):
        locked = _lock(event.tenant_id, event.subject_id)
        if locked is None or locked.row.status != ExecutionStatus.WAITING:
            return
        endings.fail(locked.row, locked.others, UNKNOWN, by=_system(event.tenant_id))


def _read(event: Event) -> Execution | None:
    with tenant_scope(event.tenant_id):
        rows = Execution.objects.filter(tenant_id=event.tenant_id, capability=ASK)
        return rows.filter(id=event.subject_id).first()


def _other(row: Execution) -> uuid.UUID | None:
    """Return the tenant that is asked; None where there is none, or it is the own one."""
    found = tenant_named(str((row.remote or {}).get("tenant", "")))
    return None if found is None or found.id == row.tenant_id else found.id


def _lock(tenant_id: uuid.UUID, id_: uuid.UUID) -> Locked | None:
    set_tenant(tenant_id)
    try:
        return subject_of(EXECUTION).lock(tenant_id, id_)
    except NotFound:
        return None


def _system(tenant_id: uuid.UUID) -> ActorRef:
    return authority_of(system_of(tenant_id)).ref()
