"""What a search is given, and a saved filter keeps: values of filters, as JSON has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema, create_model
from typing_extensions import override

from json_values.pointers import FieldError
from verbs.input import Input
from workitems.finding import filter_table
from workitems.finding.filter_table import FILTERS, Filter


def described(each: Filter) -> str:
    """Return what a filter is about, for the description of the API."""
    return each.about or f"{each.label}."


class _Wanted(Input):
    @classmethod
    @override
    def further(cls, body: Mapping[str, Any]) -> Iterable[FieldError]:
        # What is no filter is the model's to refuse.
        known = {name: value for name, value in body.items() if name in FILTERS}
        return filter_table.problems(known, at="/")


def _member(each: Filter) -> Any:
    schema = {**each.reading.in_json, "description": described(each)}
    return (Annotated[Any, WithJsonSchema(schema)], Field(default_factory=lambda: None))


Search = create_model(
    "WorkItemSearch",
    __base__=_Wanted,
    __doc__="What is looked for; all of it has to fit.",
    **{name: _member(each) for name, each in FILTERS.items()},
)
