"""What people fill in about cases, rollbacks and decisions. Rules of the domain are the verbs'."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from compensation.regulatory_basis import CODES, MAX_NOTE, MAX_REASON
from workitems.words import BASES

Choices = Sequence[tuple[str, Any]]
_BASIS: list[tuple[str, Any]] = [("", _("none")), *((code, BASES[code]) for code in CODES)]
STRATEGIES: list[tuple[str, Any]] = [
    ("", _("As declared for each step")),
    ("restore", _("Put the earlier state back")),
    ("correct", _("Leave it and apply a correction")),
]
SCOPES: list[tuple[str, Any]] = [
    ("whole", _("Everything")),
    ("from_step", _("One step and everything after it")),
    ("only_this", _("One step only")),
]


class WhyForm(forms.Form):
    """Why something is undone, and on what legal basis."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Everybody concerned reads it, and it stays in the ledger."),
    )
    basis_code = forms.ChoiceField(label=_("Legal basis"), choices=_BASIS, required=False)
    basis_note = forms.CharField(label=_("Note on the basis"), max_length=MAX_NOTE, required=False)

    @property
    def basis(self) -> list[dict[str, str]]:
        """The regulatory basis as verbs take it."""
        code = self.cleaned_data.get("basis_code", "")
        return [{"code": code, "note": self.cleaned_data.get("basis_note", "")}] if code else []

    @override
    def clean(self) -> dict[str, Any]:
        """Refuse a note without a basis that it could belong to."""
        given = super().clean() or {}
        if given.get("basis_note") and not given.get("basis_code"):
            self.add_error("basis_code", _("Choose the basis that the note belongs to."))
        return given


class ItemRollbackForm(WhyForm):
    """What somebody who wants one finished piece of work undone says."""

    strategy = forms.ChoiceField(label=_("How"), choices=STRATEGIES, required=False)
    field_order: Sequence[str] = ("strategy", "reason", "basis_code", "basis_note")


class RollbackForm(ItemRollbackForm):
    """What somebody who wants a case rolled back says. `steps` and `undeclared`: (name, label)."""

    scope = forms.ChoiceField(
        label=_("Undo"), choices=SCOPES, initial="whole", widget=forms.RadioSelect
    )
    step = forms.ChoiceField(
        label=_("Which step"), required=False, help_text=_("Only where it is about one step.")
    )
    include = forms.MultipleChoiceField(
        label=_("Add as tasks for people"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Nobody declared how to undo these; without a tick they stay as they are."),
    )
    field_order = (
        "scope", "step", "strategy", "include", "reason", "basis_code", "basis_note",
    )  # fmt: skip

    def __init__(self, *args: Any, steps: Choices, undeclared: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choose("step", [("", _("choose one")), *steps])
        if undeclared:
            self._choose("include", undeclared)
        else:
            del self.fields["include"]

    def _choose(self, name: str, choices: Choices) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = list(choices)

    @override
    def clean(self) -> dict[str, Any]:
        """Ask for the step when the scope is about one."""
        given = super().clean() or {}
        if given.get("scope") in {"from_step", "only_this"} and not given.get("step"):
            self.add_error("step", _("Choose the step that this is about."))
        return given

    @property
    def wanted(self) -> dict[str, Any]:
        """The scope as verbs take it."""
        return scope_of(self.cleaned_data["scope"], self.cleaned_data.get("step", ""))


def scope_of(choice: str, step: str) -> dict[str, Any]:
    """Return a choice of `SCOPES` as verbs take it."""
    if choice == "from_step":
        return {"kind": "from_step", "step": step}
    if choice == "only_this":
        return {"kind": "steps", "steps": [step], "only_this": True}
    return {"kind": "whole"}


class StartForm(forms.Form):
    """What kind of case is started, and what is known at the start."""

    definition = forms.ChoiceField(label=_("Kind of work"), widget=forms.RadioSelect)
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

    def __init__(self, *args: Any, definitions: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["definition"]
        if isinstance(field, forms.ChoiceField):
            field.choices = list(definitions)

    def clean_context(self) -> dict[str, Any]:
        """Return the context as an object; nothing written means an empty one."""
        text = self.cleaned_data["context"].strip()
        if not text:
            return {}
        try:
            value = json.loads(text, parse_constant=_refuse_constant)
        except ValueError as error:
            message = getattr(error, "msg", str(error))
            line = getattr(error, "lineno", None)
            where = _("Line %(n)d: ") % {"n": line} if line else ""
            raise forms.ValidationError(f"{where}{message}") from error
        except RecursionError as error:
            raise forms.ValidationError(_("It is nested too deeply.")) from error
        if not isinstance(value, dict):
            raise forms.ValidationError(_("It must be a JSON object: { … }."))
        return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


class DeployForm(forms.Form):
    """The YAML of a case definition."""

    source = forms.CharField(
        label=_("Definition (YAML)"),
        strip=False,
        widget=forms.Textarea(attrs={"class": "code", "spellcheck": "false"}),
    )


class ReasonForm(forms.Form):
    """An optional reason."""

    reason = forms.CharField(
        label=_("Reason"), max_length=MAX_REASON, required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip


class PerformerForm(forms.Form):
    """Who does an undo from now on."""

    assignee = forms.CharField(
        label=_("Person"), max_length=150, required=False,
        help_text=_("A username. Leave it empty to ask a group."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )  # fmt: skip
    candidate_groups = forms.CharField(
        label=_("Groups"), max_length=500, required=False,
        help_text=_("Names of groups, separated by commas."),
    )  # fmt: skip

    @property
    def groups(self) -> list[str]:
        """The names of the groups."""
        given = self.cleaned_data.get("candidate_groups", "")
        return [name.strip() for name in given.split(",") if name.strip()]


class EvidenceForm(forms.Form):
    """What shows that something is undone."""

    evidence = forms.CharField(
        label=_("Evidence"), max_length=MAX_REASON, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What you saw, where, and when. It stays in the ledger under your name."),
    )  # fmt: skip


class AbandonForm(forms.Form):
    """Why the effect of a step stays."""

    reason = forms.CharField(
        label=_("Why it stays"), max_length=MAX_REASON, widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip
