"""Forms of the work item pages. They check shape; every rule of substance is the verb's."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.selectors import actors_by_username
from ledger.errors import Invalid
from workitems.actions.compensating import Wish
from workitems.actions.creating import MAX_TITLE, Wanted
from workitems.rows import Priority
from workitems.words import BASES, REVERSIBILITIES

_AREA = forms.Textarea(attrs={"rows": 3})
_PERSON = forms.TextInput(
    attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
)


class NameList(forms.CharField):
    """Names separated by commas, as a list."""

    @override
    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]  # a list, not a text
        """Return the names, trimmed, without empty ones."""
        text = super().to_python(value) or ""
        return [name for part in text.split(",") if (name := part.strip())]

    @override
    def prepare_value(self, value: Any) -> Any:
        """Return the names as they are typed."""
        return ", ".join(value) if isinstance(value, list) else value


def _person(**how: Any) -> forms.CharField:
    return forms.CharField(max_length=150, widget=_PERSON, **how)


class NewForm(forms.Form):
    """A task to be opened."""

    title = forms.CharField(label=_("What has to be done"), max_length=MAX_TITLE)
    description = forms.CharField(label=_("Description"), required=False, widget=_AREA)
    priority = forms.ChoiceField(
        label=_("Priority"),
        choices=[(each.name, each.label) for each in Priority],
        initial=Priority.MEDIUM.name,
    )
    candidate_groups = NameList(
        label=_("Groups that may take it"),
        required=False,
        help_text=_("Separated by commas. Without a group or a person anybody may take it."),
    )
    assignee = _person(label=_("Assign to"), required=False, help_text=_("A username."))
    permitted_outcomes = NameList(
        label=_("Possible outcomes"),
        required=False,
        help_text=_("Separated by commas, for example: APPROVED, DECLINED."),
    )
    due_at = forms.DateTimeField(
        label=_("Due (UTC)"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    reversibility = forms.ChoiceField(
        label=_("Can it be undone once it is finished?"),
        required=False,
        choices=[("", _("not said")), *REVERSIBILITIES.items()],
    )

    def wanted(self) -> Wanted:
        """Return the input of the verb."""
        said = self.cleaned_data
        return Wanted(
            title=said["title"],
            payload={"description": said["description"]} if said["description"] else {},
            priority=said["priority"],
            assignee=said["assignee"] or None,
            candidate_groups=said["candidate_groups"],
            permitted_outcomes=said["permitted_outcomes"],
            due_at=said["due_at"],
            reversibility=said["reversibility"] or None,
        )


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(label=_("Reason"), widget=_AREA)


class OptionalReasonForm(forms.Form):
    """Why, if there is something to say."""

    reason = forms.CharField(label=_("Reason"), required=False, widget=_AREA)


class EvidenceForm(forms.Form):
    """How it can be proved that something is undone."""

    evidence = forms.CharField(
        label=_("Evidence"),
        widget=_AREA,
        help_text=_("What shows that it is undone, and where the proof can be found."),
    )


class AssignForm(forms.Form):
    """Who shall do it."""

    assignee = _person(label=_("Give it to"), help_text=_("A username."))


class PerformerForm(forms.Form):
    """Who shall undo it."""

    assignee = _person(label=_("Ask this person"), required=False, help_text=_("A username."))
    candidate_groups = NameList(
        label=_("Or any member of these groups"),
        required=False,
        help_text=_("Separated by commas."),
    )


class CompensateForm(PerformerForm):
    """Why finished work shall be undone, on what basis, and how if not as its policy says."""

    reason = forms.CharField(
        label=_("Reason"),
        widget=_AREA,
        help_text=_("Whoever is asked to undo it reads this. It stays on record."),
    )
    regulatory_basis = forms.ChoiceField(
        label=_("Legal basis"), required=False, choices=[("", "—"), *BASES.items()]
    )
    note = forms.CharField(
        label=_("Paragraph or reference"), required=False, help_text=_("Of the legal basis.")
    )
    strategy = forms.ChoiceField(
        label=_("What is asked"),
        required=False,
        choices=[
            ("", _("as its policy says")),
            ("restore", _("put the earlier state back")),
            ("correct", _("leave it and apply a correction")),
        ],
    )
    mode = forms.ChoiceField(
        label=_("Who does it"),
        required=False,
        choices=[
            ("", _("as its policy says")),
            ("human", _("a person")),
            ("automated", _("a program")),
        ],
    )
    field_order = (
        "reason", "regulatory_basis", "note", "strategy", "mode", "assignee", "candidate_groups",
    )  # fmt: skip

    def wish(self) -> Wish:
        """Return the input of the verb. Runs in the tenant's scope; raises Invalid."""
        said = self.cleaned_data
        code, note = said["regulatory_basis"], said["note"]
        if note and not code:
            raise Invalid.field(
                "/regulatory_basis", "choose the legal basis that the note is about"
            )
        return Wish(
            reason=said["reason"],
            regulatory_basis=[{"code": code, "note": note}] if code else None,
            strategy=said["strategy"] or None,
            mode=said["mode"] or None,
            assignee=actor_called(said["assignee"]),
            candidate_groups=tuple(said["candidate_groups"]),
        )


def actor_called(username: str) -> Any:
    """Return the active member of this name, None for "". Raises Invalid for an unknown name."""
    if not username:
        return None
    found = actors_by_username([username]).get(username)
    if found is None:
        message = str(_("Nobody here is called %(name)s.")) % {"name": username}
        raise Invalid.field("/assignee", message, code="unknown")
    return found
