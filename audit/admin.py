"""The ledger in the admin: looked at, never changed."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.roles import ActorType, Role
from audit import tree_admin  # noqa: F401  -- registers itself
from audit.entry_context import Presenter, label_in
from audit.payload_words import reader_for
from audit.words import KIND_WORDS, action_choices
from ledger.selectors import Entry, open_entries
from verbs.words import action_label, all_subject_words, state_words
from web.admin import InWords, TenantModelAdmin, in_case
from web.entries import entry_url
from web.values import value_words

# The table belongs to `ledger`, which knows no admin.
_MODEL = apps.get_model("ledger", "LedgerEntry")
_SAID = operator.itemgetter(1)
# Where a row keeps what was opened of it.
_OPENED = "_opened"


class SubjectFilter(InWords):
    """By what it is about."""

    title, parameter_name, column = _("about"), "about", "subject_type"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the kinds of things."""
        return sorted(
            ((type_, str(said)) for type_, said in all_subject_words().items()), key=_SAID
        )


class KindFilter(InWords):
    """By kind of entry."""

    title, parameter_name, column = _("kind of entry"), "entry", "kind"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the kinds of entries."""
        return [(kind, str(said)) for kind, said in KIND_WORDS.items()]


class ActionFilter(InWords):
    """By what happened."""

    title, parameter_name, column = _("what happened"), "what", "action"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return everything that can be recorded, each once."""
        return sorted(action_choices(None).items(), key=_SAID)


@admin.register(_MODEL)
class LedgerEntryAdmin(TenantModelAdmin):
    """Entries of the session's tenant, newest first."""

    list_display = ("at", "subject", "subject_seq", "what", "after", "actor_name", "page")
    list_filter = (SubjectFilter, KindFilter, ActionFilter)
    leads_to = {
        "subject": lambda row: (row.subject_type, row.subject_id),
        "case": in_case,
        "actor": lambda row: ("actor", row.actor_id),
    }
    fields = (
        "id", "at", "subject", "case", "subject_seq", "subject_version", "entry_kind",
        "what", "before", "after", "actor_name", "acted_as", "why",
        "because", "undoes", "undoing", "content", "correlation_id", "completion_seq",
        "hash_hex", "previous_hash_hex", "page",
    )  # fmt: skip
    ordering = ("-at", "-id")
    list_per_page = 50
    # Counting a long ledger for a number nobody needs would scan it.
    show_full_result_count = False

    @admin.display(description=_("about"))
    def subject(self, row: Any) -> SafeString:
        """Return a link to what it is about."""
        return self.link(row, "subject")

    @admin.display(description=_("case"))
    def case(self, row: Any) -> SafeString:
        """Return a link to the case it happened in."""
        return self.link(row, "case")

    @admin.display(description=_("what happened"))
    def what(self, row: Any) -> str:
        """Return the action in words."""
        return action_label(row.action, row.subject_type)

    @admin.display(description=_("kind of entry"))
    def entry_kind(self, row: Any) -> str:
        """Return the kind in words."""
        return str(KIND_WORDS.get(row.kind, row.kind))

    @admin.display(description=_("state before"))
    def before(self, row: Any) -> str:
        """Return the state before in words."""
        return _state(row.subject_type, row.from_status)

    @admin.display(description=_("state after"))
    def after(self, row: Any) -> str:
        """Return the state after in words."""
        return _state(row.subject_type, row.to_status)

    @admin.display(description=_("actor"))
    def actor_name(self, row: Any) -> SafeString:
        """Return the actor's username."""
        return self.link(row, "actor")

    @admin.display(description=_("kind of actor"))
    def acted_as(self, row: Any) -> str:
        """Return what acted, and in which role, in words."""
        kinds = (label_in(ActorType, row.actor_type), label_in(Role, row.actor_role))
        return ", ".join(each for each in kinds if each)

    @admin.display(description=_("caused by"))
    def because(self, row: Any) -> SafeString:
        """Return what caused it, as a sentence that leads there."""
        entry, presenter = _opened(row)
        return _led_to(presenter.link(entry.caused_by))

    @admin.display(description=_("undoes"))
    def undoes(self, row: Any) -> SafeString:
        """Return what it undoes, as a sentence that leads there."""
        entry, presenter = _opened(row)
        return _led_to(presenter.link(entry.original))

    @admin.display(description=_("as part of undoing"))
    def undoing(self, row: Any) -> SafeString:
        """Return what it says of the undoing that it is part of."""
        entry, presenter = _opened(row)
        return _facts((each["name"], each["value"]) for each in presenter.undoing(entry))

    @admin.display(description=_("reason"))
    def why(self, row: Any) -> str:
        """Return the words that were given as the reason."""
        entry, _presenter = _opened(row)
        return str(entry.payloads.get("reason") or "")

    @admin.display(description=_("content"))
    def content(self, row: Any) -> SafeString:
        """Return what it keeps, as its page shows it, and whether some of that was erased."""
        entry, presenter = _opened(row)
        kept = presenter.kept(entry)
        reader = reader_for(row.tenant_id, None, kept)
        told = [
            (each.label, value_words(each.value, each.schema, reader, each.member)) for each in kept
        ]
        gone = [(_("text"), _("erased"))] if entry.erased else []
        return _facts([*told, *gone])

    @admin.display(description=_("hash"))
    def hash_hex(self, row: Any) -> str:
        """Return the hash in hexadecimal digits."""
        return bytes(row.hash).hex()

    @admin.display(description=_("previous hash"))
    def previous_hash_hex(self, row: Any) -> str:
        """Return the hash before it in hexadecimal digits."""
        return "" if row.previous_hash is None else bytes(row.previous_hash).hex()

    @admin.display(description=_("ledger page"))
    def page(self, row: Any) -> SafeString:
        """Return a link to the entry's page, with its causes and effects."""
        return format_html('<a href="{}">{}</a>', entry_url(row.id), _("open"))


def _opened(row: Any) -> tuple[Entry, Presenter]:
    """Return an entry of the list with what it keeps, and whoever tells it; once for a row."""
    if _OPENED not in row.__dict__:
        (entry,) = open_entries([row])
        row.__dict__[_OPENED] = (entry, Presenter(row.tenant_id, [entry]))
    found: tuple[Entry, Presenter] = row.__dict__[_OPENED]
    return found


def _led_to(found: dict[str, str] | None) -> SafeString:
    if found is None:
        return SafeString()
    return format_html('<a href="{}">{}</a>', found["url"], found["label"])


def _facts(rows: Iterable[tuple[Any, Any]]) -> SafeString:
    listed = format_html_join("", "<dt>{}</dt><dd>{}</dd>", rows)
    return format_html('<dl class="facts values">{}</dl>', listed) if listed else listed


def _state(subject_type: str, status: str) -> str:
    return str(state_words(subject_type, status).label) if status else ""
