"""What keeps an item from being started or completed: open items that block it, where whoever
related them asked for that (`enforced`); and from being completed open parts of it, where whoever
spawned them asked for that.

The locked read brings the blockers along as its snapshot saw them. That is right: who relates two
items, or ends one of them, at the same time did it before or after.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.utils.translation import gettext as _

from ledger.errors import Conflict, Refusal
from verbs.row_reading import literal
from verbs.shell import StateRule, wrong_state
from workitems.around.addition_tables import Relation
from workitems.lifecycle import LIFECYCLE, OPEN
from workitems.models import WorkItem

_ENFORCED: dict[str, Any] = {"type": "BLOCKS", "enforced": True, "removed_at__isnull": True}
READ = "blocked_by"
_READ_PARTS = "open_parts"
#: The column, so called, of a locked read of items `r`.
COLUMN = (
    ", array(SELECT b.item_id FROM workitems_relation b JOIN workitems_workitem o"  # noqa: S608  -- words of our own
    " ON o.tenant_id = b.tenant_id AND o.id = b.item_id"
    " WHERE b.tenant_id = r.tenant_id AND b.target_id = r.id AND b.type = 'BLOCKS'"
    f" AND b.enforced AND b.removed_at IS NULL AND o.status IN ({literal(OPEN)})) AS {READ}"
)


def blockers_beside() -> ArraySubquery:
    """Return the open blockers of each item of a query."""
    rows = Relation.objects.filter(
        tenant_id=OuterRef("tenant_id"), target_id=OuterRef("id"),
        item__tenant_id=OuterRef("tenant_id"), item__status__in=OPEN, **_ENFORCED,
    )  # fmt: skip
    return ArraySubquery(rows.values("item_id"))


def bring_blockers(items: Iterable[WorkItem]) -> None:
    """Read the blockers of items that did not bring them along: one query, or none."""
    without = {each.id: each for each in items if each.status in OPEN and READ not in vars(each)}
    if not without:
        return
    [tenant_id] = {each.tenant_id for each in without.values()}
    for each in without.values():
        vars(each)[READ] = []
    rows = Relation.objects.filter(
        tenant_id=tenant_id, target_id__in=list(without), item__tenant_id=tenant_id,
        item__status__in=OPEN, **_ENFORCED,
    )  # fmt: skip
    for target_id, item_id in rows.values_list("target_id", "item_id"):
        vars(without[target_id])[READ].append(item_id)


def bring_parts(items: Iterable[WorkItem]) -> None:
    """Read the parts that items wait for: one query, or none where nothing was spawned of any."""
    whole = {
        each.id: each
        for each in items
        if each.has_parts and each.status in OPEN and _READ_PARTS not in vars(each)
    }
    if not whole:
        return
    [tenant_id] = {each.tenant_id for each in whole.values()}
    for each in whole.values():
        vars(each)[_READ_PARTS] = []
    rows = Relation.objects.filter(
        tenant_id=tenant_id, target_id__in=list(whole), type="PART_OF", enforced=True,
        removed_at__isnull=True, item__tenant_id=tenant_id, item__status__in=OPEN,
    )  # fmt: skip
    for target_id, item_id in rows.values_list("target_id", "item_id"):
        vars(whole[target_id])[_READ_PARTS].append(item_id)


def _waits_for(item: WorkItem, name: str) -> list[uuid.UUID]:
    """Return the open items that have to end before an operation."""
    if name != "complete":
        return blockers_of(item)
    bring_parts([item])
    return [*blockers_of(item), *vars(item).get(_READ_PARTS, [])]


def blockers_of(item: WorkItem) -> list[uuid.UUID]:
    """Return the open items that have to end first."""
    bring_blockers([item])
    found: list[uuid.UUID] = vars(item).get(READ, [])
    return found


def unless_blocked(name: str) -> StateRule:
    """Return the rule of an operation that waits for what blocks its item."""

    def refusal(item: WorkItem, _facts: Any, _body: Any) -> Refusal | None:
        refused = wrong_state(LIFECYCLE[name], item)
        if refused is not None or not (blockers := _waits_for(item, name)):
            return refused
        return Conflict(
            _("Something else has to end before this."),
            code="blocked",
            extra={
                "current_status": str(item.status), "blocked_by": [str(id_) for id_ in blockers],
            },
        )  # fmt: skip

    return refusal
