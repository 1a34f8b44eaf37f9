"""The instances that an item is one of, as its page shows them. Runs in the tenant's scope."""

from __future__ import annotations

import uuid
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.selectors import people
from web.values import phrase
from workitems.instance_models import Meeting, OnMet
from workitems.instances_read import Instances, instances_of
from workitems.models import WorkItem
from workitems.selectors import Shown
from workitems.words import said_outcome


def instances(item: WorkItem, me: uuid.UUID) -> dict[str, Any] | None:
    """Return `instances` of workitems/instances.html; None for what is no instance."""
    found = instances_of([item])
    if not found:
        return None
    [several] = found.values()
    named = people(item.tenant_id, {each.assignee_id for each in several.items})
    rows = [
        {
            "url": "" if each.id == item.id else reverse("workitems:detail", args=[each.id]),
            "n": number,
            "who": phrase("%(name)s", name=Shown(named, (), (), each).name(each.assignee_id, me)),
            "status": str(each.status),
            "outcome": said_outcome(each, each.outcome),
        }
        for number, each in enumerate(several.items, start=1)
    ]
    return {"needed": _needed(several), "stands": _stands(several), "rows": rows}


def _needed(several: Instances) -> str:
    """Return how many are needed, and which count."""
    group = several.group
    needed = ngettext(
        "%(required)s of %(instances)s has to be done.",
        "%(required)s of %(instances)s have to be done.",
        group.required,
    ) % {"required": group.required, "instances": group.instances}
    if not group.outcomes:
        return needed
    outcomes = ", ".join(said_outcome(several.items[0], each) for each in group.outcomes)
    return f"{needed} {_('Only these outcomes count: %(outcomes)s.') % {'outcomes': outcomes}}"


def _stands(several: Instances) -> str:
    """Return how many are done, and what follows, or followed, from that."""
    group = several.group
    done = ngettext("%(done)s is done.", "%(done)s are done.", several.completed) % {
        "done": several.completed
    }
    if group.state != Meeting.OPEN:
        return f"{done} {Meeting(group.state).label}."
    return done + " " + _("Once enough are done: %(what)s.") % {"what": OnMet(group.on_met).label}
