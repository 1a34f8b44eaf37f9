"""A broken rule and where it is broken: JSON pointers (RFC 6901)."""

from __future__ import annotations

import dataclasses

#: Errors named in one answer; whoever gathers them stops at one more, which says that there are
#: more. With the lengths below no answer to broken input exceeds 64 KiB, whatever was sent.
MAX_ERRORS = 20
MAX_GATHERED = MAX_ERRORS + 1
MAX_POINTER = 200
MAX_MESSAGE = 250


@dataclasses.dataclass(frozen=True, slots=True)
class FieldError:
    """One rule that one field of the input breaks. `pointer` is a JSON pointer; `line` and
    `column`, from 1, are where it stands in a text that was sent."""

    pointer: str
    message: str
    code: str = "invalid"
    line: int | None = None
    column: int | None = None

    def shortened(self) -> FieldError:
        """Return it without what nobody reads of a long name or value."""
        if len(self.pointer) <= MAX_POINTER and len(self.message) <= MAX_MESSAGE:
            return self
        pointer = shortened(self.pointer, MAX_POINTER)
        message = shortened(self.message, MAX_MESSAGE)
        return FieldError(pointer, message, self.code, self.line, self.column)

    def to_json(self) -> dict[str, str | int]:
        """Return it as an answer names it; a line only where there is one."""
        place = {"line": self.line, "column": self.column}
        said = {"pointer": self.pointer, "message": self.message, "code": self.code}
        return {**said, **{name: at for name, at in place.items() if at is not None}}


def escape(token: object) -> str:
    """Return the name of a member, or an index, as one token of a JSON pointer."""
    return str(token).replace("~", "~0").replace("/", "~1")


def shortened(text: str, most: int) -> str:
    """Return at most `most` characters of a text; an ellipsis says that it goes on."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
