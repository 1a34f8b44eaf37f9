"""The endpoints of compensation plans and runs."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cases import actions, selectors
from cases.api import asking, representation
from cases.api.schemas import (
    EvidenceSchema,
    ExecuteSchema,
    ItemPlanRequestSchema,
    PerformerSchema,
    PlanRequestSchema,
    PlanSchema,
    ReasonSchema,
    RequiredReasonSchema,
    RunSchema,
)
from cases.lifecycle import RunStatus
from web import etag
from web.api import TenantAPIView
from web.inputs import Given, StrictSerializer
from web.schema import page_schema

Schema = type[StrictSerializer]


class _Preview(TenantAPIView):
    """A preview of what would be undone."""

    subject_type: ClassVar[str]
    body: ClassVar[Schema] = ItemPlanRequestSchema

    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Plan it, for 15 minutes. Nothing but the plan is written."""
        cls = type(self)
        return self.act(
            actions.preview,
            (cls.subject_type, id),
            schema=cls.body,
            render=representation.plan,
            status=201,
            location=lambda row: f"/api/v1/compensation-plans/{row.id}",
            etag_of=lambda row: row.digest,
        )


@extend_schema(request=PlanRequestSchema, responses={201: PlanSchema})
class CasePlan(_Preview):
    """What undoing a case, or a part of it, would mean."""

    subject_type = "case"
    body = PlanRequestSchema


@extend_schema(request=ItemPlanRequestSchema, responses={201: PlanSchema})
class WorkItemPlan(_Preview):
    """What undoing one work item would mean."""

    subject_type = "work_item"


@extend_schema(request=ItemPlanRequestSchema, responses={201: PlanSchema})
class ExecutionPlan(_Preview):
    """What undoing one execution would mean."""

    subject_type = "execution"


class PlanDetail(TenantAPIView):
    """One plan."""

    @extend_schema(responses=PlanSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it. Its ETag is the digest to execute it with."""
        row = selectors.plan(id)
        return Response(representation.plan(row), headers={"ETag": etag.tag(row.digest)})


class PlanExecute(TenantAPIView):
    """A plan, put to work."""

    requires_if_match = True
    requires_key = True

    @extend_schema(request=ExecuteSchema, responses={202: RunSchema})
    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Start its run. `If-Match` carries the digest: what was previewed is what runs."""
        return self.act(
            actions.execute,
            id,
            schema=ExecuteSchema,
            digest=etag.opaque_tag(request),
            render=lambda row: representation.run(row, self.authority),
            status=202,
            location=lambda row: f"/api/v1/compensation-runs/{row.id}",
        )


class Runs(TenantAPIView):
    """All compensation runs of the tenant."""

    paginated = True

    @extend_schema(
        responses=page_schema(RunSchema, "RunPage"),
        parameters=[
            OpenApiParameter("status", str, enum=RunStatus.values),
            OpenApiParameter("case", uuid.UUID),
        ],
    )
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        rows = asking.runs(request.query_params)
        return self.page(
            rows,
            lambda page: representation.runs(page, self.authority),
            order=("-started_at", "-id"),
        )


class RunDetail(TenantAPIView):
    """One compensation run."""

    @extend_schema(responses=RunSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it, with every attempt at every step."""
        row = selectors.run(id)
        return self.detail(representation.run(row, self.authority), version=row.version)


class RunAction(TenantAPIView):
    """One verb on a run; answers with the run as it is then."""

    honours_if_match = True
    verb: ClassVar[Callable[..., Any]]
    body: ClassVar[Schema | None] = None

    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Do it."""
        cls = type(self)
        return self.act(
            cls.verb,
            id,
            schema=cls.body,
            render=lambda row: representation.run(row, self.authority),
        )


class StepAction(TenantAPIView):
    """One decision about a failed step; answers with the run as it is then."""

    honours_if_match = True
    verb: ClassVar[Callable[..., Any]]
    body: ClassVar[Schema | None] = None
    arguments: ClassVar[Callable[[Given], dict[str, Any]] | None] = None

    def post(self, request: Request, id: uuid.UUID, n: int) -> Response:
        """Do it."""
        cls = type(self)
        return self.act(
            cls.verb,
            id,
            n,
            schema=cls.body,
            arguments=cls.arguments,
            render=lambda row: representation.run(row, self.authority),
        )


def _run_action(
    name: str, verb: Callable[..., Any], what: str, body: Schema | None
) -> type[RunAction]:
    members = {"__doc__": what, "verb": staticmethod(verb), "body": body}
    view = type(name, (RunAction,), members)
    return extend_schema(request=body, responses=RunSchema, description=what)(view)


def _decision(
    name: str,
    verb: Callable[..., Any],
    what: str,
    body: Schema | None = None,
    arguments: Callable[[Given], dict[str, Any]] | None = None,
) -> type[StepAction]:
    members = {
        "__doc__": what,
        "verb": staticmethod(verb),
        "body": body,
        "arguments": None if arguments is None else staticmethod(arguments),
    }
    view = type(name, (StepAction,), members)
    return extend_schema(request=body, responses=RunSchema, description=what)(view)


RUN_ACTIONS: dict[str, type[RunAction]] = {
    "pause": _run_action("PauseRun", actions.pause_run, "Let no further step start.", ReasonSchema),
    "resume": _run_action("ResumeRun", actions.resume_run, "Let steps start again.", None),
}
STEP_ACTIONS: dict[str, type[StepAction]] = {
    "retry": _decision("RetryStep", actions.retry_step, "Try the same undo again."),
    "reassign": _decision(
        "ReassignStep", actions.reassign_step, "Have another person or group undo it.",
        PerformerSchema, asking.performer,
    ),
    "hand-to-human": _decision(
        "HandStepToHuman", actions.hand_step_to_human,
        "Let a person do what the program could not.", PerformerSchema, asking.performer,
    ),
    "attest": _decision(
        "AttestStep", actions.attest_step, "Vouch, with evidence, that it is undone.",
        EvidenceSchema,
    ),
    "abandon": _decision(
        "AbandonStep", actions.abandon_step, "Let the effect stand, with a reason.",
        RequiredReasonSchema,
    ),
}  # fmt: skip
