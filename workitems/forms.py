"""The form of a new task. It checks shape; every rule of substance is the verb's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.actions import ZONES
from compensation.words import REVERSIBILITIES
from verbs.input import MAX_NAME
from web.form_fields import NOT_OFFERED, JsonField, MomentField
from web.names_field import NamesField
from web.verb_forms import AREA, chosen_from
from workitems.actions.item_contents import MAX_TITLE
from workitems.group_fields import NAMES, group_fields, group_of, group_part
from workitems.lifecycle import Priority
from workitems.schedules.cron_times import LONGEST


class NewForm(forms.Form):
    """A task to be opened."""

    #: Whether it may be a task for several people.
    asks_several: ClassVar[bool] = True

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
        choices=[("", _("Not said")), *REVERSIBILITIES.items()],
    )

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        zone = timezone.get_current_timezone_name()
        in_zone = _("Times are %(zone)s time.") % {"zone": zone}
        self.fields["due_at"].help_text = _("Times are in UTC.") if zone == "UTC" else in_zone
        if self.asks_several:
            self.fields |= group_fields()

    @property
    def parts(self) -> list[dict[str, Any]]:
        """What is asked, as components/schema_parts.html shows it."""
        own = [each for each in self.visible_fields() if each.name not in NAMES]
        listed: list[dict[str, Any]] = [{"kind": "field", "field": each} for each in own]
        return [*listed, group_part(self)] if self.asks_several else listed

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
            "group": group_of(said),
        }
        return {name: value for name, value in found.items() if value not in (None, "")}


class PartForm(NewForm):
    """A part of another task: one task."""

    asks_several = False

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


class ScheduleEditForm(ScheduleForm):
    """What a schedule is to say instead. Filled in with what it says."""

    values = JsonField(
        label=_("What its tasks say instead of the template"),
        required=False,
        help_text=_("Members of a new task, as a JSON object."),
    )
    active = forms.BooleanField(label=_("It makes tasks. Without this it rests."), required=False)

    def __init__(
        self,
        templates: Sequence[tuple[str, str]],
        said: Mapping[str, Any],
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(templates, data)
        self.initial = {**said, "values": said["values"] or None}
        self.fields["template"].help_text = ""

    @override
    def body(self) -> dict[str, Any]:
        """Return what the verb is performed with. A template that stays is not chosen anew: it may
        have been ended since."""
        found = {**self.cleaned_data, "values": self.cleaned_data["values"] or {}}
        if found["template"] == self.initial["template"]:
            del found["template"]
        return found
