"""The form in which a task is made from a template: what its template asks for, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from typing_extensions import override

from web.schema_form import SchemaForm
from workitems.actions.item_contents import MAX_TITLE
from workitems.group_fields import NAMES, group_fields, group_of, group_part
from workitems.template_models import WorkItemTemplate


class MakeForm(SchemaForm):
    """What a task of one template says. Made for it: `MakeForm(row, data)`."""

    whole = "payload"

    def __init__(
        self,
        row: WorkItemTemplate,
        data: Mapping[str, Any] | None = None,
        *,
        rows: Mapping[str, Any] | None = None,
    ) -> None:
        self._template = row
        super().__init__(data, rows=rows)

    @override
    def make(self, sent: Mapping[str, Any]) -> None:
        self.fields.clear()
        self.fields["title"] = forms.CharField(
            label=_("Title"),
            max_length=MAX_TITLE,
            required=False,
            help_text=_("Without one it is called as its template says."),
        )
        schema = self._template.content.get("input_schema")
        self.asks = bool(schema and schema.get("properties"))
        if self.asks:
            self.ask(schema, sent)
        self.fields |= group_fields(self._template.content.get("group"))

    @property
    @override
    def parts(self) -> list[dict[str, Any]]:
        """What is asked; for how many it is comes last."""
        return [*(each for each in super().parts if not _is_of_group(each)), group_part(self)]

    @property
    def body(self) -> dict[str, Any]:
        """What the verb is performed with."""
        title = self.cleaned_data.get("title")
        payload = self.read_schema() if self.asks else {}
        own = {"title": title or None, "payload": payload or None}
        body = {name: value for name, value in own.items() if value is not None}
        group = group_of(self.cleaned_data)
        if group != group_of(_said_of_group(self._template)):
            # Null leaves out what the template says.
            body["group"] = group
        return body


def _is_of_group(part: Mapping[str, Any]) -> bool:
    return part["kind"] == "field" and part["field"].name in NAMES


def _said_of_group(row: WorkItemTemplate) -> dict[str, Any]:
    """Return what the fields of the group hold while nobody has changed them."""
    return {name: field.initial for name, field in group_fields(row.content.get("group")).items()}
