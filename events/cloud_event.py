"""CloudEvents 1.0 as people and programs send them: attributes, bounds, and the two modes of HTTP.

Structured mode is one JSON object. In binary mode the attributes are headers that begin with `ce-`,
percent-encoded where they are not plain (HTTP binding §3.1.3), and the body is the data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import unquote

from django.utils.translation import gettext as _
from pydantic import AfterValidator, ConfigDict, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import override

from json_values.characters import BARE_LINE, fault_of_line, has_control
from json_values.limits import PAYLOAD_BYTES
from json_values.pointers import FieldError, escape
from ledger.errors import Invalid, check_json
from verbs.body_size import at_most
from verbs.input import Input, Moment

SPECIFICATION = "1.0"
#: In characters. Those of a source are ASCII, so that an index can have it with an id.
MOST_ID, MOST_SOURCE, MOST_TYPE, MOST_SUBJECT = 200, 500, 255, 500
MOST_EXTENSIONS, MOST_EXTENSION_NAME, MOST_EXTENSION = 20, 20, 500
#: Types of this application's own news: nobody outside can say that it happened.
OWN_TYPES = "amends."
_HEADER = "ce-"
_EXTENSION_NAME = re.compile(rf"^[a-z0-9]{{1,{MOST_EXTENSION_NAME}}}$")
_URI = r"^[!-~]+$"
_JSON = r"^application/([A-Za-z0-9.+-]*\+)?json( *;.*)?$"
_LEAST_INTEGER, _MOST_INTEGER = -(2**31), 2**31 - 1


def _line(value: str) -> str:
    fault = fault_of_line(value)
    if fault is not None:
        raise PydanticCustomError(*fault)
    return value


def _text(longest: int) -> Any:
    """Describe a text in one line, of at least one visible character."""
    shape = {"type": "string", "pattern": BARE_LINE, "minLength": 1, "maxLength": longest}
    return (
        StringConstraints(min_length=1, max_length=longest),
        AfterValidator(_line),
        WithJsonSchema(shape),
    )


def _reference(longest: int) -> Any:
    return StringConstraints(min_length=1, max_length=longest, pattern=_URI)


Attribute = Annotated[str, *_text(MOST_TYPE)]


def _with_extensions(schema: dict[str, Any]) -> None:
    """Describe the extension attributes, which are no members of their own."""
    text = {"type": "string", "maxLength": MOST_EXTENSION, "pattern": f"^$|{BARE_LINE}"}
    number = {"type": "integer", "minimum": _LEAST_INTEGER, "maximum": _MOST_INTEGER}
    schema["propertyNames"] = {"pattern": _EXTENSION_NAME.pattern}
    schema["additionalProperties"] = {
        "anyOf": [text, number, {"type": "boolean"}, {"type": "null"}]
    }
    schema["maxProperties"] = len(schema["properties"]) + MOST_EXTENSIONS


class CloudEvent(Input):
    """An event as CloudEvents 1.0 describe it. Further members are its extension attributes: names
    of small letters and digits, values that are texts, whole numbers, true or false."""

    model_config = ConfigDict(
        strict=True, extra="allow", frozen=True, json_schema_extra=_with_extensions
    )
    #: How long a body of one may be: what is not said of its members by their own bounds.
    extension_bytes: ClassVar[int] = MOST_EXTENSIONS * (MOST_EXTENSION * 12 + 64)

    specversion: Literal["1.0"]
    id: Annotated[str, *_text(MOST_ID)]
    source: Annotated[str, _reference(MOST_SOURCE)]
    type: Attribute
    subject: Annotated[str, *_text(MOST_SUBJECT)] | None = None
    time: Moment | None = None
    datacontenttype: (
        Annotated[str, StringConstraints(max_length=MOST_TYPE, pattern=_JSON)] | None
    ) = None
    dataschema: Annotated[str, _reference(MOST_SOURCE)] | None = None
    data: Annotated[Any, at_most(PAYLOAD_BYTES)] = None

    @classmethod
    @override
    def further(cls, body: Mapping[str, Any]) -> Iterable[FieldError]:
        """Return what is wrong with the extensions, the data, and a type that is ours."""
        type_ = body.get("type")
        if isinstance(type_, str) and type_.startswith(OWN_TYPES):
            message = _("types that begin with %(own)s are news of this application itself")
            yield FieldError("/type", message % {"own": OWN_TYPES}, "reserved")
        extensions = extensions_in(body)
        if len(extensions) > MOST_EXTENSIONS:
            message = _("at most %(most)s extension attributes") % {"most": MOST_EXTENSIONS}
            yield FieldError("", message, "too_many")
        else:
            yield from _wrong_extensions(extensions)
        try:
            check_json(body.get("data"), "/data")
        except Invalid as refused:
            yield from refused.errors


def extensions_in(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the extension attributes of an event as it was sent: what is null is not there, and
    `1.0` is the whole number 1 (JSON Schema 2020-12 §4.2.3)."""
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in event.items()
        if name not in CloudEvent.model_fields and value is not None
    }


def _wrong_extensions(extensions: Mapping[str, Any]) -> Iterator[FieldError]:
    for name, value in extensions.items():
        pointer = f"/{escape(name)}"
        if not _EXTENSION_NAME.fullmatch(name) or name == "data_base64":
            message = _("an attribute's name has 1 to %(most)s small letters and digits")
            yield FieldError(pointer, message % {"most": MOST_EXTENSION_NAME}, "unknown_field")
        elif isinstance(value, bool):
            continue
        elif isinstance(value, int):
            if not _LEAST_INTEGER <= value <= _MOST_INTEGER:
                yield FieldError(pointer, _("must be a whole number of 32 bits"))
        elif not isinstance(value, str) or len(value) > MOST_EXTENSION:
            message = _(
                "must be a text of at most %(most)s characters, a whole number, true or false"
            )
            yield FieldError(pointer, message % {"most": MOST_EXTENSION})
        elif has_control(value):
            message = _("Must not contain control characters.")
            yield FieldError(pointer, message, "control_character")


def attributes_in(headers: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the attributes that headers have in binary mode; None for any other request."""
    found = {
        name.lower().removeprefix(_HEADER): unquote(value)
        for name, value in headers.items()
        if name.lower().startswith(_HEADER)
    }
    return found if "specversion" in found else None
