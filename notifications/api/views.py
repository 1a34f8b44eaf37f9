"""One's notifications; the tenant's deliveries for those who look after them."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import ADMIN_SITE_ROLES
from ledger.errors import Invalid
from notifications import actions, representation, selectors
from notifications.api.schemas import DeliverySchema, NotificationSchema
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
        rows = selectors.notifications_of(self.acting_user.actor_id)
        word = request.GET.get("unread")
        if word is not None:
            if word not in _YES_NO:
                raise Invalid.field("unread", "unread: true or false.", code="invalid_filter")
            rows = rows.filter(read_at__isnull=_YES_NO[word])
        return self.page(rows, representation.notifications)


class NotificationRead(TenantAPIView):
    """Mark one of the caller's own notifications as read."""

    @extend_schema(request=None, responses=NotificationSchema)
    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Mark it; one that is read already stays as it is."""
        return self.act(actions.mark_read, id, render=representation.notification)


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
        rows = selectors.deliveries()
        for name, known in (("status", DeliveryStatus.values), ("channel", sorted(CHANNELS))):
            word = request.GET.get(name)
            if word is None:
                continue
            if word not in known:
                raise Invalid.field(
                    name, f"{name}: one of {', '.join(known)}.", code="invalid_filter"
                )
            rows = rows.filter(**{name: word})
        if "event" in request.GET:
            rows = rows.filter(event_id=_uuid("event", request.GET["event"]))
        return self.page(rows, representation.deliveries)


def _uuid(name: str, text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Invalid.field(name, f"{name}: a UUID.", code="invalid_filter") from None
