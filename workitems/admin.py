"""Work items in the admin: looked at; undone through the plan service."""

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

from compensation.admin_actions import Confirmation, offered
from compensation.sentences import title_of
from web import admin_parts
from web.admin import TenantModelAdmin, in_case, in_run, what_it_undoes
from workitems import (
    chain,
    template_admin,  # noqa: F401  -- registers itself
)
from workitems.models import WorkItem
from workitems.then_and_now import payload_schema
from workitems.words import said_outcome

_WORK = ("payload_text", "answer", "resolution_text", "reversibility")
_PLACE = ("case", "step", "completion_seq", "undoes", "rollback")
_TIME = ("created_at", "due_at", "started_at", "completed_at", "ended_at")
COMPENSATE = Confirmation("work_item", WorkItem, "workitems_workitem_compensate")


@admin.register(WorkItem)
class WorkItemAdmin(TenantModelAdmin):
    """Tasks and undo tasks, with what led to them and what they led to."""

    list_display = (
        "title", "kind", "case", "status", "compensation_state", "with_whom", "created_at"
    )  # fmt: skip
    leads_to = {"case": in_case, "undoes": what_it_undoes, "rollback": in_run}
    list_filter = ("status", "compensation_state", "kind", "priority")
    search_fields = ("title", "binding")
    ordering = ("-created_at", "-id")
    show_full_result_count = False
    readonly_fields = (
        "case",
        "step",
        "undoes",
        "rollback",
        "with_whom",
        "done_by",
        "payload_text",
        "answer",
        "resolution_text",
        "links",
        "ledger",
    )
    fieldsets = (
        (None, {"fields": ("id", "title", "kind", "status", "compensation_state", "version")}),
        (gettext_lazy("People"), {"fields": ("with_whom", "done_by", "priority")}),
        (gettext_lazy("What was done"), {"fields": _WORK}),
        (gettext_lazy("Where it belongs"), {"fields": _PLACE}),
        (gettext_lazy("Time"), {"fields": _TIME}),
        (gettext_lazy("Causal chain"), {"fields": ("links",)}),
        (gettext_lazy("Ledger"), {"fields": ("ledger",)}),
    )
    actions = (offered(COMPENSATE, gettext_lazy("Compensate…")),)

    @override
    def get_urls(self) -> list[Any]:
        """Add the page between the action and its effect."""
        own: list[URLPattern] = [
            path("compensate/", COMPENSATE.view(), name=COMPENSATE.url_name),
        ]
        return [*own, *super().get_urls()]

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkItem]:
        """Return the tenant's items with the people named in the list, in one query."""
        rows = super().get_queryset(request)
        return rows.select_related("assignee__user", "completed_by__user")

    @admin.display(description=gettext_lazy("step"), ordering="binding")
    def step(self, row: WorkItem) -> str:
        """Return which step of its case it is, as pages call it."""
        return title_of(row.binding) if row.binding else ""

    @admin.display(description=gettext_lazy("outcome"), empty_value="-")
    def answer(self, row: WorkItem) -> str:
        """Return how it was answered, as pages call that."""
        return said_outcome(row, row.outcome) if row.outcome else ""

    @admin.display(description=gettext_lazy("undoes"))
    def undoes(self, row: WorkItem) -> SafeString:
        """Return a link to what it takes back."""
        return self.link(row, "undoes")

    @admin.display(description=gettext_lazy("rollback"))
    def rollback(self, row: WorkItem) -> SafeString:
        """Return a link to the rollback it belongs to."""
        return self.link(row, "rollback")

    @admin.display(description=gettext_lazy("case"))
    def case(self, row: WorkItem) -> SafeString:
        """Return a link to its case."""
        return self.link(row, "case")

    @admin.display(description=gettext_lazy("assignee"))
    def with_whom(self, row: WorkItem) -> SafeString:
        """Return who has it."""
        return admin_parts.person_name(row.assignee)

    @admin.display(description=gettext_lazy("completed by"))
    def done_by(self, row: WorkItem) -> SafeString:
        """Return who completed it."""
        return admin_parts.person_name(row.completed_by)

    @admin.display(description=gettext_lazy("payload"))
    def payload_text(self, row: WorkItem) -> SafeString:
        """Return the payload in words."""
        return admin_parts.json_words(row.tenant_id, row.payload, payload_schema(row))

    @admin.display(description=gettext_lazy("resolution"))
    def resolution_text(self, row: WorkItem) -> SafeString:
        """Return the resolution in words."""
        return admin_parts.json_words(row.tenant_id, row.resolution, row.resolution_schema)

    @admin.display(description=gettext_lazy("causal chain"))
    def links(self, row: WorkItem) -> SafeString:
        """Return the drawing of what led to what."""
        figure = chain.figure(chain.chain_of(row), label=_("Causal chain of this work item"))
        return admin_parts.causal_chain(figure, reverse("workitems:causal-chain", args=[row.id]))

    @admin.display(description=gettext_lazy("ledger entries"))
    def ledger(self, row: WorkItem) -> SafeString:
        """Return the newest entries, newest first."""
        return admin_parts.ledger_entries(row.tenant_id, row.subject_type, row.id)
