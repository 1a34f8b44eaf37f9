"""Work that the database itself keeps from writing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.db.backends.base.base import BaseDatabaseWrapper

from ledger.statements import fetched, server

_ONLY_READS = "SELECT set_config('default_transaction_read_only', %s, false)"


def _is_other(here: BaseDatabaseWrapper, held: object) -> bool:
    """Whether a connection is another one than was `held`, or has a transaction open."""
    return here.connection is not held or here.in_atomic_block or not here.get_autocommit()


@contextlib.contextmanager
def only_reading() -> Iterator[None]:
    """Let every transaction that begins inside read only: one that writes is refused.

    It is a setting of this thread's connection, and no transaction is open meanwhile: what runs
    inside may take long, and ask others. Raises RuntimeError inside a transaction, which has been
    begun to write, and where the connection is not at the end what it was at the beginning: nobody
    can then say that nothing was written, and nobody else gets that connection.
    """
    here = server()
    if here.in_atomic_block:
        raise RuntimeError("what only reads begins outside a transaction")
    fetched(_ONLY_READS, ["on"])
    held = here.connection
    try:
        yield
    finally:
        if _is_other(here, held):
            here.close()
            raise RuntimeError("what only reads has changed the connection, or left it open")
        fetched(_ONLY_READS, ["off"])
