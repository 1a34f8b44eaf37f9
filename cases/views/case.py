"""The page of one case, and its verbs."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from typing_extensions import override

from cases import actions, selectors
from cases.actions.hold import CASE
from cases.case_context import CaseContext, case_context
from cases.lifecycle import ROLLING_BACK, CaseStatus
from cases.subject import crumbs_of
from compensation.lifecycle import PLAN_OPERATION
from compensation.sentences import title_of
from compensation.views.operator_pages import OperatorPage, PageOfOne, crumb
from compensation.views.plan_request import ask_button
from compensation.views.run_pages import run_buttons
from verbs import catalogue
from verbs.subject import subject_of
from web.entries import ledger_url
from web.pages import pagination_in_order
from web.pagination import page_of_list
from web.verb_pages import Ask, Refused, button

OLDER_RUNS = 10
UNDOING = frozenset({*ROLLING_BACK, CaseStatus.COMPENSATED, CaseStatus.PARTIALLY_COMPENSATED})


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
        found = case_context(case, operates=self.operates, problems_only=only)
        panel = None
        if found.newest is not None:
            panel = found.newest.panel(run_buttons(found.newest.found.run, self.rights))
        items = page_of_list(self.request, found.items, key=lambda item: str(item.id))
        undoing = panel is not None and case.status in UNDOING
        context = {
            "crumbs": [crumbs_of(case)[0], crumb(case.name)],
            "case": {
                "id": id_,
                "title": case.name,
                "status": case.status,
                "version": case.version,
                "definition": str(case.definition),
                "created_at": case.created_at,
                "parent": None,
                "stopped_since": case.stopped_since,
                "stopped_error": case.stopped_error,
            },
            "summary": panel["headline"] if panel and undoing else found.summary,
            "actions": self._buttons(case),
            "run": panel,
            "unclear": found.unclear,
            "plan_items": found.plan_items(items.rows),
            "pagination": pagination_in_order(self.request, items),
            "undeclared": [title_of(name) for name in found.undeclared],
            **_chain(found, id_),
            "ledger_url": ledger_url(CASE, id_),
            "timeline": found.timeline,
            "problems": {"only": only, "url": "?" if only else "?problems=1"},
            "context": found.context,
            "invalidated": [title_of(key) for key in case.invalidated],
            "past_runs": [
                {
                    "label": run.reason,
                    "url": reverse("compensation:run", args=[run.id]),
                    "status": run.status,
                    "at": run.started_at,
                }
                for run in found.others[:OLDER_RUNS]
            ],
        }
        return self.render("cases/detail.html", context)

    def _buttons(self, case: Any) -> list[dict[str, Any]]:
        """Return every verb as a button, rolling back first."""
        subject = subject_of(CASE)
        offers = catalogue.offers_of(subject, [case], self.rights)[case.id]
        # While it is rolled back, the panel of its run has the buttons that hold it and go on.
        left_out = {"suspend", "resume"} if case.status in ROLLING_BACK else set()
        plan = [each for each in offers if each.action == PLAN_OPERATION.name]
        return [ask_button((case.subject_type, case.id), each) for each in plan] + [
            button(catalogue.find(case.subject_type, each.action), [case.id], each)
            for each in offers
            if each not in plan and each.action not in left_out
        ]


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


class CancelCase(_End):
    """Call a case off."""

    verb = actions.cancel_case


class CloseCase(_End):
    """Shut the window for good."""

    verb = actions.close_case
