"""Entries about entries: recorded of the same subject, which does not change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ledger.record import ActorRef, Change, EntryRef, record
from ledger.selectors import all_entries

KIND: Final = "ATTESTATION"


def say_of(entry: Any, action: str, by: ActorRef, payloads: Mapping[str, Any]) -> Any:
    """Record what somebody says of an entry, whose subject is locked, and return that entry. It
    names the other by id and hash: what was meant cannot be exchanged afterwards."""
    rows = all_entries(entry.tenant_id)
    chain = rows.filter(subject_type=entry.subject_type, subject_id=entry.subject_id)
    newest = chain.latest("subject_seq")
    recorded = record(
        Change(
            tenant_id=entry.tenant_id, subject_type=entry.subject_type,
            subject_id=entry.subject_id, version=newest.subject_version, kind=KIND, action=action,
            actor=by, from_status=newest.to_status, to_status=newest.to_status,
            caused_by=EntryRef(entry.id, bytes(entry.hash)), case_id=entry.case_id,
            payloads=payloads,
        )
    )  # fmt: skip
    return rows.get(id=recorded.id)
