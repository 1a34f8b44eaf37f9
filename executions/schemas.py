"""JSON Schema (draft 2020-12) on values that people and programs hand in.

A schema may refer within itself only: nothing is fetched, whatever `$ref` says.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from executions.policy import escape_pointer
from ledger.errors import FieldError

#: A value that breaks a rule in every row of a list would fill the answer.
MAX_ERRORS = 50
_NOTHING_FETCHED: Registry[Any] = Registry()


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raise ValueError, with the rule it breaks, when `schema` is no JSON Schema."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"not a JSON Schema at {error.json_path}: {error.message}") from error


def problems(schema: Mapping[str, Any], value: Any, pointer: str) -> list[FieldError]:
    """Return what `value` breaks of `schema`, by JSON pointer; pointers begin at `pointer`."""
    validator = _validator(json.dumps(schema, sort_keys=True))
    found: list[FieldError] = []
    try:
        for error in validator.iter_errors(value):
            found.append(_field_error(error, pointer))
            if len(found) == MAX_ERRORS:
                break
    except Unresolvable as error:
        return [FieldError(pointer, f"its schema refers to {error.ref!r}, which it does not hold")]
    return sorted(found, key=lambda error: error.pointer)


@functools.lru_cache(maxsize=256)
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema), registry=_NOTHING_FETCHED)


def _field_error(error: ValidationError, pointer: str) -> FieldError:
    path = "".join(f"/{escape_pointer(step)}" for step in error.absolute_path)
    return FieldError(f"{pointer}{path}", error.message[:500], str(error.validator))
