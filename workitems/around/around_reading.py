"""Reads of what is around an item. Every function runs in the caller's tenant scope."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Sequence
from typing import Any, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Func, JSONField, Model, OuterRef, QuerySet

from accounts.acting import ActingUser, Authority
from accounts.selectors import Person, people
from ledger.errors import NotFound
from verbs.subject import Ref
from workitems.around.addition_kinds import KINDS, Kind
from workitems.around.addition_tables import Addition, Attachment, Progress, Relation
from workitems.around.additions import REMOVE, present
from workitems.around.drafts import drafts_of
from workitems.around.progress_reports import in_dimensions, of_undo_tasks
from workitems.models import WorkItem
from workitems.selectors import asked_of_undone, visible, with_candidates

Row = TypeVar("Row", bound=Model)
#: So many of a kind are on the page of the item; all are one more page away.
FEW = 20
_MOST_INCOMING = 100


@dataclasses.dataclass(frozen=True, slots=True)
class Around:
    """What is around one item, by kind, the newest first; `more`: kinds that have more.
    `incoming` are the relations that others have to it, `progress` how far it is, by dimension;
    `draft` what the reader has filled in of its answer."""

    additions: dict[str, list[Addition]]
    incoming: list[Relation]
    more: Collection[str]
    progress: dict[str, Progress | None]
    draft: dict[str, str]

    def of(self, kind: Kind) -> list[Addition]:
        """Return what there is of a kind, relations in both directions."""
        own = self.additions[kind.one]
        return [*own, *self.incoming] if kind.model is Relation else own

    def authors(self) -> set[uuid.UUID]:
        """Return everybody who added something."""
        rows = (row for kind in KINDS for row in self.of(kind))
        return {row.created_by_id for row in rows}

    def related(self, item_id: uuid.UUID) -> set[Ref]:
        """Return what the item is related to."""
        rows = [*self.additions["relation"], *self.incoming]
        return {other_end(row, item_id) for row in rows if isinstance(row, Relation)}


def other_end(row: Relation, item_id: uuid.UUID) -> Ref:
    """Return the other end of a relation, seen from an item."""
    if row.item_id != item_id:
        return (WorkItem.subject_type, row.item_id)
    return (row.target_type, row.target_id)


def item_with_around(
    who: ActingUser, item_id: uuid.UUID, *, everything: bool = False
) -> tuple[WorkItem, Around]:
    """Return an item and what is around it for whoever reads it, in one statement: of each kind
    few, or `everything`. Raises NotFound."""
    item = (
        with_candidates(visible(who.tenant_id))
        .filter(id=item_id)
        .annotate(
            read_incoming=_as_arrays(Relation, _to_it()),
            read_draft=ArraySubquery(
                drafts_of(OuterRef("tenant_id"), OuterRef("id"), who.actor_id).values("form")
            ),
            read_progress=_as_arrays(Progress, _its_own()),
            read_undo_progress=_as_arrays(
                Progress, of_undo_tasks(OuterRef("tenant_id"), OuterRef("id"))[:1]
            ),
            read_asked_binding=asked_of_undone("binding"),
            read_asked_schema=asked_of_undone("resolution_schema"),
            **{_name(kind): _newest(kind, everything=everything) for kind in KINDS},
        )
        .first()
    )
    if item is None:
        raise NotFound
    read = {
        kind.one: [_row(kind.model, values) for values in vars(item)[_name(kind)]] for kind in KINDS
    }
    incoming = [_row(Relation, values) for values in vars(item)["read_incoming"]]
    more = () if everything else [one for one, rows in read.items() if len(rows) > FEW]
    shown = read if everything else {one: rows[:FEW] for one, rows in read.items()}
    return item, Around(shown, incoming, more, _progress(item), _draft(item))


def _progress(item: WorkItem) -> dict[str, Progress | None]:
    own, undo = (
        [_row(Progress, values) for values in vars(item)[name]]
        for name in ("read_progress", "read_undo_progress")
    )
    return in_dimensions([*own, *undo])


def _draft(item: WorkItem) -> dict[str, str]:
    """Return what the fields of the answer form held; a program may have kept more than texts."""
    [form] = vars(item)["read_draft"] or [{}]
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _its_own() -> QuerySet[Any]:
    return Progress.objects.filter(tenant_id=OuterRef("tenant_id"), item_id=OuterRef("id"))


def _name(kind: Kind) -> str:
    return f"read_{kind.many}"


def _newest(kind: Kind, *, everything: bool) -> ArraySubquery:
    rows = present(kind, OuterRef("tenant_id"), OuterRef("id"))
    return _as_arrays(kind.model, rows[: kind.most if everything else FEW + 1])


def _to_it() -> QuerySet[Any]:
    rows = Relation.objects.filter(
        tenant_id=OuterRef("tenant_id"), target_id=OuterRef("id"),
        target_type=WorkItem.subject_type, removed_at__isnull=True,
    )  # fmt: skip
    return rows.order_by("-created_at", "-id")[:_MOST_INCOMING]


def _as_arrays(model: type[Model], rows: QuerySet[Any]) -> ArraySubquery:
    """Return rows as arrays of their values."""
    names = [field.attname for field in model._meta.concrete_fields]
    array = Func(*names, function="jsonb_build_array", output_field=JSONField())
    return ArraySubquery(rows.values_list(array))


def _row(model: type[Row], values: Sequence[Any]) -> Row:
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


def attachment(tenant_id: uuid.UUID, item_id: uuid.UUID, id_: uuid.UUID) -> Attachment:
    """Return one file of an item. Raises NotFound, also for a removed one."""
    found = Attachment.objects.filter(
        tenant_id=tenant_id, item_id=item_id, id=id_, removed_at__isnull=True
    ).first()
    if found is None:
        raise NotFound
    return found


def authors_of(rows: Sequence[Addition]) -> dict[uuid.UUID, Person]:
    """Return who added some of them, in one query, or none."""
    return people(rows[0].tenant_id, (row.created_by_id for row in rows)) if rows else {}


def may_remove(row: Addition, kind: Kind, authority: Authority) -> bool:
    """Whether somebody may remove one."""
    return not REMOVE[kind.one].denied(row, authority, None)
