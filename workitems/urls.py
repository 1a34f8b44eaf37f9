"""Addresses of the work item pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from web.verb_pages import verb_page_paths
from workitems.views import chain_page, inbox, item, queue_page, several

app_name = "workitems"

_ITEM = "work-items/<uuid:id>/"

urlpatterns: list[URLPattern] = [
    path("inbox/", inbox.Inbox.as_view(), name="inbox"),
    path("inbox/several/", several.Several.as_view(), name="several"),
    path("decisions/", queue_page.DecisionQueue.as_view(), name="decisions"),
    path("work-items/", inbox.AllWork.as_view(), name="all"),
    path("work-items/filters/<uuid:id>/end/", inbox.EndFilter.as_view(), name="end-filter"),
    path("work-items/new/", item.New.as_view(), name="new"),
    path(_ITEM, item.Detail.as_view(), name="detail"),
    path(f"{_ITEM}complete/", item.Complete.as_view(), name="complete"),
    *verb_page_paths("work_item", _ITEM, show_refused=item.show_refused),
    path(f"{_ITEM}causal-chain/", chain_page.ChainPage.as_view(), name="causal-chain"),
    path(f"{_ITEM}causal-chain.svg", chain_page.ChainSvg.as_view(), name="causal-chain-svg"),
    path(f"{_ITEM}causal-chain.dot", chain_page.ChainDot.as_view(), name="causal-chain-dot"),
]
