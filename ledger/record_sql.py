"""The SQL texts of the recording door, in one place. Arrays keep them constant for any number of
entries, so that the server can keep them prepared."""

from __future__ import annotations

# Each is looked up by itself, in the order given: joined, the planner may rather read every head of
# a tenant, which it takes for one of the usual size.
HEADS = """
SELECT h.subject_type, h.subject_id, h.seq, h.hash
FROM unnest(%s::text[], %s::uuid[]) u(type, id) CROSS JOIN LATERAL (
    SELECT * FROM ledger_ledgerhead
    WHERE tenant_id = %s AND subject_type = u.type AND subject_id = u.id FOR UPDATE) h
"""


def _columns(text: str) -> dict[str, str]:
    """Return the type of each column by its name, as they are written to the statement."""
    return dict(each.split() for each in text.split(","))


def _insert(table: str, columns: dict[str, str]) -> str:
    """Return the insertion of rows given as one array per column; all are of one tenant, which is
    given once. (psycopg keeps the text of a statement ready if it has at most 50 parameters.)"""
    arrays = ", ".join(f"%s::{type_}[]" for type_ in columns.values())
    names = ", ".join(columns)
    return f"""INSERT INTO {table} (tenant_id, {names})
    SELECT tenant.id, t.* FROM tenant, unnest({arrays}) AS t({names})"""  # noqa: S608  -- own words


ENTRY = _columns(
    "id uuid, subject_type text, subject_id uuid, subject_seq int,"
    " subject_version int, previous_hash bytea, hash bytea, kind text, action text,"
    " from_status text, to_status text, actor_id uuid, actor_type text, actor_role text,"
    " on_behalf_of_id uuid, caused_by_id uuid, caused_by_hash bytea, original_id uuid,"
    " original_hash bytea, correlation_id uuid, case_id uuid, completion_seq bigint,"
    " compensation jsonb, at timestamptz, body bytea"
)
HEAD = _columns("subject_type text, subject_id uuid, seq int, hash bytea, entry_id uuid")
PAYLOAD = _columns("entry_id uuid, name text, salt bytea, body bytea")
EVENT = _columns(
    "id uuid, type text, subject_type text, subject_id uuid, case_id uuid,"
    " shard uuid, at timestamptz"
)
TASK = _columns("event_id uuid, consumer text, shard uuid, lane text, queue text")

# One data-modifying statement: either all of an entry exists or nothing of it.
APPEND = f"""
WITH tenant AS (SELECT %s::uuid AS id), entry AS (
    {_insert("ledger_ledgerentry", ENTRY)}
), head AS (
    {_insert("ledger_ledgerhead", HEAD)}
    ON CONFLICT (tenant_id, subject_type, subject_id)
    DO UPDATE SET seq = excluded.seq, hash = excluded.hash, entry_id = excluded.entry_id
), payload AS (
    {_insert("ledger_payload", PAYLOAD)}
), event AS (
    {_insert("ledger_outboxevent", EVENT)}
)
{_insert("ledger_outboxtask", TASK)}
"""
