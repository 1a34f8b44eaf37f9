"""Read-only parts of admin pages: a subject's ledger entries, a causal chain, JSON."""

from __future__ import annotations

import uuid
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.models import Actor
from accounts.selectors import person_of
from ledger.selectors import entries_of
from verbs.words import action_words, state_words
from web.entries import entry_url, ledger_url, people_in
from web.graph import Figure
from web.timeline import doer
from web.values import person_words, reader_of, value_words

ENTRIES_SHOWN = 50


def ledger_entries(tenant_id: uuid.UUID, subject_type: str, subject_id: uuid.UUID) -> SafeString:
    """Return the newest entries of a subject as a table, newest first, with a link to all."""
    found = entries_of(tenant_id, subject_type, subject_id, limit=ENTRIES_SHOWN)
    entries = list(reversed(found))
    named = people_in(entries)
    rows = [
        {
            "seq": entry.subject_seq,
            "url": entry_url(entry.id),
            "label": action_words(entry.subject_type, entry.action).label,
            "action": entry.action,
            "who": doer(entry, named),
            "at": entry.at,
            "to": entry.to_status and state_words(entry.subject_type, entry.to_status).label,
            "hash": entry.hash.hex(),
        }
        for entry in entries
    ]
    context = {"rows": rows, "all_url": ledger_url(subject_type, subject_id)}
    return render_to_string("admin/amends/ledger_entries.html", context)


def causal_chain(figure: Figure, url: str) -> SafeString:
    """Return a drawing with a link to its page, where the same is a table."""
    context = {"figure": figure, "url": url}
    return render_to_string("admin/amends/causal_chain.html", context)


def person_name(actor: Actor | None) -> SafeString:
    """Return what people call an actor whose user was read with it, the username on hover."""
    if actor is None:
        return SafeString()
    return person_words(person_of(actor)) if actor.user_id else escape(_("erased"))


def json_words(tenant_id: uuid.UUID, value: Any, schema: Any = None) -> SafeString:
    """Return a JSON value in words and rows, as its schema declares it, with people by their
    names."""
    reader = reader_of(tenant_id, None, under=[(value, schema)])
    return format_html('<div class="values">{}</div>', value_words(value, schema, reader))


def plain_text(value: str) -> SafeString:
    """Return a text with its lines kept."""
    return format_html("<pre>{}</pre>", value)
