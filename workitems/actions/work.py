"""Working on an item: claim, release, assign, start, stop, complete, reject, cancel.

Each function says what changes beside the status; the shell of `verbs` does the rest. Ending an
undo task settles its original in the same transaction (`settle` below, the subject's consequence).
"""

from __future__ import annotations

import uuid
from typing import Any

from accounts.selectors import active_actors
from compensation.actions import undo
from compensation.actions.undo_verbs import actor_called
from compensation.counters import next_completion
from compensation.lifecycle import AttemptOutcome, CompensationState
from compensation.planning import UNDONE_OUTCOMES
from ledger.clock import now
from ledger.errors import Invalid
from ledger.record import Recorded
from verbs import catalogue
from verbs.input import Input, Name, Nothing, OptionalText, Reason
from verbs.move import Moves
from verbs.shell import Changed, VerbContext
from workitems.actions.item_opening import name_candidates
from workitems.lifecycle import LIFECYCLE, Kind, OfferedTo, Status
from workitems.models import WorkItem
from workitems.resolution import check_completion, explained_outcomes

ITEM = WorkItem.subject_type


class Assign(Input):
    """Who shall do it."""

    assignee: Name


class Complete(Input):
    """How it ended."""

    outcome: str | None = None
    resolution: Any = None
    reason: OptionalText = ""


@catalogue.transition(ITEM, LIFECYCLE["claim"], action="claimed")
def claim(item: WorkItem, _given: Nothing, context: VerbContext) -> Changed:
    """Take it from the pool (WS-HumanTask 1.1 `claim`)."""
    item.assignee_id = context.authority.actor_id
    return Changed(["assignee"])


@catalogue.transition(ITEM, LIFECYCLE["release"], action="released")
def release(item: WorkItem, _given: Nothing, _context: VerbContext) -> Changed:
    """Give it back to the pool."""
    before, item.assignee_id = item.assignee_id, None
    return Changed(["assignee"], _handed_over(item, before))


@catalogue.transition(ITEM, LIFECYCLE["assign"], action="assigned", given=Assign)
def assign(item: WorkItem, given: Assign, _context: VerbContext) -> Changed:
    """Give it to somebody."""
    assignee = actor_called(item.tenant_id, given.assignee)
    if assignee is None or assignee not in active_actors(item.tenant_id, [assignee]):
        raise Invalid.field("/assignee", "must be an active member of this organisation")
    if str(assignee) in item.excluded:
        raise Invalid.field("/assignee", "is excluded from this item", code="excluded")
    before = item.assignee_id
    item.assignee_id = assignee
    # Who is given an item and was no candidate becomes one (WS-HumanTask 1.1 §4.10.2, delegate).
    # So what is put back later is theirs or an operator's, and nobody else's.
    name_candidates(item, [assignee])
    if item.offered_to == OfferedTo.ANYBODY:
        item.offered_to = OfferedTo.NAMED
    said = {"assignee": str(assignee), **_handed_over(item, before)}
    return Changed(["assignee", "offered_to"], said)


def _handed_over(item: WorkItem, before: uuid.UUID | None) -> dict[str, Any]:
    """Return what people are told of an item that changes hands: how it is called, who had it."""
    said = {"title": item.title}
    return {**said, "previous": str(before)} if before else said


@catalogue.transition(ITEM, LIFECYCLE["start"], action="started")
def start(item: WorkItem, _given: Nothing, context: VerbContext) -> Changed:
    """Begin work; from the pool this takes it too."""
    item.assignee_id = context.authority.actor_id
    item.started_at = item.started_at or now()
    return Changed(["assignee", "started_at"])


@catalogue.transition(ITEM, LIFECYCLE["stop"], action="stopped")
def stop(_item: WorkItem, _given: Nothing, _context: VerbContext) -> Changed:
    """Pause work."""
    return Changed()


@catalogue.transition(
    ITEM, LIFECYCLE["complete"], action="completed", given=Complete, page=False,
    no_button="Its form is made from the item's own outcomes and schema, on the item's page.",
)  # fmt: skip
def complete(item: WorkItem, given: Complete, context: VerbContext) -> Changed:
    """Finish it with an outcome and a resolution.

    The outcome must be permitted and the resolution match the item's schema; an undo task that
    ended otherwise than reversed says why, for whoever has to go on from there. In a case the
    completion number is drawn here and becomes part of the entry: that number, not a time, is the
    order in which the case is unwound.
    """
    check_completion(
        given.outcome,
        given.resolution,
        given.reason,
        permitted=item.permitted_outcomes,
        explained=explained_outcomes(item.kind),
        schema=item.resolution_schema,
    )
    item.outcome, item.resolution = given.outcome, given.resolution
    item.ended_reason = given.reason
    item.completed_at = item.ended_at = now()
    item.completed_by_id = context.authority.actor_id
    fields = ["outcome", "resolution", "completed_at", "ended_at", "completed_by", "ended_reason"]
    if item.kind == Kind.COMPENSATION:
        undone = given.outcome in UNDONE_OUTCOMES
        states = CompensationState
        item.compensation_state = states.COMPENSATED if undone else states.COMPENSATION_FAULTED
        fields.append("compensation_state")
    elif item.case_id is not None:
        item.completion_seq = next_completion(item.case_id, item.tenant_id)
        fields.append("completion_seq")
    said = {"outcome": given.outcome, "resolution": given.resolution}
    return Changed(fields, {**said, "reason": given.reason} if given.reason else said)


@catalogue.transition(ITEM, LIFECYCLE["reject"], action="rejected", given=Reason, dangerous=True)
def reject(item: WorkItem, given: Reason, _context: VerbContext) -> Changed:
    """Refuse it for good."""
    return _ended(item, given.reason)


@catalogue.transition(ITEM, LIFECYCLE["cancel"], action="cancelled", given=Reason, dangerous=True)
def cancel(item: WorkItem, given: Reason, _context: VerbContext) -> Changed:
    """Call it off."""
    return _ended(item, given.reason)


def _ended(item: WorkItem, reason: str) -> Changed:
    item.ended_at, item.ended_reason = now(), reason
    if item.kind == Kind.COMPENSATION:
        item.compensation_state = CompensationState.COMPENSATION_FAULTED
    return Changed(["ended_at", "ended_reason", "compensation_state"], {"reason": reason})


def settle(item: WorkItem, entry: Recorded, context: VerbContext, moves: Moves) -> None:
    """Draw the consequence for the original when an undo task has just ended."""
    if item.kind != Kind.COMPENSATION or item.ended_at is None:
        return
    undone = item.status == Status.COMPLETED and item.outcome in UNDONE_OUTCOMES
    how = item.outcome or str(item.status)
    note = item.ended_reason
    if not undone and not note and isinstance(item.resolution, dict):
        note = str(item.resolution.get("note", ""))
    undo.settle_undo(
        item,
        context.others,
        outcome=AttemptOutcome.DONE if undone else AttemptOutcome.FAILED,
        error="" if undone else f"The undo task ended {how}." + (f" {note}" if note else ""),
        by=context.by,
        caused_by=entry.ref,
        moves=moves,
    )
