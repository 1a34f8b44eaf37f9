"""Work that the database itself keeps from writing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ledger.statements import fetched, server

_ONLY_READS = "SELECT set_config('default_transaction_read_only', %s, false)"


@contextlib.contextmanager
def only_reading() -> Iterator[None]:
    """Let every transaction that begins inside read only: one that writes is refused.

    It is a setting of this thread's connection, and no transaction is open meanwhile: what runs
    inside may take long, and ask others. Raises RuntimeError inside a transaction, which has been
    begun to write.
    """
    if server().in_atomic_block:
        raise RuntimeError("what only reads begins outside a transaction")
    fetched(_ONLY_READS, ["on"])
    try:
        yield
    finally:
        fetched(_ONLY_READS, ["off"])
