"""Reads of checkpoints to be taken away: older ones, and what others have signed of them.

Every function runs in the caller's scope and names the tenant.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from django.db import connection

from ledger.models import Checkpoint, Countersignature
from ledger.tree.cosignatures import is_line

# Of each leaf the first checkpoint that has it, and those that were stamped since.
_OVER = """
SELECT DISTINCT c.size FROM unnest(%(leaves)s::bigint[]) u(leaf) CROSS JOIN LATERAL (
    SELECT size FROM ledger_checkpoint
    WHERE tenant_id = %(tenant)s AND size > u.leaf ORDER BY size LIMIT 1) c
UNION
SELECT size FROM ledger_countersignature
WHERE tenant_id = %(tenant)s AND kind = 'timestamp' AND size > %(first)s AND size < %(past)s
ORDER BY size
"""


def notes_over(
    tenant_id: uuid.UUID, leaves: Collection[int], past: int, *, most: int
) -> dict[int, str]:
    """Return the notes, by size, of the checkpoints below `past` by which each of these leaves was
    first said to be there, and of those that were stamped since the first; at most `most`, evenly
    chosen."""
    if not leaves:
        return {}
    given: dict[str, Any] = {
        "tenant": tenant_id, "leaves": sorted(leaves), "first": min(leaves), "past": past,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_OVER, given)
        sizes = [row[0] for row in cursor.fetchall() if row[0] < past]
    step = -(-len(sizes) // most) or 1
    rows = Checkpoint.objects.filter(tenant_id=tenant_id, size__in=sizes[::step])
    return dict(rows.values_list("size", "note"))


def cosignatures_of(tenant_id: uuid.UUID, sizes: Collection[int]) -> dict[int, str]:
    """Return the lines that witnesses have signed under each of these checkpoints, if any have.
    One that is no line, of before that was asked for, is not given out."""
    rows = Countersignature.objects.filter(
        tenant_id=tenant_id, size__in=list(sizes), kind="witness"
    ).order_by("size", "name")
    found: dict[int, str] = {}
    for each in rows:
        line = bytes(each.said).decode("utf-8", "replace")
        if is_line(line, each.name):
            found[each.size] = found.get(each.size, "") + line + "\n"
    return found


def stamps_of(tenant_id: uuid.UUID, sizes: Collection[int]) -> dict[int, bytes]:
    """Return the time stamp (a token of RFC 3161) of each of these checkpoints that has one."""
    rows = Countersignature.objects.filter(
        tenant_id=tenant_id, size__in=list(sizes), kind="timestamp"
    )
    return {each.size: bytes(each.said) for each in rows}
