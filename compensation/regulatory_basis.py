"""The regulatory basis of an undo: why the law or a rule lets or makes us take work back."""

from __future__ import annotations

from typing import Any

from ledger.errors import FieldError, Invalid
from ledger.limits import check_json

CODES = (
    "GDPR_17",
    "GDPR_22",
    "EU_AI_ACT_12",
    "CONTRACT",
    "INTERNAL_POLICY",
    "COURT_ORDER",
    "OTHER",
)
MAX_ENTRIES = 10
MAX_NOTE = 2000
MAX_REASON = 4000


def parse_regulatory_basis(
    value: Any, *, pointer: str = "/regulatory_basis"
) -> list[dict[str, str]]:
    """Return the checked list of `{code, note}`; None and absence mean an empty one.

    Raises Invalid with every broken member.
    """
    if value is None:
        return []
    if not isinstance(value, list | tuple) or len(value) > MAX_ENTRIES:
        raise Invalid.field(pointer, f"must be a list of at most {MAX_ENTRIES} of {{code, note}}")
    errors: list[FieldError] = []
    parsed: list[dict[str, str]] = []
    for index, item in enumerate(value):
        at = f"{pointer}/{index}"
        if not isinstance(item, dict):
            errors.append(FieldError(at, "must be an object {code, note}"))
            continue
        code, note = item.get("code"), item.get("note", "")
        if code not in CODES:
            errors.append(FieldError(f"{at}/code", f"must be one of {', '.join(CODES)}"))
        if not isinstance(note, str) or len(note) > MAX_NOTE:
            errors.append(
                FieldError(f"{at}/note", f"must be a text of at most {MAX_NOTE} characters")
            )
        else:
            errors.extend(_unstorable(note, f"{at}/note"))
        errors.extend(
            FieldError(f"{at}/{name}", "is not known here", "unknown_field")
            for name in sorted(set(item) - {"code", "note"})
        )
        parsed.append({"code": str(code), "note": str(note)})
    if errors:
        raise Invalid("The regulatory basis breaks a rule.", errors=errors)
    return parsed


def required_reason(value: Any, *, pointer: str = "/reason") -> str:
    """Return the reason, trimmed. Raises Invalid when it is missing, blank, too long, or
    holds what cannot be stored."""
    text = value.strip() if isinstance(value, str) else ""
    check_json(text, pointer)
    if not text:
        raise Invalid.field(pointer, "a reason is required", code="required")
    if len(text) > MAX_REASON:
        raise Invalid.field(pointer, f"must be at most {MAX_REASON} characters", code="too_long")
    return text


def _unstorable(text: str, pointer: str) -> tuple[FieldError, ...]:
    try:
        check_json(text, pointer)
    except Invalid as refused:
        return refused.errors
    return ()
