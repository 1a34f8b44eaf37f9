"""States of an execution. Pure.

Forward: PENDING → RUNNING → SUCCEEDED, or back to PENDING for a retry, or FAILED when the policy is
exhausted; WAITING while an outside party owes the result. Undo, as for a work item (DESIGN §5):
SUCCEEDED → COMPENSATING → COMPENSATED or COMPENSATION_FAULTED.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class ExecutionStatus(models.TextChoices):
    """Every status of an execution."""

    PENDING_APPROVAL = "PENDING_APPROVAL", _("Waiting for approval")
    PENDING = "PENDING", _("Not started")
    RUNNING = "RUNNING", _("Running")
    WAITING = "WAITING", _("Waiting for a result")
    SUCCEEDED = "SUCCEEDED", _("Done")
    FAILED = "FAILED", _("Failed")
    REJECTED = "REJECTED", _("Refused")
    EXPIRED = "EXPIRED", _("Expired")
    SUPERSEDED = "SUPERSEDED", _("Superseded")
    CANCELLED = "CANCELLED", _("Cancelled")
    COMPENSATING = "COMPENSATING", _("Being undone")
    COMPENSATED = "COMPENSATED", _("Undone")
    COMPENSATION_FAULTED = "COMPENSATION_FAULTED", _("Undo failed")


S = ExecutionStatus
OPEN = frozenset({S.PENDING_APPROVAL, S.PENDING, S.RUNNING, S.WAITING})
UNDISPATCHED = frozenset({S.PENDING_APPROVAL, S.PENDING})
IN_FLIGHT = frozenset({S.RUNNING, S.WAITING})
UNSUCCESSFUL = frozenset({S.FAILED, S.REJECTED, S.EXPIRED, S.SUPERSEDED, S.CANCELLED})
UNDOING = frozenset({S.COMPENSATING, S.COMPENSATION_FAULTED})
