"""Lets items go on whose time on hold is over: a source of rows that fall due."""

from __future__ import annotations

from ledger.dispatch.consumer_registry import Source
from workitems.actions.work_on_hold import HOLD_ENDS, resume_due

SOURCE = Source("work_item_holds", HOLD_ENDS, resume_due)
