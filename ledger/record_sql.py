"""The SQL texts of the recording door, in one place. Everything that is written is one JSON
document, which keeps them constant for any number of entries and costs the client one value."""

from __future__ import annotations

import functools

# Each is looked up by itself, in the order given: joined, the planner may rather read every head of
# a tenant, which it takes for one of the usual size.
HEADS = """
SELECT h.subject_type, h.subject_id, h.seq, h.hash
FROM unnest(%s::text[], %s::uuid[]) u(type, id) CROSS JOIN LATERAL (
    SELECT * FROM ledger_ledgerhead
    WHERE tenant_id = %s AND subject_type = u.type AND subject_id = u.id FOR UPDATE) h
"""


def _columns(text: str) -> dict[str, str]:
    """Return the type of each column by its name."""
    return dict(each.split() for each in text.split(","))


def _insert(table: str, member: str, columns: dict[str, str]) -> str:
    """Return the insertion of the rows that are a member of the document; all are of one tenant,
    which is given once."""
    names = ", ".join(columns)
    types = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
    return f"""INSERT INTO {table} (tenant_id, {names})
    SELECT (said->>'tenant')::uuid, t.*
    FROM given, jsonb_to_recordset(said->'{member}') AS t({types})"""  # noqa: S608  -- own words


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

#: The document, as whatever reads its members finds it: one row with the column `said`.
GIVEN = "given AS MATERIALIZED (SELECT %s::jsonb AS said)"
_ENTRIES = f"""entry AS (
    {_insert("ledger_ledgerentry", "entries", ENTRY)}
), head AS (
    {_insert("ledger_ledgerhead", "heads", HEAD)}
    ON CONFLICT (tenant_id, subject_type, subject_id)
    DO UPDATE SET seq = excluded.seq, hash = excluded.hash, entry_id = excluded.entry_id
), payload AS (
    {_insert("ledger_payload", "payloads", PAYLOAD)}
), event AS (
    {_insert("ledger_outboxevent", "events", EVENT)}
), task AS (
    {_insert("ledger_outboxtask", "tasks", TASK)}
)"""


@functools.lru_cache(maxsize=512)
def appending(rows: tuple[str, ...]) -> str:
    """Return the one data-modifying statement that appends entries, of which either all exists or
    nothing, and writes the rows that they are about. It returns how many of these were there.

    `rows`: statements that read the document's member `{member}`, and return a row for each row
    that they write.
    """
    return together(rows, (_ENTRIES,))


def together(rows: tuple[str, ...], more: tuple[str, ...] = ()) -> str:
    """Return one statement of several, and `more` parts of one; see `appending`."""
    parts = [f"w{n} AS ({text.replace('{member}', f'w{n}')})" for n, text in enumerate(rows)]
    count = " + ".join(f"(SELECT count(*) FROM w{n})" for n in range(len(rows)))  # noqa: S608  -- own words
    return f"WITH {', '.join((GIVEN, *parts, *more))} SELECT {count or '0'}"
