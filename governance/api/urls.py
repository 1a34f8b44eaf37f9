"""Addresses of approvals, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern

from governance.actions.approval_verbs import APPROVAL
from governance.api.views import ApprovalDetail, Approvals
from web.verb_api import verb_paths

app_name = "governance-api"

urlpatterns: list[URLPattern] = verb_paths(APPROVAL, collection=Approvals, detail=ApprovalDetail)
