"""Working on an item, from taking it to its end: claim, release, assign, start, stop, complete,
reject, fail, skip, cancel; and giving it more time.

Each function says what changes beside the status; the shell of `verbs` does the rest. Ending an
undo task settles its original in the same transaction (`settle` below, the subject's consequence).
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from django.utils.translation import gettext as _
from pydantic import WithJsonSchema

from compensation.actions import undo
from compensation.counters import completion_behind, next_completion
from compensation.lifecycle import AttemptOutcome, CompensationState
from compensation.planning import UNDONE_OUTCOMES
from json_values.characters import KEPT_LINE
from ledger.clock import now, rfc3339
from ledger.errors import Conflict, Invalid, NotPermitted, Refusal
from ledger.record import Recorded
from verbs import catalogue, words
from verbs.input import UNASKED, Input, Moment, Name, Nothing, OptionalText, Reason, Text
from verbs.move import Moves, change_of
from verbs.shell import Changed, VerbContext, wrong_state
from verbs.subject import Locked, subject_of
from workitems.actions.calling_off import call_off_parts
from workitems.actions.candidates import excluded_among, name_candidates, who_may_do
from workitems.actions.instances import instance_ended
from workitems.around.blocking import unless_blocked
from workitems.deadlines import (
    CLAIM,
    START,
    forget_deadlines,
    met,
    restart_clocks,
    set_completion,
)
from workitems.delegations import ENDED, answer_delegation
from workitems.derivation import COMPENSATE, DECIDED
from workitems.holds import forget_hold
from workitems.lifecycle import LIFECYCLE, Kind, OfferedTo, Status
from workitems.models import WorkItem
from workitems.outcome_conditions import check_condition
from workitems.resolution import (
    MAX_OUTCOME,
    check_completion,
    check_found,
    explained_outcomes,
)
from workitems.words import own_label

ITEM = WorkItem.subject_type


class Assign(Input):
    """Who shall do it."""

    assignee: Name


class Extend(Input):
    """Until when it is to be done, and why that is later or sooner than it was."""

    due_at: Moment
    reason: OptionalText = ""


class Reject(Reason):
    """Why, and what was found all the same: what an output mapping of a case then sees."""

    resolution: Annotated[Any, UNASKED] = None


class Fail(Input):
    """What went wrong, and what was found all the same."""

    detail: Text
    resolution: Annotated[Any, UNASKED] = None


# Beside what the item permits, which is checked with it.
_OUTCOME = WithJsonSchema(
    {"type": "string", "pattern": KEPT_LINE, "minLength": 1, "maxLength": MAX_OUTCOME}
)


class Complete(Input):
    """How it ended."""

    outcome: Annotated[str, _OUTCOME] | None = None
    resolution: Any = None
    reason: OptionalText = ""


@catalogue.transition(
    ITEM, LIFECYCLE["claim"], action="claimed", noted=(NotPermitted,), noted_as="claim_refused"
)
def claim(item: WorkItem, _given: Nothing, context: VerbContext) -> Changed:
    """Take it from the pool (WS-HumanTask 1.1 `claim`). Who may not and tries is recorded."""
    item.assignee_id = context.authority.person_id
    return Changed(["assignee", *met(item, CLAIM)])


@catalogue.transition(ITEM, LIFECYCLE["release"], action="released")
def release(item: WorkItem, _given: Nothing, _context: VerbContext) -> Changed:
    """Give it back to the pool."""
    before, item.assignee_id = item.assignee_id, None
    return Changed(["assignee"], _handed_over(item, before))


@catalogue.transition(ITEM, LIFECYCLE["assign"], action="assigned", given=Assign)
def assign(item: WorkItem, given: Assign, _context: VerbContext) -> Changed:
    """Give it to somebody."""
    assignee = who_may_do(item, given.assignee, "/assignee")
    before = item.assignee_id
    forget_hold(item)
    fields = [*restart_clocks(item), *met(item, CLAIM)]
    item.assignee_id = assignee
    # Who is given an item and was no candidate becomes one (WS-HumanTask 1.1 §4.10.2, delegate).
    # So what is put back later is theirs or an operator's, and nobody else's.
    name_candidates(item, [assignee])
    if item.offered_to == OfferedTo.ANYBODY:
        item.offered_to = OfferedTo.NAMED
    answer_delegation(item, ENDED)
    said = {"assignee": str(assignee), **_handed_over(item, before)}
    return Changed(["assignee", "offered_to", "delegations", *fields], said)


def _handed_over(item: WorkItem, before: uuid.UUID | None) -> dict[str, Any]:
    """Return what people are told of an item that changes hands: how it is called, who had it."""
    said = {"title": item.title}
    return {**said, "previous": str(before)} if before else said


@catalogue.transition(ITEM, LIFECYCLE["start"], action="started", state=unless_blocked("start"))
def start(item: WorkItem, _given: Nothing, context: VerbContext) -> Changed:
    """Begin work; from the pool this takes it too."""
    item.assignee_id = context.authority.person_id
    item.started_at = item.started_at or now()
    return Changed(["assignee", "started_at", *met(item, CLAIM, START)])


@catalogue.transition(ITEM, LIFECYCLE["stop"], action="stopped")
def stop(_item: WorkItem, _given: Nothing, _context: VerbContext) -> Changed:
    """Pause work."""
    return Changed()


def _locked_to_complete(tenant_id: uuid.UUID, item_id: uuid.UUID) -> Locked:
    """Lock an item as all verbs do, and draw its completion number at once."""
    number = completion_behind(WorkItem._meta.db_table, item_id, tenant_id)
    locked = subject_of(ITEM).lock(tenant_id, item_id)
    locked.row.number_drawn = number
    return locked


@catalogue.transition(
    ITEM, LIFECYCLE["complete"], action="completed", given=Complete, page=False,
    locked=_locked_to_complete, state=unless_blocked("complete"),
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
        tenant_id=item.tenant_id,
        permitted=item.permitted_outcomes,
        explained=explained_outcomes(item.kind),
        schema=item.resolution_schema,
    )
    if item.outcome_rules:
        check_condition(item, given.outcome, given.resolution)
    item.outcome, item.resolution = given.outcome, given.resolution
    item.ended_reason = given.reason
    item.completed_at = item.ended_at = now()
    item.completed_by_id = context.authority.actor_id
    fields = ["outcome", "resolution", "completed_at", "ended_at", "completed_by", "ended_reason"]
    fields += forget_deadlines(item)
    if item.kind == Kind.COMPENSATION:
        undone = given.outcome in UNDONE_OUTCOMES
        states = CompensationState
        item.compensation_state = states.COMPENSATED if undone else states.COMPENSATION_FAULTED
        fields.append("compensation_state")
    elif item.case_id is not None:
        number = vars(item)["number_drawn"]()
        item.completion_seq = number or next_completion(item.case_id, item.tenant_id)
        # The number's lock lets one after the other complete in a case: so of two that nobody may
        # do both, done at once by one person, the second finds the first.
        if excluded_among(item, {context.authority.actor_id, context.authority.person_id}):
            raise NotPermitted(words.denial("excluded"))
        fields.append("completion_seq")
    said = {"outcome": given.outcome, "resolution": given.resolution}
    if label := own_label(item, given.outcome):
        said["outcome_label"] = label
    return Changed(fields, {**said, "reason": given.reason} if given.reason else said)


@catalogue.transition(ITEM, LIFECYCLE["reject"], action="rejected", given=Reject, dangerous=True)
def reject(item: WorkItem, given: Reject, _context: VerbContext) -> Changed:
    """Refuse it for good."""
    return _found(item, given.resolution, _ended(item, given.reason))


@catalogue.transition(ITEM, LIFECYCLE["fail"], action="failed", given=Fail, dangerous=True)
def fail(item: WorkItem, given: Fail, _context: VerbContext) -> Changed:
    """Say that it cannot be done, whoever tries (WS-HumanTask 1.1 `fail`)."""
    return _found(item, given.resolution, _ended(item, given.detail))


def _found(item: WorkItem, resolution: Any, ended: Changed) -> Changed:
    """Keep what somebody has found who did not complete an item. It matches its schema, too."""
    if resolution is None:
        return ended
    check_found(item.tenant_id, item.resolution_schema, resolution)
    item.resolution = resolution
    return Changed([*ended.fields, "resolution"], {**ended.payloads, "resolution": resolution})


def _may_skip(item: WorkItem, _facts: Any, _body: Any) -> Refusal | None:
    refused = wrong_state(LIFECYCLE["skip"], item)
    if refused is not None or item.skippable:
        return refused
    return Conflict(
        _("Nobody said that this work may be left out; it can be cancelled."),
        code="not_skippable",
        extra={"current_status": str(item.status)},
    )


@catalogue.transition(
    ITEM, LIFECYCLE["skip"], action="skipped", given=Reason, dangerous=True, state=_may_skip
)
def skip(item: WorkItem, given: Reason, _context: VerbContext) -> Changed:
    """Leave it out: what follows goes on without it (WS-HumanTask 1.1 §4.7, `skip`)."""
    return _ended(item, given.reason)


@catalogue.transition(ITEM, LIFECYCLE["extend"], action="extended", given=Extend)
def extend(item: WorkItem, given: Extend, _context: VerbContext) -> Changed:
    """Set anew until when it is to be done."""
    if given.due_at <= now():
        raise Invalid.field("/due_at", _("must lie in the future"), code="past")
    if given.due_at == item.due_at:
        raise Invalid.field("/due_at", _("is due then already"), code="unchanged")
    before, item.due_at = item.due_at, given.due_at
    fields = set_completion(item, before, given.due_at)
    said = {"from": rfc3339(before) if before else None, "to": rfc3339(given.due_at)}
    reason = {"reason": given.reason} if given.reason else {}
    return Changed(["due_at", *fields], {"due_at": said, **reason})


@catalogue.transition(ITEM, LIFECYCLE["cancel"], action="cancelled", given=Reason, dangerous=True)
def cancel(item: WorkItem, given: Reason, _context: VerbContext) -> Changed:
    """Call it off."""
    return _ended(item, given.reason)


def _ended(item: WorkItem, reason: str) -> Changed:
    item.ended_at, item.ended_reason = now(), reason
    forget_hold(item)
    answer_delegation(item, ENDED)
    if item.kind == Kind.COMPENSATION:
        item.compensation_state = CompensationState.COMPENSATION_FAULTED
    fields = ["ended_at", "ended_reason", "compensation_state", "delegations"]
    fields += forget_deadlines(item)
    return Changed(fields, {"reason": reason})


def settle(item: WorkItem, entry: Recorded, context: VerbContext, moves: Moves) -> None:
    """Draw the consequence of an ending: for the original of an undo task, for the other instances
    of one that is one of several, and for the parts of one that is cancelled. Say of a review how
    it was answered, for what it is about."""
    instance_ended(item, entry, context, moves)
    if item.status == Status.CANCELLED:
        call_off_parts(item, by=context.by, caused_by=entry.ref, moves=moves)
    if item.kind == Kind.REVIEW and item.outcome == COMPENSATE:
        moves.enter(
            change_of(
                item, DECIDED, before=str(item.status), by=context.by, caused_by=entry.ref,
                payloads={"outcome": item.outcome, "reason": item.ended_reason},
            )
        )  # fmt: skip
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
