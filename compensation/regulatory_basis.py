"""The regulatory basis of an undo: why the law or a rule lets or makes us take work back."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args

from django.utils.translation import gettext as _
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SkipValidation,
    Strict,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import ErrorDetails

from json_values.pointers import MAX_GATHERED, FieldError, escape
from ledger.errors import Invalid
from verbs.body_size import at_most

Code = Literal[
    "GDPR_17", "GDPR_22", "EU_AI_ACT_12", "CONTRACT", "INTERNAL_POLICY", "COURT_ORDER", "OTHER"
]
CODES: Final[tuple[str, ...]] = get_args(Code)
MAX_ENTRIES = 10
MAX_NOTE = 2000
MAX_REASON = 4000

_NOTE_RULE = (f"must be a text of at most {MAX_NOTE} characters", "invalid")
_CODE_RULE = (f"must be one of {', '.join(CODES)}", "invalid")
_LIST_RULE = (f"must be a list of at most {MAX_ENTRIES} of {{code, note}}", "invalid")
#: Sentence and code by pydantic's type of error.
_RULES: Final = {
    "list_type": _LIST_RULE,
    "too_long": _LIST_RULE,
    "model_type": ("must be an object {code, note}", "invalid"),
    "missing": _CODE_RULE,
    "literal_error": _CODE_RULE,
    "string_type": _NOTE_RULE,
    "string_too_long": _NOTE_RULE,
    "string_pattern_mismatch": ("must not contain NUL characters", "nul"),
    "string_unicode": ("must be valid Unicode", "not_unicode"),
    "extra_forbidden": ("is not known here", "unknown_field"),
}


class Basis(BaseModel):
    """One law or rule, and what the person adds to it."""

    model_config = ConfigDict(strict=True, extra="forbid")

    code: Code
    note: Annotated[str, Field(max_length=MAX_NOTE, pattern=r"^[^\x00]*$")] = ""


#: As a member of an input: documented and asked for as a list of `Basis`, checked by
#: `parse_regulatory_basis` alone.
GivenBases = Annotated[
    list[Basis] | None, SkipValidation, at_most(MAX_ENTRIES * (MAX_NOTE * 4 + 50))
]
# A tuple will do as well as a list.
_BASES: Final = TypeAdapter(
    Annotated[list[Basis], Strict(strict=False), Field(max_length=MAX_ENTRIES)]
)


def parse_regulatory_basis(
    value: Any, *, pointer: str = "/regulatory_basis"
) -> list[dict[str, str]]:
    """Return the checked list of `{code, note}`; None and absence mean an empty one.

    Raises Invalid with the first of the broken members.
    """
    given = [] if value is None else value
    try:
        return [basis.model_dump() for basis in _BASES.validate_python(given)]
    except ValidationError as broken:
        errors = [_field_error(error, pointer) for error in broken.errors()[:MAX_GATHERED]]
        raise Invalid(_("The regulatory basis breaks a rule."), errors=errors) from broken


def _field_error(error: ErrorDetails, pointer: str) -> FieldError:
    where = "".join(f"/{escape(step)}" for step in error["loc"])
    return FieldError(pointer + where, *_RULES.get(error["type"], (error["msg"], "invalid")))
