"""Executions and batches in the admin: looked at, never changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from typing_extensions import override

from compensation.sentences import title_of
from executions import capability_registry
from executions.models import Batch, Execution
from web import admin_parts
from web.admin import InWords, TenantModelAdmin, in_case, in_run, what_it_undoes
from web.labels import program_title

_WORK = ("input_text", "output_text", "error", "attempts", "idempotency_key", "reason")
_PLACE = ("case", "step", "completion_seq", "reversibility", "undoes", "rollback")


def _schema(row: Execution, which: str) -> Any:
    return getattr(capability_registry.get(row.capability), which, None)


class ProgramFilter(InWords):
    """By the program that was asked."""

    title, parameter_name, column = gettext_lazy("program"), "program", "capability"

    @override
    def words(self, value: str) -> str:
        return program_title(value)


@admin.register(Execution)
class ExecutionAdmin(TenantModelAdmin):
    """What programs were asked to do, and what came of it."""

    list_display = (
        "program",
        "step",
        "case",
        "status",
        "compensation_state",
        "attempts",
        "created_at",
    )
    leads_to = {"case": in_case, "undoes": what_it_undoes, "rollback": in_run}
    list_filter = ("status", "compensation_state", ProgramFilter)
    search_fields = ("capability", "binding", "idempotency_key")
    ordering = ("-created_at", "-id")
    show_full_result_count = False
    readonly_fields = (
        "program",
        "case",
        "step",
        "undoes",
        "rollback",
        "input_text",
        "output_text",
        "ledger",
    )
    fieldsets = (
        (None, {"fields": ("id", "program", "status", "compensation_state", "version")}),
        (gettext_lazy("What was done"), {"fields": _WORK}),
        (gettext_lazy("Where it belongs"), {"fields": _PLACE}),
        (gettext_lazy("Time"), {"fields": ("created_at", "started_at", "ended_at")}),
        (gettext_lazy("Ledger"), {"fields": ("ledger",)}),
    )

    @admin.display(description=gettext_lazy("program"), ordering="capability")
    def program(self, row: Execution) -> str:
        """Return which program was asked, as pages call it."""
        return program_title(row.capability)

    @admin.display(description=gettext_lazy("step"), ordering="binding")
    def step(self, row: Execution) -> str:
        """Return which step of its case it is, as pages call it."""
        return title_of(row.binding) if row.binding else ""

    @admin.display(description=gettext_lazy("undoes"))
    def undoes(self, row: Execution) -> SafeString:
        """Return a link to what it takes back."""
        return self.link(row, "undoes")

    @admin.display(description=gettext_lazy("rollback"))
    def rollback(self, row: Execution) -> SafeString:
        """Return a link to the rollback it belongs to."""
        return self.link(row, "rollback")

    @admin.display(description=gettext_lazy("case"))
    def case(self, row: Execution) -> SafeString:
        """Return a link to its case."""
        return self.link(row, "case")

    @admin.display(description=gettext_lazy("input"))
    def input_text(self, row: Execution) -> SafeString:
        """Return the input in words."""
        return admin_parts.json_words(row.tenant_id, row.input, _schema(row, "input_schema"))

    @admin.display(description=gettext_lazy("output"))
    def output_text(self, row: Execution) -> SafeString:
        """Return the output in words."""
        return admin_parts.json_words(row.tenant_id, row.output, _schema(row, "output_schema"))

    @admin.display(description=gettext_lazy("ledger entries"))
    def ledger(self, row: Execution) -> SafeString:
        """Return the newest entries, newest first."""
        return admin_parts.ledger_entries(row.tenant_id, row.subject_type, row.id)


@admin.register(Batch)
class BatchAdmin(TenantModelAdmin):
    """What was asked for together, and how far it is."""

    list_display = ("called", "status", "on_failure", "created_at", "ended_at")
    list_filter = ("status", "on_failure")
    search_fields = ("reason",)
    ordering = ("-created_at", "-id")
    show_full_result_count = False
    readonly_fields = ("called", "ledger")
    fieldsets = (
        (None, {"fields": ("id", "called", "status", "version", "on_failure", "reason")}),
        (gettext_lazy("Where it failed"), {"fields": ("failed_call", "failed_at")}),
        (gettext_lazy("Time"), {"fields": ("created_at", "ended_at")}),
        (gettext_lazy("Ledger"), {"fields": ("ledger",)}),
    )

    @admin.display(description=gettext_lazy("batch"), ordering="size")
    def called(self, row: Batch) -> str:
        """Return what pages call it."""
        return str(row)

    @admin.display(description=gettext_lazy("ledger entries"))
    def ledger(self, row: Batch) -> SafeString:
        """Return the newest entries, newest first."""
        return admin_parts.ledger_entries(row.tenant_id, row.subject_type, row.id)
