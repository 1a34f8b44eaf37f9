"""Addresses of the API of executions, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from executions.api import views

app_name = "executions-api"

urlpatterns: list[URLPattern] = [
    path("capabilities", views.Capabilities.as_view(), name="capabilities"),
    path("executions", views.Executions.as_view(), name="list"),
    path("executions/<uuid:id>", views.ExecutionDetail.as_view(), name="detail"),
    path("executions/<uuid:id>/history", views.ExecutionHistory.as_view(), name="history"),
    path("executions/<uuid:id>/cancel", views.ExecutionCancel.as_view(), name="cancel"),
    path("executions/<uuid:id>/result", views.ExecutionResult.as_view(), name="result"),
]
