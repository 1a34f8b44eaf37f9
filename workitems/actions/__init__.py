"""The work item verbs: the only way a work item changes. Each is declared in the catalogue."""

from __future__ import annotations

from compensation.actions.undo_verbs import declare_undo_verbs
from workitems.actions.filter_saving import edit_filter, end_filter, save_filter
from workitems.actions.item_contents import create_work_item
from workitems.actions.item_editing import change_owner, edit
from workitems.actions.item_templates import add_template, end_template, instantiate
from workitems.actions.spawning import spawn
from workitems.actions.work import (
    ITEM,
    assign,
    cancel,
    claim,
    complete,
    extend,
    fail,
    reject,
    release,
    skip,
    start,
    stop,
)
from workitems.actions.work_handover import (
    accept_delegation,
    decline_delegation,
    delegate,
    forward,
)
from workitems.actions.work_on_hold import resume, suspend
from workitems.lifecycle import LIFECYCLE
from workitems.schedules.schedule_saving import add_schedule, edit_schedule, end_schedule

_undo = declare_undo_verbs(ITEM, LIFECYCLE)
compensate = _undo["compensate"]
retry_compensation = _undo["retry"]
reassign_compensation = _undo["reassign"]
hand_to_human = _undo["hand-to-human"]
attest = _undo["attest"]
abandon = _undo["abandon"]
withdraw = _undo["withdraw"]

__all__ = [
    "abandon",
    "accept_delegation",
    "add_schedule",
    "add_template",
    "assign",
    "attest",
    "cancel",
    "change_owner",
    "claim",
    "compensate",
    "complete",
    "create_work_item",
    "decline_delegation",
    "delegate",
    "edit",
    "edit_filter",
    "edit_schedule",
    "end_filter",
    "end_schedule",
    "end_template",
    "extend",
    "fail",
    "forward",
    "hand_to_human",
    "instantiate",
    "reassign_compensation",
    "reject",
    "release",
    "resume",
    "retry_compensation",
    "save_filter",
    "skip",
    "spawn",
    "start",
    "stop",
    "suspend",
    "withdraw",
]
