"""A small API over real tables, to try what every API stands on: members and their groups."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.db import OperationalError, transaction
from django.urls import include, path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.acting import ActingUser, authority_of
from accounts.models import Actor, GroupMembership, Membership
from accounts.roles import Role
from cases.lifecycle import StepStatus
from cases.models import CompensationStep
from config import urls
from ledger.errors import Conflict, Invalid, NotFound, PreconditionRequired, Stale
from ledger.tenancy import set_tenant
from web.api import TenantAPIView
from web.inputs import StrictSerializer

handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500


class JoinInput(StrictSerializer):
    """The body of joining a group."""

    name = serializers.CharField(max_length=20)
    details = serializers.DictField(child=serializers.IntegerField(), required=False)


class TypedInput(StrictSerializer):
    """A member of each type that is easily mistaken for another."""

    name = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    labels = serializers.DictField(child=serializers.CharField(), required=False)
    loud = serializers.BooleanField(required=False)
    due_at = serializers.DateTimeField(required=False, allow_null=True)


def join(
    membership_id: uuid.UUID,
    *,
    name: str,
    details: dict[str, int] | None = None,
    acting_user: ActingUser,
    expected_version: int | None = None,
    unmet: PreconditionRequired | None = None,
    invalid: Invalid | None = None,
    remember: Callable[[Actor], None],
) -> Actor:
    """Put a member into a group, refusing in the public order of checks."""
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        holders = Membership.objects.filter(id=membership_id).values("actor_id")
        actor = Actor.objects.select_for_update(of=("self",)).filter(id__in=holders).first()
        if actor is None:
            raise NotFound
        authority_of(acting_user).require_role({Role.TENANT_ADMIN}, "Only admins.")
        if unmet is not None:
            raise unmet
        if expected_version not in {None, actor.version}:
            raise Stale
        taken = GroupMembership.objects.filter(membership_id=membership_id, name="closed").exists()
        if taken:
            raise Conflict(extra={"current_status": "CLOSED"})
        if invalid is not None:
            raise invalid
        GroupMembership.objects.create(
            tenant_id=acting_user.tenant_id, membership_id=membership_id, name=name
        )
        actor.version += 1
        actor.save(update_fields=["version"])
        remember(actor)
    return actor


def join_any(
    membership_id: uuid.UUID,
    *,
    acting_user: ActingUser,
    invalid: Invalid | None = None,
    remember: Callable[[GroupMembership], None],
) -> GroupMembership:
    """Put a member into a new group under a name of its own: two of these never collide."""
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        if invalid is not None:
            raise invalid
        group = GroupMembership.objects.create(
            tenant_id=acting_user.tenant_id, membership_id=membership_id, name=str(uuid.uuid4())
        )
        remember(group)
    return group


def rendered(actor: Actor) -> dict[str, Any]:
    """Return an actor as the API shows it."""
    return {"id": actor.id, "version": actor.version, "created_at": actor.created_at}


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


class Join(TenantAPIView):
    """Joining a group."""

    honours_if_match = True

    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Join."""
        return self.act(
            join, id, schema=JoinInput, render=rendered, status=201,
            location=lambda actor: f"/api/v1/actors/{actor.id}",
        )  # fmt: skip


class JoinAny(TenantAPIView):
    """Joining some group."""

    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Join."""
        return self.act(join_any, id, render=lambda group: {"name": group.name}, status=201)


class JoinOnce(Join):
    """Joining a group, with a key required."""

    requires_key = True


api = [
    path("members", Members.as_view()),
    path("members/away", Away.as_view()),
    path("members/moved", Moved.as_view()),
    path("members/<uuid:id>", Member.as_view()),
    path("members/<uuid:id>/join", Join.as_view()),
    path("members/<uuid:id>/join-any", JoinAny.as_view()),
    path("members/<uuid:id>/join-once", JoinOnce.as_view()),
]
urlpatterns = [*urls.urlpatterns, path("api/v1/", include(api))]
