"""The SQL texts of the recording door, in one place.

What is written by one statement is given value by value, or, where there are many rows, as one JSON
document, whose text is the same for any number of them.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

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
_TENANT = f"({SAID}->>'tenant')::uuid"


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """How rows of one table are written, by either of two texts. Made once for each kind of write,
    and itself its only equal.

    `document` reads them from the document's member `{member}`, however many they are. The other
    is given each value of each row: `before`, for each row `row`, and `after`. The server reads
    that in four fifths of the time, but for each number of rows it is another text.
    """

    document: str
    before: str
    row: str
    after: str
    #: The columns in the order of their values, and the places of those that are JSON.
    columns: tuple[str, ...]
    json: tuple[int, ...] = ()
    #: Whether there may be fewer rows than are to be written. One that is inserted is there.
    may_miss: bool = False

    def with_values(self, rows: int) -> str:
        """Return the text that is given the values of so many rows."""
        return f"{self.before}{', '.join([self.row] * rows)}{self.after}"


def _columns(text: str) -> dict[str, str]:
    """Return the type of each column by its name."""
    return dict(each.split() for each in text.split(","))


def _inserted(table: str, member: str, columns: dict[str, str], after: str = "") -> Shape:
    """Return how rows that are a member of the document are inserted; all are of one tenant, which
    it says once."""
    names = ", ".join(columns)
    types = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
    into = f"INSERT INTO {table} (tenant_id, {names})"
    return Shape(
        f"""{into}
    SELECT {_TENANT}, t.*
    FROM jsonb_to_recordset({SAID}->'{member}') AS t({types}){after}""",  # noqa: S608  -- own words
        f"{into} VALUES ",
        f"(%s{', %s' * len(columns)})",
        after,
        tuple(columns),
        tuple(n for n, type_ in enumerate(columns.values()) if type_ == "jsonb"),
    )


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

#: What is written beside the rows, by the member of the document that has it; before the values of
#: a row comes the tenant. What has no rows is left out of the statement, because the server makes
#: ready what a text names whether there is anything to do or not.
PARTS = {
    "entries": _inserted("ledger_ledgerentry", "entries", ENTRY),
    "heads": _inserted(
        "ledger_ledgerhead", "heads", HEAD,
        """
    ON CONFLICT (tenant_id, subject_type, subject_id)
    DO UPDATE SET seq = excluded.seq, hash = excluded.hash, entry_id = excluded.entry_id""",
    ),
    "payloads": _inserted("ledger_payload", "payloads", PAYLOAD),
    "events": _inserted("ledger_outboxevent", "events", EVENT),
}  # fmt: skip
# Tasks have no shape: the news of some of them is in the database.
_INTO_TASKS = f"INSERT INTO ledger_outboxtask (tenant_id, {', '.join(TASK)})"
_TASKS_SAID = f"""SELECT {_TENANT}, t.* FROM jsonb_to_recordset({SAID}->'tasks')
    AS t({", ".join(f"{name} {type_}" for name, type_ in TASK.items())})"""  # noqa: S608  -- own words
_TASK_GIVEN = f"SELECT %s::uuid, {', '.join(f'%s::{type_}' for type_ in TASK.values())}"
_EVENTS_SAID = f"jsonb_to_recordset({SAID}->'events') AS e(id uuid, type text, shard uuid)"


def _tasks(known: str, events: str, tenant: str) -> str:
    """Return the insertion of tasks: those that are known, and, because news that is wanted in this
    tenant beside (`dispatch.wanted_news`) has tasks too, those: a look at an index that is nearly
    always empty."""
    return f"""{_INTO_TASKS} {known}
    SELECT w.tenant_id, e.id, w.consumer, e.shard, w.lane, w.queue
    FROM ledger_wantednews w JOIN {events} ON e.type = w.type
    WHERE w.tenant_id = {tenant} RETURNING queue, lane, shard"""  # noqa: S608  -- own words


#: What the database says where a row that was to be saved was not there.
MISSING = "AM002"
# In the statement that finds it out, so that nobody need see its answer before the commit.
ROWS_MISSING = f"""
CREATE OR REPLACE FUNCTION public.ledger_rows_missing(wanted bigint, written bigint)
    RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$ BEGIN
    RAISE EXCEPTION 'of % rows to be saved only % were there', wanted, written
        USING ERRCODE = '{MISSING}'; END $$;
"""


def _more_tasks(known: object) -> str:
    """Return what reads the tasks that were made beside the known ones, so many."""
    return f"""(SELECT string_agg(concat_ws(' ', queue, lane, shard), ',') FROM (
        SELECT * FROM task OFFSET {known}) more)"""  # noqa: S608  -- own words


def _together(parts: Sequence[str], may_miss: Sequence[str], wanted: object, more: str) -> str:
    """Return the statement of all parts. `may_miss` names those that say what they have written, of
    which there must be so many as `wanted`."""
    with_ = f"WITH {', '.join(parts)}"
    if not may_miss:
        return f"{with_} SELECT {more}"
    written = " UNION ALL ".join(f"TABLE {name}" for name in may_miss)
    return f"""{with_}
    SELECT {more} FROM (SELECT count(*) AS rows FROM ({written}) w) written
    WHERE CASE WHEN rows = {wanted} THEN 0 ELSE ledger_rows_missing({wanted}, rows) END = 0"""  # noqa: S608  -- own words


@functools.lru_cache(maxsize=512)
def writing(rows: tuple[Shape, ...], others: tuple[str, ...] = ()) -> str:
    """Return the one data-modifying statement that writes rows and, with them, what the members
    `others` of the document say: entries, of which either all exists or nothing, and what belongs
    to them. It fails where rows are missing: as many as the document's `rows` says must be there.
    It returns queue, lane and shard of each task that was made because its news is wanted in this
    tenant, or NULL.

    The member of the document that has the rows of a shape is named by its place: `w0`.
    """
    parts = [
        f"w{n} AS ({shape.document.replace('{member}', f'w{n}')})" for n, shape in enumerate(rows)
    ]
    parts += [f"{name} AS ({PARTS[name].document})" for name in others if name in PARTS]
    more = "NULL::text"
    if "tasks" in others:
        more = _more_tasks(f"coalesce(jsonb_array_length({SAID}->'tasks'), 0)")
        parts.append(f"task AS ({_tasks(_TASKS_SAID + ' UNION ALL', _EVENTS_SAID, _TENANT)})")
    may_miss = [f"w{n}" for n, shape in enumerate(rows) if shape.may_miss]
    return _together(parts, may_miss, f"({SAID}->>'rows')::bigint", more)


@functools.lru_cache(maxsize=512)
def writing_values(
    rows: tuple[tuple[Shape, int], ...], others: tuple[tuple[str, int], ...] = ()
) -> str:
    """Return the same, as a statement that is given every value: so many rows of each shape and of
    each of the others, in their order; then, where there are tasks, of each event its id, type and
    shard, and the tenant."""
    parts = [f"w{n} AS ({shape.with_values(many)})" for n, (shape, many) in enumerate(rows)]
    parts += [f"{name} AS ({PARTS[name].with_values(n)})" for name, n in others if name in PARTS]
    counts, more = dict(others), "NULL::text"
    if "tasks" in counts:
        known = f"{_TASK_GIVEN} UNION ALL " * counts["tasks"]
        events = ", ".join(["(%s::uuid, %s, %s::uuid)"] * counts["events"])
        parts.append(f"task AS ({_tasks(known, f'(VALUES {events}) AS e(id, type, shard)', '%s')})")
        more = _more_tasks(counts["tasks"])
    counted = {f"w{n}": many for n, (shape, many) in enumerate(rows) if shape.may_miss}
    return _together(parts, list(counted), sum(counted.values()), more)
