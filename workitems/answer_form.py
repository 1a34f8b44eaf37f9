"""The form in which an item is answered: its outcomes, and fields from its JSON Schema.

The schema itself is checked by the verb, for pages and programs alike.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from json_values.declarations import expanded
from verbs.input import MAX_TEXT
from web.form_fields import NOT_OFFERED
from web.form_layout import layout_of
from web.schema_fields import is_record, json_field, text_area
from web.schema_form import SchemaForm
from workitems.lifecycle import Kind
from workitems.models import WorkItem
from workitems.resolution import explained_outcomes
from workitems.words import said_outcome

WHOLE = "resolution"
REASON = "reason"
EVIDENCE = f"{WHOLE}.evidence"
NOTE = f"{WHOLE}.note"
_FREE = {NOTE: "note", EVIDENCE: "evidence"}


class RadioSelect(forms.RadioSelect):
    """The outcomes, shown as any such buttons; `shut` cannot be chosen as things are."""

    shut: Collection[str] = ()

    @override
    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(*args, **kwargs)
        if option["value"] in self.shut:
            option["attrs"]["disabled"] = True
        return option


class AnswerForm(SchemaForm):
    """How an item ended. Made for one item: `AnswerForm(item, data)`."""

    whole = WHOLE

    def __init__(
        self, item: WorkItem, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        self._item = item
        super().__init__(data, **kwargs)

    @override
    def make(self, sent: Mapping[str, Any]) -> None:
        item = self._item
        self.fields.clear()
        if item.permitted_outcomes:
            self.fields["outcome"] = forms.ChoiceField(
                error_messages=NOT_OFFERED,
                label=_("What happened"),
                choices=[(each, said_outcome(item, each)) for each in item.permitted_outcomes],
                widget=RadioSelect,
            )
        if explained_outcomes(item.kind) & set(item.permitted_outcomes):
            self.fields[REASON] = _why(item.kind)
        schema = item.resolution_schema
        if schema is None:
            self._free_fields(undo=item.kind == Kind.COMPENSATION)
        elif is_record(expanded(schema)):
            self.ask(schema, sent, layout_of(item.form))
        else:
            self.fields[WHOLE] = json_field(schema, required=True, label=_("Result"))

    def shut(self, outcomes: Collection[str]) -> None:
        """Let outcomes not be chosen. Whoever sends one all the same is told by the verb."""
        if "outcome" in self.fields:
            self.fields["outcome"].widget.shut = outcomes

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
    def asks_why(self) -> bool:
        """Whether an outcome has a question of its own."""
        return REASON in self.fields

    @property
    def has_evidence(self) -> bool:
        """Whether it asks for the evidence of an undo in a field of its own."""
        return REASON in self.fields and EVIDENCE in self.fields

    @property
    @override
    def parts(self) -> list[dict[str, Any]]:
        """What is asked beside the outcome."""
        return [each for each in super().parts if not _is_outcome(each)]

    def _resolution(self) -> Any:
        """Return the resolution that was filled in; None when nothing was."""
        if WHOLE in self.cleaned_data:
            return self.cleaned_data[WHOLE]
        if self._said is not None:
            return self.read_schema()
        filled = {
            key: self.cleaned_data[name]
            for name, key in _FREE.items()
            if self.cleaned_data.get(name)
        }
        return filled or None

    def _free_fields(self, *, undo: bool) -> None:
        if undo:
            self.fields[EVIDENCE] = forms.CharField(
                label=_("Evidence"),
                required=False,
                help_text=_("Where the proof can be found: a letter, a file, a reference."),
            )
        self.fields[NOTE] = text_area(label=_("Note"), required=False)


def _why(kind: str) -> forms.CharField:
    needed = _("Needed for every answer but Reversed. Who goes on from there reads it.")
    if kind == Kind.REVIEW:
        needed = _("Needed unless it stays as it is. Who goes on from there reads it.")
    field = text_area(
        label=_("Why"),
        required=False,
        max_length=MAX_TEXT,
        help_text=needed,
    )
    # By it the style sheet knows whether anything is written.
    field.widget.attrs["placeholder"] = " "
    return field


def _is_outcome(part: Mapping[str, Any]) -> bool:
    return part["kind"] == "field" and bool(part["field"].name == "outcome")
