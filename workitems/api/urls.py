"""Addresses of the work item API, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from workitems.api import views

app_name = "workitems-api"

urlpatterns: list[URLPattern] = [
    path("work-items", views.WorkItems.as_view(), name="list"),
    path("work-items/<uuid:id>", views.WorkItemDetail.as_view(), name="detail"),
    path("work-items/<uuid:id>/causal-chain", views.WorkItemChain.as_view(), name="causal-chain"),
    path("work-items/<uuid:id>/history", views.WorkItemHistory.as_view(), name="history"),
    *(
        path(f"work-items/<uuid:id>/{route}", view.as_view(), name=route.rpartition("/")[2])
        for route, view in views.OPERATIONS.items()
    ),
]
