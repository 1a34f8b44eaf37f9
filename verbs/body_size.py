"""The longest body that an input can use, told from what its members may hold at most.

A member says its bound as JSON Schema does (`maxLength`, `maxItems`); one of any shape says it with
`at_most`. What says none is taken for a text, a list or a value of the usual bound.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from json_values.limits import PAYLOAD_BYTES
from verbs.input import MAX_NAMES, MAX_TEXT, Input

#: Of any body: there is room for its braces, for blanks, and for a wrong member to be named.
LEAST: Final = 4 * 1024
_BYTES: Final = "x-max-bytes"
# A character outside of the first plane, escaped; and what escapes and blanks make of compact JSON
# in the hands of the usual libraries.
_OF_CHARACTER: Final = 12
_OF_COMPACT: Final = 3
_OF_SCALAR: Final = 64


def at_most(size: int, **described: Any) -> Any:
    """Say of a member of any shape how many bytes of compact JSON it may have.

    `described` is what else of JSON Schema is true of it, where its own reader checks it.
    """
    return Field(json_schema_extra={_BYTES: size, **described})


@functools.cache
def largest_body(model: type[Input]) -> int:
    """Return how many bytes of JSON an input may be sent in."""
    schema = model.model_json_schema()
    return LEAST + _size(schema, schema.get("$defs", {}))


def _size(schema: Mapping[str, Any], defined: Mapping[str, Any]) -> int:
    if _BYTES in schema:
        return int(schema[_BYTES]) * _OF_COMPACT
    if "$ref" in schema:
        return _size(defined[schema["$ref"].rpartition("/")[2]], defined)
    if "anyOf" in schema:
        return max(_size(each, defined) for each in schema["anyOf"])
    if "properties" in schema or schema.get("additionalProperties") is False:
        members = schema.get("properties", {})
        return 2 + sum(len(name) + 5 + _size(each, defined) for name, each in members.items())
    return _of_type(schema, defined)


def _of_type(schema: Mapping[str, Any], defined: Mapping[str, Any]) -> int:
    kind = schema.get("type")
    if kind in (None, "object"):
        return PAYLOAD_BYTES * _OF_COMPACT
    if kind == "array":
        return int(schema.get("maxItems", MAX_NAMES)) * (_size(schema["items"], defined) + 2)
    free_text = kind == "string" and "enum" not in schema
    characters = int(schema.get("maxLength", MAX_TEXT)) if free_text else 0
    return characters * _OF_CHARACTER + _OF_SCALAR
