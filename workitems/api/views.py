"""The endpoints of work items. Each does nothing but call one verb or one selector."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from compensation.lifecycle import CompensationState
from ledger.errors import Conflict, NotPermitted, Refusal, Stale
from ledger.selectors import all_entries, open_entries
from web.api import TenantAPIView
from web.entries import represent_entries
from web.entry_schema import EntrySchema
from web.inputs import Given, StrictSerializer
from web.schema import page_schema
from workitems import actions, chain, selectors
from workitems.actions.compensating import Compensation
from workitems.actions.creating import Wanted
from workitems.actions.editing import Edit
from workitems.api import asking, filters, representation
from workitems.api.schemas import (
    AssignSchema,
    ChainSchema,
    CompensateSchema,
    CompensationAnswerSchema,
    CompleteSchema,
    EditSchema,
    NewWorkItemSchema,
    WorkItemEvidenceSchema,
    WorkItemOptionalReasonSchema,
    WorkItemPerformerSchema,
    WorkItemReasonSchema,
    WorkItemSchema,
)
from workitems.lifecycle import Kind, Status
from workitems.rows import WorkItem

Schema = type[StrictSerializer]


class WorkItemView(TenantAPIView):
    """What the endpoints of work items share."""

    honours_if_match = True

    def one(self, item: WorkItem) -> dict[str, Any]:
        """Return the shape of one item as the caller sees it."""
        return representation.represent_many([item], self.authority)[0]

    def act_on(self, verb: Callable[..., Any], item_id: uuid.UUID, **how: Any) -> Response:
        """Call a verb on an item; a refusal says what the item allows instead."""
        try:
            return self.act(asking.through(verb), item_id, **how)
        except (Conflict, NotPermitted, Stale) as refusal:
            self._say_what_is_possible(item_id, refusal)
            raise

    def _say_what_is_possible(self, item_id: uuid.UUID, refusal: Refusal) -> None:
        with self.scope():
            item = selectors.visible().filter(id=item_id).first()
            if item is None:
                return
            [shown] = selectors.show([item], self.authority)
        refusal.extra.setdefault("current_status", str(item.status))
        refusal.extra.setdefault("available_actions", representation.actions(shown.actions))


class WorkItems(WorkItemView):
    """All work items of the tenant."""

    honours_if_match = False
    paginated = True

    @extend_schema(
        responses=page_schema(WorkItemSchema, "WorkItemPage"),
        parameters=[
            OpenApiParameter("status", str, many=True, enum=Status.values),
            OpenApiParameter("kind", str, enum=Kind.values),
            OpenApiParameter("compensation_state", str, enum=CompensationState.values),
            OpenApiParameter("assignee", str, description="A username, or `me`."),
            OpenApiParameter("candidate", str, enum=[filters.ME]),
            OpenApiParameter("case", uuid.UUID),
            OpenApiParameter("q", str, description="Part of the title."),
        ],
    )
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        rows = filters.wanted(request, self.acting_user)
        return self.page(rows, lambda page: representation.represent_many(page, self.authority))

    @extend_schema(request=NewWorkItemSchema, responses={201: WorkItemSchema})
    def post(self, request: Request) -> Response:
        """Open a work item outside any case."""
        return self.act(
            asking.through(actions.create_work_item),
            schema=NewWorkItemSchema,
            arguments=lambda given: {"wanted": Wanted(**given)},
            render=self.one,
            status=201,
            location=lambda item: f"/api/v1/work-items/{item.id}",
        )


class WorkItemDetail(WorkItemView):
    """One work item."""

    @extend_schema(responses=WorkItemSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        item = selectors.get(id)
        return self.detail(self.one(item), version=item.version)

    @extend_schema(request=EditSchema, responses=WorkItemSchema)
    def patch(self, request: Request, id: uuid.UUID) -> Response:
        """Change what it says while it is open. Its status changes through actions only."""
        return self.act_on(
            actions.edit,
            id,
            schema=EditSchema,
            arguments=lambda given: {"wanted": Edit(**given)},
            render=self.one,
        )


class WorkItemAction(WorkItemView):
    """One operation on a work item; answers with the item as it is then."""

    verb: ClassVar[Callable[..., WorkItem]]
    body: ClassVar[Schema | None] = None
    arguments: ClassVar[Callable[[Given], dict[str, Any]] | None] = None

    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Do it."""
        cls = type(self)
        return self.act_on(cls.verb, id, schema=cls.body, arguments=cls.arguments, render=self.one)


class CompensationAction(WorkItemView):
    """One operation on the undo of a work item; answers with the item and its undo."""

    verb: ClassVar[Callable[..., Compensation]]
    body: ClassVar[Schema | None] = None
    arguments: ClassVar[Callable[[Given], dict[str, Any]] | None] = None
    status: ClassVar[int] = 200

    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Do it."""
        cls = type(self)
        return self.act_on(
            cls.verb,
            id,
            schema=cls.body,
            arguments=cls.arguments,
            render=lambda answer: representation.represent_compensation(answer, self.authority),
            status=cls.status,
            etag_of=lambda answer: answer.original.version,
        )


def _endpoint(
    verb: Callable[..., Any],
    what: str,
    *,
    of_undo: bool = True,
    body: Schema | None = None,
    arguments: Callable[[Given], dict[str, Any]] | None = None,
    status: int = 200,
) -> type[WorkItemView]:
    """Return the view of one operation; those of an undo answer with original and compensation."""
    base: type[WorkItemView] = CompensationAction if of_undo else WorkItemAction
    view = type(
        verb.__name__.title().replace("_", ""),
        (base,),
        {
            "__doc__": what,
            "verb": staticmethod(verb),
            "body": body,
            "arguments": None if arguments is None else staticmethod(arguments),
            "status": status,
        },
    )
    answer = CompensationAnswerSchema if of_undo else WorkItemSchema
    return extend_schema(request=body, responses={status: answer}, description=what)(view)


_work = functools.partial(_endpoint, of_undo=False)

OPERATIONS: dict[str, type[WorkItemView]] = {
    "claim": _work(actions.claim, "Take it from the pool."),
    "release": _work(actions.release, "Give it back to the pool."),
    "assign": _work(
        actions.assign, "Give it to somebody.", body=AssignSchema, arguments=asking.assignee
    ),
    "start": _work(actions.start, "Begin work; from the pool this takes it too."),
    "stop": _work(actions.stop, "Pause work."),
    "complete": _work(
        actions.complete, "Finish it with an outcome and a resolution.", body=CompleteSchema
    ),
    "reject": _work(actions.reject, "Refuse it for good.", body=WorkItemReasonSchema),
    "cancel": _work(actions.cancel, "Call it off.", body=WorkItemReasonSchema),
    "compensate": _endpoint(
        actions.compensate,
        "Have finished work undone.",
        body=CompensateSchema,
        arguments=asking.wish,
        status=201,
    ),
    "compensation/retry": _endpoint(actions.retry_compensation, "Try the same undo again."),
    "compensation/reassign": _endpoint(
        actions.reassign_compensation,
        "Have another person or group undo it.",
        body=WorkItemPerformerSchema,
        arguments=asking.performer,
    ),
    "compensation/hand-to-human": _endpoint(
        actions.hand_to_human,
        "Let a person do what the program could not.",
        body=WorkItemPerformerSchema,
        arguments=asking.performer,
    ),
    "compensation/attest": _endpoint(
        actions.attest, "Vouch, with evidence, that it is undone.", body=WorkItemEvidenceSchema
    ),
    "compensation/abandon": _endpoint(
        actions.abandon, "Let the effect stand, with a reason.", body=WorkItemReasonSchema
    ),
    "compensation/withdraw": _endpoint(
        actions.withdraw,
        "Call an undo back that has not started.",
        body=WorkItemOptionalReasonSchema,
    ),
}


class WorkItemChain(TenantAPIView):
    """What led to what, and what reverses what."""

    @extend_schema(responses=ChainSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read the causal chain: the nodes of its page."""
        return Response(chain.to_json(chain.chain_of(selectors.get(id))))


class WorkItemHistory(TenantAPIView):
    """The ledger entries of one work item."""

    paginated = True

    @extend_schema(responses=page_schema(EntrySchema, "WorkItemHistoryPage"))
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """List them, newest first."""
        item = selectors.get(id)
        rows = all_entries().filter(subject_type=item.subject_type, subject_id=item.id)
        return self.page(
            rows,
            lambda page: represent_entries(open_entries(page)),
            order=("-subject_seq",),
        )
