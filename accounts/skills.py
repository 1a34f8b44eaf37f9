"""Who is able to do what work asks for. In the caller's tenant scope."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.db.models import F, Func, JSONField, OuterRef, QuerySet

from accounts.acting import ActingUser
from accounts.models import Membership
from ledger.statements import fetched

_SKILLED = """
SELECT actor_id FROM accounts_membership
WHERE tenant_id = %s AND actor_id = ANY(%s::uuid[]) AND skills @> %s::text[]
"""


def skilled_actors(
    tenant_id: uuid.UUID, actor_ids: Collection[uuid.UUID], skills: Collection[str]
) -> frozenset[uuid.UUID]:
    """Return those of `actor_ids` who have all the skills that are asked for."""
    given = [tenant_id, list(actor_ids), list(skills)]
    return frozenset(actor_id for (actor_id,) in fetched(_SKILLED, given))


def able_to(who: ActingUser, column: str) -> QuerySet[Membership]:
    """Return the membership if it has all the skills in a column of an outer query, which is a list
    as JSON; to be read inside that."""
    rows = Membership.objects.none()
    if who.membership_id is not None:
        rows = Membership.objects.filter(tenant_id=who.tenant_id, id=who.membership_id)
    known = Func(F("skills"), function="to_jsonb", output_field=JSONField())
    return rows.annotate(known=known).filter(known__contains=OuterRef(column))
