"""What falls due of work items: holds that end, deadlines that come, items that are to be made."""

from __future__ import annotations

from ledger.dispatch.consumer_registry import Source
from workitems.actions.work_deadlines import DEADLINES, miss_due
from workitems.actions.work_on_hold import HOLD_ENDS, resume_due
from workitems.schedules.schedule_due import SCHEDULES, make_due

SOURCES = (
    Source("work_item_holds", HOLD_ENDS, resume_due, short=True),
    Source("work_item_deadlines", DEADLINES, miss_due, short=True),
    Source("work_item_schedules", SCHEDULES, make_due, short=True),
)
