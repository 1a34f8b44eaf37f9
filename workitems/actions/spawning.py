"""Spawning: whoever has an open item opens parts of it, as many as there are to do.

A part is an item of its own, outside any case, made from a template or said whole; its relation
PART_OF is made with it. `blocking` parts have to end before the whole is completed. Cancelling the
whole cancels the parts that are open.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from django.utils.translation import gettext as _
from pydantic import Field

from json_values.pointers import FieldError
from ledger.clock import now
from ledger.errors import Invalid
from ledger.ids import new_id
from verbs import catalogue
from verbs.body_size import at_most
from verbs.input import Id, Input, read
from verbs.move import Moves
from verbs.operation import operation
from verbs.shell import VerbContext
from workitems.actions.item_contents import Create, new_item_of
from workitems.actions.item_opening import NewWorkItem, open_item
from workitems.actions.item_templates import Instantiate, made_from, merged, said_of
from workitems.around.addition_tables import Relation
from workitems.around.relating import PART_OF
from workitems.lifecycle import OPEN
from workitems.models import WorkItem, WorkItemTemplate

ITEM = WorkItem.subject_type
MOST_CHILDREN = 20
#: As JSON, all of them together.
CHILDREN_BYTES = 1024 * 1024


class Child(Instantiate):
    """A part: a new item, or what one says beside a template, named by its id."""

    template: Id | None = None


class Spawn(Input):
    """The parts, and whether they have to end before the whole is completed."""

    children: Annotated[
        list[Child],
        Field(min_length=1, max_length=MOST_CHILDREN),
        at_most(CHILDREN_BYTES),
    ]
    blocking: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Spawned:
    """An item, and what was spawned of it."""

    item: WorkItem
    children: Sequence[WorkItem]


@catalogue.verb(
    ITEM, operation("spawn", OPEN, None, "actual_owner operator"), action="spawned", given=Spawn,
    status=201, beside=True, page=False,
    no_button="It has a page of its own, for one part at a time.",
)  # fmt: skip
def spawn(item: WorkItem, given: Spawn, context: VerbContext) -> Spawned:
    """Open parts of it."""
    creator = context.authority.actor_id
    wanted = _wanted(given.children, item.tenant_id, creator)
    moves = Moves()
    item.has_parts = True
    # Their ids are in the entry of the whole, and that entry is what caused them.
    ids = [new_id() for _ in wanted]
    entry = moves.change(
        item, "spawned", before=str(item.status), by=context.by, fields=["has_parts"],
        payloads={"parts": [str(id_) for id_ in ids], "blocking": given.blocking},
    )  # fmt: skip
    children = []
    for id_, new in zip(ids, wanted, strict=True):
        child = open_item(new, by=context.by, caused_by=entry.ref, moves=moves, id_=id_)
        moves.add(
            Relation(
                tenant_id=item.tenant_id, item=child, created_by_id=creator, created_at=now(),
                type=PART_OF, target_type=ITEM, target_id=item.id, enforced=given.blocking,
                spawned=True,
            )
        )  # fmt: skip
        children.append(child)
    moves.record()
    return Spawned(item, children)


def _wanted(
    children: Sequence[Child], tenant_id: uuid.UUID, creator: uuid.UUID
) -> list[NewWorkItem]:
    """Return the items to be. Raises Invalid with everything that is wrong with any of them."""
    named = {child.template for child in children if child.template is not None}
    rows = WorkItemTemplate.objects.filter(tenant_id=tenant_id, id__in=named) if named else ()
    templates = {str(row.id): row for row in rows}
    found, problems = [], []
    for place, child in enumerate(children):
        try:
            found.append(_new_part(child, templates, tenant_id, creator))
        except Invalid as refused:
            problems.extend(_below(f"/children/{place}", refused.errors))
    if problems:
        raise Invalid(_("A part breaks a rule."), errors=problems)
    return found


def _new_part(
    child: Child,
    templates: Mapping[str, WorkItemTemplate],
    tenant_id: uuid.UUID,
    creator: uuid.UUID,
) -> NewWorkItem:
    said = said_of(child)
    said.pop("template", None)
    origin = None
    if child.template is not None:
        row = templates.get(child.template)
        if row is None or row.ended_at is not None:
            message = _("was ended") if row else _("there is no such template here")
            raise Invalid.field("/template", message, code="unknown")
        said, origin = merged(row.content, said), made_from(row)
    body = read(Create, {name: value for name, value in said.items() if value is not None})
    if body.group is not None:
        raise Invalid.field("/group", _("a part is one item"), code="unsupported")
    return dataclasses.replace(new_item_of(body, tenant_id, creator), template=origin)


def _below(pointer: str, errors: Iterable[FieldError]) -> list[FieldError]:
    return [dataclasses.replace(each, pointer=f"{pointer}{each.pointer}") for each in errors]
