"""Reads of what is around an item. Every function runs in the caller's tenant scope."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Func, JSONField, OuterRef, QuerySet

from accounts.acting import Authority
from accounts.selectors import Person, people
from ledger.errors import NotFound
from workitems.around.additions import KINDS, REMOVE, Kind, present
from workitems.around.tables import Addition
from workitems.models import WorkItem
from workitems.selectors import visible, with_candidates

#: So many of a kind are on the page of the item; all are one more page away.
FEW = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Around:
    """What is around one item, by kind, the newest first; `more`: kinds that have more."""

    additions: dict[str, list[Addition]]
    more: Collection[str]

    def authors(self) -> set[uuid.UUID]:
        """Return everybody who added something."""
        return {row.created_by_id for rows in self.additions.values() for row in rows}


def item_with_around(
    tenant_id: uuid.UUID, item_id: uuid.UUID, *, everything: bool = False
) -> tuple[WorkItem, Around]:
    """Return an item and what is around it, in one statement: of each kind few, or `everything`.
    Raises NotFound."""
    rows = with_candidates(visible(tenant_id)).filter(id=item_id)
    found = rows.annotate(**{_name(kind): _newest(kind, everything=everything) for kind in KINDS})
    item = found.first()
    if item is None:
        raise NotFound
    read = {
        kind.one: [_row(kind.model, values) for values in vars(item)[_name(kind)]] for kind in KINDS
    }
    more = () if everything else [one for one, rows in read.items() if len(rows) > FEW]
    return item, Around(read if everything else {k: rows[:FEW] for k, rows in read.items()}, more)


def _name(kind: Kind) -> str:
    return f"read_{kind.many}"


def _newest(kind: Kind, *, everything: bool) -> ArraySubquery:
    """Return what an item has of a kind as arrays of values, the newest first."""
    names = [field.attname for field in kind.model._meta.concrete_fields]
    array = Func(*names, function="jsonb_build_array", output_field=JSONField())
    rows = present(kind, OuterRef("tenant_id"), OuterRef("id"))
    return ArraySubquery(rows.values_list(array)[: kind.most if everything else FEW + 1])


def _row(model: type[Addition], values: Sequence[Any]) -> Addition:
    fields = model._meta.concrete_fields
    return model(
        **{
            field.attname: None if value is None else field.to_python(value)
            for field, value in zip(fields, values, strict=True)
        }
    )


def listed(kind: Kind, tenant_id: uuid.UUID, item_id: uuid.UUID) -> QuerySet[Any]:
    """Return what an item has of a kind, the newest first."""
    rows: QuerySet[Any] = present(kind, tenant_id, item_id)
    return rows


def authors_of(rows: Sequence[Addition]) -> dict[uuid.UUID, Person]:
    """Return who added some of them, in one query, or none."""
    return people(rows[0].tenant_id, (row.created_by_id for row in rows)) if rows else {}


def may_remove(row: Addition, kind: Kind, authority: Authority) -> bool:
    """Whether somebody may remove one."""
    return not REMOVE[kind.one].denied(row, authority, None)
