"""Addresses of the API of executions, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from executions.api import views
from web.verb_api import verb_paths

app_name = "executions-api"

urlpatterns: list[URLPattern] = [
    path("capabilities", views.Capabilities.as_view(), name="capabilities"),
    *verb_paths("execution", collection=views.Executions, detail=views.ExecutionDetail),
    path("executions/<uuid:id>/history", views.ExecutionHistory.as_view(), name="history"),
]
