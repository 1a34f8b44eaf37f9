"""What an item says of its answer, as its author writes it: outcomes, and how its form looks.

An outcome is a name; or an object that says beside its name how people call it, and a condition in
jq under which it may be given. What cannot be read as jq is refused where it is written; what a
condition asks of an answer: see `outcome_conditions`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

from django.utils.translation import gettext as _
from pydantic import (
    AfterValidator,
    BeforeValidator,
    SerializerFunctionWrapHandler,
    StringConstraints,
    WithJsonSchema,
    model_serializer,
)
from pydantic_core import PydanticCustomError
from typing_extensions import override

from compensation.policy import MAX_NAME_LENGTH
from json_values.characters import fault_of_line
from json_values.pointers import FieldError
from verbs.body_size import at_most
from verbs.input import MAX_NAMES, Input, line
from workitems.listening_input import Listens, wrong_with

MAX_LABEL, MAX_WHEN = 100, 1_000
#: As JSON, all of an item together.
OUTCOMES_BYTES = 8 * 1024
_Name = Annotated[str, StringConstraints(strip_whitespace=True)]


def _line(text: str) -> str:
    """Return a line without blanks around it, which count for its length."""
    fault = fault_of_line(text.strip())
    if fault is not None:
        raise PydanticCustomError(*fault)
    return text.strip()


class Outcome(Input):
    """An outcome that may be given: always, or where `when` is true of `{payload, resolution,
    case}`. People read `label` for it."""

    name: Annotated[_Name, line(MAX_NAME_LENGTH)]
    label: Annotated[
        str,
        StringConstraints(min_length=1, max_length=MAX_LABEL),
        AfterValidator(_line),
        line(MAX_LABEL),
    ] = ""
    when: Annotated[str, StringConstraints(min_length=1, max_length=MAX_WHEN)] = ""

    @model_serializer(mode="wrap")
    def _as_written(self, plain: SerializerFunctionWrapHandler) -> Any:
        return plain(self) if self.label or self.when else self.name


def _named(said: Any) -> Any:
    if isinstance(said, str):
        return {"name": said}
    if said is None or isinstance(said, Mapping | Outcome):
        return said
    message = _("Must be a text, or an object of name, label and when.")
    raise PydanticCustomError("invalid", "{message}", {"message": message})


_ITEM = Annotated[
    Outcome,
    BeforeValidator(_named),
    WithJsonSchema({"anyOf": [line(MAX_NAME_LENGTH).json_schema, Outcome.model_json_schema()]}),
]
Outcomes = Annotated[list[_ITEM], at_most(OUTCOMES_BYTES, maxItems=MAX_NAMES, uniqueItems=True)]


class Answered(Listens):
    """What is said of the answer of an item, and of what undoes it by itself."""

    permitted_outcomes: Outcomes = []

    @classmethod
    @override
    def further(cls, body: Mapping[str, Any]) -> Iterable[FieldError]:
        """Return what is wrong with conditions, too."""
        yield from super().further(body)
        said = body.get("permitted_outcomes")
        if isinstance(said, list):
            yield from _unreadable(said[: MAX_NAMES + 1])


def _unreadable(said: Sequence[Any]) -> Iterator[FieldError]:
    for index, each in enumerate(said):
        when = each.get("when") if isinstance(each, Mapping) else getattr(each, "when", "")
        if isinstance(when, str) and len(when) <= MAX_WHEN and when.strip():
            wrong = wrong_with(when.strip())
            if wrong:
                yield FieldError(f"/permitted_outcomes/{index}/when", wrong, "condition_invalid")


def rules_of(outcomes: Sequence[Outcome], problems: list[FieldError]) -> dict[str, dict[str, str]]:
    """Return what is said of outcomes beside their names, by these; note what is wrong with it."""
    found = {
        each.name: each.model_dump(exclude={"name"}, exclude_defaults=True)
        for each in outcomes
        if each.label or each.when
    }
    if len(json.dumps(found)) > OUTCOMES_BYTES:
        message = _("must be at most %(n)d bytes of JSON") % {"n": OUTCOMES_BYTES}
        problems.append(FieldError("/permitted_outcomes", message))
    called = [each.label or each.name for each in outcomes]
    problems.extend(
        FieldError(
            f"/permitted_outcomes/{index}/label",
            _("another outcome is called so: people could not tell them apart"),
            "repeated",
        )
        for index, each in enumerate(outcomes)
        if each.label and each.label in called[:index]
    )
    return found
