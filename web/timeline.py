"""Ledger entries as a person would tell them: the context of `components/day_timeline.html`."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.selectors import Person, people
from ledger.selectors import PRUNED, Entry
from verbs.subject import Description, Ref, describe
from verbs.words import action_words, choice_words
from web.entries import ENTRY
from web.labels import fault_words
from web.templatetags.amends import duration_gap
from web.values import person_words, phrase

#: Payloads that say in a person's or a program's words why; the first one present is shown.
_SAYING = ("evidence", "error", "detail", "reason", "outcome_label", "outcome")
#: Lines of a history that are not folded.
NEWEST = 8


def timeline_of(
    entries: Sequence[Entry],
    *,
    described: Mapping[Ref, Description] | None = None,
    named: Mapping[uuid.UUID, Person] | None = None,
    itself: Mapping[Ref, str] | None = None,
) -> list[dict[str, Any]]:
    """Return the lines of components/day_timeline.html, newest first, whatever order came in.

    `itself`: what the page is about, whose name its lines do not repeat: "this task". Three queries
    at most for any number of entries, and one per subject type for their titles; `described` and
    `named`, what the caller has read already, is not read again. Runs in the caller's tenant scope.
    """
    ordered = sorted(entries, key=lambda entry: (entry.at, entry.id), reverse=True)
    wanted: set[Ref] = {(ENTRY, entry.id) for entry in ordered}
    for entry in ordered:
        wanted.update(_named_in(entry))
    subjects, actors = dict(described or {}), dict(named or {})
    if ordered:
        tenant_id = ordered[0].tenant_id
        subjects |= describe(tenant_id, wanted - subjects.keys())
        actors |= people(
            tenant_id, {actor for each in ordered for actor in each.people} - actors.keys()
        )
    return [_row(entry, subjects, actors, itself or {}) for entry in ordered]


@dataclasses.dataclass(frozen=True, slots=True)
class Day:
    """The lines of one day, newest first; `gap` names a long time without any before it."""

    day: dt.date
    gap: str
    rows: list[dict[str, Any]]


def by_day(rows: Iterable[dict[str, Any]]) -> list[Day]:
    """Return lines that are newest first, grouped by the reader's day."""
    found: list[Day] = []
    for row in rows:
        day = timezone.localdate(row["at"])
        if not found or found[-1].day != day:
            gap = duration_gap(found[-1].rows[-1]["at"], row["at"]) if found else ""
            found.append(Day(day, gap, []))
        found[-1].rows.append(row)
    return found


def folded(rows: Sequence[dict[str, Any]], most: int = NEWEST) -> dict[str, Any]:
    """Return `days` and `earlier` of components/day_timeline.html: so many of the newest lines, and
    a fold with the others."""
    earlier = rows[most:]
    return {
        "days": by_day(rows[:most]),
        "earlier": {"days": by_day(earlier), "count": len(earlier)} if earlier else None,
    }


def sentence(entry: Entry, what: str, who: str, step: str = "") -> str:
    """Return an entry as one sentence about `what` by `who`; of a `step` what that undoes."""
    words = str(action_words(entry.subject_type, entry.action).sentence)
    return words % {"what": what, "who": who, "step": step or _("a step")}


def _gone(entry: Entry) -> str:
    if entry.receipt is None:
        return _("text gone, and no receipt tells of it")
    if entry.basis == PRUNED:
        return _("text pruned under retention, receipt %(receipt)s") % {"receipt": entry.receipt}
    return _("text erased under receipt %(receipt)s") % {"receipt": entry.receipt}


def detail_of(entry: Entry) -> str:
    """Return the words the entry carries, or that they were erased, or nothing."""
    for name in _SAYING:
        if name in entry.erased:
            return _gone(entry)
        said = entry.payloads.get(name)
        if isinstance(said, str) and said:
            told = action_words(entry.subject_type, entry.action).told
            if told is not None:
                return told(said)
            # One of an owner's words, else as somebody wrote it.
            return fault_words(said) if name == "error" else str(choice_words(name, said))
    return ""


def who_of(actor_id: uuid.UUID, named: dict[uuid.UUID, Person]) -> str:
    """Return how an actor is called on pages."""
    person = named.get(actor_id)
    return _("somebody") if person is None else person.name


def shown_by(actor_id: uuid.UUID, named: Mapping[uuid.UUID, Person]) -> str:
    """Return how an actor is shown on pages, the username on hover."""
    person = named.get(actor_id)
    return _("somebody") if person is None else person_words(person)


def doer(entry: Entry, named: Mapping[uuid.UUID, Person]) -> str:
    """Return who did it, and for whom where they stood in for somebody."""
    who = shown_by(entry.actor_id, named)
    if entry.on_behalf_of_id is None:
        return who
    absent = shown_by(entry.on_behalf_of_id, named)
    return phrase(_("%(who)s for %(absent)s"), who=who, absent=absent)


def step_subject(entry: Entry) -> Ref | None:
    """Return the original that an entry about one step of a run is about."""
    undoing = (entry.compensation or {}).get("undoing")
    if not isinstance(undoing, dict):
        return None
    return (str(undoing["type"]), uuid.UUID(str(undoing["id"])))


def _named_in(entry: Entry) -> list[Ref]:
    step = step_subject(entry)
    own = (entry.subject_type, entry.subject_id)
    return [own] if step is None else [own, step]


def _row(
    entry: Entry,
    described: dict[Ref, Description],
    named: dict[uuid.UUID, Person],
    itself: Mapping[Ref, str],
) -> dict[str, Any]:
    page = described[(ENTRY, entry.id)]
    own = (entry.subject_type, entry.subject_id)
    words = str(action_words(entry.subject_type, entry.action).sentence)
    what = described[own].title
    if own in itself:
        what = capfirst(itself[own]) if words.startswith("%(what)s") else itself[own]
    step = step_subject(entry)
    return {
        "at": entry.at,
        "text": phrase(
            words,
            what=what,
            who=doer(entry, named),
            step=_("a step") if step is None else described[step].title,
        ),
        "detail": detail_of(entry),
        "tone": action_words(entry.subject_type, entry.action).tone,
        "entry": {
            "label": _("Entry %(n)s") % {"n": entry.subject_seq},
            "url": page.url,
            "hash": entry.hash.hex(),
        }
        if page.url
        else None,
    }
