"""What this app tells the others when the program starts: where the ledger's pages are."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Collection

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ledger.vocabulary import SUBJECT_TYPES
from verbs.subject import Description, register_describer
from web import nav
from web.entries import ENTRY, LEDGER_OF


def register() -> None:
    """Register the page of an entry, that of each kind of subject's entries, and the navigation."""
    register_describer(ENTRY, _entries)
    for subject_type in sorted(SUBJECT_TYPES):
        describer = functools.partial(_ledgers, subject_type)
        register_describer(f"{LEDGER_OF}{subject_type}", describer)
    label = gettext_lazy("Ledger")
    nav.register(nav.NavEntry("ledger", label, "book-open", "audit:entries", order=50, rule=True))


def _entries(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    return {id_: Description(_("Ledger entry"), reverse("audit:entry", args=[id_])) for id_ in ids}


def _ledgers(type_: str, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    pages = {id_: reverse("audit:subject", args=[type_, id_]) for id_ in ids}
    return {id_: Description(_("Ledger"), page) for id_, page in pages.items()}
