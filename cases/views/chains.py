"""The causal chain of a case: a page with drawing and table, and both as files."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from cases import chain, selectors
from cases.views.asking import CasesPage, crumb
from workitems import chain as drawing


class CaseChain(CasesPage):
    """What led to what in a case."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show drawing and table."""
        case, found = selectors.case(id), chain.of_case(id)
        context = {
            "crumbs": [
                crumb(_("Cases"), reverse("cases:list")),
                crumb(case.title, reverse("cases:detail", args=[id])),
                crumb(_("Causal chain")),
            ],
            "title": case.title,
            "lede": _("What %(what)s did, and what was undone, in order.") % {"what": case.title},
            "figure": drawing.figure(found, label=_("Causal chain of this case")),
            "rows": chain.rows(found),
            "depths": [],
            "downloads": [
                {"label": "SVG", "url": reverse("cases:chain-svg", args=[id])},
                {"label": "DOT", "url": reverse("cases:chain-dot", args=[id])},
            ]
            if found.nodes
            else [],
        }
        return self.render("graph/chain.html", context)


class CaseChainSvg(CasesPage):
    """The drawing by itself."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Return an SVG file."""
        selectors.case(id)
        found = chain.of_case(id)
        response = self.render("graph/chain.svg", {"figure": drawing.figure(found)})
        response.headers["Content-Type"] = "image/svg+xml"
        response.headers["Content-Disposition"] = f'attachment; filename="case-{id}.svg"'
        return response


class CaseChainDot(CasesPage):
    """The chain for Graphviz."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Return text in the DOT language."""
        selectors.case(id)
        text = drawing.to_dot(chain.of_case(id))
        response = HttpResponse(text, content_type="text/vnd.graphviz; charset=utf-8")
        response.headers["Content-Disposition"] = f'attachment; filename="case-{id}.dot"'
        return response
