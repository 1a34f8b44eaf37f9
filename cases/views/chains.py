"""The causal chain of a case: a page with drawing and table, and both as files."""

from __future__ import annotations

import uuid
from operator import itemgetter

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from cases import selectors
from cases.subject import crumbs_of
from compensation.views.operator_pages import OperatorPage, crumb
from web.pages import pagination_in_order
from web.pagination import page_of_list
from workitems import chain
from workitems.chain_table import table


class _Chain(OperatorPage):
    """What the pages and files of a chain share."""

    def found(self, id: uuid.UUID) -> chain.Chain:
        """Return the chain of a case. Raises NotFound."""
        case = selectors.case(self.acting_user.tenant_id, id)
        return chain.chain_of_case(case.tenant_id, case.id)


class CaseChain(OperatorPage):
    """What led to what in a case."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show drawing and table."""
        case = selectors.case(self.acting_user.tenant_id, id)
        found = chain.chain_of_case(case.tenant_id, case.id)
        described = chain.described_in(found)
        listed = page_of_list(request, table(found, described), key=itemgetter("id"))
        context = {
            "crumbs": [*crumbs_of(case), crumb(_("Causal chain"))],
            "title": case.name,
            "lede": _("What %(what)s did, and what was undone, in order.") % {"what": case.name},
            "figure": chain.figure(
                found, label=_("Causal chain of this case"), described=described
            ),
            "rows": listed.rows,
            "pagination": pagination_in_order(request, listed),
            "depths": [],
            "downloads": [
                {"label": label, "url": reverse(f"cases:chain-{label.lower()}", args=[id])}
                for label in ("SVG", "DOT")
                if found.nodes
            ],
        }
        return self.render("graph/chain.html", context)


class CaseChainSvg(_Chain):
    """The drawing by itself."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Return an SVG file."""
        figure = chain.figure(self.found(id))
        response = self.render("graph/chain.svg", {"figure": figure})
        return _file(response, "image/svg+xml", f"case-{id}.svg")


class CaseChainDot(_Chain):
    """The chain for Graphviz."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Return text in the DOT language."""
        text = chain.to_dot(self.found(id))
        return _file(HttpResponse(text), "text/vnd.graphviz; charset=utf-8", f"case-{id}.dot")


def _file(response: HttpResponse, media_type: str, name: str) -> HttpResponse:
    response.headers["Content-Type"] = media_type
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
