"""States of a case, its plan items, and of the runs and steps that undo it (DESIGN §6). Pure.

Forward: RUNNING ⇄ SUSPENDED → COMPLETED, FAULTED or CANCELLED. Undo: COMPENSATING → COMPENSATED,
PARTIALLY_COMPENSATED, or COMPENSATION_FAULTED until somebody decides; a clean partial run returns
the case to where it was. CLOSED is the end: nothing of a closed case is undone.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class CaseStatus(models.TextChoices):
    """Every status of a case."""

    RUNNING = "RUNNING", _("Running")
    SUSPENDED = "SUSPENDED", _("On hold")
    COMPLETED = "COMPLETED", _("Completed")
    FAULTED = "FAULTED", _("Failed")
    CANCELLED = "CANCELLED", _("Cancelled")
    COMPENSATING = "COMPENSATING", _("Being rolled back")
    COMPENSATED = "COMPENSATED", _("Rolled back")
    PARTIALLY_COMPENSATED = "PARTIALLY_COMPENSATED", _("Partly rolled back")
    COMPENSATION_FAULTED = "COMPENSATION_FAULTED", _("Rollback stopped")
    CLOSED = "CLOSED", _("Closed")


class PlanItemType(models.TextChoices):
    """What a fired binding became."""

    WORK_ITEM = "work_item", _("Task")
    EXECUTION = "execution", _("Automated step")


class PlanItemStatus(models.TextChoices):
    """How far the work of one fired binding is."""

    PENDING = "PENDING", _("Pending")
    ACTIVE = "ACTIVE", _("Under way")
    COMPLETED = "COMPLETED", _("Completed")
    FAULTED = "FAULTED", _("Failed")
    REJECTED = "REJECTED", _("Rejected")
    OBSOLETE = "OBSOLETE", _("No longer needed")
    CANCELLED = "CANCELLED", _("Cancelled")
    SUSPENDED = "SUSPENDED", _("On hold")


class RunStatus(models.TextChoices):
    """Every status of a compensation run."""

    PENDING_APPROVAL = "PENDING_APPROVAL", _("Waiting for approval")
    APPROVED = "APPROVED", _("Approved")
    RUNNING = "RUNNING", _("Running")
    PAUSED = "PAUSED", _("Paused")
    COMPLETED = "COMPLETED", _("Completed")
    PARTIAL = "PARTIAL", _("Completed in part")
    FAULTED = "FAULTED", _("Stopped")
    REJECTED = "REJECTED", _("Refused")
    CANCELLED = "CANCELLED", _("Cancelled")
    EXPIRED = "EXPIRED", _("Expired")
    SUPERSEDED = "SUPERSEDED", _("Superseded")


class StepStatus(models.TextChoices):
    """Every status of one step of a run."""

    PLANNED = "PLANNED", _("Planned")
    WAITING = "WAITING", _("Waiting")
    RUNNING = "RUNNING", _("Under way")
    DONE = "DONE", _("Undone")
    FAILED = "FAILED", _("Failed")
    RESOLVED = "RESOLVED", _("Attested by a person")
    ABANDONED = "ABANDONED", _("Abandoned")
    SKIPPED = "SKIPPED", _("Not needed")
    BLOCKED = "BLOCKED", _("Blocked")


class Trigger(models.TextChoices):
    """What started a run."""

    OPERATOR = "operator", _("An operator")


C, R, T, P = CaseStatus, RunStatus, StepStatus, PlanItemStatus

SUSPENDABLE = frozenset({C.RUNNING})
CANCELLABLE = frozenset({C.RUNNING, C.SUSPENDED, C.FAULTED})
ROLLBACK_FROM = frozenset(
    {C.RUNNING, C.SUSPENDED, C.FAULTED, C.COMPLETED, C.CANCELLED, C.PARTIALLY_COMPENSATED}
)
CLOSABLE = frozenset({C.COMPLETED, C.FAULTED, C.CANCELLED, C.COMPENSATED, C.PARTIALLY_COMPENSATED})
ROLLING_BACK = frozenset({C.COMPENSATING, C.COMPENSATION_FAULTED})
ENDED = CLOSABLE | {C.CLOSED}

OPEN_ITEMS = frozenset({P.PENDING, P.ACTIVE, P.SUSPENDED})
LIVE_RUNS = frozenset({R.APPROVED, R.RUNNING, R.PAUSED, R.FAULTED})
OPEN_STEPS = frozenset({T.PLANNED, T.WAITING, T.RUNNING, T.FAILED})
DONE_STEPS = frozenset({T.DONE, T.RESOLVED, T.SKIPPED})
FAILED_STEPS = frozenset({T.FAILED, T.ABANDONED, T.BLOCKED})
UNDER_WAY = frozenset({T.WAITING, T.RUNNING})

# Left behind for good: a run that met one of these has not undone everything.
RESIDUAL_EXCLUSIONS = frozenset(
    {
        "irreversible",
        "pivot",
        "window_closed",
        "no_compensation_declared",
        "erased",
        "other_tenant",
    }
)
