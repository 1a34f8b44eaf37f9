"""Reads of substitutions: who stands in for whom, from when until when. In the caller's tenant
scope."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.db.models import QuerySet

from accounts.models import Substitution
from accounts.roles import Role, held
from ledger.clock import now
from ledger.errors import NotFound
from ledger.statements import fetched


def substitutions(tenant_id: uuid.UUID) -> QuerySet[Substitution]:
    """Return all of a tenant, also those that are over."""
    return Substitution.objects.filter(tenant_id=tenant_id)


def substitution(tenant_id: uuid.UUID, id_: uuid.UUID) -> Substitution:
    """Return one. Raises NotFound."""
    row = substitutions(tenant_id).filter(id=id_).first()
    if row is None:
        raise NotFound
    return row


def not_over(tenant_id: uuid.UUID) -> QuerySet[Substitution]:
    """Return those that are in force, or will be."""
    return substitutions(tenant_id).filter(ended_at=None, until__gt=now())


_SUBSTITUTE = """
SELECT m.actor_id, m.roles FROM accounts_substitution s
JOIN accounts_membership m ON m.tenant_id = s.tenant_id AND m.actor_id = s.substitute_id
JOIN accounts_actor a ON a.tenant_id = m.tenant_id AND a.id = m.actor_id
JOIN accounts_user u ON u.id = m.user_id
WHERE s.tenant_id = %s AND s.person_id = %s AND s.group_name = ''
  AND s.ended_at IS NULL AND s.since <= %s AND s.until > %s
  AND m.is_active AND u.is_active AND a.is_active
ORDER BY s.created_at, s.id
"""


def substitute_of(
    tenant_id: uuid.UUID, person_id: uuid.UUID, *, but: Collection[uuid.UUID] = ()
) -> uuid.UUID | None:
    """Return who stands in for somebody now in all they do, and is here and may: of several the one
    that was named first."""
    moment = now()
    for actor_id, roles in fetched(_SUBSTITUTE, [tenant_id, person_id, moment, moment]):
        if Role.MEMBER in held(roles) and actor_id not in but:
            found: uuid.UUID = actor_id
            return found
    return None


def is_over(row: Substitution) -> bool:
    """Whether it holds no more."""
    return row.ended_at is not None or row.until <= now()


def is_in_force(row: Substitution) -> bool:
    """Whether it holds now."""
    return row.since <= now() and not is_over(row)
