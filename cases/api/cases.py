"""The endpoints of cases."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cases import actions, permissions, selectors
from cases.api import asking, representation
from cases.api.schemas import (
    CaseSchema,
    ContextSchema,
    OpenCaseSchema,
    PlanItemsSchema,
    ReasonSchema,
)
from cases.lifecycle import CaseStatus
from ledger.errors import Conflict, NotPermitted, Refusal, Stale
from ledger.selectors import all_entries, open_entries
from web.api import TenantAPIView
from web.entries import represent_entries
from web.entry_schema import EntrySchema
from web.inputs import StrictSerializer
from web.schema import page_schema
from workitems import chain
from workitems.api.schemas import ChainSchema


class CaseView(TenantAPIView):
    """What the endpoints of cases share."""

    honours_if_match = True

    def one(self, row: Any) -> dict[str, Any]:
        """Return the shape of one case as the caller sees it."""
        return representation.case(row, self.authority)

    def act_on(self, verb: Callable[..., Any], case_id: uuid.UUID, **how: Any) -> Response:
        """Call a verb on a case; a refusal says what the case allows instead."""
        try:
            return self.act(verb, case_id, render=self.one, **how)
        except (Conflict, NotPermitted, Stale) as refusal:
            self._say_what_is_possible(case_id, refusal)
            raise

    def _say_what_is_possible(self, case_id: uuid.UUID, refusal: Refusal) -> None:
        with self.scope():
            row = selectors.cases().filter(id=case_id).first()
            if row is None:
                return
            found = permissions.case_actions(row, self.authority, run_status=row.live_status)
        refusal.extra.setdefault("current_status", str(row.status))
        refusal.extra.setdefault("available_actions", representation.actions(found))


class Cases(CaseView):
    """All cases of the tenant."""

    honours_if_match = False
    paginated = True

    @extend_schema(
        responses=page_schema(CaseSchema, "CasePage"),
        parameters=[
            OpenApiParameter("status", str, enum=CaseStatus.values),
            OpenApiParameter("definition", str, description="namespace/name"),
        ],
    )
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        rows = asking.cases(request.query_params)
        return self.page(rows, lambda page: representation.cases(page, self.authority))

    @extend_schema(request=OpenCaseSchema, responses={201: CaseSchema})
    def post(self, request: Request) -> Response:
        """Open a case. Its first steps are opened by the worker, at once."""
        return self.act(
            actions.open_case,
            schema=OpenCaseSchema,
            render=self.one,
            status=201,
            location=lambda row: f"/api/v1/cases/{row.id}",
        )


class CaseDetail(CaseView):
    """One case."""

    @extend_schema(responses=CaseSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        row = selectors.case(id)
        return self.detail(self.one(row), version=row.version)


class CasePlanItems(TenantAPIView):
    """What a case's bindings became."""

    @extend_schema(responses=PlanItemsSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """List all of them, in the order in which they were opened."""
        row = selectors.case(id)
        return Response({"results": representation.plan_items(selectors.plan_items(row.id))})


class CaseContext(TenantAPIView):
    """What a case's steps read and write."""

    @extend_schema(responses=ContextSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it. Undo removes no key; `invalidated` names those of undone work."""
        row = selectors.case(id)
        body = {"context": row.context, "invalidated": row.invalidated}
        return self.detail(body, version=row.version)


class CaseTimeline(TenantAPIView):
    """The ledger entries of a case and all its parts."""

    paginated = True

    @extend_schema(responses=page_schema(EntrySchema, "CaseTimelinePage"))
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """List them, newest first."""
        rows = all_entries().filter(case_id=selectors.case(id).id)
        return self.page(
            rows, lambda page: represent_entries(open_entries(page)), order=("-at", "-id")
        )


class CaseHistory(TenantAPIView):
    """The ledger entries of the case itself."""

    paginated = True

    @extend_schema(responses=page_schema(EntrySchema, "CaseHistoryPage"))
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """List them, newest first."""
        rows = all_entries().filter(subject_type="case", subject_id=selectors.case(id).id)
        return self.page(
            rows, lambda page: represent_entries(open_entries(page)), order=("-subject_seq",)
        )


class CaseChain(TenantAPIView):
    """What led to what in a case, and what reverses what."""

    @extend_schema(responses=ChainSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read the causal chain."""
        return Response(chain.to_json(chain.chain_of_case(selectors.case(id).id)))


class CaseAction(CaseView):
    """One verb on a case; answers with the case as it is then."""

    verb: ClassVar[Callable[..., Any]]
    body: ClassVar[type[StrictSerializer] | None] = ReasonSchema

    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Do it."""
        cls = type(self)
        return self.act_on(cls.verb, id, schema=cls.body)


def _action(
    name: str, verb: Callable[..., Any], what: str, body: type[StrictSerializer] | None
) -> type[CaseAction]:
    members = {"__doc__": what, "verb": staticmethod(verb), "body": body}
    view = type(name, (CaseAction,), members)
    return extend_schema(request=body, responses=CaseSchema, description=what)(view)


ACTIONS: dict[str, type[CaseAction]] = {
    "suspend": _action(
        "SuspendCase", actions.suspend_case, "Hold it; under rollback, pause the run.", ReasonSchema
    ),
    "resume": _action("ResumeCase", actions.resume_case, "Go on.", None),
    "cancel": _action(
        "CancelCase", actions.cancel_case, "Call it off with its open work.", ReasonSchema
    ),
    "close": _action(
        "CloseCase", actions.close_case, "Close it: nothing of it is undone any more.", ReasonSchema
    ),
}
