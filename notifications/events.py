"""The news that concern people."""

from __future__ import annotations

from typing import Final

from ledger.dispatch.consumer_registry import Announced
from notifications.lifecycle import Topic

CONSUMER: Final = "notifications.deliver"
#: Deliveries as a source of rows that fall due.
DELIVERIES_SOURCE: Final = "notifications.deliveries"
WAITING: Final = frozenset(
    {
        "amends.work_item.created.v1",
        "amends.work_item.released.v1",
        "amends.work_item.assigned.v1",
        "amends.work_item.delegated.v1",
        "amends.work_item.delegation_accepted.v1",
        "amends.work_item.delegation_declined.v1",
        "amends.work_item.forwarded.v1",
        "amends.work_item.resumed.v1",
        "amends.work_item.deadline_reassigned.v1",
    }
)
_ORIGINALS = ("work_item", "execution")
_WHOLES = ("case", "batch")
_UNDO_ENDS = frozenset({"compensation_completed", "compensation_attested", "compensation_faulted"})
_GIVEN_UP = frozenset({"expired", "escalated"})
#: What concerns those who look on alone, by the action of an item.
_LOOKED_ON: Final = {
    "failed": Topic.NOT_DONE,
    "rejected": Topic.NOT_DONE,
    "compensation_started": Topic.BEING_UNDONE,
    "compensation_abandoned": Topic.STAYS_DONE,
    "compensation_withdrawn": Topic.STAYS_DONE,
}
_MISSED = _GIVEN_UP | {"deadline_missed"}
#: What people are told of news whose topic does not depend on the subject.
TOPICS: Final[dict[str, Topic]] = {
    **{f"amends.{kind}.compensation_completed.v1": Topic.UNDONE for kind in _ORIGINALS},
    **{f"amends.{kind}.compensation_attested.v1": Topic.UNDONE for kind in _ORIGINALS},
    **{f"amends.{kind}.compensation_faulted.v1": Topic.UNDO_FAILED for kind in _ORIGINALS},
    **{f"amends.work_item.{action}.v1": topic for action, topic in _LOOKED_ON.items()},
    "amends.work_item.suspended.v1": Topic.UNDO_ON_HOLD,
    "amends.work_item.event_not_followed.v1": Topic.EVENT_IGNORED,
    "amends.work_item.event_filter_failed.v1": Topic.EVENT_IGNORED,
    "amends.case.event_filter_failed.v1": Topic.EVENT_IGNORED,
    "amends.case.event_not_kept.v1": Topic.EVENT_IGNORED,
    **{f"amends.work_item.{action}.v1": Topic.DEADLINE_MISSED for action in _MISSED},
    "amends.work_item.group_met.v1": Topic.GROUP_MET,
    "amends.work_item.group_missed.v1": Topic.GROUP_MISSED,
    "amends.tenant.schedule_failed.v1": Topic.SCHEDULE_FAILED,
    "amends.tenant.ledger_gap_found.v1": Topic.LEDGER_TROUBLE,
    "amends.tenant.ledger_trouble_found.v1": Topic.LEDGER_TROUBLE,
    "amends.tenant.due_work_stopped.v1": Topic.DUE_WORK_STOPPED,
    "amends.execution.outcome_unknown.v1": Topic.OUTCOME_UNKNOWN,
    "amends.execution.answered_too_late.v1": Topic.ANSWERED_LATE,
    "amends.case.faulted.v1": Topic.CASE_FAILED,
    "amends.case.failure_held.v1": Topic.CASE_FAILED,
    "amends.batch.failed.v1": Topic.BATCH_FAILED,
    "amends.batch.engine_stopped.v1": Topic.ENGINE_STOPPED,
    "amends.case.milestone_overdue.v1": Topic.MILESTONE_OVERDUE,
    "amends.case.engine_stopped.v1": Topic.ENGINE_STOPPED,
    "amends.compensation_run.engine_stopped.v1": Topic.ENGINE_STOPPED,
    "amends.compensation_run.compensation_step_failed.v1": Topic.ROLLBACK_STOPPED,
    "amends.compensation_run.compensation_waiting.v1": Topic.ROLLBACK_WAITS,
    "amends.compensation_run.compensation_faulted.v1": Topic.ROLLBACK_HELD,
    "amends.compensation_run.compensation_paused.v1": Topic.ROLLBACK_PAUSED,
    "amends.compensation_run.compensation_resumed.v1": Topic.ROLLBACK_RESUMED,
    # Of one item it is the answer to whoever asked. Of a whole nobody asked.
    **{f"amends.{kind}.compensation_refused.v1": Topic.ROLLBACK_REFUSED for kind in _WHOLES},
    "amends.compensation_run.compensation_completed.v1": Topic.ROLLBACK_ENDED,
    "amends.compensation_request.requested.v1": Topic.ASKED_FROM_OUTSIDE,
    "amends.approval.requested.v1": Topic.APPROVAL_WAITING,
    "amends.approval.step_granted.v1": Topic.APPROVAL_WAITING,
    "amends.approval.granted.v1": Topic.APPROVED,
    "amends.approval.refused.v1": Topic.NOT_APPROVED,
    "amends.approval.expired.v1": Topic.NOT_APPROVED,
    "amends.approval.superseded.v1": Topic.NOT_APPROVED,
}
TOLD: Final = WAITING | TOPICS.keys()


def concerns_somebody(change: Announced) -> bool:
    """Whether anybody may have to be told of an entry. In a rollback the ends of single undos are
    nobody's news, nor is the doubt about a program that undoes: it is told as an undo that failed.
    That a task is on hold concerns those who wait for what it undoes; where it ends because a
    deadline was missed, they hear that the undo failed. Who looks on what becomes of a task hears
    of it what is nobody else's news, and of its undo also in a rollback.
    """
    if change.subject_type not in _ORIGINALS:
        return True
    if change.action == "outcome_unknown":
        return change.kind != "COMPENSATION"
    if change.action == "suspended":
        return change.kind == "COMPENSATION"
    if change.action in _GIVEN_UP:
        return change.kind != "COMPENSATION"
    if change.action in _LOOKED_ON or change.watched:
        return change.watched
    in_a_run = bool((change.compensation or {}).get("run"))
    return not (in_a_run and change.action in _UNDO_ENDS)
