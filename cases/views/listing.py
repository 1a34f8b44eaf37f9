"""The list of cases."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cases import selectors
from cases.actions.hold import CASE
from cases.case_search import by_number, number_begins
from cases.lifecycle import CaseStatus
from compensation.lifecycle import LIVE_RUNS
from compensation.selectors import runs, with_steps
from compensation.sentences import few_or_more, sentence
from compensation.views.operator_pages import OperatorPage
from ledger.errors import Invalid
from web.counts import bounded_count
from web.templatetags.amends import state_label

MAX_QUERY = 200


class CaseList(OperatorPage):
    """Cases, newest first, by status, and by number, how it begins, or words of the title."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of them."""
        status, query = request.GET.get("status", ""), request.GET.get("q", "").strip()[:MAX_QUERY]
        if status and status not in CaseStatus.values:
            raise Invalid.field("status", _("status: there is no such status"))
        rows = selectors.cases(self.acting_user.tenant_id)
        if status:
            rows = rows.filter(status=status)
        rows, how = _called(query, rows, self.acting_user.tenant_id)
        found, pagination = self.page(rows, **how)
        context = {
            "summary": self._summary(),
            "chips": _chips(status, query),
            "filters": _filters(status, query),
            "clear_url": reverse("cases:list"),
            "is_filtered": bool(status or query),
            "pagination": pagination,
            "rows": _rows(found.rows),
            "start_url": reverse("cases:start"),
            "definitions_url": reverse("cases:definitions"),
        }
        return self.render("cases/list.html", context)

    def _summary(self) -> str:
        live = runs(self.acting_user.tenant_id).filter(status__in=LIVE_RUNS, about_type=CASE)
        undoing = bounded_count(live)
        if not undoing:
            return ""
        text = ngettext(
            "%(n)s case is being rolled back.", "%(n)s cases are being rolled back.", undoing
        )
        return sentence(text % {"n": few_or_more(undoing)})


def _called(
    query: str, rows: QuerySet[Any], tenant_id: uuid.UUID
) -> tuple[QuerySet[Any], dict[str, Any]]:
    """Return which of the rows are called so, and how a page of them is cut (`pagination.cut`)."""
    if not query:
        return rows, {}
    # Whoever types a number wants that one, however many were opened since.
    if called := by_number(tenant_id, query):
        return rows.filter(id__in=called), {}
    begins = number_begins(query)
    numbered = rows.filter(begins)
    # Every number has a digit: this is how one begins, and no word.
    if any(map(str.isdigit, query)) and numbered.exists():
        return numbered, {}
    titled = rows.filter(title__icontains=query).exclude(begins)
    return titled, {"beside": numbered, "among": selectors.cases(tenant_id)}


def _rows(cases: list[Any]) -> list[dict[str, Any]]:
    live = {case.live_run for case in cases if case.live_run is not None}
    found = []
    if live:
        found = with_steps(list(runs(cases[0].tenant_id).filter(id__in=live)))
    progress = {each.run.id: each.progress for each in found}
    return [
        {
            "id": case.id,
            "title": case.name,
            "url": reverse("cases:detail", args=[case.id]),
            "kind": case.definition.called,
            "definition": str(case.definition),
            "status": case.status,
            "subtitle": "",
            "created_at": case.created_at,
            "undo": progress.get(case.live_run),
        }
        for case in cases
    ]


def _chips(status: str, query: str) -> list[dict[str, str]]:
    given = {"status": status, "q": query}
    labels = {
        "status": state_label(status, "case"),
        "q": _("Called “%(words)s”") % {"words": query},
    }
    chips = []
    for name, value in given.items():
        if value:
            rest = urlencode({key: other for key, other in given.items() if other and key != name})
            chips.append({"label": labels[name], "remove_url": f"?{rest}"})
    return chips


def _filters(status: str, query: str) -> dict[str, Any]:
    labels = {"": _("Any")} | {value: state_label(value, "case") for value in CaseStatus.values}
    options = [
        {"value": value, "label": label, "selected": value == status}
        for value, label in labels.items()
    ]
    return {
        "action": reverse("cases:list"),
        "fields": [
            {
                "name": "q",
                "label": _("Number, how it begins, or words of the title"),
                "type": "search",
                "value": query,
            },
            {"name": "status", "label": _("State"), "type": "select", "options": options},
        ],
        "hidden": [],
    }
