"""The number of a case, by which people call it: drawn in the transaction that opens the case.

A number is a prefix and a counter of that prefix. No prefix ends with a digit, so that two prefixes
never give the same number. Numbers may be missing where an opening was rolled back.
"""

from __future__ import annotations

import datetime as dt
import uuid

from ledger.ids import new_id
from ledger.statements import fetched

COUNTER = "{n}"
_DRAW = """
INSERT INTO cases_casecounter AS c (id, tenant_id, prefix, last) VALUES (%s, %s, %s, 1)
ON CONFLICT (tenant_id, prefix) DO UPDATE SET last = c.last + 1
RETURNING last
"""


def prefix_of(pattern: str | None, at: dt.datetime) -> str:
    """Return what stands before the counter: of `L-{year}-{n}` in 2026 `L-2026-`."""
    written = (pattern or COUNTER).removesuffix(COUNTER)
    return written.replace("{year}", f"{at.astimezone(dt.UTC):%Y}")


def next_number(tenant_id: uuid.UUID, pattern: str | None, at: dt.datetime) -> str:
    """Return the next number of a tenant's cases, in the caller's transaction.

    The counter's row stays locked until that transaction ends, so that no number is given twice.
    """
    prefix = prefix_of(pattern, at)
    ((number,),) = fetched(_DRAW, [new_id(), tenant_id, prefix])
    return f"{prefix}{number}"
