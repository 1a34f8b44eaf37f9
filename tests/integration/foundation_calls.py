"""Calls to the small API of `foundation_views`, and what its answers say."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.test import Client

from accounts.acting import ActingUser
from accounts.models import GroupMembership
from ledger.tenancy import tenant_scope

MEMBERS = "/api/v1/members"
PROBLEM = "application/problem+json"


def post(client: Client, url: str, body: Any = None, **headers: str) -> HttpResponse:
    """Send JSON. Underscores of header names stand for dashes."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(  # type: ignore[return-value]
        url, {} if body is None else body, content_type="application/json", headers=sent
    )


def join_url(who: ActingUser) -> str:
    return f"{MEMBERS}/{who.membership_id}/join"


def code(response: Any) -> tuple[int, str]:
    """Return status and code of a problem, which must be one in full."""
    assert response["Content-Type"] == PROBLEM
    body = response.json()
    assert body["status"] == response.status_code
    assert body["type"] == f"/api/v1/problems/{body['code']}"
    assert body["request_id"] == response["X-Request-ID"] != ""
    assert isinstance(body["detail"], str)
    assert isinstance(body["errors"], list)
    return response.status_code, body["code"]


def groups_of(who: ActingUser) -> list[str]:
    with tenant_scope(who.tenant_id):
        rows = GroupMembership.objects.filter(membership__actor_id=who.actor_id)
        return sorted(rows.values_list("name", flat=True))
