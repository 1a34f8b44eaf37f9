"""Due rows whose work is met by trouble: since when is kept at the row, and people are told when it
lasts. States, transactions and failure cases: ADR 0046.

A row is locked in one transaction and told of in the next: people who change what it is for lock in
another order.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import uuid
from collections.abc import Callable

from django.db import close_old_connections

from ledger import failpoints
from ledger.dispatch.consumer_registry import Source, Trouble
from ledger.dispatch.lease_table import Due, Taken
from ledger.dispatch.trouble import is_trouble, once_it_answers
from ledger.faults import words_of

log = logging.getLogger(__name__)
failpoints.declare("row.troubled", "row.untroubled")
_ERROR_LENGTH = 300


@dataclasses.dataclass(frozen=True, slots=True)
class Teller:
    """Who tells people of a source whose rows have been in trouble for long, each in a transaction
    of its own: `lasts(source, tenant, since, words)`, as often as it is found out, and
    `is_over(source, tenant)` whenever a row that was in trouble is not any more."""

    lasts: Callable[[Source, uuid.UUID, dt.datetime, str], None]
    is_over: Callable[[Source, uuid.UUID], None]


_tellers: list[Teller] = []


def register_teller(teller: Teller) -> None:
    """Add who tells people. Called in `AppConfig.ready()`; again changes nothing."""
    if teller not in _tellers:
        _tellers.append(teller)


def met(
    source: Source, tenant_id: uuid.UUID, id_: uuid.UUID, taken: Taken, error: Exception
) -> None:
    """Keep that the work of a row has failed with what was not its own to settle, and tell people
    where that has lasted. Raises nothing: the row is tried again, and then it is kept.

    Trouble of our own gives the lease back; whatever else it was leaves it to run out. What only
    met others at work, and so does not count, is neither kept nor told.
    """
    words = _words(source, error)
    gives_back = is_trouble(error)
    close_old_connections()
    try:
        if isinstance(error, Trouble) and not error.counts:
            _give_back(source, tenant_id, id_, taken)
            return
        since = once_it_answers(
            lambda: source.table.troubled(tenant_id, id_, taken.token, gives_back=gives_back)
        )
        failpoints.reach("row.troubled")
        if since is not None:
            for each in _tellers:
                each.lasts(source, tenant_id, since, words)
    except Exception:
        log.exception("trouble of %s with %s could not be kept", source.name, id_)
        close_old_connections()


def _give_back(source: Source, tenant_id: uuid.UUID, id_: uuid.UUID, taken: Taken) -> None:
    if taken.token is not None:
        due = Due(tenant_id, id_, taken.token)
        once_it_answers(lambda: source.table.give_back(due))


def _words(source: Source, error: Exception) -> str:
    if source.private:
        return type(error).__name__
    # The first line: what follows it in PostgreSQL's errors are the values of rows.
    return words_of(error, _ERROR_LENGTH).partition("\n")[0]


def is_over(source: Source, tenant_id: uuid.UUID, id_: uuid.UUID) -> None:
    """Take back that the work of a row was in trouble: it has ended well. Raises nothing: what is
    left of it is taken back when somebody looks."""
    try:
        source.table.untroubled(tenant_id, id_)
        failpoints.reach("row.untroubled")
        for each in _tellers:
            each.is_over(source, tenant_id)
    except Exception:
        log.exception("that %s is out of trouble with %s could not be kept", source.name, id_)
        close_old_connections()
