"""The endpoints of executions. Each does nothing but call one verb or one selector."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from executions import actions, registry, selectors
from executions.api.representation import represent, represent_capability
from executions.api.schemas import (
    CancelSchema,
    CapabilitiesSchema,
    ExecutionSchema,
    NewExecutionSchema,
    ResultSchema,
)
from executions.lifecycle import ExecutionStatus
from ledger.errors import Conflict, Invalid, NotPermitted, Refusal, Stale
from ledger.selectors import all_entries, open_entries
from web.api import TenantAPIView
from web.entries import represent_entries
from web.entry_schema import EntrySchema
from web.schema import page_schema


class Capabilities(TenantAPIView):
    """The named automated actions that may be run."""

    @extend_schema(responses=CapabilitiesSchema)
    def get(self, request: Request) -> Response:
        """List them by name, with their schemas."""
        found = [represent_capability(each) for each in registry.all_capabilities()]
        return Response({"results": found})


class ExecutionView(TenantAPIView):
    """What the endpoints of executions share."""

    def one(self, execution: Any) -> dict[str, Any]:
        """Return the shape of one execution as the caller sees it."""
        return represent(selectors.show([execution], self.authority)[0])

    def act_on(self, verb: Callable[..., Any], execution_id: uuid.UUID, **how: Any) -> Response:
        """Call a verb on an execution; a refusal says what it allows instead."""
        try:
            return self.act(verb, execution_id, render=self.one, **how)
        except (Conflict, NotPermitted, Stale) as refusal:
            self._say_what_is_possible(execution_id, refusal)
            raise

    def _say_what_is_possible(self, execution_id: uuid.UUID, refusal: Refusal) -> None:
        with self.scope():
            found = selectors.by_id([execution_id]).get(execution_id)
            if found is None:
                return
            allowed = selectors.available_actions(found, self.authority)
        refusal.extra.setdefault("current_status", str(found.status))
        refusal.extra.setdefault("available_actions", allowed)


class Executions(ExecutionView):
    """All executions of the tenant."""

    paginated = True

    @extend_schema(
        responses=page_schema(ExecutionSchema, "ExecutionPage"),
        parameters=[
            OpenApiParameter("status", str, many=True, enum=ExecutionStatus.values),
            OpenApiParameter("capability", str),
            OpenApiParameter("case", uuid.UUID),
        ],
    )
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        query = request.query_params
        rows = selectors.filtered(
            selectors.visible(),
            status=[_status(value) for value in query.getlist("status")],
            capability=_name(query.get("capability", "")),
            case_id=_id("case", query.get("case", "")),
        )
        return self.page(
            rows, lambda page: [represent(each) for each in selectors.show(page, self.authority)]
        )

    @extend_schema(request=NewExecutionSchema, responses={201: ExecutionSchema})
    def post(self, request: Request) -> Response:
        """Ask for one run of a capability. A worker takes it at once."""
        return self.act(
            actions.request_execution,
            schema=NewExecutionSchema,
            render=self.one,
            status=201,
            location=lambda execution: f"/api/v1/executions/{execution.id}",
        )


class ExecutionDetail(ExecutionView):
    """One execution."""

    @extend_schema(responses=ExecutionSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        execution = selectors.get(id)
        return self.detail(self.one(execution), version=execution.version)


class ExecutionHistory(TenantAPIView):
    """The ledger entries of one execution."""

    paginated = True

    @extend_schema(responses=page_schema(EntrySchema, "ExecutionHistoryPage"))
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """List them, newest first."""
        execution = selectors.get(id)
        rows = all_entries().filter(subject_type=execution.subject_type, subject_id=execution.id)
        return self.page(
            rows, lambda page: represent_entries(open_entries(page)), order=("-subject_seq",)
        )


class ExecutionCancel(ExecutionView):
    """Call an execution back before a worker has started it."""

    honours_if_match = True

    @extend_schema(request=CancelSchema, responses=ExecutionSchema)
    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Cancel it."""
        return self.act_on(actions.cancel_execution, id, schema=CancelSchema)


class ExecutionResult(ExecutionView):
    """Report how an outside party ended an execution that waits for it."""

    honours_if_match = True

    @extend_schema(request=ResultSchema, responses=ExecutionSchema)
    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Record the result."""
        return self.act_on(actions.record_result, id, schema=ResultSchema)


def _status(value: str) -> str:
    if value not in ExecutionStatus.values:
        raise Invalid.field("status", f"status: must be one of {', '.join(ExecutionStatus.values)}")
    return value


def _name(value: str) -> str:
    if "\x00" in value:
        raise Invalid.field("capability", "capability: may not contain NUL")
    return value


def _id(name: str, value: str) -> uuid.UUID | None:
    if not value:
        return None
    try:
        return uuid.UUID(value)
    except ValueError:
        raise Invalid.field(name, f"{name}: must be an id") from None
