"""What belongs to an item while it is on hold."""

from __future__ import annotations

from workitems.lifecycle import Status
from workitems.models import HoldEnd, WorkItem


def forget_hold(item: WorkItem) -> None:
    """Let nothing remind of a hold any more that is over, or is about to be."""
    if item.status == Status.SUSPENDED and item.held_until is not None:
        HoldEnd.objects.filter(tenant_id=item.tenant_id, item_id=item.id).delete()
