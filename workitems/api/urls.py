"""Addresses of the work item API, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from web.bulk_api import bulk_paths
from web.verb_api import verb_paths
from workitems.actions.item_templates import TEMPLATE
from workitems.api import finding_api, views
from workitems.api.around_api import LISTS, addition_paths
from workitems.api.template_api import TemplateDetail, Templates

app_name = "workitems-api"


def _of_templates() -> list[URLPattern]:
    """Return the addresses of templates, by names of their own."""
    made = verb_paths(TEMPLATE, collection=Templates, detail=TemplateDetail)
    return [path(str(each.pattern), each.callback, name=f"template-{each.name}") for each in made]


urlpatterns: list[URLPattern | URLResolver] = [
    *verb_paths("work_item", collection=views.WorkItems, detail=views.WorkItemDetail, beside=LISTS),
    *addition_paths(),
    *_of_templates(),
    *bulk_paths("work_item", ["claim", "release", "assign", "cancel"]),
    path("work-items/search", finding_api.WorkItemSearch.as_view(), name="search"),
    path("work-items/summary", finding_api.WorkItemSummary.as_view(), name="summary"),
    path("work-items/<uuid:id>/causal-chain", views.WorkItemChain.as_view(), name="causal-chain"),
    path("work-items/<uuid:id>/history", views.WorkItemHistory.as_view(), name="history"),
    path("", include("workitems.api.filter_urls")),
    path("", include("workitems.api.schedule_urls")),
]
