"""Deliveries in the admin: looked at, never changed."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from notifications.models import Delivery, DeliveryAttempt
from web.admin import TenantModelAdmin, in_case
from web.admin_parts import person_name


class AttemptInline(admin.TabularInline):  # type: ignore[type-arg]  # not generic at run time
    """The tries at one delivery."""

    model = DeliveryAttempt
    fields = ("at", "status_code", "latency_ms", "error")
    readonly_fields = fields
    extra = 0
    can_delete = False
    ordering = ("at",)

    @override
    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Nothing is added here."""
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Nothing is changed here."""
        return False


@admin.register(Delivery)
class DeliveryAdmin(TenantModelAdmin):
    """Who was told of what, how, and how that went."""

    leads_to = {"subject": lambda row: (row.subject_type, row.subject_id), "case": in_case}
    list_display = (
        "created_at",
        "topic",
        "subject",
        "case",
        "recipient_name",
        "channel",
        "status",
        "attempts",
    )
    list_filter = ("channel", "status", "topic")
    fields = (
        "id", "created_at", "topic", "event_type", "event_id", "subject", "case",
        "recipient_name", "channel", "status", "read_at", "attempts", "next_attempt_at",
    )  # fmt: skip
    list_select_related = ("recipient__user",)
    ordering = ("-created_at", "-id")
    inlines = (AttemptInline,)

    @admin.display(description=_("about"))
    def subject(self, row: Delivery) -> SafeString:
        """Return a link to what the message is about."""
        return self.link(row, "subject")

    @admin.display(description=_("case"))
    def case(self, row: Delivery) -> SafeString:
        """Return a link to the case it belongs to."""
        return self.link(row, "case")

    @admin.display(description=_("recipient"))
    def recipient_name(self, row: Delivery) -> SafeString:
        """Return who is told, or that there is nobody any more."""
        return person_name(row.recipient)
