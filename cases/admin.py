"""Cases and definitions in the admin: looked at; undone through the plan service."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from typing_extensions import override

from cases.declared_values import schema_of_context
from cases.fault_words import fault_sentence
from cases.models import Case, CaseDefinition
from cases.selectors import compiled_of
from compensation.admin_actions import Confirmation, offered
from web import admin_parts
from web.admin import TenantModelAdmin
from workitems import chain

ROLL_BACK = Confirmation("case", Case, "cases_case_roll_back")


@admin.register(Case)
class CaseAdmin(TenantModelAdmin):
    """Cases, with what led to what in each."""

    list_display = ("called", "definition", "status", "created_at", "ended_at")
    list_filter = ("status", "definition__name")
    search_fields = ("number", "title", "definition__name")
    ordering = ("-created_at", "-id")
    show_full_result_count = False
    actions = (offered(ROLL_BACK, gettext_lazy("Roll back case…")),)
    readonly_fields = ("why", "context_text", "links", "ledger")
    fieldsets = (
        (None, {"fields": ("id", "number", "title", "definition", "status", "version", "why")}),
        (gettext_lazy("What it knows"), {"fields": ("context_text",)}),
        (gettext_lazy("Time"), {"fields": ("created_at", "ended_at")}),
        (gettext_lazy("Causal chain"), {"fields": ("links",)}),
        (gettext_lazy("Ledger"), {"fields": ("ledger",)}),
    )

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read what names the definition with each row, and of it no more."""
        rows = super().get_queryset(request).select_related("definition")
        return rows.defer("definition__source", "definition__compiled")

    @override
    def get_urls(self) -> list[Any]:
        """Add the page between the action and its effect."""
        own: list[URLPattern] = [
            path("roll-back/", ROLL_BACK.view(), name=ROLL_BACK.url_name),
        ]
        return [*own, *super().get_urls()]

    @admin.display(description=gettext_lazy("case"), ordering="title")
    def called(self, row: Case) -> str:
        """Return what pages call it: title and number."""
        return row.name

    @admin.display(description=gettext_lazy("why it failed"))
    def why(self, row: Case) -> str:
        """Return why it failed, in words."""
        return fault_sentence(row.fault) if row.fault else ""

    @admin.display(description=gettext_lazy("context"))
    def context_text(self, row: Case) -> SafeString:
        """Return what the case knows in words."""
        return admin_parts.json_words(
            row.tenant_id,
            row.context,
            schema_of_context(compiled_of(row.tenant_id, row.definition_id)),
        )

    @admin.display(description=gettext_lazy("causal chain"))
    def links(self, row: Case) -> SafeString:
        """Return the drawing of what led to what."""
        figure = chain.figure(
            chain.chain_of_case(row.tenant_id, row.id), label=_("Causal chain of this case")
        )
        return admin_parts.causal_chain(figure, reverse("cases:chain", args=[row.id]))

    @admin.display(description=gettext_lazy("ledger entries"))
    def ledger(self, row: Case) -> SafeString:
        """Return the newest entries, newest first."""
        return admin_parts.ledger_entries(row.tenant_id, row.subject_type, row.id)


@admin.register(CaseDefinition)
class CaseDefinitionAdmin(TenantModelAdmin):
    """Deployed versions of definitions. A deployed version never changes."""

    list_display = ("title", "namespace", "name", "version", "created_at")
    list_filter = ("namespace",)
    search_fields = ("namespace", "name", "title")
    ordering = ("-created_at", "-id")
    readonly_fields = ("source_text",)
    fields = ("id", "namespace", "name", "version", "title", "digest", "created_at", "source_text")

    @admin.display(description=gettext_lazy("source"))
    def source_text(self, row: CaseDefinition) -> SafeString:
        """Return the source as deployed."""
        return admin_parts.plain_text(row.source)
