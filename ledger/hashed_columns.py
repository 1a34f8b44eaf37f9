"""The columns of an entry that repeat what its hashed bytes say, and where the bytes say it."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from typing import Any, Final

from json_values.comparison import comparable
from ledger.clock import rfc3339
from ledger.record_sql import ENTRY

#: Every column of an entry, with the tenant that `record_sql` gives once for all of them.
_FIRST, *_OTHERS = ENTRY
COLUMNS: Final = (_FIRST, "tenant_id", *_OTHERS)
#: What an entry says of other entries: which, and the hash of each.
LINKS: Final = ("caused_by", "original")
# Where an envelope says what a column repeats, if not under the column's own name.
_PLACES = {name: name for name in COLUMNS if name not in {"hash", "body"}} | {
    "tenant_id": "tenant", "subject_type": "subject.type", "subject_id": "subject.id",
    "from_status": "from", "to_status": "to", "actor_id": "actor.token", "actor_type": "actor.type",
    "actor_role": "actor.role", "on_behalf_of_id": "on_behalf_of", "case_id": "case",
    "caused_by_id": "caused_by.id", "caused_by_hash": "caused_by.hash",
    "original_id": "original.id", "original_hash": "original.hash",
}  # fmt: skip


def compared(envelope: dict[str, Any], v: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield (column, value in the bytes, value in the column) for every column that is hashed."""
    for column, place in _PLACES.items():
        outer, _, inner = place.partition(".")
        said, kept = envelope[outer], v[column]
        if inner:
            # A link that is null has neither id nor hash.
            said = None if outer in LINKS and not said else said[inner]
        if column == "compensation" and kept is not None:
            # It is JSON, and compared as JSON: 1 is not true.
            kept = json.loads(kept) if isinstance(kept, str) else kept
            said, kept = comparable(said), comparable(kept)
        yield column, said, written(kept)


def written(value: Any) -> Any:
    """Return a column's value as an envelope writes it."""
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, dt.datetime):
        return rfc3339(value)
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else value
