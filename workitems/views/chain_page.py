"""The causal chain of a work item as a page and as files."""

from __future__ import annotations

import uuid
from operator import itemgetter

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from web.pages import MemberPage, pagination_in_order
from web.pagination import page_of_list
from workitems import chain, drawing, selectors
from workitems.chain_table import table
from workitems.item_context import crumbs


class ChainPage(MemberPage):
    """What led to what, and what reverses what: a drawing, and the same as a table."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show it."""
        item = selectors.get_bare(self.acting_user.tenant_id, id)
        found = chain.chain_of(item)
        described = chain.described_in(found)
        listed = page_of_list(request, table(found, described), key=itemgetter("id"))
        label = _("Causal chain of %(title)s") % {"title": item.title}
        context = {
            "crumbs": [*crumbs(item), {"label": _("Causal chain"), "url": ""}],
            "title": item.title,
            "figure": chain.figure(found, label=label, described=described),
            "rows": listed.rows,
            "pagination": pagination_in_order(request, listed),
            "depths": [],
            "downloads": [
                {"label": "SVG", "url": reverse("workitems:causal-chain-svg", args=[id])},
                {"label": "DOT", "url": reverse("workitems:causal-chain-dot", args=[id])},
            ],
        }
        return self.render("graph/chain.html", context)


class ChainDot(MemberPage):
    """The chain in the DOT language."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Send the file."""
        text = chain.to_dot(chain.chain_of(selectors.get_bare(self.acting_user.tenant_id, id)))
        return _file(text, "text/vnd.graphviz", f"chain-{id}.dot")


class ChainSvg(MemberPage):
    """The drawing as a file of its own."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Send the file."""
        figure = chain.figure(chain.chain_of(selectors.get_bare(self.acting_user.tenant_id, id)))
        return _file(drawing.to_svg(figure), "image/svg+xml", f"chain-{id}.svg")


def _file(text: str, media_type: str, name: str) -> HttpResponse:
    return HttpResponse(
        text,
        content_type=f"{media_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
