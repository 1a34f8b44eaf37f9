"""The policies of a tenant, read. Every function runs in the caller's tenant scope."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence

from django.db.models import QuerySet

from governance.models import Policy
from ledger.errors import NotFound
from verbs.row_reading import read

#: Policies as they have been read, for whoever only hands them on.
Policies = Sequence[Policy]
#: The order in which policies are asked.
AS_ASKED = ("priority", "id")
#: Whether `%(tenant)s` has any, as SQL to be read beside other things.
ANY_IN_FORCE = """EXISTS (
    SELECT FROM governance_policy p WHERE p.tenant_id = %(tenant)s AND p.ended_at IS NULL)"""


def in_force(tenant_id: uuid.UUID) -> QuerySet[Policy]:
    """Return those that have not ended."""
    return Policy.objects.filter(tenant_id=tenant_id, ended_at__isnull=True)


def to_ask(tenant_id: uuid.UUID, *, without: Collection[str] = ()) -> list[Policy]:
    """Return those in force in the order in which they are asked, none of the effects `without`."""
    where = f"""r.tenant_id = %s AND r.ended_at IS NULL AND r.effect <> ALL(%s)
        ORDER BY {", ".join(f"r.{name}" for name in AS_ASKED)}"""
    return read(Policy, where, [tenant_id, list(without)])


def policy(tenant_id: uuid.UUID, id_: uuid.UUID) -> Policy:
    """Return one, in force or not: what it decided names it. Raises NotFound."""
    found = Policy.objects.filter(tenant_id=tenant_id, id=id_).first()
    if found is None:
        raise NotFound
    return found
