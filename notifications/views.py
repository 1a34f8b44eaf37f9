"""The page of one's own notifications."""

from __future__ import annotations

import dataclasses

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

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
                        "read_url": reverse("notifications:read", args=[row.id]),
                    }
                    for row in found.rows
                ],
            },
        )


class ReadAllPage(MemberPage):
    """Marks all of one's notifications as read."""

    def post(self, _request: HttpRequest) -> HttpResponse:
        """Mark them and go back to the list."""
        return self.perform(
            lambda: actions.mark_all_read(call=Call(self.acting_user)),
            to=reverse("notifications:list"),
            message=_("Marked all as read."),
        )
