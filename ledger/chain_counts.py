"""Counting: are the chains of a tenant gapless, and is every transition of its rows recorded?

Numbers alone, without looking into entries: what `verify` proves byte by byte for all tenants is
seen here at a glance for one, a removed tail included, which no hash can show. The tenant's index
of chains and its guarded tables are each read once. Runs in the caller's tenant scope.
"""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Sequence
from typing import Any, Final

from django.db import connection

from ledger.tenancy import system_scope
from ledger.verify import guarded_tables

#: So many gaps are named; more are counted.
NAMED: Final = 50
_CHAINS: Final = """
SELECT count(*), coalesce(sum(n), 0)::bigint, count(*) FILTER (WHERE gap),
       coalesce(jsonb_agg(jsonb_build_object('type', subject_type, 'id', subject_id,
           'entries', n, 'first', low, 'last', high, 'head', seq)
           ORDER BY subject_type, subject_id) FILTER (WHERE gap AND place <= %s), '[]')
FROM (
    SELECT *, row_number() OVER (PARTITION BY gap ORDER BY subject_type, subject_id) AS place
    FROM (
        SELECT subject_type, subject_id, coalesce(e.n, 0) AS n, e.low, e.high, h.seq,
               (coalesce(e.n, 0), e.low, e.high) IS DISTINCT FROM (h.seq::bigint, 1, h.seq) AS gap
        FROM (SELECT subject_type, subject_id, count(*) AS n, min(subject_seq) AS low,
                     max(subject_seq) AS high
              FROM ledger_ledgerentry WHERE tenant_id = %s GROUP BY 1, 2) e
        FULL JOIN (SELECT subject_type, subject_id, seq
                   FROM ledger_ledgerhead WHERE tenant_id = %s) h
        USING (subject_type, subject_id)) counted) placed
"""
_ROWS: Final = """
SELECT %s, count(*), coalesce(sum(t.version), 0)::bigint,
       (SELECT count(*) FROM (
            SELECT DISTINCT subject_id, subject_version FROM ledger_ledgerentry
            WHERE tenant_id = %s AND subject_type = %s) recorded),
       count(*) FILTER (WHERE (e.to_status, e.subject_version) IS DISTINCT FROM
                              (t.status, t.version))
FROM {table} t
LEFT JOIN ledger_ledgerhead h
    ON h.tenant_id = t.tenant_id AND h.subject_type = %s AND h.subject_id = t.id
LEFT JOIN ledger_ledgerentry e ON e.tenant_id = h.tenant_id AND e.id = h.entry_id
WHERE t.tenant_id = %s
"""


@dataclasses.dataclass(frozen=True, slots=True)
class ChainCounts:
    """How many chains and entries there are, and in how many chains one is missing, or there is one
    too many; the first of these by name."""

    chains: int
    entries: int
    gaps: int
    named: list[dict[str, Any]]


@dataclasses.dataclass(frozen=True, slots=True)
class TransitionCounts:
    """Rows of one kind, the transitions that they say they made (each raised a version), those that
    the ledger has, and the rows that are not where their newest entry left them."""

    subject_type: str
    rows: int
    transitions: int
    recorded: int
    astray: int

    @property
    def agrees(self) -> bool:
        """Whether rows and ledger say the same."""
        return self.transitions == self.recorded and self.astray == 0


def chain_counts(tenant_id: uuid.UUID) -> ChainCounts:
    """Count the chains of a tenant. One statement."""
    [row] = _fetched(_CHAINS, [NAMED, tenant_id, tenant_id])
    return ChainCounts(row[0], row[1], row[2], json.loads(row[3]))


def transition_counts(tenant_id: uuid.UUID) -> list[TransitionCounts]:
    """Count the transitions of every guarded kind of row of a tenant. One statement."""
    tables = sorted(guarded_tables().items())
    parts = [_ROWS.format(table=connection.ops.quote_name(table)) for table, _type in tables]
    given = [
        each for _table, type_ in tables for each in (type_, tenant_id, type_, type_, tenant_id)
    ]
    rows = _fetched("UNION ALL".join(parts), given) if parts else []
    return [TransitionCounts(*row) for row in rows]


def _fetched(statement: str, given: Sequence[Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return cursor.fetchall()


def tenants_with_chains() -> list[uuid.UUID]:
    """Return every tenant that has a chain. Opens the scope of verifying for it."""
    with system_scope("verify"):
        rows = _fetched("SELECT DISTINCT tenant_id FROM ledger_ledgerhead ORDER BY 1", [])
    return [row[0] for row in rows]
