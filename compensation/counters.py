"""The order of completion within a case or batch, drawn in the transaction that completes."""

from __future__ import annotations

import uuid

from ledger.statements import fetched

# The first two of a case at once would both insert its row, and meet at the index that ON CONFLICT
# does not name (tenant_id, case_id): so one comes after the other.
_DRAW = """
WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended(%(case)s::uuid::text, 0)))
INSERT INTO compensation_completioncounter AS c (case_id, tenant_id, last)
SELECT %(case)s::uuid, %(tenant)s::uuid, 1 FROM held
ON CONFLICT (case_id) DO UPDATE SET last = c.last + 1
RETURNING last
"""


def next_completion(case_id: uuid.UUID, tenant_id: uuid.UUID) -> int:
    """Return the next completion number of a case, or of another whole of this id, from 1, in the
    caller's transaction.

    The counter's row stays locked until that transaction ends, so a higher number is never visible
    before a lower one. Draw it after the rows of work are locked and before the ledger is written.
    """
    ((number,),) = fetched(_DRAW, {"case": case_id, "tenant": tenant_id})
    return int(number)
