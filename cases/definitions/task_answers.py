"""How a human task is answered, as its definition says it: which outcomes it may end with, and how
its form is laid out. Both as of a work item, word for word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationInfo

from cases.definitions.readers import LISTED, MAX_LIST, Jq, Part, Refused, a_line, unsaid
from ledger.errors import Invalid
from verbs.input import read
from web.form_layout import FormLayout, faults_of_layout
from workitems.answer_input import MAX_LABEL

_Name = Annotated[str, Field(min_length=1, max_length=MAX_LIST), AfterValidator(a_line)]


class Outcome(Part):
    """An outcome with what people call it, or with a condition under which it may be given."""

    name: _Name
    label: (
        Annotated[str, Field(min_length=1, max_length=MAX_LABEL), AfterValidator(a_line)] | None
    ) = Field(default=None, exclude_if=unsaid)
    when: Jq | None = Field(default=None, exclude_if=unsaid)


def _differ(outcomes: tuple[str | Outcome, ...], info: ValidationInfo) -> Any:
    if info.context is None:
        return outcomes
    names, called = names_of(outcomes), [_called(each) for each in outcomes]
    found = {
        f"/{place}": f"outcomes holds {called[place]!r} twice"
        for place in range(len(names))
        if names[place] in names[:place] or called[place] in called[:place]
    }
    if found:
        raise Refused(found)
    return outcomes


# The tag of a plain name is what an error about it calls it.
Outcomes = Annotated[
    tuple[
        Annotated[
            Annotated[_Name, Tag("outcomes")] | Annotated[Outcome, Tag("outcome")],
            Discriminator(
                lambda said: "outcome" if isinstance(said, Mapping | Outcome) else "outcomes"
            ),
        ],
        ...,
    ],
    LISTED,
    Field(max_length=MAX_LIST),
    AfterValidator(_differ),
]


def _called(outcome: str | Outcome) -> str:
    return outcome if isinstance(outcome, str) else outcome.label or outcome.name


def names_of(outcomes: Sequence[str | Outcome]) -> tuple[str, ...]:
    """Return the names of outcomes."""
    return tuple(each if isinstance(each, str) else each.name for each in outcomes)


def rules_of(outcomes: Sequence[str | Outcome]) -> dict[str, dict[str, str]]:
    """Return what is said of outcomes beside their names, by these."""
    said = {
        each.name: {"label": each.label, "when": each.when}
        for each in outcomes
        if isinstance(each, Outcome)
    }
    named = {name: {key: text for key, text in how.items() if text} for name, how in said.items()}
    return {name: how for name, how in named.items() if how}


def faults_of_form(form: Any, schema: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with how a form is laid out, by its pointer."""
    if not isinstance(form, Mapping):
        return
    try:
        layout = read(FormLayout, form)
    except Invalid as refused:
        yield from ((f"{pointer}{each.pointer}", each.message) for each in refused.errors)
        return
    for fault in faults_of_layout(layout, schema, pointer):
        yield fault.pointer, fault.message
