"""The page of one's own notifications."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import View
from typing_extensions import override

from ledger.tenancy import tenant_scope
from notifications import actions, selectors
from notifications.texts import texts_of
from verbs.call import Call
from web.counts import shown_count
from web.pages import MemberPage


class NotificationsPage(MemberPage):
    """What one was told, newest first; all of it, or what one has not read."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page of it."""
        mine = selectors.notifications_of(self.acting_user.tenant_id, self.acting_user.actor_id)
        only_unread = request.GET.get("unread") == "1"
        unread_count = selectors.unread_count(self.acting_user)
        found, links = self.page(selectors.unread(mine) if only_unread else mine)
        texts = texts_of(found.rows)
        here = reverse("notifications:list")
        return self.render(
            "notifications/list.html",
            {
                "unread_count": unread_count,
                "unread_shown": shown_count(unread_count),
                "mark_all_url": reverse("notifications:read-all"),
                "pagination": links,
                "tabs": [
                    {"label": _("All"), "url": here, "count": None, "current": not only_unread},
                    {
                        "label": _("Not read"),
                        "url": f"{here}?unread=1",
                        "count": shown_count(unread_count),
                        "current": only_unread,
                    },
                ],
                "rows": [
                    {
                        **dataclasses.asdict(texts[row.id]),
                        "id": row.id,
                        "at": row.created_at,
                        "unread": row.read_at is None,
                        "url": reverse("notifications:open", args=[row.id]),
                        "read_url": reverse("notifications:read", args=[row.id]),
                    }
                    for row in found.rows
                ],
            },
        )


class OpenPage(MemberPage):
    """Leads to what a notification is about; whoever goes there has read it."""

    http_method_names = ["get", "options"]

    @override
    def _run(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Run outside any transaction: the verb has one of its own."""
        return View.dispatch(self, request, *args, **kwargs)

    def get(self, _request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Mark it as read and go there."""
        row = actions.mark_read(id, call=Call(self.acting_user))
        with tenant_scope(row.tenant_id):
            url = texts_of([row])[row.id].url
        return self.go(url)


class ReadAllPage(MemberPage):
    """Marks all of one's notifications as read."""

    def post(self, _request: HttpRequest) -> HttpResponse:
        """Mark them and go back to the list."""
        return self.perform(
            lambda: actions.mark_all_read(call=Call(self.acting_user)),
            to=reverse("notifications:list"),
            message=_("Marked all as read."),
        )
