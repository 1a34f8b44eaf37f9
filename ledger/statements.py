"""Sends a statement of our own text, and no more than that.

A cursor of Django's is made, wrapped and closed for each statement: two thirds of what a small one
costs in this process. Here one is kept for each connection. Errors are Django's all the same; where
there is no connection yet, or somebody listens to what is sent (a wrapper, a log, a test that
counts), it goes Django's way.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, cast

import psycopg
from django.db import connection

_Cursor = psycopg.Cursor[tuple[Any, ...]]
# A thread has a connection of its own, and the cursor of that.
_kept = threading.local()


def executed(text: str, given: Sequence[Any] | Mapping[str, Any] = ()) -> _Cursor:
    """Run a statement in the open transaction; the cursor is good until the next one.

    Raises the errors of django.db.
    """
    if connection.connection is None or connection.queries_logged or connection.execute_wrappers:
        cursor = connection.cursor()
        cursor.execute(text, given)
        return cast("_Cursor", cursor)
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:
        kept: _Cursor | None = getattr(_kept, "cursor", None)
        if kept is None or kept.connection is not connection.connection:
            kept = _kept.cursor = connection.create_cursor()
        return kept.execute(text, given)


def fetched(text: str, given: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows. Raises the errors of django.db."""
    return executed(text, given).fetchall()
