"""How an item may stand to another thing: what can be related, and what would go round in a circle.

Parts of a part, and what has to end before what, are looked through under a lock that all relating
of a tenant takes first: two that would close a circle at once meet there.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Literal

from django.utils.translation import gettext as _

from accounts.acting import Authority
from json_values.pointers import FieldError
from ledger.errors import Conflict, NotPermitted
from ledger.statements import fetched
from verbs.input import Id, Input, invalid
from verbs.subject import Locked, known, subject_of
from workitems.lifecycle import Kind
from workitems.models import WorkItem

ITEM = WorkItem.subject_type
PART_OF, BLOCKS = "PART_OF", "BLOCKS"
#: Between items alone; of the others an execution or a case may be the other end.
_BETWEEN_ITEMS = frozenset({PART_OF, BLOCKS, "DUPLICATES"})
#: What may not lead back to where it began.
_NO_CIRCLE = frozenset({PART_OF, BLOCKS})
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('workitems_relation ' || %s, 0))"
_LEADS_TO = """
WITH RECURSIVE onward(id) AS (
    SELECT %(target)s::uuid
    UNION
    SELECT r.target_id FROM onward JOIN workitems_relation r
        ON r.tenant_id = %(tenant)s AND r.item_id = onward.id AND r.type = %(type)s
       AND r.removed_at IS NULL)
SELECT FROM onward WHERE id = %(item)s
"""


class Target(Input):
    """The other end."""

    type: Literal["work_item", "execution", "case"]
    id: Id


class NewRelation(Input):
    """How it stands to another thing. `enforced`, of what it BLOCKS: that is neither started nor
    completed while this item is open; for who opened, owns or has that one, and for operators, who
    alone may let an undo task wait."""

    type: Literal["PART_OF", "BLOCKS", "RELATES_TO", "DUPLICATES", "DERIVED_FROM"]
    target: Target
    enforced: bool = False


def lock_to_relate(tenant_id: uuid.UUID, item_id: uuid.UUID) -> Locked:
    """Lock all relating of the tenant, then the item. Nobody who has a row waits for the first."""
    fetched(_LOCK, [str(tenant_id)])
    return subject_of(ITEM).lock(tenant_id, item_id)


def relation_columns(given: NewRelation, item: WorkItem, authority: Authority) -> dict[str, Any]:
    """Return what the row keeps. Raises Invalid for what cannot be related so, also for what
    another tenant has; NotPermitted for another's task that should wait; Conflict for a circle."""
    wrong = list(_faults(given, item))
    if wrong:
        raise invalid(wrong)
    target = _target_of(given, item)
    if given.enforced:
        _require_hold_on(target, authority)
    said = {
        "type": given.type,
        "target_type": given.target.type,
        "target_id": given.target.id,
        "enforced": given.enforced,
    }
    if given.type in _NO_CIRCLE and _leads_back(said, item):
        raise Conflict(
            _("That one leads back to this: it would stand in its own way."), code="circle"
        )
    return said


def _faults(given: NewRelation, item: WorkItem) -> list[FieldError]:
    target = given.target
    if given.enforced and given.type != BLOCKS:
        message = _("only what this item blocks can be kept from starting")
        return [FieldError("/enforced", message, "unsupported")]
    if given.type in _BETWEEN_ITEMS and target.type != ITEM:
        message = _("must be a task: nothing else is a part, is blocked or is the same")
        return [FieldError("/target/type", message, "unsupported")]
    if (target.type, target.id) == (ITEM, str(item.id)):
        return [FieldError("/target/id", _("is the item itself"), "itself")]
    return []


def _target_of(given: NewRelation, item: WorkItem) -> Any:
    """Return the row of the other end. Raises Invalid for what is not there."""
    subject, wanted = known(given.target.type), uuid.UUID(given.target.id)
    rows = {} if subject is None else subject.read_many(item.tenant_id, [wanted])
    if wanted not in rows:
        message = _("there is no such thing here")
        raise invalid([FieldError("/target/id", message, "unknown")])
    return rows[wanted]


def _require_hold_on(target: WorkItem, authority: Authority) -> None:
    """Raise NotPermitted unless they may let the target wait: what keeps it from being done is a
    decision about it, and an undo is nobody's to hold up but the operators'."""
    if authority.is_operator:
        return
    if target.kind == Kind.COMPENSATION:
        raise NotPermitted(_("Only an operator may let an undo task wait."))
    if authority.actor_id not in (target.created_by_id, target.owner_id, target.assignee_id):
        raise NotPermitted(
            _("Only who opened, owns or has that task, or an operator, may let it wait.")
        )


def _leads_back(said: Mapping[str, Any], item: WorkItem) -> bool:
    given = {"tenant": item.tenant_id, "item": item.id}
    return bool(fetched(_LEADS_TO, {**given, "type": said["type"], "target": said["target_id"]}))
