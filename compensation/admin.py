"""Rollbacks in the admin: looked at, never changed."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from typing_extensions import override

from compensation.actions.run_turn import steps_in
from compensation.foreign_request_tables import CompensationRequest
from compensation.models import CompensationRun
from compensation.sentences import humane, step_title
from compensation.words import STRATEGIES, basis_words
from verbs.words import said, subject_words
from web import admin_parts
from web.admin import AboutFilter, TenantModelAdmin


@admin.register(CompensationRun)
class CompensationRunAdmin(TenantModelAdmin):
    """Rollbacks: asked for by whom, why, and how far."""

    leads_to = {"about": lambda row: row.about}
    list_display = ("what", "about", "status", "asked_by", "started_at", "ended_at")
    list_filter = ("status", AboutFilter, "trigger")
    search_fields = ("reason",)
    ordering = ("-started_at", "-id")
    show_full_result_count = False
    readonly_fields = ("about", "asked_by", "basis", "steps_table", "ledger")
    fieldsets = (
        (None, {"fields": ("id", "about", "status", "version", "trigger")}),
        (gettext_lazy("Why"), {"fields": ("asked_by", "reason", "basis")}),
        (gettext_lazy("Steps"), {"fields": ("steps_table",)}),
        (gettext_lazy("Time"), {"fields": ("started_at", "ended_at")}),
        (gettext_lazy("Ledger"), {"fields": ("ledger",)}),
    )

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[CompensationRun]:
        """Return the tenant's runs with who asked for them, in one query."""
        return super().get_queryset(request).select_related("requested_by__user")

    @admin.display(description=gettext_lazy("rollback"))
    def what(self, row: CompensationRun) -> str:
        """Return what kind of thing is rolled back: where the list leads to its row."""
        return str(subject_words(row.about_type))

    @admin.display(description=gettext_lazy("of"))
    def about(self, row: CompensationRun) -> SafeString:
        """Return a link to what is rolled back."""
        return self.link(row, "about")

    @admin.display(description=gettext_lazy("asked for by"))
    def asked_by(self, row: CompensationRun) -> SafeString:
        """Return who asked for it."""
        return admin_parts.person_name(row.requested_by)

    @admin.display(description=gettext_lazy("legal basis"))
    def basis(self, row: CompensationRun) -> SafeString:
        """Return the regulatory basis in words."""
        found = basis_words(row.regulatory_basis)
        told = [{"basis": str(each["label"]), "note": each["note"]} for each in found]
        return admin_parts.json_words(row.tenant_id, told)

    @admin.display(description=gettext_lazy("steps"))
    def steps_table(self, row: CompensationRun) -> SafeString:
        """Return the steps in the order of undoing."""
        steps = [
            {
                "n": step.n,
                "title": step_title(step),
                "status": step.status,
                "mode": step.mode,
                "strategy_words": said(STRATEGIES, step.strategy),
                "trouble": humane(step.error),
                "ended_at": step.ended_at,
            }
            for step in steps_in(row).order_by("n")
        ]
        return render_to_string("admin/amends/steps.html", {"steps": steps})

    @admin.display(description=gettext_lazy("ledger entries"))
    def ledger(self, row: CompensationRun) -> SafeString:
        """Return the newest entries, newest first."""
        return admin_parts.ledger_entries(row.tenant_id, row.subject_type, row.id)


@admin.register(CompensationRequest)
class CompensationRequestAdmin(TenantModelAdmin):
    """What other organisations ask to have undone, and what became of it."""

    leads_to = {"about": lambda row: row.about}
    list_display = ("asking_name", "about", "status", "created_at", "ended_at")
    list_filter = ("status", AboutFilter)
    search_fields = ("reason", "asking_name")
    ordering = ("-created_at", "-id")
    show_full_result_count = False
    readonly_fields = ("about", "basis", "decider", "ledger")
    fieldsets = (
        (None, {"fields": ("id", "asking_name", "about", "status", "version")}),
        (gettext_lazy("Why"), {"fields": ("reason", "basis", "strategy", "asking_hash")}),
        (gettext_lazy("Answer"), {"fields": ("decider", "answer_reason", "answer", "run_id")}),
        (gettext_lazy("Time"), {"fields": ("created_at", "ended_at")}),
        (gettext_lazy("Ledger"), {"fields": ("ledger",)}),
    )

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[CompensationRequest]:
        """Return the tenant's requests with who decided them, in one query."""
        return super().get_queryset(request).select_related("decided_by__user")

    @admin.display(description=gettext_lazy("undo of"))
    def about(self, row: CompensationRequest) -> SafeString:
        """Return a link to what it is about."""
        return self.link(row, "about")

    @admin.display(description=gettext_lazy("legal basis"))
    def basis(self, row: CompensationRequest) -> SafeString:
        """Return the regulatory basis in words."""
        found = basis_words(row.regulatory_basis)
        told = [{"basis": str(each["label"]), "note": each["note"]} for each in found]
        return admin_parts.json_words(row.tenant_id, told)

    @admin.display(description=gettext_lazy("decided by"))
    def decider(self, row: CompensationRequest) -> SafeString | str:
        """Return who decided it, if somebody has."""
        return admin_parts.person_name(row.decided_by) if row.decided_by_id else ""

    @admin.display(description=gettext_lazy("ledger entries"))
    def ledger(self, row: CompensationRequest) -> SafeString:
        """Return the newest entries, newest first."""
        return admin_parts.ledger_entries(row.tenant_id, row.subject_type, row.id)
