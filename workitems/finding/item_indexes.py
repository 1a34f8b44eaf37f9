"""Indexes of work items for the filters of lists, newest first as the list itself is.

Of what most items are (done, plain tasks, never undone) there is none: the list itself is full of
it. So an item is in few of them, and no longer than it has to be looked for there.
"""

from __future__ import annotations

from django.db.models import Index, Q

from workitems.lifecycle import OPEN

_NEWEST = ("-created_at", "-id")

INDEXES = (
    Index(
        fields=["tenant", "status", *_NEWEST],
        name="workitems_status",
        condition=~Q(status="COMPLETED"),
    ),
    Index(fields=["tenant", "kind", *_NEWEST], name="workitems_kind", condition=~Q(kind="TASK")),
    Index(
        fields=["tenant", "compensation_state", *_NEWEST],
        name="workitems_undone",
        condition=~Q(compensation_state="NONE"),
    ),
    Index(fields=["tenant", *_NEWEST], name="workitems_tainted", condition=Q(tainted=True)),
    Index(fields=["tenant", "created_by", *_NEWEST], name="workitems_opened_by"),
    Index(
        fields=["tenant", "owner", *_NEWEST],
        name="workitems_owned",
        condition=Q(owner__isnull=False),
    ),
    # What is overdue is found by this one, in no order.
    Index(
        fields=["tenant", "due_at"],
        name="workitems_open_due",
        condition=Q(due_at__isnull=False, status__in=sorted(OPEN)),
    ),
)
