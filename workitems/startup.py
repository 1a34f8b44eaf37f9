"""What the app registers at start with the apps below."""

from __future__ import annotations

from executions.compensation import register_kind, register_opener
from ledger.verify import register_guarded
from workitems.actions.within import open_undo_task
from workitems.kind import WORK_ITEM_KIND


def register() -> None:
    """Make work items undoable, people able to undo, and the ledger look for every item's chain."""
    register_kind(WORK_ITEM_KIND)
    register_opener("human", open_undo_task)
    register_guarded("workitems_workitem", "work_item")
