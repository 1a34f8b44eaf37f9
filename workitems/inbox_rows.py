"""Work and decisions as lines of a list: what `workitems/inbox.html` shows of each."""

from __future__ import annotations

import dataclasses
import textwrap
import types
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from accounts.acting import ActingUser
from accounts.selectors import Person, people
from compensation.sentences import few_or_more, sentence, title_of
from compensation.words import STRATEGIES
from verbs.subject import Description, Ref, describe
from verbs.words import said
from web import decisions
from web.counts import COUNTED, shown_count
from web.decisions import Found
from web.templatetags.amends import label_of
from web.values import person_words, phrase
from web.way_back import BACK
from workitems import selectors
from workitems.item_context import is_overdue
from workitems.lifecycle import OPEN, Priority
from workitems.permissions import is_anybodys
from workitems.selectors import Listed

_REASON = 80
_QUOTED = 160
_WORTH_SAYING = frozenset({Priority.HIGH, Priority.URGENT})


@dataclasses.dataclass(frozen=True, slots=True)
class Lines:
    """Everything a list says about the rows of a page, read in bulk. `back` is the address of the
    list, so that the page of an item leads back to it."""

    who: ActingUser
    back: str
    listed: Mapping[uuid.UUID, Listed]
    people: Mapping[uuid.UUID, Person]
    described: Mapping[Ref, Description]
    instead_of: Mapping[uuid.UUID, uuid.UUID]

    def work(self, items: Sequence[Any]) -> list[dict[str, Any]]:
        """Return rows of components/item_rows.html."""
        return [self._row(self.listed[item.id]) for item in items]

    def decisions(self, found: Sequence[Found]) -> list[dict[str, Any]]:
        """Return `decisions` of workitems/inbox.html."""
        return [
            {**dataclasses.asdict(each), "since": row.since, "words": self._words(row)}
            for row, each in zip(found, decisions.shown(found, self.described), strict=True)
        ]

    def _words(self, found: Found) -> str:
        """Return what a person said about it, with the name before it."""
        actor, reason, answer = found.said or (None, "", None)
        text = reason or "; ".join(_texts(answer))
        if not text:
            return ""
        quoted = _("“%(words)s”") % {"words": shortened(text, _QUOTED)}
        name = self._name(actor)
        return format_html("{}: {}", name, quoted) if name else quoted

    def _row(self, shown: Listed) -> dict[str, Any]:
        item = shown.item
        name: str
        mine = item.assignee_id == self.who.actor_id
        if item.assignee_id is None:
            name = format_html_join(", ", "{}", ((each,) for each in shown.names))
        else:
            name = _("You") if mine else self._name(item.assignee_id)
        page = reverse("workitems:detail", args=[item.id])
        level = Priority(item.priority)
        return {
            "id": item.id,
            "is_open": item.status in OPEN,
            "title": item.title,
            # The plain inbox is where the page leads back to anyway.
            "url": page
            if self.back == reverse("workitems:inbox")
            else f"{page}?{urlencode({BACK: self.back})}",
            "subtitle": self._subtitle(shown),
            "status": str(item.status),
            "kind": item.kind,
            "flag": level.label if level in _WORTH_SAYING else "",
            "due": item.due_at,
            "overdue": is_overdue(item),
            "who": name or (_("Anybody") if is_anybodys(item) else _("An operator")),
            "mine": mine,
            "taken": item.assignee_id is not None,
            "created_at": item.created_at,
            "ended_at": item.completed_at or item.ended_at,
        }

    def _name(self, actor_id: uuid.UUID | str | None) -> str:
        person = self.people.get(uuid.UUID(str(actor_id))) if actor_id else None
        return person_words(person) if person else ""

    def _subtitle(self, shown: Listed) -> str:
        item, block = shown.item, shown.item.compensation
        case = self.described.get(("case", item.case_id)) if item.case_id is not None else None
        parts = [case.title] if case else []
        if item.id in self.instead_of:
            parts.insert(0, phrase(_("for %(name)s"), name=self._name(self.instead_of[item.id])))
        if block is not None and item.undoes_id is not None:
            then = block["original_snapshot"]
            title = then.get("title") or label_of(then.get("capability", ""))
            done_by = self._name(then.get("completed_by"))
            words = {"title": title, "name": done_by}
            parts.append(
                phrase(_("Reverses “%(title)s” by %(name)s"), **words)
                if done_by
                else _("Reverses “%(title)s”") % words
            )
            reason = shortened(block["reason"], _REASON)
            parts.append(_("reason: %(reason)s") % {"reason": reason})
            if block["strategy"] != "restore":
                parts.append(said(STRATEGIES, block["strategy"]))
        elif item.binding and title_of(item.binding) != item.title:
            parts.append(title_of(item.binding))
        return format_html_join(" · ", "{}", ((each,) for each in parts))


def _texts(answer: Any) -> list[str]:
    """Return the texts in an answer: what its author wrote."""
    if isinstance(answer, str):
        return [answer]
    if isinstance(answer, Mapping):
        return [value for value in answer.values() if isinstance(value, str) and value]
    return []


def lines(
    who: ActingUser,
    items: Sequence[Any],
    found: Sequence[Found],
    *,
    back: str,
    instead_of: Mapping[uuid.UUID, uuid.UUID] = types.MappingProxyType({}),
) -> Lines:
    """Read what is said about these items and decisions: three queries, however many there are.
    `instead_of`: whom of the items' people the reader stands in for, by item."""
    speakers = [uuid.UUID(row.said[0]) for row in found if row.said and row.said[0]]
    speakers += instead_of.values()
    shown = selectors.listed(who.tenant_id, items, speakers)
    named = shown[0].people if shown else people(who.tenant_id, speakers)
    cases: set[Ref] = {("case", item.case_id) for item in items if item.case_id is not None}
    described = describe(who.tenant_id, cases.union(*(row.refs for row in found)))
    return Lines(
        who, back, {each.item.id: each for each in shown}, named,
        described, instead_of,
    )  # fmt: skip


def shortened(text: str, most: int) -> str:
    """Return as much of a text as a line has room for, up to the end of a word where it has one."""
    short = textwrap.shorten(text, most, placeholder="…")
    return short if len(short) > most // 2 else Truncator(text).chars(most)


_WAITING = ngettext_lazy(
    "%(shown)s thing waits for you or your groups.",
    "%(shown)s things wait for you or your groups.",
    "n",
)
_DECISIONS = ngettext_lazy("%(shown)s needs your decision", "%(shown)s need your decision", "n")
_REVERSALS = ngettext_lazy(
    "%(shown)s reverses finished work", "%(shown)s reverse finished work", "n"
)
_LATE = ngettext_lazy("%(shown)s is overdue", "%(shown)s are overdue", "n")


def waiting_sentence(work: int, decisions: int, undo: int, late: int) -> str:
    """Return how much waits, in one sentence or two: "9 things wait for you or your groups. Three
    need your decision; two are overdue." Each number is at most `COUNTED`."""
    waiting = min(work + decisions, COUNTED)
    if waiting == 0:
        return ""
    first = str(_WAITING % {"n": waiting, "shown": shown_count(waiting)})
    parts = [
        str(words % {"n": n, "shown": few_or_more(n)})
        for words, n in ((_DECISIONS, decisions), (_REVERSALS, undo), (_LATE, late))
        if n
    ]
    return f"{first} {sentence('; '.join(parts))}." if parts else first
