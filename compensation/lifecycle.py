"""States of undoing: of what is undone, of one attempt, of runs and steps (DESIGN §5, §6). Pure.

What is undone: settled → COMPENSATING → COMPENSATED or COMPENSATION_FAULTED; from a fault a new
attempt, attested → COMPENSATED, abandoned → settled; withdrawn before the undo started → settled.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from verbs.operation import Operation, operation, table


class CompensationState(models.TextChoices):
    """How far the undo is, stored on everything that can be undone."""

    NONE = "NONE", _("Not undone")
    COMPENSATING = "COMPENSATING", _("Being undone")
    COMPENSATED = "COMPENSATED", _("Undone")
    COMPENSATION_FAULTED = "COMPENSATION_FAULTED", _("Needs a decision")


class AttemptOutcome(models.TextChoices):
    """How one attempt to undo ended; empty while it is open."""

    OPEN = "", _("Under way")
    DONE = "DONE", _("Undone")
    FAILED = "FAILED", _("Failed")
    UNCERTAIN = "UNCERTAIN", _("May have happened")
    WITHDRAWN = "WITHDRAWN", _("Withdrawn")
    ATTESTED = "ATTESTED", _("Attested by a person")
    ABANDONED = "ABANDONED", _("Given up")


class Reversibility(models.TextChoices):
    """Whether and how finished work can be taken back."""

    COMPENSABLE = "compensable", _("Can be undone")
    RETRIABLE = "retriable", _("Can be repeated")
    PIVOT = "pivot", _("Point of no return")
    IRREVERSIBLE = "irreversible", _("Cannot be undone")
    NOT_NEEDED = "not_needed", _("Needs no undo")
    UNSPECIFIED = "unspecified", _("Not declared")


class Mode(models.TextChoices):
    """Who or what does the undoing."""

    HUMAN = "human", _("By a person")
    AUTOMATED = "automated", _("Automatically")


class ExclusionCode(models.TextChoices):
    """Why a plan does not undo something."""

    IRREVERSIBLE = "irreversible", _("Irreversible")
    PIVOT = "pivot", _("Point of no return")
    WINDOW_CLOSED = "window_closed", _("Too late")
    ALREADY_COMPENSATED = "already_compensated", _("Already undone")
    NOT_COMPLETED = "not_completed", _("Was not finished")
    IN_FLIGHT = "in_flight", _("Still running")
    NO_COMPENSATION_DECLARED = "no_compensation_declared", _("No way to undo declared")
    ERASED = "erased", _("Data erased")
    OTHER_TENANT = "other_tenant", _("Belongs to someone else")
    DEPENDENTS_REMAIN = "dependents_remain", _("Later work builds on it")
    OUTCOME_UNKNOWN = "outcome_unknown", _("Outcome unclear")
    CASE_CLOSED = "case_closed", _("Closed")


#: Left out of a plan, and a result may still come of it.
OWES = frozenset({ExclusionCode.IN_FLIGHT, ExclusionCode.OUTCOME_UNKNOWN})


class RunStatus(models.TextChoices):
    """Every status of a compensation run."""

    PENDING_APPROVAL = "PENDING_APPROVAL", _("Waits for approval")
    APPROVED = "APPROVED", _("About to start")
    RUNNING = "RUNNING", _("Rolling back")
    PAUSED = "PAUSED", _("Paused")
    COMPLETED = "COMPLETED", _("Rolled back")
    PARTIAL = "PARTIAL", _("Rolled back with exceptions")
    FAULTED = "FAULTED", _("Needs a decision")
    REJECTED = "REJECTED", _("Refused")
    CANCELLED = "CANCELLED", _("Cancelled")
    EXPIRED = "EXPIRED", _("Expired")
    SUPERSEDED = "SUPERSEDED", _("Out of date")


class StepStatus(models.TextChoices):
    """Every status of one step of a run."""

    PLANNED = "PLANNED", _("Not started")
    WAITING = "WAITING", _("Waits for a person")
    RUNNING = "RUNNING", _("Being undone")
    DONE = "DONE", _("Undone")
    FAILED = "FAILED", _("Needs a decision")
    RESOLVED = "RESOLVED", _("Settled by hand")
    ABANDONED = "ABANDONED", _("Given up")
    SKIPPED = "SKIPPED", _("Left out")
    BLOCKED = "BLOCKED", _("Blocked")


class Trigger(models.TextChoices):
    """What started a run."""

    OPERATOR = "operator", _("An operator")
    FAULT = "fault", _("A step that failed")
    DEADLINE = "deadline", _("A deadline that was missed")
    BATCH = "batch", _("A batch that failed")
    RULE = "rule", _("A rule of the definition")
    SIGNAL = "signal", _("A signal to the case")
    EVENT = "event", _("An event")
    PARENT = "parent", _("The rollback of the case above")
    OTHER_TENANT = "other_tenant", _("Another organisation")


class RequestStatus(models.TextChoices):
    """Every status of what another tenant asks to have undone here."""

    PENDING = "PENDING", _("Waits for your decision")
    APPROVED = "APPROVED", _("Being undone")
    REFUSED = "REFUSED", _("Refused")
    DONE = "DONE", _("Undone")
    FAILED = "FAILED", _("Not undone")


S, R, T = CompensationState, RunStatus, StepStatus
Q = RequestStatus

LIVE_RUNS = frozenset({R.APPROVED, R.RUNNING, R.PAUSED, R.FAULTED})
DONE_STEPS = frozenset({T.DONE, T.RESOLVED, T.SKIPPED})
FAILED_STEPS = frozenset({T.FAILED, T.ABANDONED, T.BLOCKED})
UNDER_WAY = frozenset({T.WAITING, T.RUNNING})
#: After these a run does nothing any more.
ENDED_RUNS = frozenset(R) - LIVE_RUNS - {R.PENDING_APPROVAL}
#: After these a request of another tenant is answered.
ANSWERED = frozenset({Q.REFUSED, Q.DONE, Q.FAILED})

#: A person of this organisation has decided that it begins.
BY_A_PERSON = frozenset({Trigger.OPERATOR, Trigger.OTHER_TENANT})
#: A step of the definition began it (`throw`), by itself or because of what it heard.
THROWN = frozenset({Trigger.RULE, Trigger.SIGNAL, Trigger.EVENT})
#: A run with a step that ended so has not undone everything.
LEAVES_PART = frozenset({T.ABANDONED, T.BLOCKED})
# Left behind for good: a run that met one of these has not undone everything either.
RESIDUAL_EXCLUSIONS = frozenset(
    "irreversible pivot window_closed no_compensation_declared erased other_tenant"
    " outcome_unknown case_closed".split()
)


def undo_operations(settled: str, unsure: str | None = None) -> dict[str, Operation]:
    """Return the rows that everything undoable shares; `settled` is its status when finished.

    `unsure`: its status while nobody knows whether it had an effect. It can be undone from there
    too, and where the undo is called back or given up it is `unsure` again.
    """
    fault = {S.COMPENSATION_FAULTED}
    from_ = {settled} if unsure is None else {settled, unsure}
    back = settled if unsure is None else None
    return table(
        operation("compensate", from_, S.COMPENSATING, "original_actor operator system"),
        operation("settle_compensated", {S.COMPENSATING}, S.COMPENSATED, "system"),
        operation("settle_faulted", {S.COMPENSATING}, S.COMPENSATION_FAULTED, "system"),
        operation("retry", fault, S.COMPENSATING, "operator"),
        operation("reassign", fault, S.COMPENSATING, "operator"),
        operation("hand-to-human", fault, S.COMPENSATING, "operator"),
        operation("attest", fault, S.COMPENSATED, "operator"),
        operation("abandon", fault, back, "operator"),
        operation("withdraw", {S.COMPENSATING}, back, "requester operator"),
    )


PLAN_OPERATION = operation("compensation-plan", None, None, "operator system")
EXECUTE = operation("execute", None, None, "operator system")
_WAITS = {R.PENDING_APPROVAL}
RUN_OPERATIONS = table(
    # What is granted last lets it begin; out of date, it is superseded instead.
    operation("approve", _WAITS, None, "approver", back=(R.PENDING_APPROVAL, R.RUNNING)),
    operation("reject", _WAITS, R.REJECTED, "approver"),
    # What has begun is paused, or its steps are given up.
    operation("cancel", _WAITS, R.CANCELLED, "requester operator system"),
    operation("pause", {R.RUNNING}, R.PAUSED, "operator system"),
    operation("resume", {R.PAUSED}, R.RUNNING, "operator system"),
    # Of one that has stopped because its news could not be handled, whatever its status.
    operation("retry", None, None, "operator system"),
)
# Of a failed step in a live run; the run goes on with it.
STEP_OPERATIONS = table(
    operation("retry", {T.FAILED}, None, "operator system"),
    operation("reassign", {T.FAILED}, T.RUNNING, "operator system"),
    operation("hand-to-human", {T.FAILED}, T.RUNNING, "operator system"),
    operation("attest", {T.FAILED}, T.RESOLVED, "operator system"),
    operation("abandon", {T.FAILED}, T.ABANDONED, "operator system"),
)
# What another tenant asks for: approved it is begun at once, and ends as its run does.
REQUEST_OPERATIONS = table(
    operation("approve", {Q.PENDING}, Q.APPROVED, "operator"),
    operation("reject", {Q.PENDING}, Q.REFUSED, "operator"),
    operation("settle_done", {Q.APPROVED}, Q.DONE, "system"),
    operation("settle_failed", {Q.PENDING, Q.APPROVED}, Q.FAILED, "system"),
)
