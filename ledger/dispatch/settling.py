"""Storing what became of something that was done outside, where the database may be away.

What was done is not done again at once because it could not be stored: that is waited for, and
after that the lease is left to run out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError

from ledger.dispatch.trouble import is_trouble, once_it_answers
from ledger.faults import words_of

_Answer = TypeVar("_Answer")
_LENGTH = 300


class NotStored(Exception):
    """What was done could not be stored. It is no trouble that gives the lease back, with the
    attempt uncounted: something was done."""


def stored_once_it_answers(store: Callable[[], _Answer]) -> _Answer:
    """Store how something that was done has ended, as `once_it_answers`. Raises NotStored where the
    database stays away, and whatever else the storing raises."""
    try:
        return once_it_answers(store)
    except (OperationalError, InterfaceError) as error:
        if not is_trouble(error):
            raise
        raise NotStored(words_of(error, _LENGTH)) from error
