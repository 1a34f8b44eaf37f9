"""A provenance document as it is asked for and given out."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Final

from django.urls import reverse
from prov.model import ProvDocument

from accounts.selectors import people
from audit.provenance.entries_around import told_of
from audit.provenance.prov_document import prov_document
from compensation.subject import UndoableSubject
from verbs.subject import Ref, all_subjects, describe


@dataclasses.dataclass(frozen=True, slots=True)
class ProvFormat:
    """How a document is written: the serializer of `prov`, its media type and file ending."""

    serializer: str
    media_type: str
    ending: str
    label: str


FORMATS: Final = {
    "json": ProvFormat("json", "application/json", "provjson", "PROV-JSON"),
    "n": ProvFormat("provn", "text/provenance-notation", "provn", "PROV-N"),
    "jsonld": ProvFormat("jsonld", "application/ld+json", "jsonld", "PROV-JSONLD"),
}
#: What a document is made of, by the first part of its address in the API.
SUBJECTS: Final = ("case", "work_item", "execution", "batch", "compensation_run")


def finishing() -> dict[str, frozenset[str]]:
    """Return, by type, the actions of the entries that finish something."""
    return {
        each.subject_type: frozenset(
            each.finishing if isinstance(each, UndoableSubject) else [each.finished]
        )
        for each in all_subjects()
        if each.finished
    }


def provenance_of(tenant_id: uuid.UUID, subject: Ref) -> ProvDocument:
    """Return the document of a piece of work, a case, a batch or a rollback: a fixed number of
    statements, however much is told.

    Raises NotFound where nothing is recorded about it in the tenant, Conflict (`too_much`) for
    more than one document holds. Runs in the caller's tenant scope.
    """
    told = told_of(tenant_id, subject)
    entries = [*told.entries, *told.beside]
    named = people(tenant_id, {actor for entry in entries for actor in entry.people})
    called = describe(tenant_id, {(each.subject_type, each.subject_id) for each in entries})
    return prov_document(
        told,
        finishing=finishing(),
        titles={ref: str(each.title) for ref, each in called.items()},
        usernames={id_: person.username for id_, person in named.items()},
    )


def provenance_links(type_: str, id_: uuid.UUID) -> list[dict[str, str]]:
    """Return where the document of something is, in each format; nothing where none is made."""
    if type_ not in SUBJECTS:
        return []
    address = reverse(f"audit-api:{type_}-provenance", args=[id_])
    return [
        {"label": how.label, "url": f"{address}?format={name}"} for name, how in FORMATS.items()
    ]


def written(document: ProvDocument, how: ProvFormat) -> str:
    """Return a document as text in one of the formats."""
    return str(document.serialize(format=how.serializer))
