"""How values of a definition are read: pieces, and in these names, texts, lists, expressions.

What is deployed is read again without a `Reading` as context: it stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from json_values.characters import fault_of_line
from json_values.pointers import FieldError, escape

#: An undo that is null may be a slip, and its step would have none.
NEVER_NULL: Final = ("compensation", "reversibility")
MAX_LIST: Final = 100
MAX_TEXT: Final = 4_000
#: Names become parts of addresses, so they hold nothing that needs escaping there.
NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
#: What may stand before the counter in the number of a case.
_PREFIX: Final = re.compile(r"[\w ./-]*")


class Refused(ValueError):
    """Why a value is refused: whole sentences, by JSON pointer from the value on."""

    def __init__(self, sentences: str | Mapping[str, str]) -> None:
        by_pointer = {"": sentences} if isinstance(sentences, str) else sentences
        super().__init__("; ".join(by_pointer.values()))
        self.errors = [FieldError(pointer, said) for pointer, said in by_pointer.items()]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a value that an author wrote is checked against: the goals there are, and what keeps an
    expression from being used. Expressions that were not asked about yet are noted."""

    goals: Collection[str]
    expressions: dict[str, str | None] = field(default_factory=dict)


def _jq(value: object, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> str:
    """Read an expression written as text or as `{jq: text}`."""
    at, key = "", to_camel(info.field_name or "")
    if isinstance(value, dict):
        others = [language for language in value if language != "jq"]
        if others:
            said = "expressions in {!r}: only jq is read"
            raise Refused({f"/{escape(other)}": said.format(other) for other in others})
        value, at, key = value.get("jq"), "/jq", "jq"
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, str) or not value.strip():
        raise Refused({at: f"{key} must be a jq expression written as text"})
    text: str = read(value)
    problem = info.context and info.context.expressions.setdefault(text)
    if problem:
        raise Refused({at: f"not a usable jq expression: {problem}"})
    return text


def _once_each(texts: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    key = to_camel(info.field_name or "")
    repeated = [place for place, text in enumerate(texts) if text in texts[:place]]
    if repeated:
        raise Refused({f"/{place}": f"{key} holds {texts[place]!r} twice" for place in repeated})
    return texts


def a_line(text: str, info: ValidationInfo) -> str:
    # What is deployed stays as it is.
    fault = info.context and fault_of_line(text)
    if fault:
        raise Refused(fault[1])
    return text


def known_goal(value: object, info: ValidationInfo) -> object:
    if info.context and not (isinstance(value, str) and value in info.context.goals):
        raise Refused(f"there is no goal {value!r}")
    return value


def known_kind(value: object) -> object:
    if value == "custom":
        raise Refused("kind: custom is not supported yet")
    return value


def _numbering(text: str) -> str:
    # The digits at the end of a number are then its own: no two patterns give the same one.
    before, counts, after = text.partition("{n}")
    plain = before.replace("{year}", "", 1)
    if not counts or after or not _PREFIX.fullmatch(plain):
        raise Refused(
            f"caseNumber {text!r} is no pattern: letters, digits, spaces, '.', '_', '/' and '-', "
            "{year} at most once, and {n} at the end, such as L-{year}-{n}"
        )
    if before.endswith("{year}") or before[-1:].isdigit():
        raise Refused(f"caseNumber {text!r} has digits right before {{n}}: put a '-' between them")
    return text


LISTED: Final = Strict(strict=False)  # a tuple is read from a list, and from nothing else in JSON
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
Name = Annotated[Text, Field(pattern=NAME)]
Title = Annotated[Text, AfterValidator(a_line)]
Words = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=MAX_LIST), AfterValidator(a_line)], ...],
    LISTED,
    Field(max_length=MAX_LIST),
    AfterValidator(_once_each),
]
Jq = Annotated[str, WrapValidator(_jq)]
Numbering = Annotated[Text, Field(max_length=40), AfterValidator(_numbering)]


def unsaid(value: object) -> bool:
    """Whether nothing was said: left out where it is stored, so that what was deployed before the
    word was known keeps its digest."""
    return not value


def unheard(value: object) -> bool:
    """The same of a number: 0 is said."""
    return value is None


class Part(BaseModel):
    """A piece of a definition: strict (1 is not true) and frozen; null is saying nothing."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        str_strip_whitespace=True,
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: said for k, said in value.items() if said is not None or k in NEVER_NULL}
