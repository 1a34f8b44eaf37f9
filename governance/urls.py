"""Addresses of the pages of approvals."""

from __future__ import annotations

from django.urls import path

from governance import views
from governance.actions.approval_verbs import APPROVAL
from web.verb_pages import verb_page_paths

app_name = "governance"

urlpatterns = [
    path("approvals/", views.ApprovalList.as_view(), name="approvals"),
    path("approvals/<uuid:id>/", views.ApprovalPage.as_view(), name="approval"),
    *verb_page_paths(APPROVAL, "approvals/<uuid:id>/"),
]
