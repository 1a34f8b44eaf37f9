"""A small API over real tables, to try what every API stands on: members and their groups."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.db import OperationalError
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.acting import Authority
from accounts.models import Actor, GroupMembership, Membership
from accounts.roles import Role
from compensation.lifecycle import StepStatus
from compensation.models import CompensationStep
from config import urls
from ledger.errors import Conflict, NotFound, Refusal
from verbs import subject
from verbs.input import Input, Moment, Name, Nothing
from verbs.operation import operation
from verbs.shell import Verb, VerbContext
from verbs.subject import Locked, ResultShape, Subject
from web.api import TenantAPIView
from web.verb_api import view_of

handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500


class JoinInput(Input):
    """The body of joining a group."""

    name: Name
    details: dict[str, int] | None = None


class TypedInput(Input):
    """A member of each type that is easily mistaken for another."""

    name: str
    tags: list[str] = []
    labels: dict[str, str] = {}
    loud: bool = False
    due_at: Moment | None = None


def _locked(tenant_id: uuid.UUID, membership_id: uuid.UUID) -> Locked:
    holders = Membership.objects.filter(tenant_id=tenant_id, id=membership_id).values("actor_id")
    actor = Actor.objects.select_for_update(of=("self",)).filter(id__in=holders).first()
    if actor is None:
        raise NotFound
    return Locked(actor, membership_id)


def _admin(_row: Actor, authority: Authority, _facts: Any) -> str:
    return "" if Role.TENANT_ADMIN in authority.roles else "not_admin"


def _closed(actor: Actor, _facts: Any, _body: Mapping[str, Any] | None) -> Refusal | None:
    groups = GroupMembership.objects.filter(membership__actor_id=actor.id, name="closed")
    return Conflict(extra={"current_status": "CLOSED"}) if groups.exists() else None


def _join(actor: Actor, given: JoinInput, context: VerbContext) -> Actor:
    """Put a member into a group."""
    _group(given.name, context)
    actor.version += 1
    actor.save(update_fields=["version"])
    return actor


def _join_any(_actor: Actor, _given: Nothing, context: VerbContext) -> GroupMembership:
    """Put a member into a new group under a name of its own: two of these never collide."""
    return _group(str(uuid.uuid4()), context)


def _group(name: str, context: VerbContext) -> GroupMembership:
    return GroupMembership.objects.create(
        tenant_id=context.call.by.tenant_id, membership_id=context.others, name=name
    )


def rendered(actor: Actor) -> dict[str, Any]:
    """Return an actor as the API shows it."""
    return {"id": actor.id, "version": actor.version, "created_at": actor.created_at}


_JOINED = ResultShape(
    shape=lambda actor, _authority: rendered(actor),
    place=lambda actor: f"/api/v1/actors/{actor.id}",
)
subject.register(
    Subject(
        subject_type="member",
        model=Actor,
        route="members/<uuid:id>",
        locked=_locked,
        relations={"admin": _admin},
        results={
            "join": _JOINED,
            "join-once": _JOINED,
            "join-any": ResultShape(shape=lambda group, _authority: {"name": group.name}),
        },
    )
)


def _verb(name: str, who: str, function: Callable[..., Any], **how: Any) -> Verb[Any]:
    """Return a verb that is in no catalogue: the other tests need not know of it."""
    return Verb(
        subject_type="member", operation=operation(name, None, None, who), action="",
        function=function, transitions=False, status=201, **how,
    )  # fmt: skip


JOIN = _verb("join", "admin", _join, input=JoinInput, state=_closed)
JOIN_ONCE = _verb("join-once", "admin", _join, input=JoinInput, state=_closed, requires_key=True)
JOIN_ANY = _verb("join-any", "member", _join_any)


class Members(TenantAPIView):
    """All members."""

    def get(self, request: Request) -> Response:
        """Return a page of members."""
        return self.page(Membership.objects.all(), lambda rows: [{"id": row.id} for row in rows])

    def post(self, request: Request) -> Response:
        """Break."""
        raise RuntimeError("a secret of ours")


class Away(TenantAPIView):
    """As if the database had gone."""

    def post(self, request: Request) -> Response:
        """Break off."""
        raise OperationalError("connection lost")


class Moved(TenantAPIView):
    """A state machine that says no before its verb does."""

    def post(self, request: Request) -> Response:
        """Start what is running."""
        with self.scope():
            CompensationStep(status=StepStatus.DONE).start()
        return Response()


class Member(TenantAPIView):
    """One member."""

    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Return the member's actor."""
        actor = Actor.objects.filter(id__in=Membership.objects.filter(id=id).values("actor_id"))
        found = actor.first()
        if found is None:
            raise NotFound
        return self.detail({**rendered(found), "groups": sorted(self.authority.groups)},
                           version=found.version)  # fmt: skip


api = [
    path("members", Members.as_view()),
    path("members/away", Away.as_view()),
    path("members/moved", Moved.as_view()),
    path("members/<uuid:id>", Member.as_view()),
    path("members/<uuid:id>/join", view_of("join", [JOIN]).as_view()),
    path("members/<uuid:id>/join-any", view_of("join_any", [JOIN_ANY]).as_view()),
    path("members/<uuid:id>/join-once", view_of("join_once", [JOIN_ONCE]).as_view()),
]
# Before those of the product, which has members of its own.
urlpatterns = [path("api/v1/", include(api)), *urls.urlpatterns]
