"""Reads of members and tokens as people manage them. In the caller's tenant scope."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db.models import Prefetch, Q, QuerySet

from accounts.acting import ActingUser
from accounts.models import Actor, ApiToken, GroupMembership, Membership
from ledger.clock import now


def tokens_of(who: ActingUser) -> list[ApiToken]:
    """Return a member's own tokens that still work, newest first."""
    return list(own_tokens(who).order_by("-created", "digest"))


def own_tokens(who: ActingUser) -> QuerySet[ApiToken]:
    """Return a member's own tokens that still work."""
    rows = working_tokens(who.tenant_id)
    return rows.none() if who.membership_id is None else rows.filter(membership=who.membership_id)


def members_of(tenant_id: uuid.UUID) -> QuerySet[Actor]:
    """Return the actors of members, present and past; of those who were erased nobody is left."""
    return Actor.objects.filter(tenant_id=tenant_id, user__isnull=False).exclude(type="SYSTEM")


def memberships_of(actors: Sequence[Actor]) -> dict[uuid.UUID, Membership]:
    """Return the memberships of some actors, with users and groups, by actor."""
    if not actors:
        return {}
    tenant_id, ids = actors[0].tenant_id, [actor.id for actor in actors]
    rows = Membership.objects.filter(tenant_id=tenant_id, actor_id__in=ids)
    groups = Prefetch("groups", GroupMembership.objects.filter(tenant_id=tenant_id))
    found = rows.select_related("user").prefetch_related(groups)
    return {row.actor_id: row for row in found}


def working_tokens(tenant_id: uuid.UUID) -> QuerySet[ApiToken]:
    """Return the tokens of a tenant that still work, with their members."""
    rows = ApiToken.objects.filter(tenant_id=tenant_id).select_related("membership")
    return rows.filter(Q(expiry__isnull=True) | Q(expiry__gt=now()))
