"""Checks the ledger: chains, bytes, columns, payloads, receipts of what is gone, heads, links,
guarded rows; then its trees.

Reads every tenant through the read-only policies of the `verify` scope and streams; memory does not
grow with the ledger. Stops at the first bad entry and names it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import uuid
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction

from ledger.broken import Broken
from ledger.canonical import LEAF_PREFIX, canonical, leaf_hash
from ledger.envelope_bytes import AS_TEXT, Said, around_commitments, commitments, said
from ledger.erasure.receipt_checks import Missing, check_receipts
from ledger.hashed_columns import COLUMNS, LINKS, compared, written
from ledger.statements import fetched, server
from ledger.tenancy import system_scope, tenant_scope
from ledger.tree.tree_checks import Outside, check_trees, known_outside, stored_trees

_FETCH = 2000
_guarded: dict[str, str] = {}
_checks: dict[str, str] = {}

_ENTRIES = f"""
SELECT {", ".join(AS_TEXT)}, encode(e.hash, 'hex'), e.body,
       p.names, p.salts, p.bodies, h.seq, encode(h.hash, 'hex'), h.entry_id::text
FROM ledger_ledgerentry e
LEFT JOIN LATERAL (
    SELECT array_agg(name) AS names, array_agg(salt) AS salts, array_agg(body) AS bodies
    FROM ledger_payload WHERE tenant_id = e.tenant_id AND entry_id = e.id) p ON true
LEFT JOIN ledger_ledgerhead h ON h.tenant_id = e.tenant_id AND h.subject_type = e.subject_type
    AND h.subject_id = e.subject_id
ORDER BY e.tenant_id, e.subject_type, e.subject_id, e.subject_seq
"""  # noqa: S608  -- built of constants
_ENTRY = f"SELECT {', '.join(COLUMNS)} FROM ledger_ledgerentry WHERE id = %s"  # noqa: S608  -- as above
# An entry says which entry it follows from, and that one's hash: a rewritten tail shows here.
_LINKS = {
    link: (
        f"SELECT e.id, o.id FROM ledger_ledgerentry e LEFT JOIN ledger_ledgerentry o"  # noqa: S608  -- own words
        f" ON o.tenant_id = e.tenant_id AND o.id = e.{link}_id"
        f" WHERE e.{link}_id IS NOT NULL AND o.hash IS DISTINCT FROM e.{link}_hash LIMIT 1"
    )
    for link in LINKS
}


@dataclasses.dataclass(slots=True)
class Report:
    """What was counted. `erased` are the payloads that are gone and that a receipt tells of."""

    tenants: int = 0
    chains: int = 0
    entries: int = 0
    erased: int = 0
    sealed: int = 0


def register_guarded(table: str, subject_type: str) -> None:
    """Make `verify` demand a chain for every row of `table`. Called in `AppConfig.ready()`."""
    _guarded[table] = subject_type


def guarded_tables() -> dict[str, str]:
    """Return the tables whose rows have chains, and the type of subject of each."""
    return dict(_guarded)


def register_check(name: str, statement: str) -> None:
    """Make `verify` run `statement`, which returns (entry or NULL, message) of the first thing that
    is wrong, or nothing. For rows whose entries have another subject. Called in
    `AppConfig.ready()`.
    """
    _checks[name] = statement


def verify() -> Report:
    """Check everything and return the counts. Raises Broken at the first thing that is wrong."""
    with system_scope("verify"):
        trees = stored_trees()
    outside = known_outside(trees)
    with _one_moment(), system_scope("verify"):
        return _verify(Report(), outside)


def verify_tenant(tenant_id: uuid.UUID, report: Report) -> Report:
    """Check all that one tenant has, and count in `report` as it goes. Raises Broken."""
    with tenant_scope(tenant_id):
        trees = stored_trees()
    outside = known_outside(trees, tenant_id)
    with _one_moment(), tenant_scope(tenant_id):
        return _verify(report, outside)


@contextlib.contextmanager
def _one_moment() -> Iterator[None]:
    """Let all statements read what one moment's snapshot holds.

    A ledger is written and sealed while it is checked: were each statement to see what was there
    when it began, a checkpoint that is newer than the leaves read before it would say that the
    end of the tree is gone.
    """
    with transaction.atomic(durable=True):
        # It must be the first: whatever reads takes the snapshot.
        fetched("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _verify(report: Report, outside: Outside) -> Report:
    missing = Missing()
    try:
        _verify_chains(report, missing)
    except Broken:
        # What is missing is looked up later than it is read: an earlier entry is named first.
        missing.settle()
        raise
    missing.settle()
    check_receipts()
    _verify_heads()
    for table, subject_type in sorted(_guarded.items()):
        _verify_guarded(table, subject_type)
    for _, statement in sorted(_checks.items()):
        if row := _first(statement):
            raise Broken(row[1], entry=row[0], kind="subject")
    _verify_links()
    report.sealed = check_trees(outside)
    return report


def _stream() -> Iterator[Sequence[Any]]:
    # A named cursor of the server: rows arrive in portions however long the ledger is. It is the
    # driver's own, which knows nothing of what was put off: the binding to a tenant, for one.
    server().ensure_connection()
    server().flush()
    with connection.connection.cursor(name="ledger_verify") as cursor:
        cursor.itersize = _FETCH
        yield from cursor.execute(_ENTRIES, binary=True)


class _Row(NamedTuple):
    """One entry with what belongs to it: its payloads, and the end of its chain."""

    said: Said
    hash: str
    body: bytes
    names: list[str] | None
    salts: list[bytes] | None
    bodies: list[bytes] | None
    head_seq: int | None
    head_hash: str | None
    head_entry: str | None


def _verify_chains(report: Report, missing: Missing) -> None:
    tenant = subject = None
    seq, previous = 0, None
    last: _Row | None = None
    for each in _stream():
        row = _Row(said(each), *each[len(AS_TEXT) :])
        key = row.said[1:4]
        if key != subject:
            _verify_end(last)
            subject, seq, previous = key, 0, None
            report.chains += 1
            if row.said.tenant != tenant:
                tenant = row.said.tenant
                report.tenants += 1
        seq += 1
        names = _missing_if_plain(row, seq, previous)
        if names is None:
            names = _examined(row, seq, previous)
        if names:
            report.erased += len(names)
            missing.add(row.said.id, names)
        previous, last = row.hash, row
        report.entries += 1
    _verify_end(last)


def _verify_end(last: _Row | None) -> None:
    """The head must name the last entry: a tail that was cut off shows here."""
    if last is None:
        return
    entry = last.said
    if (last.head_seq, last.head_hash, last.head_entry) != (entry.subject_seq, last.hash, entry.id):
        raise Broken(
            f"the head of {entry.subject_type} {entry.subject_id} does not end at its last entry",
            entry=uuid.UUID(entry.id),
            kind="removed",
        )


def _missing_if_plain(row: _Row, seq: int, previous: str | None) -> Collection[str] | None:
    """Return which payloads are missing of an entry that is as it should be at first sight, by its
    bytes alone; None for one that has to be looked at."""
    entry, body = row.said, row.body
    if (entry.subject_seq, entry.previous_hash) != (seq, previous):
        return None
    if hashlib.sha256(LEAF_PREFIX + body).hexdigest() != row.hash:
        return None
    try:
        before, after = around_commitments(entry)
    except ValueError:
        return None
    found = _found(row)
    if body == b"".join((before, commitments(found.items()), after)):
        return ()
    middle = body[len(before) : -len(after)]
    if not (body.startswith(before) and body.endswith(after) and middle[:1] == b"["):
        return None
    return _missing_of(middle, found)


def _missing_of(middle: bytes, found: dict[str, str]) -> Collection[str] | None:
    """Return which of the commitments have no payload any more; None where they are not in
    canonical form, or a payload is not among them."""
    try:
        said = {each["name"]: each["hash"] for each in _READER.decode(middle.decode())}
        canonical_form = commitments(said.items()) == middle
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return said.keys() - found.keys() if canonical_form and found.items() <= said.items() else None


def _found(row: _Row) -> dict[str, str]:
    """Return the commitment of each payload that is still kept, by its name."""
    parts = (row.names or (), row.salts or (), row.bodies or ())
    return {
        name: hashlib.sha256(salt + body).hexdigest()
        for name, salt, body in zip(*parts, strict=True)
    }


def _examined(row: _Row, seq: int, previous: str | None) -> Collection[str]:
    """Look at one entry value by value, say what is wrong with it, or which of its payloads are
    missing."""
    entry = uuid.UUID(row.said.id)
    values = dict(zip(COLUMNS, _first(_ENTRY, [entry]), strict=True))
    envelope = _verify_entry(values, seq, previous)
    said = _committed(envelope)
    found = _found(row)
    for name, hash_ in found.items():
        if said.get(name) != hash_:
            message = f"payload {name} does not match its commitment"
            raise Broken(message, entry=entry, kind="payload")
    return said.keys() - found.keys()


def _verify_entry(values: dict[str, Any], seq: int, previous: str | None) -> dict[str, Any]:
    """Check one entry against the one before it and return its envelope."""
    entry = values["id"]
    body = bytes(values["body"])
    if leaf_hash(body) != bytes(values["hash"]):
        raise Broken("its hash is not the hash of its bytes", entry=entry, kind="bytes")
    if values["subject_seq"] != seq:
        raise Broken(f"its chain should go on at {seq}, not {values['subject_seq']}", entry=entry)
    if written(values["previous_hash"]) != previous:
        raise Broken("it does not follow the entry before it", entry=entry)
    # Bytes whose hash is right may still be somebody else's work: any shape is possible.
    try:
        envelope: dict[str, Any] = _READER.decode(body.decode())
        differing = [name for name, said, kept in compared(envelope, values) if said != kept]
        as_written = _is_canonical(envelope, body) and _committed(envelope) is not None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Broken("its bytes are no envelope", entry=entry, kind="bytes") from error
    if differing:
        raise Broken(f"column {differing[0]} differs from its bytes", entry=entry, kind="column")
    if not as_written:
        raise Broken("its bytes are not in canonical form", entry=entry, kind="bytes")
    return envelope


def _refused(number: str) -> Any:
    raise ValueError(f"an envelope holds whole numbers only, not {number}")


_READER = json.JSONDecoder(parse_float=_refused, parse_constant=_refused)
_WRITER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _is_canonical(envelope: dict[str, Any], body: bytes) -> bool:
    """Without fractions, and with keys in ASCII as ours are, the plain encoder writes RFC 8785 too,
    ten times as fast; where the two differ, RFC 8785 decides."""
    return _WRITER.encode(envelope).encode() == body or canonical(envelope) == body


def _committed(envelope: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["hash"] for item in envelope["commitments"]}


def _first(statement: str, parameters: Sequence[Any] | None = None) -> Any:
    """Return the first row of what a statement finds wrong, or None."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone()


def _verify_heads() -> None:
    row = _first(
        "SELECT h.subject_type, h.subject_id, h.entry_id FROM ledger_ledgerhead h"
        " WHERE NOT EXISTS ("
        " SELECT 1 FROM ledger_ledgerentry e WHERE e.tenant_id = h.tenant_id"
        " AND e.subject_type = h.subject_type AND e.subject_id = h.subject_id) LIMIT 1"
    )
    if row:
        raise Broken(f"{row[0]} {row[1]} has a head but no entries", entry=row[2], kind="removed")


def _verify_links() -> None:
    for link, statement in _LINKS.items():
        if row := _first(statement):
            named = "no entry that is there" if row[1] is None else f"a hash entry {row[1]} has not"
            raise Broken(f"its {link} names {named}", entry=row[0], kind="link")


def _verify_guarded(table: str, subject_type: str) -> None:
    """Every guarded row has a chain, and is where its last entry left it.

    The second half catches a tail that was cut off with its head, and a row that was changed
    past the guard.
    """
    row = _first(
        "SELECT t.id, t.status, t.version, e.id, e.to_status, e.subject_version"  # noqa: S608  -- registered tables
        f" FROM {connection.ops.quote_name(table)} t"
        " LEFT JOIN ledger_ledgerhead h ON h.tenant_id = t.tenant_id"
        " AND h.subject_type = %s AND h.subject_id = t.id"
        " LEFT JOIN ledger_ledgerentry e ON e.tenant_id = h.tenant_id AND e.id = h.entry_id"
        " WHERE e.id IS NULL OR (e.to_status, e.subject_version) IS DISTINCT FROM"
        " (t.status, t.version) ORDER BY t.id LIMIT 1",
        [subject_type],
    )
    if row is None:
        return
    id_, status, version, entry, to_status, entry_version = row
    if entry is None:
        raise Broken(f"{subject_type} {id_} exists but has no chain in the ledger", kind="removed")
    raise Broken(
        f"{subject_type} {id_} is {status} at version {version}, but its last entry left it"
        f" {to_status} at version {entry_version}",
        entry=entry,
        kind="subject",
    )
