"""The page of the compliance report: a form, and what it asks for, to be read and printed."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from audit.compliance.citations import citations
from audit.compliance.report import report_of
from audit.compliance.report_filter import report_filter
from verbs.words import all_subject_words
from web.pages import MemberPage, pagination_in_order

_FIELDS: Final = ("type", "subject", "case", "actor", "since", "until")


class ReportPage(MemberPage):
    """Without a question it is the form alone."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form, and one page of the report once it is asked for."""
        asked = {name: said for name in _FIELDS if (said := request.GET.get(name, "").strip())}
        context: dict[str, Any] = {
            "crumbs": [
                {"label": _("Ledger"), "url": reverse("audit:entries")},
                {"label": _("Report"), "url": ""},
            ],
            "filters": _form(asked),
            "lines": None,
        }
        if asked:
            report = report_of(
                request, self.acting_user.tenant_id, report_filter(asked), proven=False
            )
            context |= {
                "about": report.about,
                "lines": report.lines,
                "citations": citations(),
                "checkpoint": report.checkpoint,
                "pagination": {
                    **pagination_in_order(request, report.page), "partial": report.page.partial,
                },
                "downloads": _downloads(request, asked),
            }  # fmt: skip
        return self.render("audit/report.html", context)


def _downloads(request: HttpRequest, asked: dict[str, str]) -> list[dict[str, str]]:
    """Return where the same page of the report is in other formats."""
    query = {name: value for name, value in asked.items() if name != "type"}
    if "type" in asked:
        own = asked.get("subject")
        query["subject"] = f"{asked['type']}:{own}" if own else asked["type"]
    more = {name: request.GET[name] for name in ("cursor", "limit") if request.GET.get(name)}
    address = reverse("audit-api:report")
    return [
        {"label": label, "url": f"{address}?{urlencode({**query, **more, 'format': how})}"}
        for how, label in (("html", _("To print")), ("csv", "CSV"), ("json", "JSON"))
    ]


def _form(asked: dict[str, str]) -> dict[str, Any]:
    """Return `filters` of audit/report.html."""
    kinds = sorted((str(label), value) for value, label in all_subject_words().items())
    chosen = asked.get("type", "")
    options = [("", _("Anything")), *((value, label) for label, value in kinds)]
    labels = {"actor": _("Who"), "since": _("From"), "until": _("Up to, and without")}
    shown = [
        {
            "name": "type", "label": _("Kind"), "type": "select",
            "options": [
                {"value": value, "label": label, "selected": value == chosen}
                for value, label in options
            ],
        },
        *(
            {
                "name": name, "label": label, "value": asked.get(name, ""),
                "type": "search" if name == "actor" else "date",
                "list": "people" if name == "actor" else "",
            }
            for name, label in labels.items()
        ),
    ]  # fmt: skip
    hidden = [{"name": name, "value": asked[name]} for name in ("subject", "case") if name in asked]
    return {"action": reverse("audit:report"), "fields": shown, "hidden": hidden}
