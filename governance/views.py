"""The pages of approvals: what waits for oneself, what one has asked for, all; and one."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from governance import selectors
from governance.approval_context import detail, rows_of
from ledger.errors import Invalid
from web.counts import bounded_count, shown_count
from web.nav import say_count
from web.pages import MemberPage

VIEWS = ("waiting", "asked", "all")


class ApprovalList(MemberPage):
    """Approvals, newest first. Who may decide nothing finds the queue empty."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of them."""
        view = request.GET.get("show", "waiting")
        if view not in VIEWS:
            raise Invalid.field("show", _("show: must be waiting, asked or all"))
        who = self.acting_user
        waits = bounded_count(selectors.to_decide(who))
        say_count(request, "approvals", waits)
        rows = {
            "waiting": selectors.to_decide(who),
            "asked": selectors.asked_by(who),
            "all": selectors.approvals(who.tenant_id),
        }[view]
        found, pagination = self.page(rows)
        url = reverse("governance:approvals")
        labels = {"waiting": _("Waiting for you"), "asked": _("Asked by you"), "all": _("All")}
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
                for name, label in labels.items()
            ],
            "pagination": pagination,
            "rows": rows_of(who.tenant_id, found.rows),
        }
        return self.render("governance/approvals.html", context)


def _summary(number: int) -> str:
    if not number:
        return _("Nothing waits for your approval.")
    text = ngettext("%(n)s waits for your approval.", "%(n)s wait for your approval.", number)
    return text % {"n": shown_count(number)}


class ApprovalPage(MemberPage):
    """One approval: what is asked for, by whom and why, and who agrees."""

    def get(self, _request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show it."""
        row = selectors.approval(self.acting_user.tenant_id, id)
        return self.render("governance/approval.html", detail(row, self.authority))
