"""The pages of automatic steps: all of them, and one: what went in, what came out, who is asked."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from typing_extensions import override

from compensation.views.operator_pages import OperatorPage, PageOfOne
from executions import capability_registry, selectors
from executions.execution_context import detail, listed
from executions.lifecycle import ExecutionStatus
from ledger.errors import Invalid
from web.labels import program_title
from web.templatetags.amends import state_label
from web.verb_pages import Refused

# Its form stands on the page of the execution.
ON_PAGE = ("outcome",)


class ExecutionList(OperatorPage):
    """Automatic steps, newest first, by status and by capability; members see all of them."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of them."""
        status, capability = (request.GET.get(name, "") for name in ("status", "capability"))
        if status and status not in ExecutionStatus.values:
            raise Invalid.field("status", _("status: there is no such status"))
        everything = selectors.visible(self.acting_user.tenant_id)
        rows = selectors.filtered(everything, status=status, capability=capability)
        among = everything if status or capability else None
        found, pagination = self.page(rows, among=among)
        chosen = {"status": status, "capability": capability}
        context = {
            "chips": _chips(chosen),
            "filters": _filters(chosen),
            "clear_url": reverse("executions:list"),
            "is_filtered": bool(status or capability),
            "pagination": pagination,
            "rows": listed(found.rows),
        }
        return self.render("executions/list.html", context)


def _chips(chosen: dict[str, str]) -> list[dict[str, str]]:
    labels = {
        "status": state_label(chosen["status"], "execution"),
        "capability": program_title(chosen["capability"]),
    }
    return [
        {
            "label": labels[name],
            "remove_url": f"?{urlencode({k: v for k, v in chosen.items() if v and k != name})}",
        }
        for name, value in chosen.items()
        if value
    ]


def _filters(chosen: dict[str, str]) -> dict[str, Any]:
    statuses = {"": _("Any")}
    statuses |= {value: state_label(value, "execution") for value in ExecutionStatus.values}
    names = [each.name for each in capability_registry.all_capabilities()]
    programs = {"": _("Any"), **{name: program_title(name) for name in names}}
    fields = (
        ("status", _("State"), statuses),
        ("capability", _("Program"), programs),
    )
    return {
        "action": reverse("executions:list"),
        "fields": [
            {
                "name": name,
                "label": label,
                "type": "select",
                "options": [
                    {"value": value, "label": words, "selected": value == chosen[name]}
                    for value, words in options.items()
                ],
            }
            for name, label, options in fields
        ],
        "hidden": [],
    }


class ExecutionPage(PageOfOne):
    """One execution."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show it."""
        return self.show(id)

    @override
    def show(self, *key: uuid.UUID, refused: Refused | None = None) -> HttpResponse:
        """Render it; the question whether it happened is open with its broken form."""
        [id_] = key
        context = detail(selectors.get(self.acting_user.tenant_id, id_), self.authority, refused)
        return self.render("executions/detail.html", context)
