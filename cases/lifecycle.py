"""States of a case and its plan items (DESIGN §6). Pure.

Forward: RUNNING ⇄ SUSPENDED → COMPLETED, FAULTED or CANCELLED; FAULTED → RUNNING to try again.
Undo: COMPENSATING → COMPENSATED, PARTIALLY_COMPENSATED, or COMPENSATION_FAULTED until somebody
decides; a clean partial run returns the case to where it was. CLOSED is the end: nothing of a
closed case is undone.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from verbs.operation import Operation, operation, table


class CaseStatus(models.TextChoices):
    """Every status of a case."""

    RUNNING = "RUNNING", _("Running")
    SUSPENDED = "SUSPENDED", _("On hold")
    COMPLETED = "COMPLETED", _("Completed")
    FAULTED = "FAULTED", _("Failed")
    CANCELLED = "CANCELLED", _("Cancelled")
    COMPENSATING = "COMPENSATING", _("Being undone")
    COMPENSATED = "COMPENSATED", _("Rolled back")
    PARTIALLY_COMPENSATED = "PARTIALLY_COMPENSATED", _("Rolled back with exceptions")
    COMPENSATION_FAULTED = "COMPENSATION_FAULTED", _("Rollback needs a decision")
    CLOSED = "CLOSED", _("Closed")


class PlanItemType(models.TextChoices):
    """What a fired binding became."""

    WORK_ITEM = "work_item", _("Task")
    EXECUTION = "execution", _("Automatic step")
    SUB_CASE = "sub_case", _("Case")
    SIGNAL = "signal", _("Signal")
    THROW = "throw", _("Rollback")


#: What becomes none of these does no work: nothing is open, and there is nothing to undo.
WITHOUT_WORK = frozenset({PlanItemType.SIGNAL, PlanItemType.THROW})


class PlanItemStatus(models.TextChoices):
    """How far the work of one fired binding is."""

    PENDING = "PENDING", _("Not started")
    ACTIVE = "ACTIVE", _("Open")
    COMPLETED = "COMPLETED", _("Done")
    FAULTED = "FAULTED", _("Failed")
    REJECTED = "REJECTED", _("Rejected")
    OBSOLETE = "OBSOLETE", _("No longer needed")
    CANCELLED = "CANCELLED", _("Cancelled")
    SUSPENDED = "SUSPENDED", _("On hold")


class ArrivalStatus(models.TextChoices):
    """What has become of something that came for a step."""

    WAITING = "WAITING", _("Waits")
    TAKEN = "TAKEN", _("Has started its step")
    PASSED_OVER = "PASSED_OVER", _("Has started nothing")


class MilestoneStatus(models.TextChoices):
    """How it stands with something that a case is to reach."""

    AHEAD = "AHEAD", _("Not looked for yet")
    ACTIVE = "ACTIVE", _("Not reached yet")
    OVERDUE = "OVERDUE", _("Overdue")
    REACHED = "REACHED", _("Reached")


C, P = CaseStatus, PlanItemStatus

CANCELLABLE = frozenset({C.RUNNING, C.SUSPENDED, C.FAULTED})
ROLLBACK_FROM = frozenset(
    {C.RUNNING, C.SUSPENDED, C.FAULTED, C.COMPLETED, C.CANCELLED, C.PARTIALLY_COMPENSATED}
)
#: For these something may come yet: they run, or may run again.
LISTENING = frozenset({C.RUNNING, C.SUSPENDED, C.FAULTED, C.COMPENSATING, C.COMPENSATION_FAULTED})
CLOSABLE = frozenset({C.COMPLETED, C.FAULTED, C.CANCELLED, C.COMPENSATED, C.PARTIALLY_COMPENSATED})
ROLLING_BACK = frozenset({C.COMPENSATING, C.COMPENSATION_FAULTED})
# What these have not reached in time is late.
MAY_BE_LATE = frozenset({C.RUNNING, C.SUSPENDED, C.FAULTED})

# What these still hear of their work changes what they know; what is over stays as it ended.
TAKES_RESULTS = frozenset({C.RUNNING, C.SUSPENDED, C.FAULTED}) | ROLLING_BACK

OPEN_ITEMS = frozenset({P.PENDING, P.ACTIVE, P.SUSPENDED})

LIFECYCLE: dict[str, Operation] = table(
    operation("open", None, C.RUNNING, "member system"),
    operation("suspend", {C.RUNNING}, C.SUSPENDED, "operator system"),
    operation("resume", {C.SUSPENDED}, C.RUNNING, "operator system"),
    operation("retry", {C.FAULTED}, C.RUNNING, "operator system"),
    operation("cancel", CANCELLABLE, C.CANCELLED, "operator system"),
    operation("close", CLOSABLE, C.CLOSED, "operator system"),
)
SIGNAL = operation("signal", LISTENING, None, "operator system")
DEPLOY = operation("deploy", None, None, "operator system")
