"""What is said of a rollback where somebody is about to start one: who started it, when, where."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.selectors import Person, people
from compensation.actions.previewing import about
from compensation.facts import live_run
from compensation.lifecycle import LIVE_RUNS
from compensation.sentences import name_in
from verbs.subject import Ref


def started(run: Any, named: Mapping[uuid.UUID, Person] | None = None) -> dict[str, Any]:
    """Return `started` of the template: since when a plan has been run, by whom, and where that is
    seen; who that is, unless it was read (`named`), is read."""
    if named is None:
        named = people(run.tenant_id, [run.requested_by_id])
    who = name_in(named, run.requested_by_id)
    moment = date_format(timezone.localtime(run.started_at), "j F H:i")
    said = {"who": who, "moment": moment}
    text = (
        _("%(who)s started this rollback on %(moment)s, and it is under way.")
        if run.status in LIVE_RUNS
        else _("%(who)s started this rollback on %(moment)s, and it is over.")
    )
    label = _("See how far it is") if run.status in LIVE_RUNS else _("See how it went")
    url = reverse("compensation:run", args=[run.id])
    return {"url": url, "sentence": text % said, "label": label}


def live_rollback(tenant_id: uuid.UUID, subject: Ref, row: Any) -> Any:
    """Return the rollback that is live where one of `subject` would be, if any; `row` is that, as
    far as it was read."""
    place = about(tenant_id, *subject, row=row)
    return live_run(tenant_id, place.root, place.ref)
