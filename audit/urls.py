"""Addresses of the ledger's pages."""

from __future__ import annotations

from django.urls import path

from audit import views

app_name = "audit"
urlpatterns = [
    path("ledger/", views.EntriesPage.as_view(), name="entries"),
    path("ledger/entries/<uuid:id>/", views.EntryPage.as_view(), name="entry"),
    path("ledger/subjects/<slug:type>/<uuid:id>/", views.SubjectPage.as_view(), name="subject"),
]
