"""The ledger in the admin: looked at, never changed."""

from __future__ import annotations

import json
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.selectors import people
from ledger.selectors import open_entries
from web.admin import TenantModelAdmin
from web.entries import entry_url

# The table belongs to `ledger`, which knows no admin.
_MODEL = apps.get_model("ledger", "LedgerEntry")


@admin.register(_MODEL)
class LedgerEntryAdmin(TenantModelAdmin):
    """Entries of the session's tenant, newest first."""

    list_display = (
        "at",
        "subject_type",
        "subject_seq",
        "action",
        "to_status",
        "actor_name",
        "page",
    )
    list_filter = ("subject_type", "kind", "action")
    fields = (
        "id", "at", "subject_type", "subject_id", "subject_seq", "subject_version", "kind",
        "action", "from_status", "to_status", "actor_name", "actor_type", "actor_role",
        "caused_by_id", "original_id", "correlation_id", "case_id", "completion_seq",
        "compensation", "payloads",
        "hash_hex", "previous_hash_hex", "page",
    )  # fmt: skip
    ordering = ("-at", "-id")
    list_per_page = 50
    # Counting a long ledger for a number nobody needs would scan it.
    show_full_result_count = False

    @admin.display(description="actor")
    def actor_name(self, row: Any) -> str:
        """Return the actor's username."""
        found = people(row.tenant_id, [row.actor_id]).get(row.actor_id)
        return str(row.actor_id) if found is None else found.username

    @admin.display(description="payloads")
    def payloads(self, row: Any) -> str:
        """Return the payloads that are still there, as JSON."""
        (entry,) = open_entries([row])
        gone = dict.fromkeys(sorted(entry.erased), "erased")
        return json.dumps({**entry.payloads, **gone}, ensure_ascii=False, indent=2)

    @admin.display(description="hash")
    def hash_hex(self, row: Any) -> str:
        """Return the hash in hexadecimal digits."""
        return bytes(row.hash).hex()

    @admin.display(description="previous hash")
    def previous_hash_hex(self, row: Any) -> str:
        """Return the hash before it in hexadecimal digits."""
        return "" if row.previous_hash is None else bytes(row.previous_hash).hex()

    @admin.display(description="ledger page")
    def page(self, row: Any) -> SafeString:
        """Return a link to the entry's page, with its causes and effects."""
        return format_html('<a href="{}">{}</a>', entry_url(row.id), "open")
