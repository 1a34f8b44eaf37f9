"""Reads of the keys by which members sign entries. In the caller's tenant scope."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence

from django.db.models import QuerySet

from accounts.models import Actor, SignatureKey
from accounts.selectors import actors_named
from ledger.errors import NotFound


def signature_keys(tenant_id: uuid.UUID) -> QuerySet[SignatureKey]:
    """Return all of a tenant, also those that are used no more."""
    return SignatureKey.objects.filter(tenant_id=tenant_id)


def keys_of(tenant_id: uuid.UUID, username: str) -> QuerySet[SignatureKey]:
    """Return those of one member; of all where nobody is named, of none for who is unknown."""
    rows = signature_keys(tenant_id)
    if not username:
        return rows
    who = actors_named(tenant_id, [username]).get(username)
    return rows.none() if who is None else rows.filter(actor_id=who)


def signature_key(tenant_id: uuid.UUID, id_: uuid.UUID) -> SignatureKey:
    """Return one. Raises NotFound."""
    row = signature_keys(tenant_id).filter(id=id_).first()
    if row is None:
        raise NotFound
    return row


def keys_by_id(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, SignatureKey]:
    """Return keys by their ids; one query, or none where none is asked for."""
    if not ids:
        return {}
    return {row.id: row for row in signature_keys(tenant_id).filter(id__in=list(ids))}


def holders_of_keys(actors: Sequence[Actor]) -> set[uuid.UUID]:
    """Return which of some actors have registered keys; one query, or none."""
    if not actors:
        return set()
    rows = signature_keys(actors[0].tenant_id).filter(actor_id__in=[each.id for each in actors])
    return set(rows.values_list("actor_id", flat=True))
