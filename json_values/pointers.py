"""A broken rule and where it is broken: JSON pointers (RFC 6901)."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class FieldError:
    """One rule that one field of the input breaks. `pointer` is a JSON pointer."""

    pointer: str
    message: str
    code: str = "invalid"


def escape(token: object) -> str:
    """Return the name of a member, or an index, as one token of a JSON pointer."""
    return str(token).replace("~", "~0").replace("/", "~1")
