"""Work items as a kind of thing that verbs act on."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from accounts.acting import Authority
from verbs.subject import Subject
from workitems.models import WorkItem
from workitems.permissions import is_candidate


def _assignee(item: WorkItem, authority: Authority, _facts: Any) -> str | None:
    """Stand in for everybody who may take it where nobody has: that it must be taken first is a
    question of state, said by the next check."""
    if item.assignee_id is None:
        return "" if is_candidate(item, authority) else "not_candidate"
    return "" if item.assignee_id == authority.actor_id else "not_assignee"


def _candidate(item: WorkItem, authority: Authority, _facts: Any) -> str | None:
    return "" if is_candidate(item, authority) else "not_candidate"


def _read(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, WorkItem]:
    rows = WorkItem.objects.prefetch_related("candidate_groups", "candidate_users")
    return {row.id: row for row in rows.filter(id__in=list(ids))}


WORK_ITEM_SUBJECT = Subject(
    subject_type=WorkItem.subject_type,
    model=WorkItem,
    rank=10,
    route="work-items/<uuid:id>",
    finished="completed",
    read=_read,
    relations={"assignee": _assignee, "candidate": _candidate},
)
