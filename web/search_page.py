"""The page that finds cases, work, people and undo tasks, where the search box leads."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from web.pages import MemberPage
from web.search import MAX_QUERY, found


class SearchPage(MemberPage):
    """What is called so, of every kind."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        query = " ".join(request.GET.get("q", "").split())[:MAX_QUERY]
        groups = found(self.acting_user, query)
        return self.render("web/search.html", {"query": query, "groups": groups})
