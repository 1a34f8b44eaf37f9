"""What people fill in about cases and definitions. Rules of the domain are the verbs'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cases.definitions import CompiledDefinition
from web.form_fields import NOT_OFFERED, read_json
from web.schema_fields import field_of

Choices = Sequence[tuple[str, Any]]
#: Of fields that are members of the context.
PREFIX = "context."


class StartForm(forms.Form):
    """What kind of case is started, and what is known at the start: a field for each property of
    the schema that its definition declares, else JSON. `shown_for` is the definition whose fields
    they are."""

    definition = forms.ChoiceField(
        error_messages=NOT_OFFERED, label=_("Kind of work"), widget=forms.RadioSelect
    )
    title = forms.CharField(
        label=_("Title"),
        max_length=300,
        required=False,
        help_text=_("How people will call it. Without one it is called like its kind."),
    )
    shown_for = forms.CharField(required=False, widget=forms.HiddenInput)
    context = forms.CharField(
        label=_("What is known at the start"),
        required=False,
        widget=forms.Textarea(attrs={"class": "code", "spellcheck": "false"}),
        help_text=_("A JSON object. Its members are what the first steps read."),
    )

    def __init__(
        self,
        *args: Any,
        definitions: Choices,
        hints: Mapping[str, str],
        asks: CompiledDefinition | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        # What is said below a choice.
        self.hints = hints
        field = self.fields["definition"]
        if isinstance(field, forms.ChoiceField):
            field.choices = list(definitions)
        if asks is not None:
            self.fields["shown_for"].initial = f"{asks.key} {asks.version}"
        if asks is not None and asks.input_fields:
            del self.fields["context"]
            self.fields.update(_asked(asks))

    def clean_context(self) -> dict[str, Any]:
        """Return the context as an object; nothing written means an empty one."""
        text = self.cleaned_data["context"].strip()
        if not text:
            return {}
        value = read_json(text)
        if not isinstance(value, dict):
            raise forms.ValidationError(_("It must be a JSON object: { … }."))
        return value

    @property
    def known(self) -> dict[str, Any]:
        """What is known at the start. Of fields those that were filled in."""
        if "context" in self.fields:
            return dict(self.cleaned_data["context"])
        return {
            name.removeprefix(PREFIX): value
            for name, value in self.cleaned_data.items()
            if name.startswith(PREFIX) and value not in (None, "")
        }


def _asked(definition: CompiledDefinition) -> dict[str, forms.Field]:
    """Return a field for each property of the schema, in the order of its author."""
    schema: Mapping[str, Any] = definition.input_schema or {}
    required, found = set(schema.get("required", ())), {}
    for name in definition.input_fields:
        said = schema["properties"].get(name)
        inner = said if isinstance(said, dict) else {}
        found[PREFIX + name] = field_of(name, inner, required=name in required)
    return found


class DeployForm(forms.Form):
    """The YAML of a case definition."""

    source = forms.CharField(
        label=_("Definition (YAML)"),
        strip=False,
        widget=forms.Textarea(attrs={"class": "code", "spellcheck": "false"}),
    )
