"""An item is due, and no deadline says what follows: people are told once that it is late.

    runs ── the moment comes ─> told, and the row is gone
      └─ it comes while the item is on hold ─> waits ── the item goes on ─> runs

A row of `Deadline` falls due then, as for deadlines. It is made with the item; the database sees to
it when another moment is set, when the item goes on, and when it ends (migration 0029).
"""

from __future__ import annotations

from workitems.deadlines import COMPLETION, limits_of
from workitems.lifecycle import Kind
from workitems.models import Deadline, WorkItem

#: The name of such a row, beside those of deadlines.
DUE = "due"
#: What came on hold lies so far off that nobody looks at it before the item goes on.
WAITS_SECONDS = 1_000 * 86_400.0


def plain_due_rows(item: WorkItem) -> list[Deadline]:
    """Return the row that falls due when an item without a deadline for it is due; none without."""
    if item.due_at is None or COMPLETION in limits_of(item):
        return []
    queue = "undo" if item.kind == Kind.COMPENSATION else "upkeep"
    row = Deadline(tenant_id=item.tenant_id, item=item, name=DUE, due_at=item.due_at, queue=queue)
    return [row]
