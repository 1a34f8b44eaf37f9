"""States of an execution and of one attempt to undo something. Pure.

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


class CompensationState(models.TextChoices):
    """How far the undo is, stored on every work item and execution."""

    NONE = "NONE", _("Not undone")
    COMPENSATING = "COMPENSATING", _("Being undone")
    COMPENSATED = "COMPENSATED", _("Undone")
    COMPENSATION_FAULTED = "COMPENSATION_FAULTED", _("Undo failed")


class AttemptOutcome(models.TextChoices):
    """How one attempt to undo ended; empty while it is open."""

    OPEN = "", _("Under way")
    DONE = "DONE", _("Undone")
    FAILED = "FAILED", _("Failed")
    WITHDRAWN = "WITHDRAWN", _("Withdrawn")
    ATTESTED = "ATTESTED", _("Attested by a person")
    ABANDONED = "ABANDONED", _("Abandoned")


class Reversibility(models.TextChoices):
    """Whether and how finished work can be taken back."""

    COMPENSABLE = "compensable", _("Can be undone")
    RETRIABLE = "retriable", _("Can be repeated")
    PIVOT = "pivot", _("Point of no return")
    IRREVERSIBLE = "irreversible", _("Cannot be undone")
    NOT_NEEDED = "not_needed", _("Needs no undo")
    UNSPECIFIED = "unspecified", _("Not declared")
