"""The page of one case, and its verbs."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from typing_extensions import override

from cases import actions, selectors
from cases.actions.hold import CASE
from cases.case_context import CaseContext, case_context
from cases.lifecycle import LISTENING, ROLLING_BACK
from cases.milestones import standings
from cases.subject import crumbs_of
from cases.waiting_arrivals import waiting_arrivals
from compensation.lifecycle import PLAN_OPERATION
from compensation.news import cut
from compensation.sentences import humane, title_of
from compensation.views.operator_pages import OperatorPage, PageOfOne, crumb
from compensation.views.plan_request import ask_button
from compensation.views.run_pages import run_buttons
from verbs import catalogue
from verbs.subject import subject_of
from web.entries import ledger_url
from web.form_fields import NOT_OFFERED
from web.pages import pagination_in_order
from web.pagination import page_of_list
from web.timeline import folded
from web.verb_forms import VerbForm
from web.verb_pages import Ask, Refused, button

OLDER_RUNS = 10
#: Of the timeline so many lines are open.
NEWEST_LINES = 5


class CasePage(PageOfOne):
    """A case: its work, its rollback, its causal chain, its timeline."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show it."""
        return self.show(id)

    @override
    def show(self, *key: Any, refused: Refused | None = None) -> HttpResponse:
        """Render it."""
        [id_] = key
        case = selectors.case(self.acting_user.tenant_id, id_)
        only = self.request.GET.get("problems") == "1"
        me = self.acting_user.actor_id
        found = case_context(case, me, operates=self.operates, problems_only=only)
        undoing = found.undoing
        panel = None
        if undoing is not None:
            panel = undoing.panel(run_buttons(undoing.found.run, self.rights), ())
        places = page_of_list(self.request, found.work.places, key=lambda each: str(each.item.id))
        above = found.above
        parent = [] if above is None else [{"label": above.title, "url": above.url}]
        context = {
            "crumbs": [crumbs_of(case)[0], *parent, crumb(case.name)],
            "case": {
                "id": id_,
                "title": case.name,
                "status": case.status,
                "version": case.version,
                "definition": str(case.definition),
                "kind": case.definition.called,
                "created_at": case.created_at,
                "parent": next(iter(parent), None),
                "stopped_since": case.stopped_since,
                "stopped_error": humane(case.stopped_error),
            },
            "technical": found.technical,
            "summary": panel["headline"] if panel else found.summary,
            "actions": self._buttons(found),
            "run": panel,
            "unclear": found.unclear,
            "waits": found.waits,
            "work": found.work.shown(places.rows),
            "progress": found.progress.bars(),
            "pagination": pagination_in_order(self.request, places),
            "undeclared": [title_of(name) for name in found.undeclared],
            **_chain(found, id_),
            "ledger_url": ledger_url(CASE, id_),
            **folded(found.timeline, NEWEST_LINES),
            "cut": cut(found.entries),
            "problems": {"only": only, "url": "?" if only else "?problems=1"},
            "context": case.context,
            "context_schema": found.schema,
            "telling": found.telling,
            "reader": found.reader,
            "invalidated": found.invalidated,
            **self._ahead(found),
            "past_runs": [
                {
                    "label": run.reason,
                    "url": reverse("compensation:run", args=[run.id]),
                    "status": run.status,
                    "at": run.started_at,
                }
                for run in found.past_runs[:OLDER_RUNS]
            ],
        }
        return self.render("cases/detail.html", context)

    def _buttons(self, found: CaseContext) -> list[dict[str, Any]]:
        """Return every verb as a button, rolling back first."""
        subject, case = subject_of(CASE), found.case
        facts = {case.id: found.facts}
        offers = catalogue.offers_of(subject, [case], self.rights, facts=facts)[case.id]
        # While it is rolled back, the panel of its run has the buttons that hold it and go on.
        left_out = {"suspend", "resume"} if case.status in ROLLING_BACK else set()
        plan = [each for each in offers if each.action == PLAN_OPERATION.name]
        return [ask_button((case.subject_type, case.id), each) for each in plan] + [
            button(catalogue.find(case.subject_type, each.action), [case.id], each)
            for each in offers
            if each not in plan and each.action not in left_out
        ]

    def _ahead(self, found: CaseContext) -> dict[str, Any]:
        """Return what it is to reach, what waits for steps, and where a signal is sent: "" where
        nobody hears one or the reader may not."""
        case, definition = found.case, found.definition
        heard = any(step.on_signal for step in definition.listening)
        may = heard and self.operates and case.status in LISTENING
        return {
            "milestones": _milestones(found),
            "waiting": waiting_arrivals([case], {case.definition_id: definition})[case.id],
            "signal_url": reverse("cases:signal", args=[case.id]) if may else "",
        }


def _milestones(found: CaseContext) -> list[dict[str, Any]]:
    each = standings(found.case, found.definition)
    return [{"title": title_of(own.name), "standing": own} for own in each]


def _chain(found: CaseContext, id: uuid.UUID) -> dict[str, Any]:
    url = reverse("cases:chain", args=[id])
    figure = found.figure(label=_("Causal chain of this case"), table_url=url)
    svg = reverse("cases:chain-svg", args=[id])
    return {"figure": figure, "chain_url": url if figure else "", "svg_url": svg if figure else ""}


class _End(OperatorPage, Ask):
    """A verb of a case that is thought about twice; only those who may do it are asked."""

    @override
    def get(self, request: HttpRequest, **key: Any) -> HttpResponse:
        """Ask."""
        self.require_operator()
        return super().get(request, **key)


class SignalCase(_End):
    """Send it a signal: one of those that its steps hear."""

    verb = actions.signal_case

    @override
    def _form(self, said: QueryDict | None = None) -> VerbForm:
        form = super()._form(said)
        with self.scope():
            case = selectors.case(self.acting_user.tenant_id, self.kwargs["id"])
            names = selectors.signals_of(case)
        field = form.fields["name"]
        form.fields["name"] = forms.ChoiceField(
            choices=[(name, title_of(name)) for name in names], label=field.label,
            help_text=field.help_text, error_messages=NOT_OFFERED,
        )  # fmt: skip
        return form


class CancelCase(_End):
    """Call a case off."""

    verb = actions.cancel_case


class CloseCase(_End):
    """Shut the window for good."""

    verb = actions.close_case
