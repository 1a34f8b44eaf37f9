"""The page that says how undoing goes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cases.undo_figures import (
    MOST_ATTEMPTS,
    MOST_LINES,
    Counted,
    UndoFigures,
    check_reader,
    days_of,
    undo_figures,
)
from compensation.sentences import title_of
from verbs.words import subject_words
from web.pages import MemberPage
from web.templatetags.amends import span_words

_PERIODS = (7, 30, 90, 366)


class UndoFiguresPage(MemberPage):
    """How often, how long, and how much of it failed, by definition and step."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them for a number of days."""
        check_reader(self.authority)
        days = days_of(request.GET)
        found = undo_figures(self.acting_user.tenant_id, days)
        url = reverse("cases:undo-figures")
        context = {
            "summary": _summary(found.lines),
            "cuts": list(_cuts(found)),
            "tabs": [
                {
                    "label": ngettext("%(n)d day", "%(n)d days", each) % {"n": each},
                    "url": f"{url}?days={each}",
                    "count": None,
                    "current": each == days,
                }
                for each in _PERIODS
            ],
            "rows": [_row(each) for each in found.lines],
        }
        return self.render("cases/undo_figures.html", context)


def _summary(found: list[UndoFigures]) -> str:
    number = sum(each.undos for each in found)
    if not number:
        return _("Nothing was undone.")
    text = ngettext("%(n)d undo was begun.", "%(n)d undos were begun.", number)
    return text % {"n": number}


def _cuts(found: Counted) -> Iterator[str]:
    """Say what is not counted here, and what is not shown."""
    if found.since is not None:
        text = _("There were more than %(most)s attempts: the newest are counted, since %(since)s.")
        yield text % {"most": f"{MOST_ATTEMPTS:,}", "since": _moment(found.since)}
    if found.more_lines:
        text = _("There are more steps: the %(most)d with the most attempts are shown.")
        yield text % {"most": MOST_LINES}


def _moment(at: dt.datetime) -> str:
    return date_format(timezone.localtime(at), "j F Y, H:i")


def _row(each: UndoFigures) -> dict[str, Any]:
    return {
        "definition": each.definition,
        "step": title_of(each.step) if each.definition else str(subject_words(each.step)),
        "undos": each.undos,
        "attempts": each.attempts,
        "done": each.done,
        "not_done": each.not_done,
        "open": each.open,
        "median": _span(each.median),
        "longest": _span(each.longest),
    }


def _span(seconds: float | None) -> str:
    from_seconds = None if seconds is None else dt.timedelta(seconds=seconds)
    return "" if from_seconds is None else span_words(from_seconds)
