"""The form of the next version of a template, filled in with what the last one says.

What people change often has a field of its own; the rest is written as JSON. What is right of it is
the verb's to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ledger.errors import Refusal
from web.form_fields import NOT_OFFERED, JsonField
from web.names_field import NamesField
from web.schema_form import SchemaForm
from web.verb_forms import AREA
from workitems.actions.item_contents import MAX_TITLE
from workitems.lifecycle import Priority
from workitems.template_models import WorkItemTemplate

REST: Final = "rest"


class VersionForm(SchemaForm):
    """A version of one template. Made for it: `VersionForm(row, data)`."""

    whole = REST

    def __init__(self, row: WorkItemTemplate, data: Mapping[str, Any] | None = None) -> None:
        self._content = dict(row.content)
        super().__init__(data)

    @override
    def make(self, sent: Mapping[str, Any]) -> None:
        content = self._content
        self.fields["title"] = forms.CharField(label=_("Title of its tasks"), max_length=MAX_TITLE)
        self.fields["description"] = forms.CharField(
            label=_("Description"), required=False, widget=AREA
        )
        self.fields["candidate_groups"] = NamesField(
            "groups", label=_("Groups that may take it"), required=False
        )
        self.fields["candidate_users"] = NamesField(
            "people", label=_("People who may take it"), required=False
        )
        self.fields["permitted_outcomes"] = NamesField(
            label=_("Possible outcomes"),
            required=False,
            help_text=_("With labels or conditions they are said as JSON."),
        )
        self.fields["priority"] = forms.ChoiceField(
            error_messages=NOT_OFFERED, label=_("Priority"),
            choices=[(each.name, each.label) for each in Priority],
        )  # fmt: skip
        self.fields["input_schema"] = JsonField(
            label=_("What a task is made with"), required=False,
            help_text=_("A JSON Schema. Its members are the fields of the form."),
        )  # fmt: skip
        self.fields[REST] = JsonField(
            label=_("What else its tasks say"), required=False,
            help_text=_("Members of a new task, as a JSON object."),
        )  # fmt: skip
        own = {name: content[name] for name in self.fields if name in content}
        if _has_objects(own.get("permitted_outcomes", ())):
            del own["permitted_outcomes"]
        rest = {name: value for name, value in content.items() if name not in {*own, "name"}}
        self.initial = {"priority": Priority.MEDIUM.name, **own, REST: rest or None}

    @override
    def clean(self) -> dict[str, Any]:
        """Refuse what is said twice, or is no object."""
        said = super().clean()
        rest = said.get(REST)
        if rest is None:
            return said
        if not isinstance(rest, dict):
            self.add_error(REST, _("Write an object: { … }."))
            return said
        twice = [name for name in rest if said.get(name) not in (None, "", []) or name == "name"]
        if twice:
            message = _("%(names)s: it is said above.") % {"names": ", ".join(sorted(twice))}
            self.add_error(REST, message)
        return said

    def body(self) -> dict[str, Any]:
        """Return what the verb is performed with, beside the name."""
        said = {name: self.cleaned_data[name] for name in self.fields if name != REST}
        own = {name: value for name, value in said.items() if value not in (None, "", [])}
        if "priority" not in self._content and own.get("priority") == Priority.MEDIUM.name:
            # What was left unsaid stays so: the same content again is no other version.
            del own["priority"]
        return {**own, **(self.cleaned_data[REST] or {})}

    @override
    def refuse(self, refusal: Refusal) -> bool:
        """Say every broken rule at its field; of what is written as JSON with its place."""
        for each in refusal.errors:
            name = each.pointer.strip("/").split("/")[0]
            if name in self.fields:
                inside = each.pointer.removeprefix(f"/{name}")
                self.add_error(name, f"{inside}: {each.message}" if inside else each.message)
            else:
                self.add_error(REST, f"{each.pointer}: {each.message}")
        return bool(self.errors)


def _has_objects(outcomes: Any) -> bool:
    return any(not isinstance(each, str) for each in outcomes)
