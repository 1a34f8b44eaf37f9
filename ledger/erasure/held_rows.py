"""Legal holds: what must be kept, and for as long as that is so."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from ledger.clock import now
from ledger.erasure.erasure_tables import Erasure, LegalHold
from ledger.erasure.personal_data import with_inside
from ledger.erasure.portions import Held
from ledger.ids import new_id
from ledger.models import LedgerEntry


def holds(tenant_id: uuid.UUID) -> QuerySet[LegalHold]:
    """Return the holds of a tenant, those that were lifted too."""
    return LegalHold.objects.filter(tenant_id=tenant_id)


def held(tenant_id: uuid.UUID, actor_id: uuid.UUID | None) -> Held:
    """Return what is held now. All that is about a person is, where the person is. In the tenant's
    scope."""
    rows = holds(tenant_id).filter(lifted_at__isnull=True)
    subjects = sorted(with_inside(tenant_id, list(rows.values_list("subject_type", "subject_id"))))
    cases = [id_ for type_, id_ in subjects if type_ == "case"]
    return Held(subjects, cases, all=actor_id is not None and ("actor", actor_id) in subjects)


def acted_in(tenant_id: uuid.UUID, actor_id: uuid.UUID, what: Held) -> bool:
    """Whether somebody has acted on what is held: then it is held, too, who they are."""
    if what.all:
        return True
    entries = LedgerEntry.objects.filter(tenant_id=tenant_id, actor_id=actor_id)
    if entries.filter(case_id__in=list(what.cases)).exists():
        return True
    by_type: dict[str, list[uuid.UUID]] = {}
    for type_, id_ in what.subjects:
        by_type.setdefault(type_, []).append(id_)
    return any(
        entries.filter(subject_type=type_, subject_id__in=ids).exists()
        for type_, ids in by_type.items()
    )


def stop_portions(tenant_id: uuid.UUID) -> None:
    """Wait for the portions of a tenant's erasures that are under way, and let none begin before
    the caller's transaction ends.

    A portion reads what is held and then erases: without this lock a hold that is placed in between
    would keep nothing of what that portion takes. It comes before holds and erasures.
    """
    _advisory("pg_advisory_xact_lock", tenant_id)


def begin_portion(tenant_id: uuid.UUID) -> None:
    """Let no hold be placed or lifted until the caller's transaction ends. Before any row."""
    _advisory("pg_advisory_xact_lock_shared", tenant_id)


def _advisory(function: str, tenant_id: uuid.UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {function}(hashtextextended('ledger_erasure ' || %s, 0))",
            [str(tenant_id)],
        )


def place_hold(
    tenant_id: uuid.UUID, subject: tuple[str, uuid.UUID], reason: str, by: uuid.UUID
) -> LegalHold:
    """Hold a subject, in the caller's transaction. A second one at once meets the unique key."""
    stop_portions(tenant_id)
    row = LegalHold(
        id=new_id(), tenant_id=tenant_id, subject_type=subject[0], subject_id=subject[1],
        reason=reason, placed_by_id=by, placed_at=now(),
    )  # fmt: skip
    row.save(force_insert=True)
    return row


def lift_hold(row: Any, reason: str, by: uuid.UUID) -> None:
    """End a hold that was locked after `stop_portions`; erasures that it has kept from their end go
    on, those under way too: what they have counted as kept, it may have kept."""
    row.lifted_at, row.lifted_by_id, row.lifted_reason = now(), by, reason
    row.version += 1
    row.save(update_fields=["lifted_at", "lifted_by_id", "lifted_reason", "version"])
    kept = Erasure.objects.filter(tenant_id=row.tenant_id, state__in=["HELD", "ERASING"])
    for each in kept.select_for_update().order_by("id"):
        # From the first table on, in the round that it was in; one that rests goes on resting.
        each.place = {"round": each.place.get("round", 1)}
        each.due_at = now() if each.state == "HELD" else each.due_at
        each.state, each.kept = "ERASING", {}
        each.save(update_fields=["state", "place", "kept", "due_at"])
