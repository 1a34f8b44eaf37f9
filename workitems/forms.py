"""The form of a new task. It checks shape; every rule of substance is the verb's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.actions import ZONES
from compensation.words import REVERSIBILITIES
from verbs.input import MAX_NAME
from web.form_fields import NOT_OFFERED, MomentField
from web.names_field import NamesField
from web.verb_forms import AREA, chosen_from
from workitems.actions.item_contents import MAX_TITLE
from workitems.lifecycle import Priority
from workitems.schedules.cron_times import LONGEST


class NewForm(forms.Form):
    """A task to be opened."""

    title = forms.CharField(label=_("What has to be done"), max_length=MAX_TITLE)
    description = forms.CharField(label=_("Description"), required=False, widget=AREA)
    priority = forms.ChoiceField(
        error_messages=NOT_OFFERED,
        label=_("Priority"),
        choices=[(each.name, each.label) for each in Priority],
        initial=Priority.MEDIUM.name,
    )
    candidate_groups = NamesField(
        "groups",
        label=_("Groups that may take it"),
        required=False,
        help_text=_("Without a group or a person anybody may take it."),
    )
    assignee = forms.CharField(
        label=_("Assign to"),
        required=False,
        help_text=_("A username."),
        max_length=MAX_NAME,
        widget=chosen_from("assignee"),
    )
    permitted_outcomes = NamesField(
        label=_("Possible outcomes"),
        required=False,
        help_text=_("For example: Approved, Declined."),
    )
    due_at = MomentField(label=_("Due"), required=False)
    reversibility = forms.ChoiceField(
        error_messages=NOT_OFFERED,
        label=_("Can it be undone once it is finished?"),
        required=False,
        choices=[("", _("not said")), *REVERSIBILITIES.items()],
    )

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        zone = timezone.get_current_timezone_name()
        in_zone = _("Times are %(zone)s time.") % {"zone": zone}
        self.fields["due_at"].help_text = _("Times are in UTC.") if zone == "UTC" else in_zone

    def body(self) -> dict[str, Any]:
        """Return what the verb is performed with; of a broken form, what is right of it."""
        said = self.cleaned_data
        description = said.get("description")
        found = {
            "title": said.get("title"),
            "payload": {"description": description} if description else {},
            "priority": said.get("priority"),
            "assignee": said.get("assignee"),
            "candidate_groups": said.get("candidate_groups"),
            "permitted_outcomes": said.get("permitted_outcomes"),
            "due_at": said.get("due_at"),
            "reversibility": said.get("reversibility"),
        }
        return {name: value for name, value in found.items() if value not in (None, "")}


class PartForm(NewForm):
    """A part of another task."""

    blocking = forms.BooleanField(
        label=_("The whole is not completed before this part has ended"), required=False
    )


class ScheduleForm(forms.Form):
    """When tasks are made of a template."""

    name = forms.CharField(label=_("What it is called"), max_length=MAX_NAME)
    template = forms.ChoiceField(
        label=_("Template"),
        error_messages=NOT_OFFERED,
        help_text=_("One that asks for something is scheduled over the API, with its values."),
    )
    cron = forms.CharField(
        label=_("When"),
        max_length=LONGEST,
        help_text=_(
            "Minute, hour, day of the month, month and weekday: 0 8 * * MON is Mondays at 8."
        ),
    )
    zone = forms.ChoiceField(
        label=_("Time zone"), choices=[(name, name) for name in sorted(ZONES)],
        error_messages=NOT_OFFERED,
    )  # fmt: skip

    def __init__(
        self, templates: Sequence[tuple[str, str]], data: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial={"zone": timezone.get_current_timezone_name()})
        cast("forms.ChoiceField", self.fields["template"]).choices = templates

    def body(self) -> dict[str, Any]:
        """Return what the verb is performed with."""
        return dict(self.cleaned_data)
