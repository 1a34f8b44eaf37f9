"""All saved filters that a member may apply, and ending one."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.selectors import people
from verbs.call import Call
from web.pages import MemberPage
from web.values import person_words, phrase
from workitems import inbox_filters
from workitems.actions.filter_saving import end_filter
from workitems.finding import saved_filters
from workitems.finding.finding_tables import SavedFilter


class Filters(MemberPage):
    """One's own and what others share, the newest first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them, page by page."""
        who = self.acting_user
        found, pagination = self.page(
            saved_filters.own_of(who), beside=saved_filters.shared_with(who)
        )
        context = {
            "crumbs": [
                {"label": _("All work"), "url": reverse("workitems:all")},
                {"label": _("Saved filters"), "url": ""},
            ],
            "rows": self._rows(found.rows),
            "pagination": pagination,
        }
        return self.render("workitems/filters.html", context)

    def _rows(self, rows: list[SavedFilter]) -> list[dict[str, Any]]:
        who = self.acting_user
        named = people(who.tenant_id, (row.owner_id for row in rows)) if rows else {}
        words = inbox_filters.in_words([row.filter for row in rows], who)
        return [
            {
                "id": row.id,
                "name": row.name,
                "url": saved_filters.address_of(row.filter),
                "words": said,
                "shared": row.shared,
                "owner": ""
                if row.owner_id == who.actor_id
                else phrase(_("Kept by %(name)s"), name=person_words(named[row.owner_id])),
                "at": row.created_at,
                "end_url": reverse("workitems:end-filter", args=[row.id])
                if not end_filter.denied(row, self.authority, None)
                else "",
            }
            for row, said in zip(rows, words, strict=True)
        ]


class End(MemberPage):
    """Ends a saved filter."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """End it, and go back to where it was."""
        there = "workitems:filters" if "from_page" in request.POST else "workitems:all"
        return self.perform(
            lambda: end_filter(id, call=Call(self.acting_user)),
            to=reverse(there),
            message=_("The filter is removed."),
        )
