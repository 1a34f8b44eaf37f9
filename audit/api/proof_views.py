"""Proofs over REST: of one entry, of the newest checkpoint, of one tree going on from another."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from audit.proofs import checkpoint_of, consistency_of, proof_of
from ledger.errors import Invalid
from web.api import TenantAPIView

TEXT = "text/plain"
# More than any tree has; what is read is a number.
_MOST = 2**53


class TextAPIView(TenantAPIView):
    """A view that answers with a text of its own form."""

    may_be_early = True

    @override
    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        """Give it out whatever is asked for: it is what it is."""
        return super().perform_content_negotiation(request, force=True)


class EntryProof(TextAPIView):
    """The proof that one entry is in the ledger's tree."""

    @extend_schema(responses={(200, TEXT): OpenApiTypes.BINARY})
    def get(self, _request: Request, id: uuid.UUID) -> HttpResponse:
        """Read it: a C2SP tlog-proof of the newest checkpoint. 409 `not_sealed` before it is."""
        return _text(proof_of(self.acting_user.tenant_id, id))


class NewestCheckpoint(TextAPIView):
    """The newest checkpoint of the ledger's tree."""

    @extend_schema(responses={(200, TEXT): OpenApiTypes.BINARY})
    def get(self, _request: Request) -> HttpResponse:
        """Read it: a C2SP signed note. 409 `not_sealed` before there is one."""
        return _text(checkpoint_of(self.acting_user.tenant_id))


class ConsistencySchema(serializers.Serializer[Any]):
    """The proof that one tree is another with entries appended. Hashes are base64."""

    first = serializers.IntegerField()
    second = serializers.IntegerField()
    first_root = serializers.CharField()
    second_root = serializers.CharField()
    hashes = serializers.ListField(child=serializers.CharField())
    checkpoint = serializers.CharField(help_text="The newest one, a signed note.")


_SIZE = {"type": "integer", "minimum": 0, "maximum": _MOST}


class Consistency(TenantAPIView):
    """Whether the tree only ever grew."""

    may_be_early = True

    @extend_schema(
        responses=ConsistencySchema,
        parameters=[
            OpenApiParameter(
                "first", _SIZE, required=True,
                description="The older size; no larger than `second` where that is said (422).",
            ),
            OpenApiParameter(
                "second", _SIZE, description="The newer size; the newest unless said."
            ),
        ],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Read the proof (RFC 9162 §2.1.4) between two sizes.

        409 `not_sealed` for a size that the tree has not reached, with what waits to be sealed.
        """
        first, second = (_size(request, name) for name in ("first", "second"))
        if first is None:
            raise Invalid.field("first", "first: the older size is needed.", code="required")
        return Response(consistency_of(self.acting_user.tenant_id, first, second))


def _size(request: Request, name: str) -> int | None:
    said = request.GET.get(name)
    if said is None:
        return None
    if not (said.isascii() and said.isdigit()) or int(said[:20]) > _MOST:
        raise Invalid.field(name, f"{name}: a whole number of entries.", code="number")
    return int(said)


def _text(said: str) -> HttpResponse:
    return HttpResponse(said, content_type=f"{TEXT}; charset=utf-8")
