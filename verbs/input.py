"""The input of verbs: pydantic models, always strict, whose errors are ours.

A model says what is well-formed (types, lengths, words to choose from); what is right at this
moment is the verb's to say. `read` is called at the step where input is checked, after
permission, version and state.
"""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Final, TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic import ValidationError as PydanticError
from pydantic_core import ErrorDetails, PydanticCustomError

from json_values.characters import (
    LINE,
    NOT_BLANK,
    WITHOUT_NUL,
    fault_of_line,
    is_visible,
)
from json_values.moments import NotAMoment, checked, read_moment
from json_values.pointers import MAX_GATHERED, FieldError, escape
from ledger.errors import Invalid, check_json

MAX_TEXT = 4000
MAX_NAME = 150
MAX_NAMES = 50


class Input(BaseModel):
    """What an operation is given. Unknown members are refused; types are not converted."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @classmethod
    def further(cls, body: Mapping[str, Any]) -> Iterable[FieldError]:  # noqa: ARG003  -- for heirs
        """Return what else is wrong with the members as they were sent.

        For members whose own readers name several broken rules at once.
        """
        return ()

    @classmethod
    def check_storable(cls, body: Mapping[str, Any]) -> None:
        """Raise Invalid for text that a row cannot keep (NUL, halves of characters)."""
        for name, value in body.items():
            if isinstance(value, str):
                check_json(value, f"/{name}")


class Nothing(Input):
    """Nothing is asked."""


#: Behind the type of a member that programs may send and no form asks people for.
UNASKED: Final = "unasked"
#: Of an optional member: null takes away what there is, and so does a field that is left empty.
EMPTIES: Final = "empties"


def _moment(value: Any) -> Any:
    """Read a moment as JSON writes it; one that a form has read is held to the same bounds."""
    if value is None:
        return value
    try:
        return checked(value) if isinstance(value, dt.datetime) else read_moment(value)
    except NotAMoment as wrong:
        raise PydanticCustomError(wrong.code, _(str(wrong))) from None


def _line(value: str) -> str:
    """Refuse what cannot be a title, a name or an outcome."""
    fault = fault_of_line(value)
    if fault is not None:
        raise PydanticCustomError(fault[0], _(fault[1]))
    return value


def _seen(value: str) -> str:
    """Refuse a text of which nothing can be seen: it says nothing."""
    if not is_visible(value):
        raise PydanticCustomError("blank", _("Needs at least one visible character."))
    return value


def _id(value: str) -> str:
    """Refuse what identifies nothing."""
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise PydanticCustomError("uuid", _("Must be a UUID.")) from None


def _whole(value: Any) -> Any:
    """Read 49.0 as 49: JSON has one kind of number (RFC 8259 §6), and some programs write it so."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def line(longest: int | None = None) -> Any:
    """Describe a line: a title, a name, an outcome."""
    bounds = {} if longest is None else {"maxLength": longest}
    return WithJsonSchema({"type": "string", "pattern": LINE, "minLength": 1, **bounds})


#: Behind the bounds of an `int`: a whole number, however it is written.
WHOLE = BeforeValidator(_whole)
# Texts may have several lines; words, names and what is made of them are lines.
Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT),
    AfterValidator(_seen),
    WithJsonSchema({"type": "string", "pattern": NOT_BLANK, "minLength": 1, "maxLength": MAX_TEXT}),
]
Word = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1),
    AfterValidator(_line),
    line(),
]
OptionalText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MAX_TEXT),
    WithJsonSchema({"type": "string", "pattern": WITHOUT_NUL, "maxLength": MAX_TEXT}),
]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME),
    AfterValidator(_line),
    line(MAX_NAME),
]
Names = Annotated[list[Name], Field(max_length=MAX_NAMES)]
Id = Annotated[
    str,
    AfterValidator(_id),
    WithJsonSchema({"type": "string", "format": "uuid", "maxLength": 36}),
]
Moment = Annotated[dt.datetime, BeforeValidator(_moment)]


class Reason(Input):
    """Why."""

    reason: Text


class OptionalReason(Input):
    """Why, if there is something to say."""

    reason: OptionalText = ""


class Evidence(Input):
    """How it can be proved."""

    evidence: Text


Given = TypeVar("Given", bound=Input)
# Errors of ours, which bring their sentence.
_OWN = frozenset({"overflow", "control_character", "blank", "unknown", "unsupported"})
# By pydantic's name of an error: our code and sentence.
_SENTENCES: Mapping[str, tuple[str, Promise]] = {
    "missing": ("required", gettext_lazy("This field is required.")),
    "string_too_short": ("blank", gettext_lazy("This field may not be blank.")),
    "string_too_long": ("too_long", gettext_lazy("must be at most {max_length} characters")),
    "too_long": ("too_long", gettext_lazy("must be a list of at most {max_length}")),
    "string_type": ("invalid", gettext_lazy("Must be a text.")),
    "bool_type": ("invalid", gettext_lazy("Must be true or false.")),
    "int_type": ("invalid", gettext_lazy("Must be a whole number.")),
    "dict_type": ("invalid", gettext_lazy("Must be an object.")),
    "list_type": ("invalid", gettext_lazy("Must be a list.")),
    "model_type": ("invalid", gettext_lazy("Must be an object.")),
}


def read(model: type[Given], body: Mapping[str, Any]) -> Given:
    """Return the checked input. Raises Invalid with the broken members, by JSON pointer: all of
    them, or the first and one more than an answer names."""
    model.check_storable(body)
    given, found = None, list(itertools.islice(model.further(body), MAX_GATHERED))
    try:
        given = model.model_validate(dict(body))
    except PydanticError as error:
        found.extend(itertools.islice(_field_errors(error), MAX_GATHERED))
    if found or given is None:
        places = [f"/{name}" for name in model.model_fields]
        raise invalid(sorted(found, key=lambda each: _place(each, places)))
    return given


def _place(error: FieldError, places: list[str]) -> int:
    """Return where an error is said: in the order of the model's members, strangers last."""
    member = "/" + error.pointer.split("/", 2)[1] if error.pointer else ""
    return places.index(member) if member in places else len(places)


def problems_of(parse: Callable[[Any], Any], value: Any) -> tuple[FieldError, ...]:
    """Return what the reader of one member has against it."""
    try:
        parse(value)
    except Invalid as refused:
        return refused.errors
    return ()


def invalid(found: list[FieldError]) -> Invalid:
    """Return one refusal for all broken fields; its code is theirs when they agree."""
    codes = {each.code for each in found}
    code = codes.pop() if codes == {"unknown_field"} else "invalid"
    where = found[0].pointer or _("the body")
    return Invalid(f"{where}: {found[0].message}", code=code, errors=found)


def _field_errors(error: PydanticError) -> Iterator[FieldError]:
    for each in error.errors(include_url=False, include_context=True):
        pointer = "".join(f"/{escape(str(part))}" for part in each["loc"])
        code, message = _words(each)
        yield FieldError(pointer, message, code)


def _words(each: ErrorDetails) -> tuple[str, str]:
    """Return code and sentence of one error of the model."""
    kind, context = each["type"], each.get("ctx", {})
    if each["input"] is None and kind not in {"missing", "extra_forbidden"}:
        return "null", _("This field may not be null.")
    if kind == "extra_forbidden":
        return "unknown_field", _("There is no field %(name)r here.") % {
            "name": str(each["loc"][-1])
        }
    if kind == "literal_error":
        expected = str(context["expected"]).replace("'", "").replace(" or ", ", ")
        return "invalid_choice", _("must be one of %(known)s") % {"known": expected}
    if kind in _OWN:
        return kind, each["msg"]
    if kind not in _SENTENCES:
        # The model's own sentence is whole: braces in it are no places to fill.
        return "invalid", str(context.get("error", each["msg"]))
    code, sentence = _SENTENCES[kind]
    if kind == "string_too_long" and context["max_length"] == MAX_NAME:
        # The code that this API has always had for names.
        code = "max_length"
    return code, str(sentence).format_map(context)
