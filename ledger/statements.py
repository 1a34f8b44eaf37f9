"""Sends a statement of our own text, and no more than that.

What a verb or a handler sends is sent again at every step, always the same few texts. A cursor,
Django's or the driver's, works out at each execution what it found out at the first: how the text
is converted, whether it is prepared, what reads each column. That took two fifths of this process's
time. Here each connection remembers it, text by text; from its third use on a text is prepared.

Errors are Django's all the same. What this cannot do goes Django's way: where somebody listens to
what is sent (a wrapper, a log, a test that counts), where the transaction or the connection has
failed, and for values of other types than those of `_FORMS`. Django's own statements are not
prepared: the driver would forget all that are, ours too, when a savepoint is rolled back.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
import uuid
from asyncio import _get_running_loop
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.abc import Buffer
from psycopg.adapt import Loader, Transformer
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from typing_extensions import override

Given = Sequence[Any] | Mapping[str, Any]
#: How often a text is sent before it is prepared, and how many are kept so.
_THRESHOLD, _MOST = 2, 200
_PLACE = re.compile(r"%(?:%|s|\((\w+)\)s)")
_ANSWERED = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
# A thread has a connection of its own, and what that remembers.
_here = threading.local()


class Answer(NamedTuple):
    """The rows a statement gave, and the names of their columns."""

    rows: list[tuple[Any, ...]]
    names: list[str]


class _Unknown(Exception):
    """A value of a type that is not ours to write."""


def _text(value: str) -> bytes:
    if "\0" in value:
        raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return value.encode()


def _array(values: Sequence[Any]) -> bytes:
    return b"{%b}" % b",".join(map(_element, values))


def _element(value: Any) -> bytes:
    if type(value) is list:
        raise _Unknown
    said = _said(value)
    if said is None:
        return b"NULL"
    return b'"%b"' % said.replace(b"\\", rb"\\").replace(b'"', rb"\"")


_FORMS: dict[type, Callable[[Any], bytes | None]] = {
    type(None): lambda _none: None,
    bool: lambda value: b"t" if value else b"f",
    int: lambda value: b"%d" % value,
    float: lambda value: repr(value).encode(),
    str: _text,
    # Without its dashes, which cost more than all the rest.
    uuid.UUID: lambda value: b"%032x" % value.int,
    dt.datetime: lambda value: value.isoformat().encode(),
    list: _array,
}


def _said(value: Any) -> bytes | None:
    form = _FORMS.get(type(value))
    if form is None:
        # A word of an enumeration is a text.
        form = _text if isinstance(value, str) else _unknown
    return form(value)


def _unknown(_value: Any) -> bytes:
    raise _Unknown


class _Moment(Loader):
    """Reads a moment as Django does, in UTC, which is the time zone of its connections."""

    @override
    def load(self, data: Buffer) -> dt.datetime:
        """Return it. Raises DataError for one that Python has no form for."""
        text = bytes(data).decode()
        try:
            return dt.datetime.fromisoformat(text)
        except ValueError:
            raise psycopg.DataError(f"no moment of ours: {text}") from None


class _Statement:
    """One text as the server takes it: places numbered, what is given by name in their order."""

    def __init__(self, text: str) -> None:
        self.members: dict[str, int] = {}
        self._places = 0
        self.text = _PLACE.sub(self._place, text).encode()
        self.name = b""
        self.used = 0
        self.columns: list[str] | None = None

    def _place(self, found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        self._places += 1
        number = self.members.setdefault(found[1], len(self.members) + 1) if found[1] else None
        return f"${number or self._places}"

    def values(self, given: Given) -> list[bytes | None]:
        """Return what is given, in the order of the places."""
        if isinstance(given, Mapping):
            return [_said(given[name]) for name in self.members]
        return [_said(value) for value in given]


class _Session:
    """What one connection of the driver remembers."""

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        self.raw = raw
        self._server: PGconn = raw.pgconn
        # What reads a type is looked up once. A cursor of Django's knows how it wants them read.
        cursor = server().create_cursor()
        cursor.adapters.register_loader("timestamptz", _Moment)
        self._reading = Transformer.from_context(cursor)
        self._known: OrderedDict[str, _Statement] = OrderedDict()
        self._named = 0

    def is_well(self) -> bool:
        """Whether a statement may be sent: nothing has failed in the transaction, which is begun
        with its first statement."""
        status = self._server.transaction_status
        if status == TransactionStatus.IDLE and not self.raw.autocommit:
            self._server.exec_(b"BEGIN")
            status = self._server.transaction_status
        return status in {TransactionStatus.IDLE, TransactionStatus.INTRANS}

    def ask(self, text: str, given: Given) -> Answer:
        """Run a statement. Raises _Unknown, before it is sent, or the errors of psycopg."""
        statement = self._statement(text)
        values = statement.values(given)
        result = self._sent(statement, values)
        if result.status not in _ANSWERED:
            raise self._error(result)
        if statement.columns is None:
            names = [result.fname(place) or b"" for place in range(result.nfields)]
            statement.columns = [name.decode() for name in names]
        if not statement.columns:
            # Rows may have no columns, and be asked for all the same: whether there are any.
            return Answer([()] * result.ntuples, [])
        self._reading.set_pgresult(result)
        return Answer(self._reading.load_rows(0, result.ntuples, tuple), statement.columns)

    def begin(self, text: str, given: str) -> bool:
        """Begin a transaction with a statement of one value, a text of ours; False where one has
        begun already. The driver would send BEGIN by itself, and wait for its answer: a round trip
        of nearly every transaction there is."""
        if self._server.transaction_status != TransactionStatus.IDLE or self.raw.autocommit:
            return False
        begin = f"BEGIN; {text.replace('%s', repr(given))}"
        if self._server.exec_(begin.encode()).status == ExecStatus.TUPLES_OK:
            return True
        # It is begun anew as ever, and what is wrong then says so itself.
        self._server.exec_(b"ROLLBACK")
        return False

    def _statement(self, text: str) -> _Statement:
        statement = self._known.get(text)
        if statement is not None:
            self._known.move_to_end(text)
            return statement
        if len(self._known) == _MOST:
            _text, oldest = self._known.popitem(last=False)
            if oldest.name:
                self._server.close_prepared(oldest.name)
        statement = self._known[text] = _Statement(text)
        return statement

    def _sent(self, statement: _Statement, values: Sequence[Any]) -> PGresult:
        try:
            if statement.name:
                return self._server.exec_prepared(statement.name, values)
            statement.used += 1
            if statement.used <= _THRESHOLD:
                return self._server.exec_params(statement.text, values)
            self._named += 1
            name = b"amends_%d" % self._named
            prepared = self._server.prepare(name, statement.text)
            if prepared.status not in _ANSWERED:
                return prepared
            statement.name = name
            return self._server.exec_prepared(name, values)
        except MemoryError:
            # What the driver makes of a connection over which nothing could be sent.
            raise self._error(None) from None

    def _error(self, result: PGresult | None) -> psycopg.Error:
        if result is None or self._server.status == ConnStatus.BAD:
            return psycopg.OperationalError(self._server.get_error_message())
        return psycopg.errors.error_from_result(result)


def server() -> BaseDatabaseWrapper:
    """Return this thread's connection as Django has it. Its own proxy looks for the thread's at
    every use, which is as much as a small statement costs in this process."""
    if _get_running_loop() is not None:
        # Within a loop Django keeps a connection for each context, and not for the thread.
        return connections[DEFAULT_DB_ALIAS]
    found: BaseDatabaseWrapper | None = getattr(_here, "server", None)
    if found is None:
        found = _here.server = connections[DEFAULT_DB_ALIAS]
    return found


def _session(here: BaseDatabaseWrapper) -> _Session:
    session: _Session | None = getattr(_here, "session", None)
    if session is None or session.raw is not here.connection:
        session = _here.session = _Session(here.connection)
    return session


def begin(text: str, given: str) -> None:
    """Begin the open transaction, as far as it is not yet, with a statement of one value.

    `given` is ours: it is written into a text.
    """
    if not _session(server()).begin(text, given):
        fetched(text, [given])


def answered(text: str, given: Given = ()) -> Answer:
    """Run a statement, in the transaction if one is open. Raises the errors of django.db."""
    here = server()
    if here.connection is not None and not (here.queries_logged or here.execute_wrappers):
        here.validate_no_broken_transaction()
        session = _session(here)
        if session.is_well():
            with here.wrap_database_errors:
                try:
                    return session.ask(text, given)
                except _Unknown:
                    pass
    cursor = here.cursor()
    cursor.execute(text, given)
    columns = cursor.description
    if columns is None:
        return Answer([], [])
    return Answer(cursor.fetchall(), [each.name for each in columns])


def fetched(text: str, given: Given = ()) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows. Raises the errors of django.db."""
    return answered(text, given).rows
