"""What is read of work items. Their verbs are served beside it, from the catalogue."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.acting import ActingUser
from accounts.selectors import member_named
from compensation.lifecycle import CompensationState
from executions.api.query_parameters import id_of, one_of, word_of
from executions.api.views import history_page
from executions.selectors import filtered
from ledger.errors import Invalid
from web.api import TenantAPIView
from web.schema import EntrySchema, page_schema
from workitems import selectors
from workitems.api.item_json import ChainSchema, WorkItemSchema, chain_page, represent_many
from workitems.chain import chain_of
from workitems.lifecycle import FOR_ASSIGNEE, Kind, Status

ME = "me"
_NARROWING = {"status", "kind", "compensation_state", "assignee", "candidate", "q"}


class WorkItems(TenantAPIView):
    """All work items of the tenant."""

    paginated = True

    @extend_schema(
        responses=page_schema(WorkItemSchema, "WorkItemPage"),
        parameters=[
            OpenApiParameter("status", str, many=True, enum=Status.values),
            OpenApiParameter("kind", str, enum=Kind.values),
            OpenApiParameter("compensation_state", str, enum=CompensationState.values),
            OpenApiParameter("assignee", str, description="A username, or `me`."),
            OpenApiParameter("candidate", str, enum=[ME]),
            OpenApiParameter("case", uuid.UUID),
            OpenApiParameter("q", str, description="Part of the title."),
        ],
    )
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        rows = _filtered(request.query_params, self.acting_user)
        among = _among(request.query_params, self.acting_user)
        return self.page(rows, lambda page: represent_many(page, self.authority), among=among)


class WorkItemDetail(TenantAPIView):
    """One work item."""

    @extend_schema(responses=WorkItemSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        item = selectors.get(self.acting_user.tenant_id, id)
        [shape] = represent_many([item], self.authority)
        return self.detail(shape, version=item.version)


class WorkItemChain(TenantAPIView):
    """What led to what, and what reverses what."""

    paginated = True

    @extend_schema(responses=ChainSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read a page of the causal chain, with the arrows that begin at its nodes."""
        return chain_page(self, chain_of(selectors.get(self.acting_user.tenant_id, id)))


class WorkItemHistory(TenantAPIView):
    """The ledger entries of one work item."""

    paginated = True

    @extend_schema(responses=page_schema(EntrySchema, "WorkItemHistoryPage"))
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """List them, newest first."""
        return history_page(self, selectors.get(self.acting_user.tenant_id, id))


def _filtered(query: QueryDict, who: ActingUser) -> QuerySet[Any]:
    """Return the items that the query asks for. `status` may be repeated; `me` is `who`."""
    rows = filtered(
        selectors.visible(who.tenant_id),
        status__in=[one_of("status", each, Status.values) for each in query.getlist("status")],
        kind=word_of(query, "kind", Kind.values),
        compensation_state=word_of(query, "compensation_state", CompensationState.values),
        title__icontains=query.get("q", "").strip(),
        case_id=id_of(query, "case"),
    )
    if "assignee" in query:
        rows = _assigned(rows, query, who)
    if "candidate" in query:
        if query["candidate"] != ME:
            raise Invalid.field("candidate", "candidate: only `me` can be asked for")
        rows = selectors.candidate_for(rows, who)
    return rows


def _assigned(rows: QuerySet[Any], query: QueryDict, who: ActingUser) -> QuerySet[Any]:
    assignee = query.get("assignee", "").strip()
    actor = who.actor_id if assignee == ME else member_named(who.tenant_id, assignee)
    return rows.filter(assignee_id=actor) if actor is not None else rows.none()


def _among(query: QueryDict, who: ActingUser) -> QuerySet[Any] | None:
    """Return the list in which what the query asks for is looked for, the shortest one that has an
    index; None where that index finds it all (`pagination.cut`)."""
    rows, narrowing = selectors.visible(who.tenant_id), set(query) & _NARROWING
    if "case" in query:
        return None
    statuses = set(query.getlist("status"))
    if "assignee" in query:
        rows, narrowing = _assigned(rows, query, who), narrowing - {"assignee"}
    if statuses and statuses <= (FOR_ASSIGNEE if "assignee" in query else {Status.PENDING}):
        rows, narrowing = rows.filter(status__in=statuses), narrowing - {"status"}
    return rows if narrowing else None
