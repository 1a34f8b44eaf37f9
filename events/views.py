"""The pages of inbound events, for those who look after the organisation."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.roles import ADMIN_SITE_ROLES
from accounts.selectors import people
from events import selectors
from ledger.errors import NotPermitted
from verbs.subject import describe_unread
from web.entries import ENTRY
from web.pages import MemberPage
from web.values import reader_of

_NAMES: dict[str, str | Promise] = {
    "type": gettext_lazy("Type"),
    "source": gettext_lazy("Source"),
    "subject": gettext_lazy("Subject"),
}


class _Looked(MemberPage):
    """A page for operators, auditors and tenant admins."""

    def require_role(self) -> None:
        """Raise NotPermitted for everybody else."""
        if ADMIN_SITE_ROLES.isdisjoint(self.place.roles):
            raise NotPermitted(_("Only an auditor or an operator may read events."))


class EventsPage(_Looked):
    """What was sent from outside, newest first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page."""
        self.require_role()
        asked = {name: value for name in _NAMES if (value := request.GET.get(name, "").strip())}
        found, links = self.page(selectors.events(self.acting_user.tenant_id, asked))
        named = people(self.acting_user.tenant_id, (row.received_by_id for row in found.rows))
        here = reverse("events:list")
        context = {
            "rows": [
                {
                    "url": reverse("events:detail", args=[row.id]),
                    "type": row.type,
                    "source": row.source,
                    "subject": row.subject,
                    "at": row.created_at,
                    "who": named[row.received_by_id].name if row.received_by_id in named else "",
                }
                for row in found.rows
            ],
            "chips": [_chip(here, asked, name) for name in asked],
            "filters": {
                "action": here,
                "fields": [
                    {"name": name, "label": label, "type": "search", "value": asked.get(name, "")}
                    for name, label in _NAMES.items()
                ],
                "hidden": [],
            },
            "clear_url": here,
            "is_filtered": bool(asked),
            "pagination": links,
        }
        return self.render("events/list.html", context)


def _chip(here: str, asked: dict[str, str], name: str) -> dict[str, str]:
    rest = urlencode({key: value for key, value in asked.items() if key != name})
    return {"label": f"{_NAMES[name]}: {asked[name]}", "remove_url": f"{here}?{rest}"}


class EventPage(_Looked):
    """One event: what it said, and where the ledger has it."""

    def get(self, _request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show it."""
        row = selectors.event(self.acting_user.tenant_id, id)
        self.require_role()
        who = self.acting_user
        named = people(who.tenant_id, [row.received_by_id])
        context: dict[str, Any] = {
            "crumbs": [
                {"label": _("Events"), "url": reverse("events:list")},
                {"label": row.type, "url": ""},
            ],
            "event": row,
            "received_by": named[row.received_by_id].name if row.received_by_id in named else "",
            "entry_url": describe_unread(ENTRY, row.entry_id).url,
            "reader": reader_of(who.tenant_id, who.actor_id, row.data, row.extensions),
        }
        return self.render("events/detail.html", context)
