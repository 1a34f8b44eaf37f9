"""Addresses of saved filters, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern

from web.verb_api import verb_paths
from workitems.api import filter_views

app_name = "saved-filters"

urlpatterns: list[URLPattern] = verb_paths(
    "saved_filter", collection=filter_views.SavedFilters, detail=filter_views.SavedFilterDetail
)
