"""Addresses of the API of executions and batches, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from executions.api import views
from executions.api.batch_views import BatchDetail, Batches
from web.verb_api import verb_paths

app_name = "executions-api"


def _of_batches() -> list[URLPattern]:
    """Return the addresses of batches, by names of their own."""
    made = verb_paths("batch", collection=Batches, detail=BatchDetail)
    return [path(str(each.pattern), each.callback, name=f"batch-{each.name}") for each in made]


urlpatterns: list[URLPattern] = [
    path("capabilities", views.Capabilities.as_view(), name="capabilities"),
    *verb_paths("execution", collection=views.Executions, detail=views.ExecutionDetail),
    path("executions/<uuid:id>/history", views.ExecutionHistory.as_view(), name="history"),
    *_of_batches(),
]
