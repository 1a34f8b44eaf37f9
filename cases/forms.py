"""What people fill in about cases and definitions. Rules of the domain are the verbs'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from web.form_fields import NOT_OFFERED, read_json

Choices = Sequence[tuple[str, Any]]


class StartForm(forms.Form):
    """What kind of case is started, and what is known at the start."""

    definition = forms.ChoiceField(
        error_messages=NOT_OFFERED, label=_("Kind of work"), widget=forms.RadioSelect
    )
    title = forms.CharField(
        label=_("Title"),
        max_length=300,
        required=False,
        help_text=_("How people will call it. Without one it is called like its kind."),
    )
    context = forms.CharField(
        label=_("What is known at the start"),
        required=False,
        widget=forms.Textarea(attrs={"class": "code", "spellcheck": "false"}),
        help_text=_("A JSON object. Its members are what the first steps read."),
    )

    def __init__(
        self, *args: Any, definitions: Choices, hints: Mapping[str, str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        # What is said below a choice.
        self.hints = hints
        field = self.fields["definition"]
        if isinstance(field, forms.ChoiceField):
            field.choices = list(definitions)

    def clean_context(self) -> dict[str, Any]:
        """Return the context as an object; nothing written means an empty one."""
        text = self.cleaned_data["context"].strip()
        if not text:
            return {}
        value = read_json(text)
        if not isinstance(value, dict):
            raise forms.ValidationError(_("It must be a JSON object: { … }."))
        return value


class DeployForm(forms.Form):
    """The YAML of a case definition."""

    source = forms.CharField(
        label=_("Definition (YAML)"),
        strip=False,
        widget=forms.Textarea(attrs={"class": "code", "spellcheck": "false"}),
    )
