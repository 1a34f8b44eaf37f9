"""What one connection of the driver remembers of our statements, and how it sends them.

A statement goes together with what is to go before it: with the beginning of its transaction, which
is put off until there is something to do in it, and with what was asked for `soon`. All of it is
one exchange (libpq's pipeline): each that is spared spares two processes a wait for one another.
What follows a failed statement in its exchange is not run, as in any failed transaction.
"""

from __future__ import annotations

import select
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from ledger.postgresql.statement_texts import Given, Moment, Statement

#: How often a text is sent before it is prepared, and how many are kept so.
_THRESHOLD, _MOST = 2, 200
# Beyond it the statements are sent one after the other: the server may not read on while it waits
# for a lock, and this process must not wait for it to do so.
_MOST_TOGETHER = 32 * 1024
_ANSWERED = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
_Sent = tuple[Statement, Sequence[Any]]


class Answer(NamedTuple):
    """The rows a statement gave, and the names of their columns."""

    rows: list[tuple[Any, ...]]
    names: list[str]


class Asked:
    """A statement that goes with the next exchange, before what that is for or right behind it."""

    def __init__(self, sent: _Sent, *, behind: bool) -> None:
        self.sent = sent
        self.behind = behind
        self.answer: Answer | None = None
        #: Which exchange of its session it went with.
        self.exchange = 0


_GONE: _Sent = (Statement(""), ())


def _size(sent: _Sent) -> int:
    statement, values = sent
    text = b"" if statement.name else statement.text
    return len(text) + sum(len(each or b"") for each in values)


class Session:
    """What one connection remembers. `cursor`: one of Django's, which knows how values are read."""

    def __init__(self, raw: psycopg.Connection[Any], cursor: psycopg.Cursor[Any]) -> None:
        self.raw = raw
        self._server: PGconn = raw.pgconn
        # What reads a type is looked up once.
        cursor.adapters.register_loader("timestamptz", Moment)
        self._reading = Transformer.from_context(cursor)
        self._known: OrderedDict[str, Statement] = OrderedDict()
        self._begin, self._commit = Statement("BEGIN"), Statement("COMMIT")
        self._named = 0
        self._opening: _Sent | None = None
        self._asked: list[Asked] = []
        #: How many exchanges there have been, Django's included.
        self.exchanges = 0
        self._answers, self._room = select.poll(), select.poll()
        self._answers.register(self._server.socket, select.POLLIN)
        self._room.register(self._server.socket, select.POLLIN | select.POLLOUT)

    def is_well(self) -> bool:
        """Whether a statement may be sent: nothing has failed in the transaction."""
        status = self._server.transaction_status
        return status in {TransactionStatus.IDLE, TransactionStatus.INTRANS}

    def open(self, text: str, given: Given) -> bool:
        """Let the transaction begin with this statement, as soon as there is another; False where
        it has begun already. Raises RuntimeError where something was asked for before it."""
        if not self._begins():
            return False
        if self._asked:
            raise RuntimeError("what begins a transaction comes before what is asked for in it")
        self._opening = self._sent(text, given)
        return True

    def soon(self, text: str, given: Given, *, behind: bool) -> Asked:
        """Let a statement go with the next exchange. Raises UnknownValue."""
        asked = Asked(self._sent(text, given), behind=behind)
        self._asked.append(asked)
        return asked

    def ask(self, text: str, given: Given) -> Answer:
        """Run a statement. Raises UnknownValue, before it is sent, or the errors of psycopg."""
        return self._run(self._sent(text, given))

    def flush(self) -> None:
        """Send what has been put off. Raises the errors of psycopg."""
        if self._opening is not None or self._asked:
            self._run(None)

    def commit(self) -> None:
        """Commit; what was asked for goes with it. Raises the errors of psycopg: what is asked for
        or what is deferred may fail, and then nothing is committed."""
        # Nothing comes after it: that would be outside the transaction, and of no tenant.
        for each in self._asked:
            each.behind = False
        if self._begins() and not self._asked:
            self._opening = None
        elif self._asked:
            self._run(self._ready(self._commit, ()))
        elif self._server.transaction_status != TransactionStatus.IDLE:
            self._checked(self._server.exec_(b"COMMIT"))

    def forget(self) -> None:
        """Forget what has been put off: its transaction ends without it."""
        self._opening = None
        self._asked.clear()

    def _begins(self) -> bool:
        idle = self._server.transaction_status == TransactionStatus.IDLE
        return idle and not self.raw.autocommit

    def _run(self, main: _Sent | None) -> Answer:
        asked, begins = self._asked, self._begins()
        if self._opening is not None and not begins:
            self.forget()
            raise RuntimeError("the transaction has begun without what was to begin it")
        self.exchanges += 1
        if not (asked or begins) and main is not None:
            return self._answer(main[0], self._alone(main))
        batch: list[_Sent] = []
        if begins:
            batch.append(self._ready(self._begin, ()))
            if self._opening is not None:
                batch.append(self._opening)
        ours = len(batch)
        first = [each for each in asked if not each.behind]
        batch += [each.sent for each in first]
        behind = [each for each in asked if each.behind]
        # Whatever becomes of it, it is not sent twice.
        self.forget()
        if main is not None:
            batch.append(main)
        batch += [each.sent for each in behind]
        results = self._together(batch)
        answers = [
            self._answer(sent[0], result)
            for sent, result in zip(batch[ours:], results[ours:], strict=True)
        ]
        for each, answer in [
            *zip(first, answers, strict=False),
            *zip(reversed(behind), reversed(answers), strict=False),
        ]:
            each.answer, each.exchange = answer, self.exchanges
            # What it wrote may be much, and its transaction long.
            each.sent = _GONE
        return Answer([], []) if main is None else answers[len(first)]

    def _together(self, batch: Sequence[_Sent]) -> list[PGresult]:
        if len(batch) == 1 or sum(map(_size, batch)) > _MOST_TOGETHER:
            return [self._alone(each) for each in batch]
        return self._exchange(batch)

    def _sent(self, text: str, given: Given) -> _Sent:
        statement = self._statement(text)
        return self._ready(statement, statement.values(given))

    def _ready(self, statement: Statement, values: Sequence[Any]) -> _Sent:
        """Return a statement with its values, prepared if it is often sent."""
        if not statement.name:
            statement.used += 1
            if statement.used > _THRESHOLD:
                self._named += 1
                name = b"amends_%d" % self._named
                self._checked(self._prepared(name, statement))
                statement.name = name
        return statement, values

    def _statement(self, text: str) -> Statement:
        statement = self._known.get(text)
        if statement is not None:
            self._known.move_to_end(text)
            return statement
        if len(self._known) == _MOST:
            _text, oldest = self._known.popitem(last=False)
            if oldest.name:
                self._server.close_prepared(oldest.name)
        statement = self._known[text] = Statement(text)
        return statement

    def _prepared(self, name: bytes, statement: Statement) -> PGresult:
        try:
            return self._server.prepare(name, statement.text)
        except MemoryError:
            raise self._error(None) from None

    def _alone(self, sent: _Sent) -> PGresult:
        statement, values = sent
        try:
            if statement.name:
                return self._checked(self._server.exec_prepared(statement.name, values))
            return self._checked(self._server.exec_params(statement.text, values))
        except MemoryError:
            # What the driver makes of a connection over which nothing could be sent.
            raise self._error(None) from None

    def _exchange(self, batch: Sequence[_Sent]) -> list[PGresult]:
        try:
            results = self._results(batch)
        except BaseException:
            # Also of a time limit in the middle: what is still to be read would answer the next.
            self.raw.close()
            raise
        # What follows one that failed was not run: the first that is wrong says what is.
        return [self._checked(result) for result in results]

    def _results(self, batch: Sequence[_Sent]) -> list[PGresult]:
        server = self._server
        server.enter_pipeline_mode()
        for statement, values in batch:
            if statement.name:
                server.send_query_prepared(statement.name, values)
            else:
                server.send_query_params(statement.text, values)
        server.pipeline_sync()
        while server.flush():
            # The server may have to be read from before it takes more.
            if any(event & select.POLLIN for _fd, event in self._room.poll()):
                server.consume_input()
        results: list[PGresult] = []
        while (result := self._next_result()).status != ExecStatus.PIPELINE_SYNC:
            results.append(result)
        server.exit_pipeline_mode()
        return results

    def _next_result(self) -> PGresult:
        # Between two results comes none; twice none is the end of the connection.
        for _ in range(2):
            while self._server.is_busy():
                # It lets other threads run meanwhile: one of them may hold what this waits for.
                self._answers.poll()
                self._server.consume_input()
            result = self._server.get_result()
            if result is not None:
                if self._server.status == ConnStatus.BAD:
                    break
                return result
        raise self._error(None)

    def _answer(self, statement: Statement, result: PGresult) -> Answer:
        if statement.columns is None:
            names = [result.fname(place) or b"" for place in range(result.nfields)]
            statement.columns = [name.decode() for name in names]
        if not statement.columns:
            # Rows may have no columns, and be asked for all the same: whether there are any.
            return Answer([()] * result.ntuples, [])
        self._reading.set_pgresult(result)
        return Answer(self._reading.load_rows(0, result.ntuples, tuple), statement.columns)

    def _checked(self, result: PGresult) -> PGresult:
        if result.status not in _ANSWERED:
            raise self._error(result)
        return result

    def _error(self, result: PGresult | None) -> psycopg.Error:
        if result is None or self._server.status == ConnStatus.BAD:
            return psycopg.OperationalError(self._server.get_error_message())
        return psycopg.errors.error_from_result(result)
