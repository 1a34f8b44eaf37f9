"""Approvals and policies in the admin: looked at, never changed."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from typing_extensions import override

from governance.governed import governed
from governance.models import Approval, Policy
from web import admin_parts
from web.admin import AboutFilter, InWords, TenantModelAdmin


class ActionFilter(InWords):
    """By what is done once it is granted."""

    title, parameter_name, column = gettext_lazy("asks for"), "asks_for", "action"

    @override
    def words(self, value: str) -> str:
        return _done(value)


@admin.register(Approval)
class ApprovalAdmin(TenantModelAdmin):
    """Approvals: of what, asked for by whom and why, and what became of them."""

    leads_to = {"about": lambda row: row.about}
    list_display = ("what", "about", "status", "who_asked", "created_at", "ended_at")
    list_filter = ("status", ActionFilter, AboutFilter)
    search_fields = ("reason",)
    ordering = ("-created_at", "-id")
    show_full_result_count = False
    readonly_fields = ("what", "about", "who_asked", "ledger")
    fieldsets = (
        (None, {"fields": ("id", "what", "about", "status", "step", "version")}),
        (gettext_lazy("Why"), {"fields": ("who_asked", "reason", "ended_because")}),
        (gettext_lazy("Time"), {"fields": ("created_at", "expires_at", "ended_at")}),
        (gettext_lazy("Ledger"), {"fields": ("ledger",)}),
    )

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Approval]:
        """Return the tenant's approvals with who asked for them, in one query."""
        return super().get_queryset(request).select_related("requested_by__user")

    @admin.display(description=gettext_lazy("asks for"))
    def what(self, row: Approval) -> str:
        """Return what is done once it is granted."""
        return _done(row.action)

    @admin.display(description=gettext_lazy("of"))
    def about(self, row: Approval) -> SafeString:
        """Return a link to what it is about."""
        return self.link(row, "about")

    @admin.display(description=gettext_lazy("asked for by"))
    def who_asked(self, row: Approval) -> SafeString:
        """Return who asked for it."""
        return admin_parts.person_name(row.requested_by)

    @admin.display(description=gettext_lazy("ledger entries"))
    def ledger(self, row: Approval) -> SafeString:
        """Return the newest entries, newest first."""
        return admin_parts.ledger_entries(row.tenant_id, row.subject_type, row.id)


@admin.register(Policy)
class PolicyAdmin(TenantModelAdmin):
    """Policies: when they apply, and what then becomes of an execution."""

    list_display = ("name", "priority", "effect", "severity", "created_at", "ended_at")
    list_filter = ("effect", "severity")
    search_fields = ("name", "reason")
    ordering = ("-created_at", "-id")
    show_full_result_count = False
    readonly_fields = ("added_by",)
    fieldsets = (
        (None, {"fields": ("id", "name", "priority", "when", "effect", "change", "version")}),
        (gettext_lazy("Approval"), {"fields": ("approvers", "second_factor", "on_stale")}),
        (gettext_lazy("Why"), {"fields": ("reason", "severity", "added_by")}),
        (gettext_lazy("Time"), {"fields": ("created_at", "ended_at")}),
    )

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Policy]:
        """Return the tenant's policies with who added them, in one query."""
        return super().get_queryset(request).select_related("created_by__user")

    @admin.display(description=gettext_lazy("added by"))
    def added_by(self, row: Policy) -> SafeString:
        """Return who added it."""
        return admin_parts.person_name(row.created_by)


def _done(action: str) -> str:
    return str(governed(action).label) % {"what": "…"}
