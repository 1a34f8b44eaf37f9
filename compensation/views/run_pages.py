"""Rollbacks: the list, and one rollback."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from typing_extensions import override

from accounts.acting import Authority
from accounts.selectors import people
from compensation import selectors
from compensation.actions.run_verbs import RUN
from compensation.lifecycle import LIVE_RUNS
from compensation.news import cut, run_entries, run_timeline
from compensation.run_context import run_context
from compensation.run_figure import figure
from compensation.sentences import few_or_more, sentence
from compensation.views.operator_pages import OperatorPage, PageOfOne, crumb
from ledger.errors import Invalid
from verbs.catalogue import offers_of
from verbs.subject import describe, subject_of
from web.counts import shown_count
from web.entries import ledger_url
from web.pages import pagination_in_order
from web.pagination import page_of_list
from web.timeline import by_day
from web.verb_pages import Refused, buttons

VIEWS = ("live", "all")
NEWEST = ("-started_at", "-id")


class RunList(OperatorPage):
    """Rollbacks, newest first: those under way, or all."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of them."""
        view = request.GET.get("show", "all")
        if view not in VIEWS:
            raise Invalid.field("show", _("show: must be live or all"))
        live = selectors.live_count(self.acting_user)
        rows = selectors.runs(self.acting_user.tenant_id)
        if view == "live":
            rows = rows.filter(status__in=LIVE_RUNS)
        found, pagination = self.page(rows, order=NEWEST)
        url = reverse("compensation:runs")
        context = {
            "summary": _under_way(live),
            "tabs": [
                {"label": _("All"), "url": url, "count": None, "current": view == "all"},
                {
                    "label": _("Under way"),
                    "url": f"{url}?show=live",
                    "count": shown_count(live),
                    "current": view == "live",
                },
            ],
            "clear_url": url,
            "is_filtered": False,
            "pagination": pagination,
            "rows": _rows(self.acting_user.tenant_id, found.rows),
        }
        return self.render("compensation/runs.html", context)


def _under_way(live: int) -> str:
    if not live:
        return _("Nothing is being rolled back now.")
    text = ngettext("%(n)s is under way.", "%(n)s are under way.", live) % {"n": few_or_more(live)}
    return sentence(text)


def _rows(tenant_id: uuid.UUID, runs: list[Any]) -> list[dict[str, Any]]:
    described = describe(tenant_id, (run.about for run in runs))
    named = people(tenant_id, (run.requested_by_id for run in runs))
    progress = selectors.progress_of(tenant_id, [run.id for run in runs])
    return [
        {
            "id": run.id,
            "title": described[run.about].title,
            "url": reverse("compensation:run", args=[run.id]),
            "status": run.status,
            "subtitle": run.reason,
            "requested_by": named[run.requested_by_id].name,
            "requested_at": run.started_at,
            "progress": progress[run.id],
        }
        for run in runs
    ]


class RunPage(PageOfOne):
    """One rollback by itself."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show it."""
        return self.show(id)

    @override
    def show(self, *key: Any, refused: Refused | None = None) -> HttpResponse:
        """Render it."""
        [id_] = key
        run = selectors.run(self.acting_user.tenant_id, id_)
        entries = run_entries(run)
        found = run_context(selectors.one_with_steps(run), operates=self.operates, entries=entries)
        subject = found.subject
        places = page_of_list(self.request, found.places, key=str)
        panel = found.panel(run_buttons(run, self.rights), places.rows)
        context = {
            "crumbs": [crumb(_("Rollbacks"), reverse("compensation:runs")), crumb(subject.title)],
            "title": _("Rollback of %(what)s") % {"what": subject.title},
            "subject": {"label": subject.title, "url": subject.url},
            "run": {**panel, "pagination": pagination_in_order(self.request, places)},
            "summary": found.headline,
            "days": by_day(run_timeline(run, entries, found.described, found.named)),
            "cut": cut(entries),
            "figure": figure(found, label=_("What is undone, in order")),
            "ledger_url": ledger_url(RUN, id_),
        }
        return self.render("compensation/run.html", context)


def run_buttons(run: Any, rights: Authority) -> list[dict[str, Any]]:
    """Return the buttons of a run: only those that mean something now are listed."""
    subject = subject_of(RUN)
    return buttons(subject, run, offers_of(subject, [run], rights)[run.id])
