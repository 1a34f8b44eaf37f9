"""The page of one automated step: what went in, what came out, and whether anybody knows."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from typing_extensions import override

from compensation.views.operator_pages import PageOfOne
from executions import selectors
from executions.execution_context import detail
from web.verb_pages import Refused

# Its form stands on the page of the execution.
ON_PAGE = ("outcome",)


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
