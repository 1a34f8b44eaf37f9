"""The causal chain of a case: drawing, table, files and API come from the same nodes."""

from __future__ import annotations

from django.urls import reverse

from cases.models import Case
from web.graph import Figure
from workitems.chain import Chain, chain_of_case, figure


def of_case(case: Case) -> Chain:
    """Return the chain of a case. A few queries, any size."""
    return chain_of_case(case.tenant_id, case.id)


def figure_of(case: Case, label: str) -> Figure | None:
    """Return the drawing of a case, None as long as nothing of it is finished."""
    found = of_case(case)
    url = reverse("cases:chain", args=[case.id])
    return figure(found, label=label, table_url=url) if found.nodes else None
