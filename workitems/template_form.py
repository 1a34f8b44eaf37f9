"""The form in which a task is made from a template: what its template asks for, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from typing_extensions import override

from web.schema_form import SchemaForm
from workitems.actions.item_contents import MAX_TITLE
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

    @property
    def body(self) -> dict[str, Any]:
        """What the verb is performed with."""
        title = self.cleaned_data.get("title")
        payload = self.read_schema() if self.asks else {}
        return {**({"title": title} if title else {}), **({"payload": payload} if payload else {})}
