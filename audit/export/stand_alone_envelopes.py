"""What the bytes of an entry in a pack say."""

from __future__ import annotations

import json
from typing import Any

from audit.export.stand_alone_notes import Broken

MALFORMED = (ValueError, KeyError, TypeError, AttributeError, RecursionError, IndexError)


def read_envelope(body: str, id_: str) -> dict[str, Any]:
    """Return what the bytes of an entry say. Raises Broken."""
    try:
        said = json.loads(body)
        again = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        wanted = (said["id"], said["subject"]["type"], said["subject"]["id"], said["commitments"])
        numbered = type(said["subject_seq"]) is int and "previous_hash" in said
    except MALFORMED:
        raise Broken("bytes", "its bytes are no envelope", id_) from None
    if again != body or not numbered or not all(x is not None for x in wanted):
        raise Broken("bytes", "its bytes are not in canonical form", id_)
    return dict(said)
