"""Addresses of approvals and policies, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from governance.actions.approval_verbs import APPROVAL
from governance.api.views import ApprovalDetail, Approvals
from web.verb_api import verb_paths

app_name = "governance-api"

urlpatterns: list[URLPattern | URLResolver] = [
    *verb_paths(APPROVAL, collection=Approvals, detail=ApprovalDetail),
    path("", include("governance.api.policy_urls")),
]
