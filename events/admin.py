"""Inbound events in the admin: looked at, never changed."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from events.models import InboundEvent
from web import admin_parts
from web.admin import TenantModelAdmin


@admin.register(InboundEvent)
class InboundEventAdmin(TenantModelAdmin):
    """What was sent from outside, by whom, and what it said."""

    list_display = ("type", "source", "subject", "sent_by", "created_at")
    search_fields = ("type", "source", "subject", "event_id")
    fields = ("id", "type", "source", "event_id", "subject", "time", "data_content_type",
              "data_schema", "other_attributes", "content", "sent_by", "created_at")  # fmt: skip
    list_select_related = ("received_by__user",)
    show_full_result_count = False
    ordering = ("-created_at", "-id")

    @admin.display(description=_("sent by"))
    def sent_by(self, row: InboundEvent) -> SafeString:
        """Return who sent it, or that there is nobody any more."""
        return admin_parts.person_name(row.received_by)

    @admin.display(description=_("further attributes"))
    def other_attributes(self, row: InboundEvent) -> SafeString:
        """Return the extension attributes in words."""
        return admin_parts.json_words(row.tenant_id, row.extensions)

    @admin.display(description=_("data"))
    def content(self, row: InboundEvent) -> SafeString:
        """Return what it said in words."""
        return admin_parts.json_words(row.tenant_id, row.data)
