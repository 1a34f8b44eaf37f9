"""Django's PostgreSQL backend, with our statements on the same connection (`ledger.statements`).

The only thing it does otherwise: a transaction begins with its first statement, together with what
binds it to a tenant, and what was put off until then goes before whatever Django sends itself.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from django.db.backends import utils
from django.db.backends.postgresql import base
from typing_extensions import override

from ledger.postgresql.session import Session


class _Flushing:
    """A cursor that may have been made before its transaction began: what begins it goes first."""

    db: DatabaseWrapper

    def _execute(self, *how: Any) -> Any:
        self.db.flush(counted=True)
        return super()._execute(*how)  # type: ignore[misc]

    def _executemany(self, *how: Any) -> Any:
        self.db.flush(counted=True)
        return super()._executemany(*how)  # type: ignore[misc]


class _Cursor(_Flushing, utils.CursorWrapper):
    pass


class _ToldCursor(_Flushing, base.CursorDebugWrapper):
    pass


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection of Django's that knows the session of ours."""

    _session: Session | None = None

    @property
    def session(self) -> Session:
        """What the driver's connection remembers; it begins anew with each."""
        known = self._session
        if known is None or known.raw is not self.connection:
            known = self._session = Session(self.connection, super().create_cursor())
        return known

    @override
    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor in the transaction that is open: it has begun with what begins it."""
        self.flush()
        return super().create_cursor(name)

    @override
    def make_cursor(self, cursor: Any) -> utils.CursorWrapper:
        return _Cursor(cursor, self)

    @override
    def make_debug_cursor(self, cursor: Any) -> utils.CursorDebugWrapper:
        return _ToldCursor(cursor, self)

    def flush(self, *, counted: bool = False) -> None:
        """Send what has been put off. Raises the errors of django.db. `counted`: before a statement
        of Django's, which is an exchange too. Who uses the driver's connection calls it first."""
        if self._session is not None and self._session.raw is self.connection:
            with self.wrap_database_errors:
                self._session.flush()
            self._session.exchanges += counted

    def _commit(self) -> None:
        if self.connection is None:
            return
        told = utils.debug_transaction(self, "COMMIT") if self.queries_logged else nullcontext()
        with told, self.wrap_database_errors:
            self.session.commit()

    def _savepoint_rollback(self, sid: str) -> None:
        # The savepoint itself was sent behind what had been put off before it.
        if self._session is not None:
            self._session.forget()
        # Django's stubs do not know it.
        super()._savepoint_rollback(sid)  # type: ignore[misc]

    def _rollback(self) -> None:
        if self._session is not None:
            self._session.forget()
        # Django's stubs do not know it.
        super()._rollback()  # type: ignore[misc]
