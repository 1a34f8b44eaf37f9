"""The pages of what other organisations ask to have undone: those that wait, all, and one."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compensation.foreign_request_context import detail, rows_of
from compensation.foreign_requests import pending, request, requests
from ledger.errors import Invalid
from web.counts import bounded_count, shown_count
from web.nav import say_count
from web.pages import MemberPage

_SHOWN = ("waiting", "all")


class RequestList(MemberPage):
    """Requests, newest first."""

    def get(self, http: HttpRequest) -> HttpResponse:
        """Show a page of them."""
        view = http.GET.get("show", "waiting")
        if view not in _SHOWN:
            raise Invalid.field("show", _("show: must be waiting or all"))
        tenant_id = self.acting_user.tenant_id
        waits = bounded_count(pending(tenant_id))
        say_count(http, "requests", waits)
        found, pagination = self.page(
            pending(tenant_id) if view == "waiting" else requests(tenant_id)
        )
        url = reverse("compensation:requests")
        context = {
            "summary": _summary(waits),
            "view": view,
            "tabs": [
                {
                    "label": label,
                    "url": url if name == "waiting" else f"{url}?show={name}",
                    "count": shown_count(waits) if name == "waiting" else None,
                    "current": name == view,
                }
                for name, label in (("waiting", _("Waiting")), ("all", _("All")))
            ],
            "pagination": pagination,
            "rows": rows_of(tenant_id, found.rows),
        }
        return self.render("compensation/requests.html", context)


def _summary(number: int) -> str:
    if not number:
        return _("No other organisation waits for you.")
    text = ngettext(
        "%(n)s request of another organisation waits for a decision.",
        "%(n)s requests of other organisations wait for a decision.", number,
    )  # fmt: skip
    return text % {"n": shown_count(number)}


class RequestPage(MemberPage):
    """One request: who asks for what and why, and what becomes of it."""

    def get(self, _http: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show it."""
        row = request(self.acting_user.tenant_id, id)
        return self.render("compensation/request.html", detail(row, self.authority))
