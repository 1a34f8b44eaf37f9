"""Putting something beside an item, and removing it: one verb each for every kind of addition.

Every member may add, whatever the item's status: notes and labels are also of use on work that is
over. Auditors only read. Removing is for whoever added it, and for operators. Both are changes of
the item: its row is locked, its version rises, and the entry is its own.
"""

from __future__ import annotations

import functools
import operator
import uuid
from collections.abc import Collection, Mapping
from typing import Any

from django.db import DatabaseError
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.acting import Authority
from ledger.clock import now
from ledger.errors import Conflict, Invalid, NotFound
from ledger.statements import server
from verbs import catalogue
from verbs.input import Nothing
from verbs.move import Moves
from verbs.operation import operation
from verbs.shell import Verb, VerbContext
from verbs.subject import Description, Locked, NamedAfter, Subject, subject_of
from workitems.around.addition_kinds import ITEM, KINDS, THERE_ALREADY, Kind
from workitems.around.addition_tables import Addition
from workitems.models import WorkItem


def _add(item: WorkItem, given: Any, context: VerbContext, *, kind: Kind) -> Addition:
    said = kind.columns(given, item, context.authority)
    _refuse_one_more(kind, item, said)
    row = kind.model(
        tenant_id=item.tenant_id, item=item, created_by_id=context.authority.actor_id,
        created_at=now(), **said,
    )  # fmt: skip
    moves = Moves()
    for each in (row, *kind.beside(item, said)):
        moves.add(each)
    moves.change(
        item, f"{kind.one}_added", before=str(item.status), by=context.by,
        payloads=_told(kind, row, said), heard_by=kind.heard_by(said),
    )  # fmt: skip
    if kind.keep is not None:
        kind.keep(row, given)
    try:
        moves.record()
        server().flush()
    except DatabaseError:
        kind.forget(row)
        raise
    return row


def _refuse_one_more(kind: Kind, item: WorkItem, said: Mapping[str, Any]) -> None:
    """Raise Conflict where it is there already, Invalid where there is no room for another."""
    there = [
        tuple(each) for each in present(kind, item.tenant_id, item.id).values_list("id", *kind.once)
    ]
    wanted = tuple(str(said[name]) for name in kind.once)
    if kind.once and any(tuple(map(str, each[1:])) == wanted for each in there):
        raise Conflict(str(THERE_ALREADY[kind.one]), code="already_there")
    if len(there) >= kind.most:
        message = _("There are %(n)d already, and no more than that: remove one first.") % {
            "n": kind.most
        }
        raise Invalid.field(f"/{kind.main}", message, code="too_many")


def _told(kind: Kind, row: Addition, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the entry keeps apart: which one, and what it says."""
    return {kind.one: str(row.id), **{name: value for name, value in said.items() if value}}


def _remove(row: Addition, _given: Nothing, context: VerbContext, *, kind: Kind) -> Addition:
    item = row.item
    row.removed_at, row.removed_by_id = now(), context.authority.actor_id
    moves = Moves()
    moves.save(row, ["removed_at", "removed_by"])
    moves.change(
        item, f"{kind.one}_removed", before=str(item.status), by=context.by,
        payloads={kind.one: str(row.id)},
    )  # fmt: skip
    moves.record()
    return row


def present(kind: Kind, tenant_id: Any, item_id: Any) -> Any:
    """Return what an item has of a kind, the newest first."""
    rows = kind.model._default_manager.filter(  # noqa: SLF001  -- Django's documented name
        tenant_id=tenant_id, item_id=item_id, removed_at__isnull=True
    )
    return rows.order_by("-created_at", "-id")


def _locked(
    tenant_id: uuid.UUID, item_id: uuid.UUID, addition_id: uuid.UUID, *, kind: Kind
) -> Locked:
    """Lock the item, and return the addition as it is then. Raises NotFound, also for a removed
    one."""
    item = subject_of(ITEM).lock(tenant_id, item_id).row
    row = present(kind, tenant_id, item_id).filter(id=addition_id).first()
    if row is None:
        raise NotFound
    row.item = item
    return Locked(row)


def _author(row: Addition, authority: Authority, _facts: Any) -> str:
    return "" if row.created_by_id == authority.actor_id else "not_author"


def _named_after_item(
    _tenant_id: uuid.UUID, ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, NamedAfter]:
    """Return what additions are called after: they are addressed by their item, and acting on one
    leads back to it."""
    return {
        id_: NamedAfter(
            (ITEM, id_),
            functools.partial(Description, url=reverse("workitems:detail", args=[id_])),
        )
        for id_ in ids
    }


def subject_for(kind: Kind) -> Subject:
    """Return one kind of addition as a kind of thing."""
    return Subject(
        subject_type=kind.subject_type,
        model=kind.model,
        rank=11,
        route=f"work-items/<uuid:id>/{kind.many}/<uuid:{kind.one}>",
        locked=functools.partial(_locked, kind=kind),
        named_after=_named_after_item,
        relations={"author": _author},
        versioned=operator.attrgetter("item"),
        pages=f"workitems:{kind.one}",
    )


_OWN_FORM = "Its form takes a file, and stands on the item's page."


def _declared_add(kind: Kind) -> Verb[Addition]:
    return catalogue.declare(
        Verb(
            subject_type=ITEM, operation=operation(kind.verb, None, None, "member"),
            action=f"{kind.one}_added", input=kind.input, transitions=False,
            function=functools.partial(_add, kind=kind), description=kind.adding,
            route=kind.many, status=201, beside=True, locked=kind.locked,
            page=kind.keep is None, no_button=_OWN_FORM if kind.keep is not None else "",
        )
    )  # fmt: skip


def _declared_remove(kind: Kind) -> Verb[Addition]:
    return catalogue.declare(
        Verb(
            subject_type=kind.subject_type,
            operation=operation("remove", None, None, "author operator"),
            action=f"{kind.one}_removed", transitions=False, method="DELETE",
            function=functools.partial(_remove, kind=kind),
            description=f"Remove a {kind.one}; that it was there stays on record.",
        )
    )  # fmt: skip


#: The verbs that add, and those that remove, by kind.
ADD = {kind.one: _declared_add(kind) for kind in KINDS}
REMOVE = {kind.one: _declared_remove(kind) for kind in KINDS}
