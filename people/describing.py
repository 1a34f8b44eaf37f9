"""How the subjects of this app are called: actors by username, the tenant by name."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from accounts.models import Tenant
from accounts.selectors import people
from web.describers import Description


def describe_actors(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    """Describe actors by username, in one query; an erased person by a piece of the token."""
    return {
        id_: Description(person.username, status="ACTIVE" if person.is_active else "INACTIVE",
                         icon="user")
        for id_, person in people(ids).items()
    }  # fmt: skip


def describe_tenants(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    """Describe the tenant of the scope by name; there is never another."""
    rows = Tenant.objects.filter(id__in=list(ids)).values_list("id", "name")
    return {id_: Description(name, icon="building-2") for id_, name in rows}
