"""The SQL texts of the recording door, in one place. Arrays keep them constant for any number of
entries, so that the server can keep them prepared."""

from __future__ import annotations

HEADS = """
SELECT subject_type, subject_id, seq, hash FROM ledger_ledgerhead
WHERE tenant_id = %s
  AND (subject_type, subject_id) IN (SELECT * FROM unnest(%s::text[], %s::uuid[]))
ORDER BY subject_type, subject_id FOR UPDATE
"""

# One data-modifying statement: either all of an entry exists or nothing of it.
APPEND = """
WITH entry AS (
    INSERT INTO ledger_ledgerentry (
        id, tenant_id, subject_type, subject_id, subject_seq, subject_version, previous_hash, hash,
        kind, action, from_status, to_status, actor_id, actor_type, actor_role, on_behalf_of_id,
        caused_by_id, caused_by_hash, original_id, original_hash, correlation_id, case_id,
        completion_seq, compensation, at, body)
    SELECT id, tenant_id, subject_type, subject_id, subject_seq, subject_version, previous_hash,
        hash, kind, action, from_status, to_status, actor_id, actor_type, actor_role,
        on_behalf_of_id, caused_by_id, caused_by_hash, original_id, original_hash, correlation_id,
        case_id, completion_seq, compensation::jsonb, at, body
    FROM unnest(
        %s::uuid[], %s::uuid[], %s::text[], %s::uuid[], %s::int[], %s::int[], %s::bytea[],
        %s::bytea[], %s::text[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::text[],
        %s::text[], %s::uuid[], %s::uuid[], %s::bytea[], %s::uuid[], %s::bytea[], %s::uuid[],
        %s::uuid[], %s::bigint[], %s::text[], %s::timestamptz[], %s::bytea[]
    ) AS t(id, tenant_id, subject_type, subject_id, subject_seq, subject_version, previous_hash,
        hash, kind, action, from_status, to_status, actor_id, actor_type, actor_role,
        on_behalf_of_id, caused_by_id, caused_by_hash, original_id, original_hash, correlation_id,
        case_id, completion_seq, compensation, at, body)
), head AS (
    INSERT INTO ledger_ledgerhead (tenant_id, subject_type, subject_id, seq, hash, entry_id)
    SELECT * FROM unnest(
        %s::uuid[], %s::text[], %s::uuid[], %s::int[], %s::bytea[], %s::uuid[])
    ON CONFLICT (tenant_id, subject_type, subject_id)
    DO UPDATE SET seq = excluded.seq, hash = excluded.hash, entry_id = excluded.entry_id
), payload AS (
    INSERT INTO ledger_payload (entry_id, name, tenant_id, salt, body)
    SELECT * FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::bytea[], %s::bytea[])
), event AS (
    INSERT INTO ledger_outboxevent
        (id, tenant_id, type, subject_type, subject_id, case_id, shard, at)
    SELECT * FROM unnest(
        %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::uuid[], %s::uuid[],
        %s::timestamptz[])
)
INSERT INTO ledger_outboxtask (tenant_id, event_id, consumer, shard, attempts)
SELECT tenant_id, event_id, consumer, shard, 0
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::uuid[])
    AS t(tenant_id, event_id, consumer, shard)
"""
