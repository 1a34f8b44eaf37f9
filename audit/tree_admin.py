"""The tree in the admin, checks of the ledger and when it is looked at: read, never changed.

Leaves and tiles are hashes: what they prove is told by proofs. Checkpoints, whose key is of two
columns, are a table on the page of their tree.
"""

from __future__ import annotations

from typing import Any, Final

from django.apps import apps
from django.contrib import admin
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from audit.models import LedgerWatch
from audit.words import BROKEN_WORDS, trouble_label
from ledger.tree.stored_tree import last_checkpoints
from web.admin import TenantModelAdmin
from web.entries import entry_url

#: So many of the newest checkpoints are shown with their tree.
SHOWN: Final = 50


@admin.register(apps.get_model("ledger", "LedgerTree"))
class LedgerTreeAdmin(TenantModelAdmin):
    """The tree of the session's tenant, up to where it is put outside, and its checkpoints."""

    list_display = ("origin", "sealed_size", "anchored_size", "anchored_at", "in_the_way")
    fields = (
        "origin", "sealed_size", "anchored_size", "anchored_at", "in_the_way", "trouble",
        "seal_attempts", "seal_at", "last_error", "attempts", "checkpoints",
    )  # fmt: skip
    ordering = ("tenant_id",)

    @admin.display(description=_("in the way"))
    def in_the_way(self, row: Any) -> str:
        """Return what keeps it from being gone on with, in words."""
        return trouble_label(row.trouble.partition(":")[0]) if row.trouble else ""

    @admin.display(description=_("newest checkpoints"))
    def checkpoints(self, row: Any) -> SafeString:
        """Return the newest checkpoints as a table."""
        found = (
            (size, date_format(timezone.localtime(at), "j F Y, H:i"), root.hex())
            for size, root, at in last_checkpoints(row.tenant_id, SHOWN)
        )
        lines = format_html_join(
            "", "<tr><td>{}</td><td>{}</td><td><code>{}</code></td></tr>", found
        )
        head = format_html(
            "<tr><th>{}</th><th>{}</th><th>{}</th></tr>", _("Entries"), _("Signed"), _("Root"),
        )  # fmt: skip
        return format_html("<table><thead>{}</thead><tbody>{}</tbody></table>", head, lines)


@admin.register(apps.get_model("ledger", "LedgerVerification"))
class LedgerVerificationAdmin(TenantModelAdmin):
    """Checks of the whole ledger, the newest first."""

    leads_to = {"asked_by": lambda row: ("actor", row.requested_by_id)}
    list_display = ("requested_at", "asked_by", "ended", "checked", "finished_at")
    fields = (
        "id", "requested_at", "asked_by", "started_at", "finished_at", "ended", "checked", "total",
        "wrong", "first_bad", "attempts",
    )  # fmt: skip
    ordering = ("-requested_at",)
    show_full_result_count = False

    @admin.display(description=_("asked for by"))
    def asked_by(self, row: Any) -> SafeString:
        """Return who asked for it."""
        return self.link(row, "asked_by")

    @admin.display(description=_("result"))
    def ended(self, row: Any) -> str:
        """Return how it ended, in words."""
        words = {
            "": _("under way"), "valid": _("intact"), "broken": _("broken"),
            "failed": _("could not be carried through"),
        }  # fmt: skip
        return str(words.get(row.outcome, row.outcome))

    @admin.display(description=_("what is wrong"))
    def wrong(self, row: Any) -> str:
        """Return what is wrong, in words."""
        said = row.result or {}
        parts = (BROKEN_WORDS.get(said.get("kind", ""), ""), said.get("detail", ""))
        return ": ".join(str(each) for each in parts if each)

    @admin.display(description=_("first bad entry"))
    def first_bad(self, row: Any) -> SafeString:
        """Return a link to the first entry that does not hold."""
        entry = (row.result or {}).get("entry")
        return (
            format_html('<a href="{}">{}</a>', entry_url(entry), entry) if entry else SafeString()
        )


@admin.register(LedgerWatch)
class LedgerWatchAdmin(TenantModelAdmin):
    """When the ledger is looked at next, and what is in its way."""

    list_display = ("checked_at", "counted_at", "in_the_way", "due_at")
    fields = ("checked_at", "counted_at", "in_the_way", "due_at")
    ordering = ("tenant_id",)

    @admin.display(description=_("in the way"))
    def in_the_way(self, row: Any) -> str:
        """Return what people were told of that is not over, in words."""
        return trouble_label(row.noted) if row.noted else ""
