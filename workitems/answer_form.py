"""The form in which an item is answered: its outcomes, and fields from its JSON Schema.

The subset shown as fields: string, number, integer, boolean, enum, and dates. Anything else is a
text area in which JSON is written. The schema itself is checked by the verb, for pages and programs
alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from compensation.words import outcome_label
from verbs.input import MAX_TEXT
from web.form_fields import NOT_OFFERED, JsonField, NumberField
from web.templatetags.amends import label_of
from workitems.lifecycle import Kind
from workitems.models import WorkItem
from workitems.resolution import explained_outcomes

PREFIX = "resolution."
WHOLE = "resolution"
REASON = "reason"
EVIDENCE = PREFIX + "evidence"
# Longer texts get a text area.
_ONE_LINE = 200
_NOTHING: tuple[Any, ...] = (None, "")


class AnswerForm(forms.Form):
    """How an item ended. Made for one item: `AnswerForm(item, data)`."""

    def __init__(self, item: WorkItem, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self._booleans: set[str] = set()
        if item.permitted_outcomes:
            self.fields["outcome"] = forms.ChoiceField(
                error_messages=NOT_OFFERED,
                label=_("What happened"),
                choices=[(each, outcome_label(each)) for each in item.permitted_outcomes],
                widget=forms.RadioSelect,
            )
        if explained_outcomes(item.kind) & set(item.permitted_outcomes):
            self.fields[REASON] = _text_area(
                label=_("Why"),
                required=False,
                max_length=MAX_TEXT,
                help_text=_(
                    "Needed for every answer but Reversed. Who goes on from there reads it."
                ),
            )
            # By it the style sheet knows whether anything is written.
            self.fields[REASON].widget.attrs["placeholder"] = " "
        schema = item.resolution_schema
        if schema is None:
            self._free_fields(undo=item.kind == Kind.COMPENSATION)
        elif _is_record(schema):
            self._schema_fields(schema)
        else:
            self.fields[WHOLE] = _json_field(schema, required=True, label=_("Result"))

    @property
    def answer(self) -> dict[str, Any]:
        """What the verb is performed with: outcome (None where there is none to choose from),
        resolution and reason."""
        chosen = self.cleaned_data.get("outcome")
        return {
            "outcome": str(chosen) if chosen else None,
            "resolution": self._resolution(),
            "reason": self.cleaned_data.get(REASON, ""),
        }

    @property
    def has_evidence(self) -> bool:
        """Whether it asks for the evidence of an undo in a field of its own."""
        return REASON in self.fields and EVIDENCE in self.fields

    def _resolution(self) -> Any:
        """Return the resolution that was filled in; None when nothing was."""
        if WHOLE in self.cleaned_data:
            return self.cleaned_data[WHOLE]
        filled = {
            name.removeprefix(PREFIX): value
            for name, value in self.cleaned_data.items()
            if name.startswith(PREFIX) and value not in _NOTHING
        }
        return filled or None

    def _free_fields(self, *, undo: bool) -> None:
        if undo:
            self.fields[EVIDENCE] = forms.CharField(
                label=_("Evidence"),
                required=False,
                help_text=_("Where the proof can be found: a letter, a file, a reference."),
            )
        self.fields[PREFIX + "note"] = _text_area(label=_("Note"), required=False)

    def _schema_fields(self, schema: dict[str, Any]) -> None:
        required = set(schema.get("required", ()))
        for name, inner in schema["properties"].items():
            said = inner if isinstance(inner, dict) else {}
            self.fields[PREFIX + name] = field_of(name, said, required=name in required)


def _is_record(schema: dict[str, Any]) -> bool:
    return isinstance(schema.get("properties"), dict) and schema.get("type", "object") == "object"


def field_of(name: str, schema: dict[str, Any], *, required: bool) -> forms.Field:
    """Return the form field for one property of a schema."""
    common: dict[str, Any] = {
        "label": str(schema.get("title") or label_of(name)),
        "help_text": str(schema.get("description") or ""),
        "required": required,
    }
    if "enum" in schema:
        return _choice(schema["enum"], common)
    kind = _type_of(schema)
    if kind == "boolean":
        # A box that must be ticked would refuse "no".
        return forms.BooleanField(**{**common, "required": False})
    if kind in {"integer", "number"}:
        step = "1" if kind == "integer" else "any"
        return NumberField(step=step, **common, **_bounds(schema))
    return _text(schema, common) if kind == "string" else _json_field(schema, **common)


def _text(schema: dict[str, Any], common: dict[str, Any]) -> forms.Field:
    if schema.get("format") == "date":
        return forms.CharField(**common, widget=forms.DateInput(attrs={"type": "date"}))
    return forms.CharField(**common) if _is_short(schema) else _text_area(**common)


def _is_short(schema: dict[str, Any]) -> bool:
    longest = schema.get("maxLength", _ONE_LINE)
    return isinstance(longest, int) and longest <= _ONE_LINE


def _type_of(schema: dict[str, Any]) -> str:
    """Return the one type of a property besides null, or "" when there are several."""
    types = schema.get("type", "")
    listed = [each for each in types if each != "null"] if isinstance(types, list) else [types]
    return str(listed[0]) if len(listed) == 1 else ""


def _bounds(schema: dict[str, Any]) -> dict[str, Any]:
    said = {name: schema.get(name) for name in ("minimum", "maximum")}
    return {name: each for name, each in said.items() if isinstance(each, int | float)}


def _choice(values: list[Any], common: dict[str, Any]) -> forms.Field:
    """Return a select whose answers keep the type they have in the schema."""
    choices = [
        (json.dumps(each), outcome_label(each) if isinstance(each, str) else json.dumps(each))
        for each in values
    ]
    return forms.TypedChoiceField(
        error_messages=NOT_OFFERED,
        **common,
        choices=[("", "—"), *choices],
        coerce=json.loads,
        empty_value=None,
    )


def _text_area(**common: Any) -> forms.CharField:
    return forms.CharField(**common, widget=forms.Textarea(attrs={"rows": 3}))


def _json_field(schema: dict[str, Any], **common: Any) -> JsonField:
    help_text = common.pop("help_text", "") or str(schema.get("description") or "")
    return JsonField(**common, help_text=help_text or _("Written as JSON."))
