"""What happened since somebody looked at a plan, as sentences: who did what, and what follows.

Runs in the tenant's scope; a constant number of queries.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Collection, Mapping
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.selectors import Person, people
from compensation.models import CompensationPlan
from compensation.plan import every_exclusion, every_step
from compensation.sentences import name_in, title_of
from compensation.subject import is_by_program
from ledger.clock import now
from ledger.selectors import all_entries
from verbs.subject import subject_of
from verbs.words import Text, action_words, said

STEP, GONE = "step", "gone"
#: What a thing has become, by how the new plan treats it.
_NOW: Mapping[str, Text] = {
    STEP: gettext_lazy("it will now be undone too"),
    "already_compensated": gettext_lazy("it is undone already"),
    "in_flight": gettext_lazy("it is running now, and its result is awaited"),
    "not_completed": gettext_lazy("it is open, and there is nothing to undo yet"),
    "irreversible": gettext_lazy("it now stays because it cannot be undone"),
    "pivot": gettext_lazy("it now stays because it is a point of no return"),
    "no_compensation_declared": gettext_lazy("it now stays because nobody declared how to undo it"),
    "window_closed": gettext_lazy("it now stays because the time in which to undo it is over"),
    "erased": gettext_lazy("it now stays because its data were erased"),
    "other_tenant": gettext_lazy("it now stays because it belongs to somebody else"),
    "dependents_remain": gettext_lazy("it now stays, as you chose to keep what came later"),
    "outcome_unknown": gettext_lazy("nobody knows whether it happened, so it stays for now"),
    "case_closed": gettext_lazy("it now stays because it was closed"),
    GONE: gettext_lazy("it is no part of this any more"),
}
_MINUTE, _HOUR = 60, 3_600
# Newest entries looked at; one plan has no more originals.
_ENTRIES = 2_000


@dataclasses.dataclass(frozen=True, slots=True)
class Changes:
    """Sentences for whoever looks, and the ids of what moved, by which its rows are marked."""

    sentences: list[str]
    moved: frozenset[str]


def changes(before: CompensationPlan, after: CompensationPlan) -> Changes:
    """Return what makes a plan differ from the one that was looked at."""
    was, is_now = _places(before), _places(after)
    moved = [id_ for id_ in {**is_now, **was} if _kind(was, id_) != _kind(is_now, id_)]
    entries = _newest_entries(before.tenant_id, moved)
    named = people(before.tenant_id, (entry.actor_id for entry in entries.values()))
    sentences = [
        _said(is_now.get(id_) or was[id_], _kind(is_now, id_), entries.get(id_), named)
        for id_ in moved
    ]
    if not moved:
        sentences.append(_("The steps are undone in another order now."))
    return Changes(sentences, frozenset(moved))


def _places(plan: CompensationPlan) -> dict[str, dict[str, Any]]:
    """Return steps and exclusions by the id of their original."""
    listed = (*every_step(plan.content), *every_exclusion(plan.content))
    return {each["original"]["id"]: each for each in listed}


def _kind(places: Mapping[str, Mapping[str, Any]], id_: str) -> str:
    found = places.get(id_)
    return GONE if found is None else str(found.get("code", STEP))


def _newest_entries(tenant_id: uuid.UUID, ids: Collection[str]) -> dict[str, Any]:
    """Return what was recorded last of each thing."""
    rows = all_entries(tenant_id).filter(subject_id__in=list(ids))
    newest: dict[str, Any] = {}
    for entry in rows.order_by("-at", "-subject_seq")[:_ENTRIES]:
        newest.setdefault(str(entry.subject_id), entry)
    return newest


def _said(
    place: Mapping[str, Any],
    kind: str,
    entry: Any | None,
    named: Mapping[uuid.UUID, Person],
) -> str:
    """Return one change: "Carl Moreau completed Follow up 10 s ago; it now stays because …"."""
    what, follows = title_of(place["original"]["name"]), said(_NOW, kind)
    if entry is None:
        return _("%(what)s: %(follows)s.") % {"what": what, "follows": follows}
    happened = _happened(entry, what, name_in(named, entry.actor_id))
    words = {"happened": happened, "ago": ago(entry.at), "follows": follows}
    return _("%(happened)s %(ago)s; %(follows)s.") % words


def _happened(entry: Any, what: str, who: str) -> str:
    if entry.action == subject_of(entry.subject_type).finished:
        if is_by_program(entry.subject_type):
            return _("%(what)s ran") % {"what": what}
        return _("%(who)s completed %(what)s") % {"who": who, "what": what}
    words = action_words(entry.subject_type, entry.action)
    return str(words.sentence) % {"what": what, "who": who}


def ago(moment: dt.datetime) -> str:
    """Return how long ago something was, to the second where that is what matters."""
    seconds = max(0, int((now() - moment).total_seconds()))
    if seconds < _MINUTE:
        return _("%(n)d s ago") % {"n": seconds}
    if seconds < _HOUR:
        minutes = seconds // _MINUTE
        return ngettext("%(n)d minute ago", "%(n)d minutes ago", minutes) % {"n": minutes}
    return _("on %(moment)s") % {"moment": date_format(timezone.localtime(moment), "j F H:i")}
