"""How the ledger is, over REST: for those who look after the organisation, since it is counted."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import ADMIN_SITE_ROLES
from audit.api.proof_views import TEXT, TextAPIView
from audit.completeness import health_of
from audit.ledger_standing import stopped_work
from audit.metrics import metrics_of
from web.api import TenantAPIView


class GapsSchema(serializers.Serializer[Any]):
    """In how many chains an entry is missing, or there is one too many, and the first of these."""

    count = serializers.IntegerField()
    chains = serializers.ListField(child=serializers.DictField())


class TransitionsSchema(serializers.Serializer[Any]):
    """Rows of one kind: the transitions they made, those recorded, and rows that are elsewhere than
    their newest entry left them."""

    subject_type = serializers.CharField()
    rows = serializers.IntegerField()
    transitions = serializers.IntegerField()
    recorded = serializers.IntegerField()
    astray = serializers.IntegerField()
    agrees = serializers.BooleanField()


class UnsealedSchema(serializers.Serializer[Any]):
    """What no tree has yet. `age`: seconds since the oldest of it was written. `removed`: how many
    of these entries are gone."""

    entries = serializers.IntegerField()
    oldest_at = serializers.DateTimeField(allow_null=True)
    age = serializers.IntegerField(allow_null=True)
    removed = serializers.IntegerField()


class TreeSchema(serializers.Serializer[Any]):
    """How large the tree is, up to where it is anchored outside and when it was last, and why it
    could not be."""

    sealed = serializers.IntegerField()
    anchored = serializers.IntegerField()
    anchored_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField(allow_null=True)


class TroubleSchema(serializers.Serializer[Any]):
    """What is in the way of the tree: `ROLLBACK`, `REWRITTEN`, `ANCHOR LOST`, `TORN`, `REMOVED`,
    `FORGED`, `NO KEY`, `NOT SEALED` or `NOT ANCHORED`, and in a sentence."""

    code = serializers.CharField()
    detail = serializers.CharField()


class StoppedWorkSchema(serializers.Serializer[Any]):
    """What falls due and is not done, because its work is in trouble: what it is, and since
    when."""

    work = serializers.CharField()
    since = serializers.DateTimeField()


class HealthSchema(serializers.Serializer[Any]):
    """How the ledger was found just now."""

    healthy = serializers.BooleanField()
    checked_at = serializers.DateTimeField()
    chains = serializers.IntegerField()
    entries = serializers.IntegerField()
    gaps = GapsSchema()
    transitions = TransitionsSchema(many=True)
    unsealed = UnsealedSchema()
    tree = TreeSchema(allow_null=True, help_text="Null before the first entry was sealed.")
    trouble = TroubleSchema(allow_null=True)
    due_work_stopped = StoppedWorkSchema(many=True)


class LedgerHealth(TenantAPIView):
    """Whether anything is missing."""

    @extend_schema(responses=HealthSchema)
    def get(self, _request: Request) -> Response:
        """Count chains and transitions now. What it costs grows with the ledger."""
        sentence = _("For operators, auditors and tenant admins.")
        self.authority.require_role(ADMIN_SITE_ROLES, sentence)
        tenant_id = self.acting_user.tenant_id
        stopped = [{"work": each.source, "since": each.since} for each in stopped_work(tenant_id)]
        return Response({**health_of(tenant_id).to_json(), "due_work_stopped": stopped})


class LedgerMetrics(TextAPIView):
    """The same in figures, for a program that asks often."""

    @extend_schema(responses={(200, TEXT): OpenApiTypes.STR})
    def get(self, _request: Request) -> HttpResponse:
        """Read what the last count of the ledger found, and how its tree stands now, as Prometheus
        reads it. Nothing is counted for it."""
        sentence = _("For operators, auditors and tenant admins.")
        self.authority.require_role(ADMIN_SITE_ROLES, sentence)
        said = metrics_of(self.acting_user.tenant_id)
        return HttpResponse(said, content_type=f"{TEXT}; version=0.0.4; charset=utf-8")
