"""The ledger of one's tenant. Every member may read it."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.utils.functional import SimpleLazyObject
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.entry_verdicts import of_entries
from audit.filters import NEWEST_FIRST, parse
from ledger import selectors
from ledger.entry_signatures import VERDICTS
from ledger.errors import NotFound
from ledger.vocabulary import KINDS, SUBJECT_TYPES, all_actions
from web.api import TenantAPIView
from web.entries import represent_entries
from web.schema import EntrySchema, page_schema

# Apps may still be declaring theirs while this is imported: they are asked when the schema is made.
_ACTIONS: Any = SimpleLazyObject(lambda: sorted(all_actions()))
_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SUBJECT = f"^({'|'.join(sorted(SUBJECT_TYPES))})(:{_ID})?$"
_FILTERS = [
    OpenApiParameter(
        "subject",
        {"type": "string", "pattern": _SUBJECT},
        description="`<type>:<id>`, or a type alone.",
    ),
    OpenApiParameter("case", uuid.UUID, description="Of a case and all its parts."),
    OpenApiParameter(
        "actor", {"type": "string", "pattern": r"\S"}, description="By this member, by username."
    ),
    OpenApiParameter("action", enum=_ACTIONS),
    OpenApiParameter("kind", enum=sorted(KINDS)),
    OpenApiParameter("since", dt.date, description="From this day on, YYYY-MM-DD, UTC."),
    OpenApiParameter("until", dt.date, description="Up to and with this day."),
]


class Entries(TenantAPIView):
    """Everything that was recorded in the tenant, newest first."""

    paginated = True

    @extend_schema(responses=page_schema(EntrySchema, "EntryPage"), parameters=_FILTERS)
    def get(self, request: Request) -> Response:
        """Return one page of what the filters ask for."""
        asked, tenant_id = parse(request.GET), self.acting_user.tenant_id
        rows, among = asked.rows(tenant_id), asked.period(tenant_id)
        return self.page(rows, _represent, order=NEWEST_FIRST, among=among)


class SignedEntrySchema(EntrySchema):
    """One entry of the ledger, with what its signatures are worth."""

    signature_verdict = serializers.ChoiceField(
        choices=sorted(VERDICTS),
        help_text="Of its author's signatures; of an attestation, of the one given with it.",
    )


class EntryDetail(TenantAPIView):
    """One entry. It never changes."""

    @extend_schema(responses=SignedEntrySchema)
    def get(self, _request: Request, id: uuid.UUID) -> Response:
        """Return it, and what its signatures are worth now."""
        found = selectors.entries_by_id(self.acting_user.tenant_id, [id]).get(id)
        if found is None:
            raise NotFound("There is no such entry.")
        verdict = of_entries(found.tenant_id, [found])[found.id]
        return Response({**represent_entries([found])[0], "signature_verdict": verdict})


def _represent(rows: list[Any]) -> list[dict[str, Any]]:
    return represent_entries(selectors.open_entries(rows))
