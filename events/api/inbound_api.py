"""Inbound events over the API: both modes of sending one, and reading them."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from accounts.roles import ADMIN_SITE_ROLES
from events import selectors
from events.api.event_json import InboundEventSchema, represent_events
from events.cloud_event import CloudEvent, attributes_in
from json_values.reader import unstorable
from ledger.errors import Invalid
from verbs.body_size import largest_body
from verbs.input import invalid
from web.parsers import StrictJSONParser
from web.schema import page_schema
from web.verb_api import VerbAPIView


def _may_not() -> str:
    return gettext("Only an auditor or an operator may read events.")


class CloudEventParser(StrictJSONParser):
    """Reads an event in structured mode."""

    media_type = "application/cloudevents+json"


class Events(VerbAPIView):
    """What was sent to the organisation from outside."""

    paginated = True
    parser_classes = (StrictJSONParser, CloudEventParser)

    @classmethod
    @override
    def largest_body(cls, method: str) -> int:
        """Return how long an event may be, with its extension attributes."""
        return largest_body(CloudEvent) + CloudEvent.extension_bytes

    @override
    def sent(self) -> Any:
        """Return the event that was sent, put together in binary mode."""
        attributes = attributes_in(self.request.headers)
        if attributes is None:
            return super().sent()
        event = dict(attributes)
        if self.request.META.get("CONTENT_LENGTH") not in (None, "", "0"):
            try:
                event["data"] = self.request.data
            except Invalid as broken:
                return broken
            event["datacontenttype"] = self.request.content_type
        found = unstorable(event)
        return invalid(found) if found else event

    @extend_schema(
        responses=page_schema(InboundEventSchema, "InboundEventPage"),
        parameters=[
            OpenApiParameter(name, str, description="Exactly this.") for name in selectors.FILTERS
        ],
    )
    def get(self, request: Request) -> Response:
        """List them, newest first. For auditors, operators and tenant admins."""
        self.authority.require_role(ADMIN_SITE_ROLES, _may_not())
        rows = selectors.events(self.acting_user.tenant_id, request.query_params)
        return self.page(rows, lambda page: represent_events(page, self.authority))


class EventDetail(VerbAPIView):
    """One event."""

    @extend_schema(responses=InboundEventSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it. For auditors, operators and tenant admins."""
        row = selectors.event(self.acting_user.tenant_id, id)
        self.authority.require_role(ADMIN_SITE_ROLES, _may_not())
        return Response(represent_events([row], self.authority)[0])
