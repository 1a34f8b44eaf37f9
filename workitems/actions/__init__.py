"""The work item verbs: the only way a work item changes. One function per verb.

Each is a durable shell: tenant → lock → permission → version → state → input → FSM method → save →
ledger → `remember`. Failure anywhere leaves nothing behind.
"""

from __future__ import annotations

from workitems.actions.compensating import compensate
from workitems.actions.creating import create_work_item
from workitems.actions.editing import edit
from workitems.actions.repairing import (
    abandon,
    attest,
    hand_to_human,
    reassign_compensation,
    retry_compensation,
    withdraw,
)
from workitems.actions.working import (
    assign,
    cancel,
    claim,
    complete,
    reject,
    release,
    start,
    stop,
)

__all__ = [
    "abandon",
    "assign",
    "attest",
    "cancel",
    "claim",
    "compensate",
    "complete",
    "create_work_item",
    "edit",
    "hand_to_human",
    "reassign_compensation",
    "reject",
    "release",
    "retry_compensation",
    "start",
    "stop",
    "withdraw",
]
