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


#: The document: one parameter of a statement, however often its text reads a member of it.
SAID = "%(said)s::jsonb"


def _columns(text: str) -> dict[str, str]:
    """Return the type of each column by its name."""
    return dict(each.split() for each in text.split(","))


def _insert(table: str, member: str, columns: dict[str, str]) -> str:
    """Return the insertion of the rows that are a member of the document; all are of one tenant,
    which is given once."""
    names = ", ".join(columns)
    types = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
    return f"""INSERT INTO {table} (tenant_id, {names})
    SELECT ({SAID}->>'tenant')::uuid, t.*
    FROM jsonb_to_recordset({SAID}->'{member}') AS t({types})"""  # noqa: S608  -- own words


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

# News that is wanted in this tenant beside (`dispatch.wanted_news`) has tasks too: a look at an
# index that is nearly always empty.
_WANTED = f"""SELECT w.tenant_id, e.id, w.consumer, e.shard, w.lane, w.queue
    FROM ledger_wantednews w
    JOIN jsonb_to_recordset({SAID}->'events') AS e(id uuid, type text, shard uuid)
      ON e.type = w.type
    WHERE w.tenant_id = ({SAID}->>'tenant')::uuid"""  # noqa: S608  -- own words
# By the member of the document that has its rows: what has none is left out of the statement,
# because the server makes ready what a text names whether there is anything to do or not.
_PARTS = {
    "entries": f"entry AS ({_insert('ledger_ledgerentry', 'entries', ENTRY)})",
    "heads": f"""head AS ({_insert("ledger_ledgerhead", "heads", HEAD)}
    ON CONFLICT (tenant_id, subject_type, subject_id)
    DO UPDATE SET seq = excluded.seq, hash = excluded.hash, entry_id = excluded.entry_id)""",
    "payloads": f"payload AS ({_insert('ledger_payload', 'payloads', PAYLOAD)})",
    "events": f"event AS ({_insert('ledger_outboxevent', 'events', EVENT)})",
    "tasks": f"""task AS ({_insert("ledger_outboxtask", "tasks", TASK)}
    UNION ALL {_WANTED} RETURNING queue, lane, shard)""",
}
#: What the database says where a row that was to be saved was not there.
MISSING = "AM002"
# In the statement that finds it out, so that nobody need see its answer before the commit.
ROWS_MISSING = f"""
CREATE OR REPLACE FUNCTION public.ledger_rows_missing(wanted bigint, written bigint)
    RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$ BEGIN
    RAISE EXCEPTION 'of % rows to be saved only % were there', wanted, written
        USING ERRCODE = '{MISSING}'; END $$;
"""


# The tasks that were made beside those the document has: queue, lane and shard of each.
_MORE_TASKS = f"""(SELECT string_agg(concat_ws(' ', queue, lane, shard), ',') FROM (
        SELECT * FROM task OFFSET coalesce(jsonb_array_length({SAID}->'tasks'), 0)) more)"""  # noqa: S608  -- own words


@functools.lru_cache(maxsize=512)
def writing(rows: tuple[str, ...], others: tuple[str, ...] = ()) -> str:
    """Return the one data-modifying statement that writes rows and, with them, what the members
    `others` of the document say: entries, of which either all exists or nothing, and what belongs
    to them. It fails unless as many rows are written as the document's `rows` says, and returns
    queue, lane and shard of each task that was made because its news is wanted in this tenant, or
    NULL.

    `rows`: statements that read the document's member `{member}`, and return a row for each row
    that they write.
    """
    parts = [f"w{n} AS ({text.replace('{member}', f'w{n}')})" for n, text in enumerate(rows)]
    parts += [_PARTS[name] for name in others]
    more = _MORE_TASKS if "tasks" in others else "NULL::text"
    if not rows:
        return f"WITH {', '.join(parts)} SELECT {more}"
    written = " UNION ALL ".join(f"TABLE w{n}" for n in range(len(rows)))
    wanted = f"({SAID}->>'rows')::bigint"
    return f"""WITH {", ".join(parts)}
    SELECT {more} FROM (SELECT count(*) AS rows FROM ({written}) w) written
    WHERE CASE WHEN rows = {wanted} THEN 0 ELSE ledger_rows_missing({wanted}, rows) END = 0"""  # noqa: S608  -- own words
