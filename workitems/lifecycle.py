"""The lifecycle of a work item (DESIGN §5; WS-HumanTask 1.1 §4.7). Pure data and guards.

`LIFECYCLE` is the one table: verbs, API, buttons, documentation and tests read it.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from compensation.lifecycle import undo_operations
from verbs.operation import Operation, operation, table


class Status(models.TextChoices):
    """Every status of a work item, as people read it."""

    PENDING = "PENDING", _("Open")
    ASSIGNED = "ASSIGNED", _("Taken")
    IN_PROGRESS = "IN_PROGRESS", _("In progress")
    DELEGATED = "DELEGATED", _("Handed over")
    SUSPENDED = "SUSPENDED", _("On hold")
    COMPLETED = "COMPLETED", _("Done")
    REJECTED = "REJECTED", _("Rejected")
    FAULTED = "FAULTED", _("Failed")
    CANCELLED = "CANCELLED", _("Cancelled")
    OBSOLETE = "OBSOLETE", _("No longer needed")
    EXPIRED = "EXPIRED", _("Expired")
    ESCALATED = "ESCALATED", _("Escalated")
    COMPENSATING = "COMPENSATING", _("Being undone")
    COMPENSATED = "COMPENSATED", _("Undone")
    COMPENSATION_FAULTED = "COMPENSATION_FAULTED", _("Needs a decision")


class Kind(models.TextChoices):
    """Why the item exists."""

    TASK = "TASK", _("Task")
    COMPENSATION = "COMPENSATION", _("Undo task")
    REVIEW = "REVIEW", _("Review again")


class OfferedTo(models.TextChoices):
    """Whom an item is for while nobody has it. What once named one is never anybody's again."""

    ANYBODY = "ANYBODY", _("Anybody")
    NAMED = "NAMED", _("Those it names")
    OPERATORS = "OPERATORS", _("The operators, because nobody it names is here")


class Priority(models.IntegerChoices):
    """How urgent; stored as a number so that it sorts."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    URGENT = 4


S = Status
OPEN = frozenset({S.PENDING, S.ASSIGNED, S.IN_PROGRESS, S.DELEGATED, S.SUSPENDED})
FINAL = frozenset(
    {S.REJECTED, S.FAULTED, S.CANCELLED, S.OBSOLETE, S.EXPIRED, S.ESCALATED, S.COMPENSATED}
)
# Ended by whoever worked on it, or by those who watch over it; undoing follows after that.
OVER = (FINAL - {S.COMPENSATED}) | {S.COMPLETED}
# An undo task in one of these has not been started: its undo may still be withdrawn.
NOT_STARTED = frozenset({S.PENDING, S.ASSIGNED, S.DELEGATED})
WORKING = frozenset({S.ASSIGNED, S.IN_PROGRESS})
# What waits for its assignee to do something: also to say whether they take over.
FOR_ASSIGNEE = WORKING | {S.DELEGATED}
# Nobody has put it on hold, and no answer of a delegatee is awaited.
HELD_BY_NOTHING = WORKING | {S.PENDING}
# Time runs for it.
NOT_HELD = OPEN - {S.SUSPENDED}
# Where an item may have been before it was put on hold, and what declining leads to.
RESUMED = (S.PENDING, S.ASSIGNED, S.IN_PROGRESS)
DECLINED = (S.PENDING, S.ASSIGNED)

LIFECYCLE: dict[str, Operation] = {
    **table(
        operation("create", None, S.PENDING, "member system"),
        operation("edit", OPEN, None, "creator owner operator system"),
        operation("claim", {S.PENDING}, S.ASSIGNED, "candidate"),
        operation("release", WORKING, S.PENDING, "assignee actual_owner operator"),
        operation("assign", OPEN, S.ASSIGNED, "owner operator"),
        operation("start", {S.PENDING, S.ASSIGNED}, S.IN_PROGRESS, "assignee"),
        operation("stop", {S.IN_PROGRESS}, S.ASSIGNED, "assignee"),
        operation("complete", {S.IN_PROGRESS}, S.COMPLETED, "assignee"),
        operation("reject", WORKING, S.REJECTED, "assignee"),
        operation("fail", {S.IN_PROGRESS}, S.FAULTED, "assignee system"),
        operation("delegate", WORKING, S.DELEGATED, "assignee operator"),
        operation("accept-delegation", {S.DELEGATED}, S.ASSIGNED, "delegatee"),
        operation("decline-delegation", {S.DELEGATED}, None, "delegatee", back=DECLINED),
        operation("forward", HELD_BY_NOTHING, S.PENDING, "actual_owner owner operator"),
        operation("suspend", HELD_BY_NOTHING, S.SUSPENDED, "actual_owner owner operator"),
        operation(
            "resume", {S.SUSPENDED}, None, "actual_owner owner operator system", back=RESUMED
        ),
        operation("skip", OPEN, S.OBSOLETE, "operator"),
        operation("cancel", OPEN, S.CANCELLED, "operator"),
        operation("extend", OPEN, None, "owner operator"),
        operation("change-owner", OPEN, None, "owner operator"),
        # What missed deadlines do; the clock of what is on hold stands, or waits.
        operation("pass-on", NOT_HELD, S.PENDING, "system"),
        operation("expire", NOT_HELD, S.EXPIRED, "system"),
        operation("escalate", NOT_HELD, S.ESCALATED, "system"),
    ),
    **undo_operations(S.COMPLETED),
}


def is_begun(status: str, held_from: str) -> bool:
    """Whether somebody has begun the work: of what is on hold, as it was before."""
    return (held_from if status == S.SUSPENDED else status) not in NOT_STARTED
