"""Actions that exist for one test: the ledger records nothing that no app declared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ledger import vocabulary


@contextmanager
def declared(subject_type: str, *actions: str) -> Iterator[None]:
    """Let `actions` be recorded about a type of subject for as long as the body runs."""
    new = set(actions) - vocabulary.actions_of(subject_type)
    vocabulary.declare(subject_type, new)
    try:
        yield
    finally:
        vocabulary.withdraw(subject_type, new)
