"""Provenance documents in tests: read back by `prov`, and looked at relation by relation."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from prov.constants import (
    PROV_ACTIVITY,
    PROV_AGENT,
    PROV_ASSOCIATION,
    PROV_COMMUNICATION,
    PROV_DELEGATION,
    PROV_DERIVATION,
    PROV_ENTITY,
    PROV_GENERATION,
    PROV_INVALIDATION,
    PROV_USAGE,
)
from prov.model import ProvDocument, ProvRelation

from accounts.acting import ActingUser
from audit.provenance.prov_formats import provenance_of
from ledger.tenancy import tenant_scope

#: Domain and range of each relation that we write (PROV-DM, table 4).
SIDES: dict[Any, tuple[Any, Any]] = {
    PROV_GENERATION: (PROV_ENTITY, PROV_ACTIVITY),
    PROV_USAGE: (PROV_ACTIVITY, PROV_ENTITY),
    PROV_INVALIDATION: (PROV_ENTITY, PROV_ACTIVITY),
    PROV_COMMUNICATION: (PROV_ACTIVITY, PROV_ACTIVITY),
    PROV_ASSOCIATION: (PROV_ACTIVITY, PROV_AGENT),
    PROV_DELEGATION: (PROV_AGENT, PROV_AGENT),
    PROV_DERIVATION: (PROV_ENTITY, PROV_ENTITY),
}


def document_of(who: ActingUser, type_: str, id_: uuid.UUID) -> ProvDocument:
    """Return the document of something, as its tenant has it."""
    with tenant_scope(who.tenant_id):
        return provenance_of(who.tenant_id, (type_, id_))


def relations(document: ProvDocument, kind: Any) -> list[tuple[str, str]]:
    """Return both ends of every relation of a kind, as they are named."""
    return sorted((str(one), str(other)) for _, one, other in _ends(document, kind))


def only(document: ProvDocument, kind: Any) -> Any:
    """Return the one relation of a kind."""
    (found,) = (relation for relation, _, _ in _ends(document, kind))
    return found


def record_of(document: ProvDocument, name: str) -> Any:
    """Return what is declared under a name."""
    (found,) = (each for each in document.get_records() if str(each.identifier) == name)
    return found


def said(record: Any) -> dict[str, set[str]]:
    """Return the attributes of a record, as texts by their local names."""
    found: dict[str, set[str]] = {}
    for name, value in record.attributes:
        found.setdefault(name.localpart, set()).add(str(value))
    return found


def _ends(document: ProvDocument, kind: Any) -> Iterator[tuple[Any, Any, Any]]:
    for record in document.get_records(ProvRelation):
        if record.get_type() == kind:
            (_, one), (_, other) = record.formal_attributes[:2]
            yield record, one, other


def wrong_sides(document: ProvDocument) -> list[str]:
    """Return each relation whose ends are not of its domain and range, or are declared nowhere."""
    kinds: dict[str, set[Any]] = {}
    for record in document.get_records():
        if record.is_element():
            kinds.setdefault(str(record.identifier), set()).add(record.get_type())
    wrong = []
    for kind in {record.get_type() for record in document.get_records(ProvRelation)}:
        for record, *ends in _ends(document, kind):
            found = [kinds.get(str(each), set()) for each in ends]
            if found != [{side} for side in SIDES[kind]]:
                wrong.append(record.get_provn())
    return wrong
