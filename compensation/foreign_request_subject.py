"""Requests of other organisations as a kind of thing, and what waits for a decision of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.acting import ActingUser
from compensation import foreign_request_context
from compensation.actions.foreign_request_verbs import REQUEST, locked_request, request_envelope
from compensation.api.foreign_request_json import CompensationRequestSchema, represent_requests
from compensation.foreign_request_tables import CompensationRequest
from compensation.foreign_requests import pending, requests
from verbs.subject import Description, Subject
from web.decisions import Decision, Found, Source, of_operators
from web.live import LivePage, Watched
from web.pagination import NEWEST_FIRST

REQUEST_SUBJECT = Subject(
    subject_type=REQUEST,
    model=CompensationRequest,
    # After what it is about, before the rollback that it lets start.
    rank=75,
    route="compensation-requests/<uuid:id>",
    finished="done",
    locked=locked_request,
    named_after=foreign_request_context.named_after,
    shape=represent_requests,
    schema=CompensationRequestSchema,
    envelope=request_envelope,
    pages="compensation:request",
    crumbs=foreign_request_context.crumbs,
    page_facts=foreign_request_context.page_facts,
)


def _columns(_tenant_id: uuid.UUID) -> Mapping[str, Any]:
    return {
        "since": F("created_at"),
        "name": F("asking_name"),
        "thing": F("id"),
        "about_type": F("about_type"),
        "about_id": F("about_id"),
    }


def _show(found: Found, about: Description | None) -> Decision:
    title = _("%(who)s asks to undo %(what)s") % {
        "who": found.name, "what": about.title if about else "…",
    }  # fmt: skip
    return Decision(
        title, reverse("compensation:request", args=[found.thing]), gettext_lazy("Decide"),
        gettext_lazy("Asked from outside"), icon="building-2",
    )  # fmt: skip


UNDECIDED = Source("foreign_request", of_operators(pending), _columns, _show)


def waits(who: ActingUser, _keys: Mapping[str, Any]) -> list[Watched]:
    """Return the requests that wait for a decision."""
    return [Watched(pending(who.tenant_id).order_by(*NEWEST_FIRST))]


def _listed(who: ActingUser, _keys: Mapping[str, Any]) -> list[Watched]:
    return [Watched(requests(who.tenant_id).order_by(*NEWEST_FIRST))]


def _one(who: ActingUser, keys: Mapping[str, Any]) -> list[Watched]:
    return [Watched(requests(who.tenant_id).filter(id=keys["id"]).order_by())]


PAGES = (
    LivePage("compensation:requests", _listed, listing=True),
    LivePage("compensation:request", _one),
)
