"""The form in which an item is answered: its outcomes, and fields from its JSON Schema.

The schema itself is checked by the verb, for pages and programs alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from compensation.words import outcome_label
from ledger.errors import Invalid
from verbs.input import MAX_TEXT
from web.form_fields import NOT_OFFERED
from web.schema_fields import SchemaFields, is_record, json_field, text_area
from workitems.lifecycle import Kind
from workitems.models import WorkItem
from workitems.resolution import explained_outcomes

WHOLE = "resolution"
REASON = "reason"
EVIDENCE = f"{WHOLE}.evidence"
NOTE = f"{WHOLE}.note"
_FREE = {NOTE: "note", EVIDENCE: "evidence"}


class AnswerForm(forms.Form):
    """How an item ended. Made for one item: `AnswerForm(item, data)`.

    `rows` is what was sent before, where the form is shown again without being judged.
    """

    def __init__(
        self,
        item: WorkItem,
        data: Mapping[str, Any] | None = None,
        *,
        rows: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data)
        self._item = item
        self._said: SchemaFields | None = None
        self._make(data if data is not None else rows)
        if rows is not None:
            self.initial = {name: rows[name] for name in self.fields if name in rows}

    def widen(self, sent: Mapping[str, Any]) -> None:
        """Make room for as many rows as were sent before."""
        self._make(sent)

    def _make(self, sent: Mapping[str, Any] | None) -> None:
        item = self._item
        self.fields.clear()
        if item.permitted_outcomes:
            self.fields["outcome"] = forms.ChoiceField(
                error_messages=NOT_OFFERED,
                label=_("What happened"),
                choices=[(each, outcome_label(each)) for each in item.permitted_outcomes],
                widget=forms.RadioSelect,
            )
        if explained_outcomes(item.kind) & set(item.permitted_outcomes):
            self.fields[REASON] = _why()
        schema = item.resolution_schema
        if schema is None:
            self._free_fields(undo=item.kind == Kind.COMPENSATION)
        elif is_record(schema):
            self._said = SchemaFields(WHOLE, schema, sent)
            self.fields |= self._said.fields
        else:
            self.fields[WHOLE] = json_field(schema, required=True, label=_("Result"))

    @override
    def clean(self) -> dict[str, Any]:
        """Ask for what a row, or a group, lacks that is not empty."""
        if self._said is not None:
            self._said.read(self.cleaned_data)
            for name in self._said.missing:
                if name not in self.errors:
                    self.add_error(name, self.fields[name].error_messages["required"])
        return self.cleaned_data

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
    def parts(self) -> list[dict[str, Any]]:
        """What is asked beside the outcome, in the order of its author, as components show it."""
        listed = [] if self._said is None else self._said.layout(self)
        known = {"outcome"} | (set() if self._said is None else self._said.fields.keys())
        plain = [
            {"kind": "field", "field": self[name]} for name in self.fields if name not in known
        ]
        return [*plain, *listed]

    @property
    def has_rows(self) -> bool:
        """Whether it has buttons besides those that send it."""
        return any(part["kind"] == "rows" for part in _all_parts(self.parts))

    def refuse(self, refusal: Invalid) -> None:
        """Say every broken rule at its field; one that has no field, at the top."""
        for each in refusal.errors:
            path = each.pointer.strip("/").split("/")
            name = self._place_of(path)
            inside = ".".join(path) + "."
            if not name and any(field.startswith(inside) for field in self.errors):
                # What the schema misses there is what that field has said already.
                continue
            if not name:
                title = "" if self._said is None else self._said.title_of(path)
                self.add_error(None, f"{title}: {each.message}" if title else each.message)
            elif name not in self.errors:
                self.add_error(name, each.message)

    def _place_of(self, path: list[str]) -> str:
        if self._said is not None and (found := self._said.place_of(path)):
            return found
        names = (".".join(path), path[0])
        return next((name for name in names if name in self.fields), "")

    def _resolution(self) -> Any:
        """Return the resolution that was filled in; None when nothing was."""
        if WHOLE in self.cleaned_data:
            return self.cleaned_data[WHOLE]
        if self._said is not None:
            return self._said.read(self.cleaned_data)
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


def _why() -> forms.CharField:
    field = text_area(
        label=_("Why"),
        required=False,
        max_length=MAX_TEXT,
        help_text=_("Needed for every answer but Reversed. Who goes on from there reads it."),
    )
    # By it the style sheet knows whether anything is written.
    field.widget.attrs["placeholder"] = " "
    return field


def _all_parts(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for part in parts for each in (part, *_all_parts(part.get("parts", [])))]
