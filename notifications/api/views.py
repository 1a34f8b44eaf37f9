"""One's notifications; the tenant's deliveries for those who look after them."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import ADMIN_SITE_ROLES
from ledger.errors import Invalid
from notifications import selectors
from notifications.api.delivery_json import (
    DeliverySchema,
    NotificationSchema,
    deliveries,
    notifications,
)
from notifications.channels import CHANNELS
from notifications.lifecycle import DeliveryStatus
from web.api import TenantAPIView
from web.schema import page_schema

_YES_NO = {"true": True, "false": False}


class Notifications(TenantAPIView):
    """What the caller was told, newest first."""

    paginated = True

    @extend_schema(
        responses=page_schema(NotificationSchema, "NotificationPage"),
        parameters=[OpenApiParameter("unread", bool, description="Only what is (not) unread.")],
    )
    def get(self, request: Request) -> Response:
        """Return one page. `?unread=true` leaves out what was read."""
        rows = selectors.notifications_of(self.acting_user.tenant_id, self.acting_user.actor_id)
        word = request.GET.get("unread")
        if word is not None:
            if word not in _YES_NO:
                raise _unknown("unread", "true or false")
            rows = rows.filter(read_at__isnull=_YES_NO[word])
        return self.page(rows, notifications)


class Deliveries(TenantAPIView):
    """Every message to every member, over all channels, newest first."""

    paginated = True

    @extend_schema(
        responses=page_schema(DeliverySchema, "DeliveryPage"),
        parameters=[
            OpenApiParameter("status", enum=DeliveryStatus.values),
            OpenApiParameter("channel", enum=sorted(CHANNELS)),
            OpenApiParameter("event", uuid.UUID, description="Of one event."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Return one page. For auditors, operators and tenant admins."""
        self.authority.require_role(
            ADMIN_SITE_ROLES, "Only an auditor or an operator may read deliveries."
        )
        found = {name: request.GET[name] for name in ("status", "channel") if name in request.GET}
        for name, known in (("status", DeliveryStatus.values), ("channel", sorted(CHANNELS))):
            if name in found and found[name] not in known:
                raise _unknown(name, f"one of {', '.join(known)}")
        if "event" in request.GET:
            try:
                found["event_id"] = str(uuid.UUID(request.GET["event"]))
            except ValueError:
                raise _unknown("event", "a UUID") from None
        rows = selectors.deliveries(self.acting_user.tenant_id)
        among = rows if found and "event_id" not in found else None
        return self.page(rows.filter(**found), deliveries, among=among)


def _unknown(name: str, rule: str) -> Invalid:
    return Invalid.field(name, f"{name}: {rule}.", code="invalid_filter")
