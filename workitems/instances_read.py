"""Reads of the instances that an item is one of. Every function runs in the caller's tenant
scope."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Sequence

from workitems.instance_models import InstanceGroup
from workitems.models import WorkItem


@dataclasses.dataclass(frozen=True, slots=True)
class Instances:
    """A group of instances, and each of them by id, title aside: they all have the same."""

    group: InstanceGroup
    items: Sequence[WorkItem]

    @property
    def completed(self) -> int:
        """How many people completed one with an outcome that counts."""
        return completed(self.items, self.group)


def counts(item: WorkItem, group: InstanceGroup) -> bool:
    """Whether an instance was completed with an outcome that counts, whatever undoing made of it
    since."""
    was_completed = item.completed_at is not None
    return was_completed and (not group.outcomes or item.outcome in group.outcomes)


def completed(items: Iterable[WorkItem], group: InstanceGroup) -> int:
    """Return how many people completed an instance with an outcome that counts: nobody is two, and
    neither is a substitute with whom they stand in for."""
    people: set[uuid.UUID | None] = set()
    number = 0
    done = (each for each in items if counts(each, group))
    for each in sorted(done, key=lambda row: (row.completed_at, row.id)):
        deciders = {each.completed_by_id, each.assignee_id}
        number += people.isdisjoint(deciders)
        people |= deciders
    return number


def instances_of(items: Iterable[WorkItem]) -> dict[uuid.UUID, Instances]:
    """Return the instances that some items are among, by their group: two queries, or none."""
    wanted = {each.one_of_id: each.tenant_id for each in items if each.one_of_id is not None}
    if not wanted:
        return {}
    [tenant_id] = set(wanted.values())
    groups = InstanceGroup.objects.filter(tenant_id=tenant_id, id__in=list(wanted))
    rows = WorkItem.objects.filter(tenant_id=tenant_id, one_of_id__in=list(wanted)).order_by("id")
    found: dict[uuid.UUID, list[WorkItem]] = {id_: [] for id_ in wanted}
    for row in rows.only(
        "id",
        "tenant_id",
        "kind",
        "status",
        "outcome",
        "completed_at",
        "completed_by_id",
        "assignee_id",
        "one_of_id",
    ):
        if row.one_of_id is not None:
            found[row.one_of_id].append(row)
    return {group.id: Instances(group, found[group.id]) for group in groups}
