"""Where the ledger's pages are, for the pages of the apps below: no query, only addresses."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection

from django.urls import reverse
from django.utils.translation import gettext as _

from ledger.vocabulary import SUBJECT_TYPES
from web.describers import Description
from web.describers import register as register_describer
from web.entries import ENTRY, LEDGER_OF


def register() -> None:
    """Say where an entry's page is, and the page of the entries of each kind of subject."""
    register_describer(ENTRY, _entries)
    for subject_type in sorted(SUBJECT_TYPES):
        register_describer(f"{LEDGER_OF}{subject_type}", _ledger_of(subject_type))


def _entries(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    return {id_: Description(_("Ledger entry"), reverse("audit:entry", args=[id_])) for id_ in ids}


def _ledger_of(
    subject_type: str,
) -> Callable[[Collection[uuid.UUID]], dict[uuid.UUID, Description]]:
    def describe(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
        return {
            id_: Description(_("Ledger"), reverse("audit:subject", args=[subject_type, id_]))
            for id_ in ids
        }

    return describe
