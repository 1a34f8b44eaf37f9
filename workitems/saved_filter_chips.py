"""Saved filters above a list of work: those there are, and a form to save what is applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.acting import ActingUser
from ledger.errors import Invalid
from verbs.input import MAX_NAME
from web.search import numbered
from workitems.finding import filter_table, saved_filters
from workitems.inbox_filters import Wanted, is_id

#: So many stand above a list, one's own and what others share; the page of filters has all.
SHOWN = 5


class FilterForm(forms.Form):
    """The name under which a filter is kept. What it may be is the verb's to say."""

    name = forms.CharField(
        label=gettext_lazy("Name of the filter"),
        widget=forms.TextInput(attrs={"maxlength": MAX_NAME, "autocomplete": "off"}),
    )  # fmt: skip
    shared = forms.BooleanField(label=gettext_lazy("Show it to everybody"), required=False)

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, auto_id="saved-filter-%s")


def shown(wanted: Wanted, who: ActingUser, naming: FilterForm | None) -> dict[str, Any]:
    """Return `saved_filters` of workitems/saved_filters.html: one statement. `naming` is what was
    sent and could not be taken."""
    found = saved_filters.above_a_list(who, wanted.values, SHOWN)
    own = next((row for row in found.applied if row.owner_id == who.actor_id), None)
    may_save = bool(wanted.values) and not found.applied
    every = reverse("workitems:all")
    return {
        "rows": [
            {
                "label": row.name,
                "url": saved_filters.address_of(row.filter),
                "current": row in found.applied,
                "shared": row.shared,
            }
            for row in found.rows
        ],
        "all_url": reverse("workitems:filters") if found.more else "",
        "save": {
            "url": f"{every}?{urlencode(wanted.values)}",
            "form": naming or FilterForm(),
            "open": naming is not None,
        }
        if may_save
        else None,
        "end_url": reverse("workitems:end-filter", args=[own.id]) if own else "",
        "end_label": _("Remove “%(name)s”") % {"name": own.name} if own else "",
    }


def to_save(wanted: Wanted, who: ActingUser) -> dict[str, Any]:
    """Return what is saved of a list's filters: of a case its id, and not its number.

    Raises Invalid for a number that is not that of exactly one case.
    """
    values = dict(wanted.values)
    case = values.get("case")
    if case is not None and not is_id(case):
        found = list(numbered("case", who.tenant_id, case)[:2])
        if len(found) != 1:
            raise Invalid.field("case", _("No single case has this number."))
        values["case"] = str(found[0])
    return filter_table.as_json(values)
