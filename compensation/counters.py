"""The order of completion within a case or batch, drawn in the transaction that completes."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from ledger.statements import fetched, right_behind

# The first two of a case at once would both insert its row, and meet at the index that ON CONFLICT
# does not name (tenant_id, case_id): so one comes after the other.
_DRAW = """
WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended(%(case)s::uuid::text, 0)))
INSERT INTO compensation_completioncounter AS c (case_id, tenant_id, last)
SELECT %(case)s::uuid, %(tenant)s::uuid, 1 FROM held
ON CONFLICT (case_id) DO UPDATE SET last = c.last + 1
RETURNING last
"""

# The same for a piece of work of a case, that undoes nothing and has no number yet.
_DRAW_FOR = """
WITH held AS MATERIALIZED (
    SELECT r.case_id, pg_advisory_xact_lock(hashtextextended(r.case_id::text, 0)) FROM {table} r
    WHERE r.tenant_id = %(tenant)s AND r.id = %(id)s
      AND r.case_id IS NOT NULL AND r.undoes_id IS NULL AND r.completion_seq IS NULL
      AND r.ended_at IS NULL)
INSERT INTO compensation_completioncounter AS c (case_id, tenant_id, last)
SELECT case_id, %(tenant)s::uuid, 1 FROM held
ON CONFLICT (case_id) DO UPDATE SET last = c.last + 1
RETURNING last
"""


def completion_behind(table: str, id_: uuid.UUID, tenant_id: uuid.UUID) -> Callable[[], int | None]:
    """Draw the next completion number for a row of work right behind the statement that locks it,
    and in one exchange with that. Returns what returns it; None where it has no case, undoes
    something, or has ended. What is refused then is rolled back, and the number with it.

    Others who complete in the same case wait from then on until the transaction ends.
    """
    answer = right_behind(_DRAW_FOR.format(table=table), {"id": id_, "tenant": tenant_id})

    def number() -> int | None:
        rows = answer().rows
        return int(rows[0][0]) if rows else None

    return number


def next_completion(case_id: uuid.UUID, tenant_id: uuid.UUID) -> int:
    """Return the next completion number of a case, or of another whole of this id, from 1, in the
    caller's transaction.

    The counter's row stays locked until that transaction ends, so a higher number is never visible
    before a lower one. Draw it after the rows of work are locked and before the ledger is written,
    or with their lock (`completion_behind`).
    """
    ((number,),) = fetched(_DRAW, {"case": case_id, "tenant": tenant_id})
    return int(number)
