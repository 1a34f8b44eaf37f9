"""States of a delivery, what it is about, and when it is tried again. Pure.

In-app: DELIVERED as soon as it is stored. Sent channels: PENDING → ACCEPTED (a server took it), or
FAILED with another attempt due, until DEAD; SKIPPED where the recipient has no address.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from verbs.operation import operation, table


class DeliveryStatus(models.TextChoices):
    """Every status of a delivery."""

    PENDING = "PENDING", _("Waiting to be sent")
    DELIVERED = "DELIVERED", _("Delivered")
    ACCEPTED = "ACCEPTED", _("Accepted by the server")
    FAILED = "FAILED", _("Failed, will be tried again")
    DEAD = "DEAD", _("Given up")
    SKIPPED = "SKIPPED", _("No address")


DUE = frozenset({DeliveryStatus.PENDING, DeliveryStatus.FAILED})


class Topic(models.TextChoices):
    """Why somebody is told. The words people read are made from it when they read them."""

    TASK_WAITING = "task_waiting", _("Task waiting")
    UNDO_WAITING = "undo_waiting", _("Undo task waiting")
    TAKEN_AWAY = "taken_away", _("No longer yours")
    NEEDS_SOMEBODY = "needs_somebody", _("Nobody is left for it")
    EVENT_IGNORED = "event_ignored", _("Not undone because of an event")
    UNDO_ON_HOLD = "undo_on_hold", _("Undo task on hold")
    DEADLINE_MISSED = "deadline_missed", _("Deadline missed")
    MILESTONE_OVERDUE = "milestone_overdue", _("Milestone not reached in time")
    GROUP_MET = "group_met", _("Enough of several done")
    GROUP_MISSED = "group_missed", _("Too few of several left")
    SCHEDULE_FAILED = "schedule_failed", _("Schedule made no task")
    LEDGER_TROUBLE = "ledger_trouble", _("Ledger in trouble")
    DUE_WORK_STOPPED = "due_work_stopped", _("What falls due is not done")
    UNDONE = "undone", _("Undone")
    UNDO_FAILED = "undo_failed", _("Undo failed")
    OUTCOME_UNKNOWN = "outcome_unknown", _("Nobody knows whether it happened")
    CASE_FAILED = "case_failed", _("Case failed")
    BATCH_FAILED = "batch_failed", _("Batch failed")
    ENGINE_STOPPED = "engine_stopped", _("Case or rollback has stopped")
    ROLLBACK_STOPPED = "rollback_stopped", _("Rollback needs a decision")
    ROLLBACK_WAITS = "rollback_waits", _("Rollback waits for a result")
    ROLLBACK_HELD = "rollback_held", _("Rollback held at its end")
    ROLLBACK_PAUSED = "rollback_paused", _("Rollback paused")
    ROLLBACK_RESUMED = "rollback_resumed", _("Rollback goes on")
    ROLLBACK_REFUSED = "rollback_refused", _("Not rolled back by itself")
    ROLLBACK_ENDED = "rollback_ended", _("Rollback ended")
    BEING_UNDONE = "being_undone", _("Being undone")
    STAYS_DONE = "stays_done", _("Not undone after all")
    NOT_DONE = "not_done", _("Ended without being done")
    WORK_UNDONE = "work_undone", _("Work of yours undone")
    APPROVAL_WAITING = "approval_waiting", _("Waiting for your approval")
    ASKED_FROM_OUTSIDE = "asked_from_outside", _("Another organisation asks for an undo")
    ANSWERED_LATE = "answered_late", _("Another organisation has answered too late")
    APPROVED = "approved", _("Approved")
    NOT_APPROVED = "not_approved", _("Not approved")


# Reading changes no status: what was delivered stays delivered.
READING = table(
    operation("read", None, None, "recipient"),
    operation("read-all", None, None, "member system"),
)
MAX_ATTEMPTS = 8
FIRST_PAUSE_SECONDS = 30
LONGEST_PAUSE_SECONDS = 3600


def pause_after(attempts: int) -> int:
    """Return the seconds to wait after so many failed attempts: 30, 60, 120 … at most an hour."""
    return int(min(FIRST_PAUSE_SECONDS * 2 ** (attempts - 1), LONGEST_PAUSE_SECONDS))
