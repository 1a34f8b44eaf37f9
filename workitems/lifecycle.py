"""The lifecycle of a work item (DESIGN §5; WS-HumanTask 1.1 §4.7). Pure data and guards.

`OPERATIONS` is the one table: code, API, buttons, documentation and tests read it. An operation
with `built=False` is declared and has neither function nor route yet.
"""

from __future__ import annotations

import dataclasses

from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    """Every status of a work item, as people read it."""

    PENDING = "PENDING", _("Open")
    ASSIGNED = "ASSIGNED", _("Assigned")
    IN_PROGRESS = "IN_PROGRESS", _("In progress")
    DELEGATED = "DELEGATED", _("Handed over")
    SUSPENDED = "SUSPENDED", _("On hold")
    COMPLETED = "COMPLETED", _("Completed")
    REJECTED = "REJECTED", _("Rejected")
    FAULTED = "FAULTED", _("Failed")
    CANCELLED = "CANCELLED", _("Cancelled")
    OBSOLETE = "OBSOLETE", _("No longer needed")
    EXPIRED = "EXPIRED", _("Expired")
    ESCALATED = "ESCALATED", _("Escalated")
    COMPENSATING = "COMPENSATING", _("Being undone")
    COMPENSATED = "COMPENSATED", _("Undone")
    COMPENSATION_FAULTED = "COMPENSATION_FAULTED", _("Undo failed")


class Kind(models.TextChoices):
    """Why the item exists."""

    TASK = "TASK", _("Task")
    COMPENSATION = "COMPENSATION", _("Undo task")
    REVIEW = "REVIEW", _("Review")


S = Status
OPEN = frozenset({S.PENDING, S.ASSIGNED, S.IN_PROGRESS, S.DELEGATED, S.SUSPENDED})
SETTLED = frozenset({S.COMPLETED})
FINAL = frozenset(
    {S.REJECTED, S.FAULTED, S.CANCELLED, S.OBSOLETE, S.EXPIRED, S.ESCALATED, S.COMPENSATED}
)
UNDOING = frozenset({S.COMPENSATING, S.COMPENSATION_FAULTED})
# An undo task in one of these has not been started: its undo may still be withdrawn.
NOT_STARTED = frozenset({S.PENDING, S.ASSIGNED})
WORKING = frozenset({S.ASSIGNED, S.IN_PROGRESS})


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table. `target` None: the status stays, or returns to the prior one."""

    name: str
    sources: frozenset[Status]
    target: Status | None
    who: str
    built: bool = True
    compensation: bool = False


def _op(
    name: str,
    sources: frozenset[Status] | set[Status],
    target: Status | None,
    who: str,
    *,
    built: bool = True,
    compensation: bool = False,
) -> Operation:
    return Operation(name, frozenset(sources), target, who, built, compensation)


_UNTOUCHED = {S.PENDING, S.ASSIGNED, S.IN_PROGRESS}
_FAULT = {S.COMPENSATION_FAULTED}

OPERATIONS: tuple[Operation, ...] = (
    _op("claim", {S.PENDING}, S.ASSIGNED, "candidate"),
    _op("release", WORKING, S.PENDING, "assignee operator"),
    _op("assign", OPEN, S.ASSIGNED, "operator"),
    _op("start", {S.PENDING, S.ASSIGNED}, S.IN_PROGRESS, "assignee candidate"),
    _op("stop", {S.IN_PROGRESS}, S.ASSIGNED, "assignee"),
    _op("complete", {S.IN_PROGRESS}, S.COMPLETED, "assignee"),
    _op("reject", WORKING, S.REJECTED, "assignee"),
    _op("fail", {S.IN_PROGRESS}, S.FAULTED, "assignee system", built=False),
    _op("delegate", WORKING, S.DELEGATED, "assignee operator", built=False),
    _op("accept-delegation", {S.DELEGATED}, S.ASSIGNED, "delegatee", built=False),
    _op("decline-delegation", {S.DELEGATED}, None, "delegatee", built=False),
    _op("forward", _UNTOUCHED, S.PENDING, "assignee operator", built=False),
    _op("suspend", _UNTOUCHED, S.SUSPENDED, "assignee operator", built=False),
    _op("resume", {S.SUSPENDED}, None, "assignee operator timer", built=False),
    _op("skip", OPEN, S.OBSOLETE, "operator", built=False),
    _op("cancel", OPEN, S.CANCELLED, "operator"),
    _op("extend", OPEN, None, "operator", built=False),
    _op("expire", OPEN, S.EXPIRED, "system", built=False),
    _op("escalate", OPEN, S.ESCALATED, "system", built=False),
    _op("compensate", SETTLED, S.COMPENSATING, "operator original_actor"),
    _op("settle_compensated", {S.COMPENSATING}, S.COMPENSATED, "system", compensation=True),
    _op("settle_faulted", {S.COMPENSATING}, S.COMPENSATION_FAULTED, "system", compensation=True),
    _op("retry", _FAULT, S.COMPENSATING, "operator", compensation=True),
    _op("reassign", _FAULT, S.COMPENSATING, "operator", compensation=True),
    _op("hand-to-human", _FAULT, S.COMPENSATING, "operator", compensation=True),
    _op("attest", _FAULT, S.COMPENSATED, "operator", compensation=True),
    _op("abandon", _FAULT, S.COMPLETED, "operator", compensation=True),
    _op("withdraw", {S.COMPENSATING}, S.COMPLETED, "requester operator", compensation=True),
)
BY_NAME = {operation.name: operation for operation in OPERATIONS}


def is_open(status: str) -> bool:
    """Whether somebody may still work on an item in `status`."""
    return status in OPEN
