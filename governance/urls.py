"""Addresses of the pages of approvals and policies."""

from __future__ import annotations

from django.urls import path

from governance import policy_pages, views
from governance.actions.approval_verbs import APPROVAL
from governance.actions.policy_verbs import POLICY
from web.verb_pages import verb_page_paths

app_name = "governance"

urlpatterns = [
    path("approvals/", views.ApprovalList.as_view(), name="approvals"),
    path("approvals/<uuid:id>/", views.ApprovalPage.as_view(), name="approval"),
    *verb_page_paths(APPROVAL, "approvals/<uuid:id>/"),
    path("policies/", policy_pages.Policies.as_view(), name="policies"),
    *verb_page_paths(POLICY, "policies/<uuid:id>/"),
]
