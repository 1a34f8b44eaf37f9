"""Saved filters above a list of work: those there are, and a form to save what is applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.acting import ActingUser
from ledger.errors import Invalid
from web.search import numbered
from workitems.finding import filter_table, saved_filters
from workitems.inbox_filters import Wanted, is_id

#: Of one's own, and of what others share.
SHOWN = 10


def shown(wanted: Wanted, who: ActingUser, *, typed: Mapping[str, str]) -> dict[str, Any]:
    """Return `saved_filters` of workitems/saved_filters.html: one statement. `typed` is what was
    sent and could not be taken."""
    rows = saved_filters.newest_for(who, SHOWN)
    applied = [row for row in rows if wanted.values and row.filter == wanted.values]
    own = next((row for row in applied if row.owner_id == who.actor_id), None)
    may_save = bool(wanted.values) and not applied
    every = reverse("workitems:all")
    return {
        "rows": [
            {
                "label": row.name,
                "url": saved_filters.address_of(row.filter),
                "current": row in applied,
                "shared": row.shared,
            }
            for row in rows
        ],
        "save_url": f"{every}?{urlencode(wanted.values)}" if may_save else "",
        "typed": {"name": typed.get("name", ""), "shared": "shared" in typed},
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
