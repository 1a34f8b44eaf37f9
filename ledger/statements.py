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

import contextlib
import threading
from asyncio import _get_running_loop
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, DataError, connections

from ledger.postgresql.base import DatabaseWrapper
from ledger.postgresql.session import Answer, Asked, Session
from ledger.postgresql.statement_texts import Given, UnknownValue

# A thread has a connection of its own.
_here = threading.local()


def server() -> DatabaseWrapper:
    """Return this thread's connection as Django has it. Its own proxy looks for the thread's at
    every use, which is as much as a small statement costs in this process."""
    if _get_running_loop() is not None:
        # Within a loop Django keeps a connection for each context, and not for the thread.
        return cast("DatabaseWrapper", connections[DEFAULT_DB_ALIAS])
    found: DatabaseWrapper | None = getattr(_here, "server", None)
    if found is None:
        found = _here.server = cast("DatabaseWrapper", connections[DEFAULT_DB_ALIAS])
    return found


def _ours(here: DatabaseWrapper) -> Session | None:
    """Return the session that sends what is ours; None where it goes Django's way."""
    if here.connection is None or here.queries_logged or here.execute_wrappers:
        return None
    here.validate_no_broken_transaction()
    session = here.session
    return session if session.is_well() else None


def begin(text: str, given: str) -> None:
    """Let the open transaction begin with a statement of one value, together with whatever comes
    first in it; where it has begun, run it now."""
    here = server()
    # Where somebody listens, this is not told: it is the transaction's beginning.
    if here.connection is None:
        here.ensure_connection()
    with here.wrap_database_errors:
        opened = here.session.open(text, [given])
    if not opened:
        fetched(text, [given])


def answered(text: str, given: Given = ()) -> Answer:
    """Run a statement, in the transaction if one is open. Raises the errors of django.db."""
    here = server()
    session = _ours(here)
    if session is not None:
        with here.wrap_database_errors:
            try:
                return session.ask(text, given)
            except UnknownValue:
                pass
    cursor = here.cursor()
    try:
        cursor.execute(text, given)
    except UnicodeEncodeError as error:
        # As the session says it.
        raise DataError("half of a character has no form in UTF-8") from error
    columns = cursor.description
    if columns is None:
        return Answer([], [])
    return Answer(cursor.fetchall(), [each.name for each in columns])


def fetched(text: str, given: Given = ()) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows. Raises the errors of django.db."""
    return answered(text, given).rows


class Later:
    """The answer to a statement that was put off."""

    def __init__(self, here: DatabaseWrapper, text: str, given: Given, asked: Asked | None) -> None:
        self._here, self._asked = here, asked
        # What is put off, the session has.
        self._text, self._given = (text, given) if asked is None else ("", ())
        self._answer: Answer | None = None

    def __call__(self) -> Answer:
        """Return it; the statement is sent now at the latest. Raises the errors of django.db."""
        if self._answer is None:
            self._answer = self._sent()
        return self._answer

    @property
    def is_alone(self) -> bool:
        """Whether it goes by itself, and with no other statement."""
        return self._asked is None

    @property
    def is_newest(self) -> bool:
        """Whether nothing has been sent since it was."""
        asked = self._asked
        if asked is None or asked.answer is None:
            return True
        return asked.exchange == self._here.session.exchanges

    def _sent(self) -> Answer:
        if self._asked is None:
            return answered(self._text, self._given)
        if self._asked.answer is None:
            self._here.flush()
        if self._asked.answer is None:
            raise RuntimeError("the transaction in which this was asked for is over")
        return self._asked.answer


def soon(text: str, given: Given = ()) -> Later:
    """Let a statement of the open transaction go before the next one, or before its commit, in one
    exchange with that. Returns what returns its answer; it is sent then at the latest.

    If it fails, so does what it goes with: raises the errors of django.db there.
    """
    later = _put_off(text, given, behind=False)
    if later.is_alone:
        # Somebody listens, or it cannot be put off: it is sent in its place.
        later()
    return later


def right_behind(text: str, given: Given = ()) -> Later:
    """As `soon`, right behind the next statement: what is read so is as new as what that locks, as
    long as it `is_newest`."""
    return _put_off(text, given, behind=True)


def _put_off(text: str, given: Given, *, behind: bool) -> Later:
    here = server()
    session, asked = _ours(here), None
    if session is not None:
        with here.wrap_database_errors, contextlib.suppress(UnknownValue):
            asked = session.soon(text, given, behind=behind)
    return Later(here, text, given, asked)
