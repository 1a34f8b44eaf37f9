"""Addresses of the ledger, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from audit.api import views

app_name = "audit-api"
urlpatterns = [
    path("ledger/entries", views.Entries.as_view(), name="entries"),
    path("ledger/entries/<uuid:id>", views.EntryDetail.as_view(), name="entry"),
]
