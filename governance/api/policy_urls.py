"""Addresses of policies, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern

from governance.actions.policy_verbs import POLICY
from governance.api.policy_views import Policies, PolicyDetail
from web.verb_api import verb_paths

app_name = "policies"

urlpatterns: list[URLPattern] = verb_paths(POLICY, collection=Policies, detail=PolicyDetail)
