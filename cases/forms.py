"""What people fill in about cases and definitions. Rules of the domain are the verbs'."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from cases.definitions import CompiledDefinition
from web.form_fields import NOT_OFFERED, read_json
from web.schema_fields import ROWS
from web.schema_form import SchemaForm

#: All that is known at the start; what begins so is a member of it.
WHOLE = "context"


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """One version of a definition, to be chosen: its value, how people call it, what is said of
    it, and the page of its form."""

    value: str
    label: str
    hint: str
    url: str


class StartForm(SchemaForm):
    """What is known when a case of the chosen kind is started: fields as the schema of its
    definition declares them, else JSON. Who has begun to write JSON goes on with it.

    `asks` returns the definition that a choice names, None where it names none.
    """

    whole = WHOLE

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        kinds: Sequence[Kind],
        asks: Callable[[str], CompiledDefinition | None],
        as_json: bool = False,
        **kwargs: Any,
    ) -> None:
        self.kinds, self._asks, self._as_json = kinds, asks, as_json
        #: What is chosen; "" where nothing is.
        self.chosen = ""
        #: Its definition, where it is one that there is.
        self.definition: CompiledDefinition | None = None
        #: Whether its fields are asked for, which may be written as JSON all the same.
        self.offers_json = False
        super().__init__(data, **kwargs)

    @override
    def make(self, sent: Mapping[str, Any]) -> None:
        self.fields.clear()
        self.chosen = str(sent.get("definition", self.initial.get("definition", "")))
        self.fields["definition"] = forms.ChoiceField(
            choices=[(each.value, each.label) for each in self.kinds],
            error_messages=NOT_OFFERED,
            label=_("Kind of work"),
            widget=forms.HiddenInput,
        )
        self.fields["title"] = forms.CharField(
            label=_("Title"),
            max_length=300,
            required=False,
            help_text=_("How people will call it. Without one it is called like its kind."),
        )
        self.definition = found = self._asks(self.chosen) if self.chosen else None
        has_fields = found is not None and bool(found.input_fields)
        self.offers_json = has_fields and not self._as_json and WHOLE not in sent
        if found is not None and self.offers_json:
            self.ask(found.input_schema or {}, sent)
        else:
            self.fields[WHOLE] = _json()

    @property
    def kind(self) -> Kind | None:
        """The kind that is chosen."""
        return next((each for each in self.kinds if each.value == self.chosen), None)

    @property
    def other_kinds(self) -> list[Kind]:
        """The kinds that are not."""
        return [each for each in self.kinds if each.value != self.chosen]

    @override
    def clean(self) -> dict[str, Any]:
        """Refuse what another kind asks for: nothing typed is left out without a word."""
        inside = (name for name in self.data if name.startswith(f"{WHOLE}."))
        if not all(name in self.fields or name.endswith(ROWS) for name in inside):
            message = _("This kind asks for other things. Fill them in and start it.")
            self.add_error(None, message)
        return super().clean()

    def clean_context(self) -> dict[str, Any]:
        """Return the context as an object; nothing written means an empty one."""
        text = self.cleaned_data[WHOLE].strip()
        if not text:
            return {}
        value = read_json(text)
        if not isinstance(value, dict):
            raise forms.ValidationError(_("It must be a JSON object: { … }."))
        return value

    @property
    def body(self) -> dict[str, Any]:
        """What the verb is performed with; of a form with errors what is without."""
        said = self.cleaned_data
        key, _space, version = said["definition"].partition(" ")
        context = said.get(WHOLE) if WHOLE in self.fields else self.read_schema()
        title = said.get("title") or None
        return {"definition": key, "version": version, "context": context or {}, "title": title}


def _json() -> forms.CharField:
    return forms.CharField(
        label=_("What is known at the start"),
        required=False,
        widget=forms.Textarea(attrs={"class": "code", "spellcheck": "false"}),
        help_text=_("A JSON object. Its members are what the first steps read."),
    )


class DeployForm(forms.Form):
    """The YAML of a case definition."""

    source = forms.CharField(
        label=_("Definition (YAML)"),
        strip=False,
        widget=forms.Textarea(attrs={"class": "code", "spellcheck": "false"}),
    )
