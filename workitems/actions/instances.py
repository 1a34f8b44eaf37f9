"""Several instances of one task for several deciders: opening them, and deciding when enough of
them are completed.

`required` of them have to be completed, each by somebody else, with an outcome that counts where
some are named: who has or completed one takes no other. Then the
group is met, once, and what is open becomes what its `on_met` says, in the same transaction; when
too few are left open for that, it cannot be met any more, which is said once and ends nothing.
What was completed counts whatever becomes of it later: taking it back is a matter of that instance
alone. One that others were asked to take over keeps waiting for their answer when the rest is put
on hold.

The group's row comes before its instances in the lock order. Who ends an instance has that already
and takes the group only where it is free; where it is not, the transaction is made again, with the
group first (`locking_first`). So nobody waits for a group who holds an instance.
"""

from __future__ import annotations

import dataclasses
import functools
import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from django.utils.translation import gettext as _
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from compensation.locking import lock_many
from compensation.policy import MAX_NAME_LENGTH
from ledger.clock import now
from ledger.errors import NotPermitted
from ledger.ids import new_id
from ledger.record import ActorRef, EntryRef, Recorded
from verbs import words
from verbs.body_size import at_most
from verbs.input import WHOLE, Input, Name
from verbs.locking_first import LockFirst
from verbs.move import Moves
from verbs.shell import VerbContext
from workitems.actions.calling_off import call_off
from workitems.actions.item_opening import NewWorkItem, open_item
from workitems.actions.work_on_hold import hold
from workitems.instance_models import InstanceGroup, Meeting, OnMet
from workitems.instances_read import completed
from workitems.lifecycle import HELD_BY_NOTHING, OPEN, OVER
from workitems.models import WorkItem
from workitems.permissions import HAS_ANOTHER

MOST_INSTANCES = 50
_ENOUGH = "Enough of the others are done."


class Group(Input):
    """So many instances for so many deciders; `required` of them completed are enough, and then
    the open ones are kept, put on hold or cancelled. Where `outcomes` are named only these count.
    """

    instances: Annotated[int, Field(ge=1, le=MOST_INSTANCES), WHOLE]
    required: Annotated[int, Field(ge=1, le=MOST_INSTANCES), WHOLE]
    on_met: Literal["keep", "suspend", "cancel"] = "keep"
    outcomes: Annotated[
        list[Name], Field(max_length=MOST_INSTANCES), at_most(MOST_INSTANCES * MAX_NAME_LENGTH * 4)
    ] = []

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.required > self.instances:
            message = _("required: at most the %(n)d that there are") % {"n": self.instances}
            raise PydanticCustomError("unsupported", "{message}", {"message": message})
        return self


def open_instances(
    new: NewWorkItem, said: Group | None, *, by: ActorRef, caused_by: EntryRef | None = None
) -> WorkItem:
    """Open an item, or, as a group says, several that are alike; the first one is returned."""
    if said is None:
        return open_item(new, by=by, caused_by=caused_by)
    group = InstanceGroup(
        id=new_id(),
        tenant_id=new.tenant_id,
        instances=said.instances,
        required=said.required,
        on_met=said.on_met,
        outcomes=list(said.outcomes),
    )
    moves = Moves()
    moves.add(group)
    each = dataclasses.replace(new, one_of_id=group.id)
    first, *_others = [
        open_item(each, by=by, caused_by=caused_by, moves=moves) for _ in range(said.instances)
    ]
    moves.record()
    return first


def instance_ended(item: WorkItem, entry: Recorded, context: VerbContext, moves: Moves) -> None:
    """Decide whether enough are done, now that a locked instance has ended; its change is among
    the moves. Raises LockFirst where somebody else decides at the same moment."""
    if item.one_of_id is None or item.status not in OVER:
        return
    group = _taken(item.tenant_id, item.one_of_id)
    if group.state != Meeting.OPEN:
        return
    others = list(
        _instances(group)
        .exclude(id=item.id)
        .only("id", "status", "outcome", "completed_at", "completed_by_id", "assignee_id")
    )
    _by_another(item, others)
    done = completed([item, *others], group)
    still_open = [each.id for each in others if each.status in OPEN]
    if done < group.required <= done + len(still_open):
        return
    met = done >= group.required
    group.state, group.decided_at = (Meeting.MET if met else Meeting.IMPOSSIBLE), now()
    moves.save(group, ["state", "decided_at"])
    said = {
        "title": item.title, "group": str(group.id), "done": done, "required": group.required,
        "instances": group.instances,
    }  # fmt: skip
    decided = moves.change(
        item, "group_met" if met else "group_missed", before=str(item.status), by=context.by,
        caused_by=entry.ref, payloads=said,
    )  # fmt: skip
    if met and group.on_met != OnMet.KEEP and still_open:
        how = {"by": context.by, "caused_by": decided.ref, "reason": _ENOUGH, "moves": moves}
        _close(group, still_open, how)


def _by_another(item: WorkItem, others: Sequence[WorkItem]) -> None:
    """Raise NotPermitted where who completes an instance has completed another: they came by both
    at the same moment."""
    did = {actor for each in others if each.completed_at for actor in _deciders(each)}
    if item.completed_at is not None and not did.isdisjoint(_deciders(item)):
        raise NotPermitted(words.denial(HAS_ANOTHER))


def _deciders(item: WorkItem) -> set[uuid.UUID]:
    return {each for each in (item.completed_by_id, item.assignee_id) if each is not None}


def _close(group: InstanceGroup, ids: Sequence[uuid.UUID], how: dict[str, Any]) -> None:
    """Put on hold, or cancel, those of some instances that are open still."""
    for each in lock_many(WorkItem, WorkItem.subject_type, group.tenant_id, ids):
        if group.on_met == OnMet.CANCEL:
            call_off(each, **how)
        elif each.status in HELD_BY_NOTHING:
            hold(each, **how)


def _instances(group: InstanceGroup) -> Any:
    return WorkItem.objects.filter(tenant_id=group.tenant_id, one_of_id=group.id)


def _taken(tenant_id: uuid.UUID, group_id: uuid.UUID) -> InstanceGroup:
    """Lock a group that nobody else has locked. Raises LockFirst."""
    free = InstanceGroup.objects.select_for_update(skip_locked=True)
    group = free.filter(tenant_id=tenant_id, id=group_id).first()
    if group is None:
        raise LockFirst(("instances", group_id), functools.partial(_wait_for, tenant_id, group_id))
    return group


def _wait_for(tenant_id: uuid.UUID, group_id: uuid.UUID) -> None:
    InstanceGroup.objects.select_for_update().get(tenant_id=tenant_id, id=group_id)
