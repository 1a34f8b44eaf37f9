"""Checks of the whole ledger over REST: asked for, and looked at while they run and afterwards."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.selectors import people
from ledger.clock import rfc3339
from ledger.errors import Conflict, NotFound
from ledger.tenancy import set_tenant
from ledger.verifications import Verification, request_verification, verification
from verbs.input import Input, read
from web import idempotency
from web.api import TenantAPIView
from web.idempotency import Answer, KeyTaken
from web.verb_api import broken_body


class Nothing(Input):
    """Nothing is asked: all that the tenant has is checked."""


class VerificationSchema(serializers.Serializer[Any]):
    """One check of the ledger."""

    id = serializers.UUIDField()
    outcome = serializers.ChoiceField(
        choices=["valid", "broken", "failed"],
        allow_null=True,
        help_text="Null until it has ended. `failed`: it could not be carried through.",
    )
    checked = serializers.IntegerField(help_text="So many entries so far.")
    total = serializers.IntegerField(help_text="Of so many when it was asked for.")
    result = serializers.DictField(
        allow_null=True,
        help_text="What was counted; or the first bad entry, its kind, and what is wrong.",
    )
    requested_by = serializers.CharField()
    requested_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class Verifications(TenantAPIView):
    """Checks of all that the tenant has recorded."""

    reads = Nothing

    @extend_schema(request=Nothing, responses={202: VerificationSchema})
    def post(self, request: Request) -> Response:
        """Ask for one; while one is under way, that one is told. Poll its address until it ends."""
        body = self.sent()
        broken = broken_body(body)
        if broken is not None:
            raise broken
        once = idempotency.key_of(request, self.acting_user, body)
        read(Nothing, body)
        if once is not None and (first := once.first_answer()) is not None:
            return first.response(replayed=True)
        try:
            with transaction.atomic(durable=True):
                set_tenant(self.acting_user.tenant_id)
                who = self.acting_user
                answer = Answer(202, _shown(who.tenant_id, _asked(who)), {})
                if once is not None:
                    once.keep(answer)
        except KeyTaken:
            raise Conflict("Another request with this key is under way.") from None
        return answer.response()


class VerificationDetail(TenantAPIView):
    """One check."""

    @extend_schema(responses=VerificationSchema)
    def get(self, _request: Request, id: uuid.UUID) -> Response:
        """Read how it stands."""
        found = verification(self.acting_user.tenant_id, id)
        if found is None:
            raise NotFound("There is no such check.")
        return Response(_shown(self.acting_user.tenant_id, found))


def _asked(who: Any) -> Verification:
    return request_verification(who.tenant_id, who.actor_id)


def _shown(tenant_id: uuid.UUID, found: Verification) -> dict[str, Any]:
    person = people(tenant_id, [found.requested_by]).get(found.requested_by)
    moments = {
        name: None if (at := getattr(found, name)) is None else rfc3339(at)
        for name in ("requested_at", "started_at", "finished_at")
    }
    return {
        "id": str(found.id),
        "outcome": found.outcome or None,
        "checked": found.checked,
        "total": found.total,
        "result": found.result,
        "requested_by": str(found.requested_by) if person is None else person.username,
        **moments,
    }
