"""How a form is laid out: what is refused of it, in which order its members come, which widgets."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from typing_extensions import override

from json_values.pointers import FieldError
from web.form_layout import FormLayout, kept_layout, layout_of
from web.schema_form import SchemaForm

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["sum"],
    "properties": {
        "note": {"type": "string", "maxLength": 100},
        "sum": {"type": "integer"},
        "risk": {"enum": ["LOW", "HIGH"]},
        "checked": {"type": "boolean"},
        "file": {"type": "string", "format": "date"},
    },
}
LAYOUT: dict[str, Any] = {
    "order": ["sum", "note"],
    "widgets": {
        "note": "textarea",
        "risk": "radio",
        "checked": "radio",
        "file": "hidden-by-default",
    },
    "groups": [{"title": "What you think", "fields": ["checked", "risk"]}],
}


class Asked(SchemaForm):
    """A form of the schema above."""

    whole = "resolution"

    @override
    def make(self, sent: Any) -> None:
        self.ask(SCHEMA, sent, layout_of(LAYOUT))


def faults(said: dict[str, Any], schema: Any = SCHEMA) -> list[tuple[str, str]]:
    problems: list[FieldError] = []
    kept_layout(FormLayout.model_validate(said), schema, problems)
    return [(each.pointer, each.code) for each in problems]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (LAYOUT, []),
        ({}, []),
        ({"order": ["sum", "total"]}, [("/form/order/1", "unknown")]),
        ({"widgets": {"a/b": "radio"}}, [("/form/widgets/a~1b", "unknown")]),
        (
            {"groups": [{"title": "A", "fields": ["sum", "x"]}]},
            [("/form/groups/0/fields/1", "unknown")],
        ),
        ({"order": ["sum", "sum"]}, [("/form/order/1", "repeated")]),
        (
            {"groups": [{"title": "A", "fields": ["sum"]}, {"title": "B", "fields": ["sum"]}]},
            [("/form/groups/1/fields/0", "repeated")],
        ),
        ({"widgets": {"sum": "textarea"}}, [("/form/widgets/sum", "unsupported")]),
        ({"widgets": {"file": "textarea"}}, [("/form/widgets/file", "unsupported")]),
        ({"widgets": {"note": "radio"}}, [("/form/widgets/note", "unsupported")]),
        ({"widgets": {"sum": "hidden-by-default"}}, []),
    ],
)
def test_a_layout_names_members_of_its_schema(
    said: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    assert faults(said) == found


def test_without_members_there_is_nothing_to_lay_out() -> None:
    assert faults({"order": ["sum"]}, None) == [("/form/order/0", "unknown")]
    assert faults({"order": ["sum"]}, {"type": "string"}) == [("/form/order/0", "unknown")]


def shape(parts: list[dict[str, Any]]) -> list[Any]:
    return [
        part["field"].name.removeprefix("resolution.")
        if part["kind"] == "field"
        else (part["kind"], str(part["title"]), shape(part["parts"]))
        for part in parts
    ]


def test_members_come_in_its_order_in_its_groups() -> None:
    assert shape(Asked().parts) == [
        "sum", "note", ("folded", "More", ["file"]),
        ("group", "What you think", ["checked", "risk"]),
    ]  # fmt: skip


def test_what_is_hidden_is_open_once_it_is_used() -> None:
    assert [part["open"] for part in Asked().parts if part["kind"] == "folded"] == [False]
    wrong = Asked({"resolution.sum": "1", "resolution.file": "soon"})
    assert not wrong.is_valid()
    assert [part["open"] for part in wrong.parts if part["kind"] == "folded"] == [True]


def test_widgets_keep_the_type_of_what_is_chosen() -> None:
    sent = {"resolution.sum": "7", "resolution.risk": '"HIGH"', "resolution.checked": "false"}
    form = Asked(sent)
    assert form.is_valid(), form.errors
    assert form.read_schema() == {"sum": 7, "risk": "HIGH", "checked": False}
    kinds = {name: type(field.widget) for name, field in form.fields.items()}
    assert kinds["resolution.note"] is forms.Textarea
    assert kinds["resolution.risk"] is forms.RadioSelect
    assert kinds["resolution.checked"] is forms.RadioSelect
    html = str(form["resolution.checked"])
    assert [html.count(label) for label in ("—", "Yes", "No")] == [1, 1, 1]
