"""Is an outcome permitted, and does a resolution match its schema? Pure."""

from __future__ import annotations

from typing import Any

from json_values import json_schema
from json_values.characters import fault_of_line
from json_values.pointers import FieldError
from ledger.errors import Invalid, check_json

MAX_OUTCOME = 100


def check_schema(schema: Any, pointer: str) -> None:
    """Raise Invalid unless `schema` is a JSON Schema (draft 2020-12) that refers to nothing
    outside.
    """
    if not isinstance(schema, dict):
        raise Invalid.field(pointer, "must be a JSON Schema object")
    check_json(schema, pointer)
    found = json_schema.faults(schema, pointer)
    if found:
        raise Invalid("It is no usable JSON Schema.", errors=found)


def check_completion(
    outcome: Any, resolution: Any, *, permitted: list[str], schema: dict[str, Any] | None
) -> None:
    """Raise Invalid, with a JSON pointer for every broken rule, unless it may end like this."""
    errors: list[FieldError] = []
    if permitted and outcome not in permitted:
        message = f"must be one of {', '.join(permitted)}"
        errors.append(FieldError("/outcome", message, "outcome_not_permitted"))
    elif outcome is not None and (
        not isinstance(outcome, str) or not 0 < len(outcome) <= MAX_OUTCOME
    ):
        errors.append(FieldError("/outcome", f"must be a text of 1 to {MAX_OUTCOME} characters"))
    elif not permitted and outcome is not None and (fault := fault_of_line(outcome)):
        errors.append(FieldError("/outcome", fault[1], fault[0]))
    check_json(resolution, "/resolution")
    if schema is not None:
        errors += json_schema.problems(schema, resolution, "/resolution")
    if errors:
        raise Invalid("The completion breaks a rule.", errors=errors)
