"""Is an outcome permitted, and does a resolution match its schema? Pure."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator, SchemaError

from ledger.errors import FieldError, Invalid
from ledger.limits import check_json

MAX_OUTCOME = 100


def check_schema(schema: Any, pointer: str) -> None:
    """Raise Invalid unless `schema` is a JSON Schema (draft 2020-12) that refers to nothing
    outside.
    """
    if not isinstance(schema, dict):
        raise Invalid.field(pointer, "must be a JSON Schema object")
    check_json(schema, pointer)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise Invalid.field(pointer, f"is no valid JSON Schema: {error.message}") from error
    if _remote(schema):
        raise Invalid.field(pointer, "may not refer to another document ($ref must start with #)")


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
    check_json(resolution, "/resolution")
    if schema is not None:
        for error in Draft202012Validator(schema).iter_errors(resolution):
            path = "".join(f"/{_escape(part)}" for part in error.absolute_path)
            errors.append(FieldError(f"/resolution{path}", error.message, "schema"))
    if errors:
        raise Invalid("The completion breaks a rule.", errors=errors)


def _escape(part: object) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _remote(node: Any) -> bool:
    if isinstance(node, dict):
        reference = node.get("$ref", node.get("$dynamicRef", "#"))
        if isinstance(reference, str) and not reference.startswith("#"):
            return True
        return any(_remote(child) for child in node.values())
    return isinstance(node, list) and any(_remote(child) for child in node)
