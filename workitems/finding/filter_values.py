"""How values of filters are read: each is a text in the end, as an address has it."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from json_values.characters import NOT_BLANK
from json_values.moments import NotAMoment, read_moment

MAX_TEXT = 200
YES, NO = "true", "false"
#: Between several values of one filter.
BETWEEN = ","
Fault = tuple[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """One kind of value: what is wrong with a text, and its JSON Schema.

    `many`: several texts may be given. `words` are those that may be chosen.
    """

    wrong: Callable[[str], Fault | None]
    schema: Mapping[str, Any]
    many: bool = False
    words: Sequence[str] = ()

    @property
    def in_json(self) -> dict[str, Any]:
        """Return its schema in a body, where it may be a list too."""
        schema = dict(self.schema)
        if self.many:
            several = {"type": "array", "items": schema, "minItems": 1, "maxItems": len(self.words)}
            return {"oneOf": [schema, several]}
        return schema

    def fault(self, value: Any) -> Fault | None:
        """Return the sentence and the code of what is wrong with a value, None for nothing."""
        if isinstance(value, bool) and self.schema["type"] == "boolean":
            return None
        if value is None:
            return "This field may not be null.", "null"
        if self.many and isinstance(value, list):
            if not 0 < len(value) <= len(self.words):
                return f"Must name 1 to {len(self.words)}.", "invalid"
            return next(filter(None, map(self._fault_of_text, value)), None)
        if self.many and isinstance(value, str):
            return self.fault(value.split(BETWEEN))
        return self._fault_of_text(value)

    def _fault_of_text(self, value: Any) -> Fault | None:
        if not isinstance(value, str):
            return (
                f"Must be a {'boolean' if self.schema['type'] == 'boolean' else 'text'}.",
                "invalid",
            )
        return self.wrong(value.strip())

    def text(self, value: Any) -> str:
        """Return a value without fault as a text."""
        if isinstance(value, bool):
            return YES if value else NO
        if self.many and isinstance(value, str):
            value = value.split(BETWEEN)
        if isinstance(value, list):
            return BETWEEN.join(dict.fromkeys(each.strip() for each in value))
        return str(value).strip()

    def json(self, text: str) -> Any:
        """Return a text that was read as JSON has it."""
        if self.schema["type"] == "boolean":
            return text == YES
        return text.split(BETWEEN) if self.many and BETWEEN in text else text


def one_of(words: Sequence[str], *, many: bool = False) -> Reading:
    """Return the reading of one of some words."""
    sentence = f"must be one of {', '.join(words)}"

    def wrong(text: str) -> Fault | None:
        return None if text in words else (sentence, "invalid_choice")

    return Reading(wrong, {"type": "string", "enum": list(words)}, many, tuple(words))


def _wrong_text(text: str) -> Fault | None:
    if not text:
        return "This field may not be blank.", "blank"
    if len(text) > MAX_TEXT:
        return f"must be at most {MAX_TEXT} characters", "too_long"
    return None


def _wrong_moment(text: str) -> Fault | None:
    try:
        read_moment(text)
    except NotAMoment as wrong:
        return str(wrong), wrong.code
    return None


def _wrong_id(text: str) -> Fault | None:
    try:
        uuid.UUID(text)
    except ValueError:
        return "must be an id", "invalid"
    return None


TEXT = Reading(
    _wrong_text,
    {"type": "string", "pattern": NOT_BLANK, "minLength": 1, "maxLength": MAX_TEXT},
)
MOMENT = Reading(_wrong_moment, {"type": "string", "format": "date-time"})
ID = Reading(_wrong_id, {"type": "string", "format": "uuid"})
YES_NO = Reading(
    lambda text: None if text in (YES, NO) else (f"must be {YES} or {NO}", "invalid"),
    {"type": "boolean"},
    words=(YES, NO),
)
