"""Addresses of the ledger's pages."""

from __future__ import annotations

from django.urls import path

from audit import views
from audit.actions.erasing_people import ERASURE
from audit.actions.keeping_payloads import RETENTION
from audit.actions.legal_holds import HOLD
from audit.check_page import CheckPage
from audit.drop_page import DropPage
from audit.erasure_pages import ErasurePage, ErasuresPage
from audit.health_page import HealthPage
from audit.report_page import ReportPage
from audit.retention_page import RetentionsPage
from web.entries import ENTRY
from web.verb_pages import verb_page_paths

app_name = "audit"
urlpatterns = [
    path("ledger/", views.EntriesPage.as_view(), name="entries"),
    path("ledger/check/", CheckPage.as_view(), name="check"),
    path("ledger/check-export/", DropPage.as_view(), name="check-export"),
    path("ledger/health/", HealthPage.as_view(), name="health"),
    path("ledger/erasures/", ErasuresPage.as_view(), name="erasures"),
    path("ledger/erasures/<uuid:id>/", ErasurePage.as_view(), name="erasure"),
    *verb_page_paths(ERASURE, "ledger/erasures/<uuid:id>/"),
    *verb_page_paths(HOLD, "ledger/legal-holds/<uuid:id>/"),
    path("ledger/retention/", RetentionsPage.as_view(), name="retentions"),
    *verb_page_paths(RETENTION, "ledger/retention/<uuid:id>/"),
    path("ledger/report/", ReportPage.as_view(), name="report"),
    path("ledger/entries/<uuid:id>/", views.EntryPage.as_view(), name="entry"),
    *verb_page_paths(ENTRY, "ledger/entries/<uuid:id>/"),
    path("ledger/subjects/<slug:type>/<uuid:id>/", views.SubjectPage.as_view(), name="subject"),
]
