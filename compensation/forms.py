"""What people fill in about rollbacks. Rules of the domain are the verbs'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from compensation.regulatory_basis import CODES, MAX_NOTE, MAX_REASON
from compensation.sentences import sentence
from compensation.words import BASES, STRATEGIES
from web.form_fields import NOT_OFFERED

Choices = Sequence[tuple[str, Any]]
_BASIS: list[tuple[str, Any]] = [("", _("none")), *((code, BASES[code]) for code in CODES)]
SCOPES: list[tuple[str, Any]] = [
    ("whole", _("Everything")),
    ("from_step", _("One step and everything after it")),
    ("only_this", _("One step only")),
]


def _strategies() -> Choices:
    """Return the ways of undoing, as sentences in the reader's language."""
    ways = [(code, sentence(str(label))) for code, label in STRATEGIES.items()]
    return [("", _("As declared for each step")), *ways]


class WhyForm(forms.Form):
    """Why something is undone, and on what legal basis."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Everybody concerned reads it, and it stays in the ledger."),
    )
    basis_code = forms.ChoiceField(
        error_messages=NOT_OFFERED, label=_("Legal basis"), choices=_BASIS, required=False
    )
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


class WordForm(forms.Form):
    """What somebody says of one step of a plan, and why. `said`: what may be said, with labels."""

    word = forms.ChoiceField(error_messages=NOT_OFFERED, label=_("What is so"))
    why = forms.CharField(
        label=_("Why"),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("It is agreed to with the plan, and stays in the ledger."),
    )

    def __init__(self, *args: Any, said: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["word"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [("", _("choose one")), *said]


class PieceForm(WhyForm):
    """What somebody who wants one finished piece of work undone says."""

    strategy = forms.ChoiceField(
        error_messages=NOT_OFFERED, label=_("How"), choices=_strategies, required=False
    )
    include = forms.MultipleChoiceField(
        error_messages=NOT_OFFERED,
        label=_("Undo these too"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Without a tick they stay as they are."),
    )
    field_order: Sequence[str] = ("strategy", "include", "reason", "basis_code", "basis_note")

    def __init__(self, *args: Any, left_out: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if left_out:
            self._choose("include", left_out)
        else:
            del self.fields["include"]

    def _choose(self, name: str, choices: Choices) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = list(choices)

    @property
    def wish(self) -> dict[str, Any]:
        """What the plan verb is called with."""
        return {
            "reason": self.cleaned_data["reason"],
            "strategy": self.cleaned_data["strategy"] or None,
            "regulatory_basis": self.basis,
            "include": self.cleaned_data.get("include") or [],
        }


class WholeForm(PieceForm):
    """What somebody who wants a whole rolled back says. `steps`, and what is `left_out` of a plan
    unless it is asked for: (name, label)."""

    scope = forms.ChoiceField(
        error_messages=NOT_OFFERED,
        label=_("Undo"),
        choices=SCOPES,
        initial="whole",
        widget=forms.RadioSelect,
    )
    step = forms.ChoiceField(
        error_messages=NOT_OFFERED,
        label=_("Which step"),
        required=False,
        help_text=_("Only where it is about one step."),
    )
    resume_after = forms.BooleanField(
        label=_("Let it go on afterwards"),
        required=False,
        help_text=_("Where only a part is undone. Otherwise it is put on hold then."),
    )
    field_order = (
        "scope", "step", "resume_after", "strategy", "include", "reason", "basis_code",
        "basis_note",
    )  # fmt: skip

    def __init__(self, *args: Any, steps: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choose("step", [("", _("choose one")), *steps])

    @override
    def clean(self) -> dict[str, Any]:
        """Ask for the step when the scope is about one."""
        given = super().clean() or {}
        if given.get("scope") in {"from_step", "only_this"} and not given.get("step"):
            self.add_error("step", _("Choose the step that this is about."))
        return given

    @property
    @override
    def wish(self) -> dict[str, Any]:
        """The same, with its scope, and what becomes of the whole after it."""
        scope = scope_of(self.cleaned_data["scope"], self.cleaned_data.get("step", ""))
        return {
            **super().wish, "scope": scope, "resume_after": self.cleaned_data["resume_after"],
        }  # fmt: skip


def scope_of(choice: str, step: str) -> dict[str, Any]:
    """Return a choice of `SCOPES` as verbs take it."""
    if choice == "from_step":
        return {"kind": "from_step", "step": step}
    if choice == "only_this":
        return {"kind": "steps", "steps": [step], "only_this": True}
    return {"kind": "whole"}
