"""Deliveries in the admin: looked at, never changed."""

from __future__ import annotations

from django.contrib import admin
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from notifications.models import Delivery
from notifications.words import channel_words
from web.admin import InWords, TenantModelAdmin, in_case
from web.admin_parts import person_name


class ChannelFilter(InWords):
    """By the way in which somebody is told."""

    title, parameter_name, column = _("channel"), "channel", "channel"

    @override
    def words(self, value: str) -> str:
        return channel_words(value)


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
        "channel_name",
        "status",
        "attempts",
    )
    list_filter = (ChannelFilter, "status", "topic")
    fields = (
        "id", "created_at", "topic", "event_type", "event_id", "subject", "case",
        "recipient_name", "channel_name", "status", "read_at", "attempts", "next_attempt_at",
        "tries_table",
    )  # fmt: skip
    list_select_related = ("recipient__user",)
    ordering = ("-created_at", "-id")
    readonly_fields = ("subject", "case", "recipient_name", "channel_name", "tries_table")

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

    @admin.display(description=_("channel"), ordering="channel")
    def channel_name(self, row: Delivery) -> str:
        """Return how they are told."""
        return channel_words(row.channel)

    @admin.display(description=_("tries"))
    def tries_table(self, row: Delivery) -> SafeString:
        """Return the tries at it, the first one first."""
        return render_to_string("admin/amends/tries.html", {"tries": row.tries.order_by("at")})
