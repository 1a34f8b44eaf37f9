"""Rollbacks: the list, one rollback, and holding it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.acting import ActingUser
from accounts.selectors import people
from cases import actions, chain, selectors
from cases.lifecycle import LIVE_RUNS
from cases.shown import run as run_shown
from cases.shown.timeline import run_timeline
from cases.views.asking import CasesPage, crumb, run_buttons
from cases.words import few, sentence
from ledger.errors import Invalid
from web.describers import describe
from web.entries import ledger_url
from workitems import chain as drawing

VIEWS = ("live", "all")
NEWEST = ("-started_at", "-id")


def live_count(_acting: ActingUser) -> int:
    """Return how many rollbacks are under way, for the navigation."""
    return selectors.runs().filter(status__in=LIVE_RUNS).order_by().count()


class RunList(CasesPage):
    """Rollbacks, newest first: those under way, or all."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of them."""
        view = request.GET.get("show", "all")
        if view not in VIEWS:
            raise Invalid.field("show", _("show: must be live or all"))
        live = live_count(self.acting_user)
        rows = selectors.runs()
        if view == "live":
            rows = rows.filter(status__in=LIVE_RUNS)
        found, pagination = self.page(rows, order=NEWEST)
        url = reverse("cases:runs")
        context = {
            "summary": _under_way(live),
            "tabs": [
                {"label": _("All"), "url": url, "count": None, "current": view == "all"},
                {
                    "label": _("Under way"),
                    "url": f"{url}?show=live",
                    "count": live,
                    "current": view == "live",
                },
            ],
            "clear_url": url,
            "is_filtered": False,
            "pagination": pagination,
            "rows": _rows(found.rows),
        }
        return self.render("cases/runs.html", context)


def _under_way(live: int) -> str:
    if not live:
        return _("Nothing is being rolled back now.")
    text = ngettext("%(n)s is under way.", "%(n)s are under way.", live) % {"n": few(live)}
    return sentence(text)


def _rows(runs: list[Any]) -> list[dict[str, Any]]:
    described = describe(run_shown.about_of(run) for run in runs)
    named = people(run.requested_by_id for run in runs)
    return [
        {
            "id": shown.run.id,
            "title": described[run_shown.about_of(shown.run)].title,
            "url": reverse("cases:run", args=[shown.run.id]),
            "status": shown.run.status,
            "subtitle": shown.run.reason,
            "requested_by": named[shown.run.requested_by_id].name,
            "requested_at": shown.run.started_at,
            "progress": shown.progress,
        }
        for shown in selectors.show_runs(runs)
    ]


class RunPage(CasesPage):
    """One rollback by itself."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show it."""
        shown = run_shown.read(selectors.show_run(selectors.run(id)), operates=self.operates)
        run = shown.shown.run
        subject = shown.subject
        buttons = run_buttons(run_shown.actions_of(shown.shown, self.authority), id)
        title = _("Rollback of %(what)s") % {"what": subject.title}
        figure = None
        if run.about_case:
            drawn = chain.of_case(run.about_id)
            label = _("Causal chain of %(what)s") % {"what": subject.title}
            url = reverse("cases:chain", args=[run.about_id])
            figure = drawing.figure(drawn, label=label, table_url=url) if drawn.nodes else None
        context = {
            "crumbs": [crumb(_("Rollbacks"), reverse("cases:runs")), crumb(subject.title)],
            "title": title,
            "subject": {"label": subject.title, "url": subject.url},
            "run": shown.panel(buttons),
            "summary": shown.headline,
            "timeline": run_timeline(id),
            "figure": figure,
            "ledger_url": ledger_url("compensation_run", id),
        }
        return self.render("cases/run.html", context)


class _RunVerb(CasesPage):
    """A verb of a run that is a button."""

    verb: Callable[..., Any]
    done: str | Promise = ""

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Do it and go back to the rollback."""
        verb = type(self).verb
        return self.perform(
            lambda: verb(id, acting_user=self.acting_user, expected_version=self.posted_version()),
            to=reverse("cases:run", args=[id]),
            message=self.done,
            again=lambda: self._page(request, id),
        )

    def _page(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        page = RunPage()
        page.setup(request, id=id)
        return page.get(request, id)


class PauseRun(_RunVerb):
    """Let no further step start."""

    verb = staticmethod(actions.pause_run)
    done = gettext_lazy("No further step starts until somebody lets it go on.")


class ResumeRun(_RunVerb):
    """Let steps start again."""

    verb = staticmethod(actions.resume_run)
    done = gettext_lazy("The rollback goes on.")
