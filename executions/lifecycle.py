"""States of an execution, and of a batch of them. Pure.

Before: PENDING_APPROVAL, where policies ask for agreement; not given, REJECTED, EXPIRED, SUPERSEDED
or CANCELLED. Forward: PENDING → RUNNING → SUCCEEDED, or back to PENDING for a retry; WAITING while
an outside party owes the result. Attempts used up: FAILED where the program said that there is no
effect, UNCERTAIN where nobody knows; then a person settles it. Undo, as for a work item:
SUCCEEDED → COMPENSATING → COMPENSATED or COMPENSATION_FAULTED; what is uncertain may be undone
as if it had happened, where its undo is declared to be safe on nothing.

A batch: RUNNING until no call is open, then COMPLETED, or FAILED where one of them was not done. A
call of which nobody knows holds it. Undo, as for a case: COMPENSATING → COMPENSATED,
PARTIALLY_COMPENSATED, or COMPENSATION_FAULTED until somebody decides.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from compensation.lifecycle import undo_operations
from verbs.operation import Operation, operation, table

#: Executions as a source of rows that fall due.
JOBS_SOURCE = "executions"


class ExecutionStatus(models.TextChoices):
    """Every status of an execution."""

    PENDING_APPROVAL = "PENDING_APPROVAL", _("Waits for approval")
    PENDING = "PENDING", _("Queued")
    RUNNING = "RUNNING", _("Running")
    WAITING = "WAITING", _("Waits for a result")
    SUCCEEDED = "SUCCEEDED", _("Done")
    FAILED = "FAILED", _("Failed")
    UNCERTAIN = "UNCERTAIN", _("Outcome unclear")
    REJECTED = "REJECTED", _("Refused")
    EXPIRED = "EXPIRED", _("Expired")
    SUPERSEDED = "SUPERSEDED", _("Replaced")
    CANCELLED = "CANCELLED", _("Cancelled")
    COMPENSATING = "COMPENSATING", _("Being undone")
    COMPENSATED = "COMPENSATED", _("Undone")
    COMPENSATION_FAULTED = "COMPENSATION_FAULTED", _("Needs a decision")


class BatchStatus(models.TextChoices):
    """Every status of a batch."""

    RUNNING = "RUNNING", _("Running")
    COMPLETED = "COMPLETED", _("Done")
    FAILED = "FAILED", _("Failed")
    COMPENSATING = "COMPENSATING", _("Being undone")
    COMPENSATED = "COMPENSATED", _("Undone")
    PARTIALLY_COMPENSATED = "PARTIALLY_COMPENSATED", _("Partly undone")
    COMPENSATION_FAULTED = "COMPENSATION_FAULTED", _("Needs a decision")


class OnFailure(models.TextChoices):
    """What a batch does where one of its calls has failed."""

    STOP = "stop", _("Stop there")
    CONTINUE = "continue", _("Go on with the next")
    COMPENSATE = "compensate", _("Stop there, and undo what was done")


S, B = ExecutionStatus, BatchStatus
OPEN = frozenset({S.PENDING_APPROVAL, S.PENDING, S.RUNNING, S.WAITING})
UNDISPATCHED = frozenset({S.PENDING_APPROVAL, S.PENDING})
IN_FLIGHT = frozenset({S.RUNNING, S.WAITING})
# What an operator can settle by saying whether it happened: nobody else may ever know.
UNKNOWN = frozenset({S.UNCERTAIN, S.WAITING, S.PENDING})
UNSUCCESSFUL = frozenset({S.FAILED, S.REJECTED, S.EXPIRED, S.SUPERSEDED, S.CANCELLED})
# Done, whatever has become of that since.
DONE = frozenset({S.SUCCEEDED, S.COMPENSATING, S.COMPENSATED, S.COMPENSATION_FAULTED})

# A batch is undone once it has ended: until then its next call may begin at any moment.
BATCH_ROLLBACK_FROM = frozenset({B.COMPLETED, B.FAILED, B.PARTIALLY_COMPENSATED})

LIFECYCLE: dict[str, Operation] = {
    **table(
        operation("request", None, S.PENDING, "operator allowed_role system"),
        # What is granted last lets it run; out of date, it is superseded instead.
        operation(
            "approve",
            {S.PENDING_APPROVAL},
            None,
            "approver",
            back=(S.PENDING_APPROVAL, S.PENDING, S.WAITING),
        ),
        operation("reject", {S.PENDING_APPROVAL}, S.REJECTED, "approver"),
        operation("cancel", OPEN, S.CANCELLED, "requester operator system"),
        operation("result", {S.WAITING}, None, "requester performer operator system"),
        operation("outcome", UNKNOWN, None, "operator"),
    ),
    **undo_operations(S.SUCCEEDED, unsure=S.UNCERTAIN),
}

BATCH_LIFECYCLE: dict[str, Operation] = table(
    operation("request", None, B.RUNNING, "operator allowed_role system"),
    operation("retry", None, None, "operator system"),
)
