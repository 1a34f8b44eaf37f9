"""Addresses of the work item pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from workitems.views import chain, inbox, pages
from workitems.views.operations import BY_ACTION

app_name = "workitems"

_ITEM = "work-items/<uuid:id>/"

urlpatterns: list[URLPattern] = [
    path("inbox/", inbox.Inbox.as_view(), name="inbox"),
    path("work-items/", inbox.Search.as_view(), name="search"),
    path("work-items/new/", pages.New.as_view(), name="new"),
    path(_ITEM, pages.Detail.as_view(), name="detail"),
    path(f"{_ITEM}complete/", pages.Complete.as_view(), name="complete"),
    *(
        path(f"{_ITEM}{action}/", pages.view_of(action).as_view(), name=action)
        for action in BY_ACTION
    ),
    path(f"{_ITEM}causal-chain/", chain.ChainPage.as_view(), name="causal-chain"),
    path(f"{_ITEM}causal-chain.svg", chain.ChainSvg.as_view(), name="causal-chain-svg"),
    path(f"{_ITEM}causal-chain.dot", chain.ChainDot.as_view(), name="causal-chain-dot"),
]
