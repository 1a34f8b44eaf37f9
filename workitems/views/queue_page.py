"""What waits for a person's decision, of all kinds, longest first."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import ngettext

from web import decisions
from web.counts import COUNTED, shown_count
from web.nav import say_count
from web.pages import MemberPage
from workitems.inbox_rows import lines


class DecisionQueue(MemberPage):
    """The queue of those who decide. Who may not decide anything finds it empty."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show what has waited longest."""
        found = decisions.waiting(self.acting_user)
        shown = found[:COUNTED]
        say_count(request, "decisions", min(len(found), COUNTED))
        context = {
            "summary": _summary(len(found)),
            "rows": lines(self.acting_user, [], shown, back=request.path).decisions(shown),
            "has_more": len(found) > len(shown),
        }
        return self.render("workitems/queue.html", context)


def _summary(number: int) -> str:
    if not number:
        return ""
    text = ngettext("%(n)s waits for a decision.", "%(n)s wait for a decision.", number)
    return text % {"n": shown_count(number)}
