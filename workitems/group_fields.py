"""Fields of a form that opens a task: for how many people it is, and how many of them suffice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from web.form_fields import NOT_OFFERED, NumberField
from web.names_field import NamesField
from workitems.actions.instances import MOST_INSTANCES
from workitems.instance_models import OnMet

#: Fields are called as the pointers of the verb lead to them.
_PREFIX: Final = "group."
INSTANCES, REQUIRED, ON_MET, OUTCOMES = (
    f"{_PREFIX}{name}" for name in ("instances", "required", "on_met", "outcomes")
)
NAMES: Final = (INSTANCES, REQUIRED, ON_MET, OUTCOMES)


def group_fields(said: Mapping[str, Any] | None = None) -> dict[str, forms.Field]:
    """Return the fields, by name; `said` is what the template of a task says of it."""
    given = said or {}
    bounds: dict[str, Any] = {"step": "1", "minimum": 1, "maximum": MOST_INSTANCES}
    return {
        INSTANCES: NumberField(
            label=_("How many are asked"),
            required=False,
            initial=given.get("instances"),
            help_text=_("Each gets a task of their own. Without a number there is one task."),
            **bounds,
        ),
        REQUIRED: NumberField(
            label=_("How many suffice"),
            required=False,
            initial=given.get("required"),
            **bounds,
        ),
        ON_MET: forms.ChoiceField(
            error_messages=NOT_OFFERED,
            label=_("What becomes of the open ones then"),
            required=False,
            choices=OnMet.choices,
            initial=given.get("on_met", OnMet.KEEP),
        ),
        OUTCOMES: NamesField(
            label=_("Outcomes that count"),
            required=False,
            initial=given.get("outcomes"),
            help_text=_("Without any each outcome counts."),
        ),
    }


def group_of(cleaned: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return `group` of the verb's input as it was filled in, None where it is one task.

    What is missing beside a number is the verb's to say.
    """
    said = {name.removeprefix(_PREFIX): cleaned.get(name) for name in NAMES}
    if said["instances"] is None and said["required"] is None:
        return None
    return {name: value for name, value in said.items() if value not in (None, "", [])}


def group_part(form: forms.Form) -> dict[str, Any]:
    """Return the fields as components/schema_parts.html shows them: folded, until they are used."""
    fields = [form[name] for name in NAMES]
    said = any(form[name].value() not in (None, "") for name in (INSTANCES, REQUIRED))
    return {
        "kind": "folded",
        "title": _("Ask several people"),
        "parts": [{"kind": "field", "field": each} for each in fields],
        "open": said or any(each.errors for each in fields),
    }
