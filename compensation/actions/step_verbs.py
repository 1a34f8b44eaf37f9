"""Deciding about a failed step: retry, reassign, hand over to a person, attest or abandon it.

Every verb locks the whole (if there is one), the step's original, the run, the step, in that order,
and moves original, step, run and whole in one transaction.
"""

from __future__ import annotations

import dataclasses
import functools
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from compensation.actions import undo
from compensation.actions.advancing import plain_request
from compensation.actions.approval_needed import asked_for, require_another
from compensation.actions.attempts import newest_attempt
from compensation.actions.nested_start import is_nested, lock_below
from compensation.actions.run_entries import LockedStep, link_to, tell_piece
from compensation.actions.run_verbs import lock_run, lock_whole_of
from compensation.actions.undo_verbs import AnotherPerformer, for_person, require_somebody
from compensation.errors import ManagedByRun, UndoNotBegun
from compensation.lifecycle import (
    LIVE_RUNS,
    OWES,
    STEP_OPERATIONS,
    AttemptOutcome,
    CompensationState,
    StepStatus,
)
from compensation.locking import lock_row
from compensation.models import CompensationAttempt, CompensationRun, CompensationStep
from compensation.plan import every_exclusion, undos_in
from compensation.planning import UndoRequest
from compensation.selectors import attempts_at
from compensation.subject import Cause, read_row, read_rows
from ledger.clock import now
from ledger.errors import Conflict, NotFound, Refusal
from verbs import catalogue
from verbs.input import Evidence, OptionalReason, Reason
from verbs.move import newest_entry
from verbs.operation import Operation
from verbs.shell import Verb, VerbContext
from verbs.subject import Locked

STEP = "compensation_step"
# What can only be said of an undo that has begun.
_NEEDS_ATTEMPT = frozenset({"reassign", "attest"})
# Of a whole of its own, as long as the run below could not begin; then that is decided about.
_OF_NESTED = frozenset({"retry", "abandon"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Held(LockedStep):
    """Everything one decision is about; `last` is the attempt it decides about, if one began."""

    last: CompensationAttempt | None


def locked_step(tenant_id: uuid.UUID, run_id: uuid.UUID, n: int) -> Locked:
    """Lock a step with its whole, original and run (`others`: whole, original). Raises NotFound."""
    steps = CompensationStep.objects.filter(tenant_id=tenant_id, run_id=run_id, n=n)
    found = steps.first()
    if found is None:
        raise NotFound(_("There is no such step."))
    whole = lock_whole_of(tenant_id, run_id)
    if is_nested(found):
        row = lock_below(found)
    else:
        row = lock_row(tenant_id, found.original_type, found.original_id, finished=True)
    run = lock_run(tenant_id, run_id)
    step = steps.select_for_update(of=("self",)).get(id=found.id)
    if run is None or row is None:
        raise NotFound(_("There is no such step."))
    step.run = run
    return Locked(step, (whole, row))


@dataclasses.dataclass(frozen=True)
class StepFacts:
    """What offers must know beside a failed step, read when asked for, or in bulk before."""

    step: CompensationStep

    @functools.cached_property
    def last(self) -> CompensationAttempt | None:
        """The newest attempt at undoing its original."""
        return _newest(self.step)

    @functools.cached_property
    def original(self) -> Any | None:
        """Its original as committed now; of a whole of its own nothing need be known."""
        if is_nested(self.step):
            return None
        return read_row(self.step.tenant_id, self.step.original_type, self.step.original_id)


def facts_read(step: CompensationStep, last: CompensationAttempt | None) -> StepFacts:
    """Return what offers must know of a step whose newest attempt was read."""
    found = StepFacts(step)
    # Where `cached_property` keeps what it has read.
    found.__dict__["last"] = last
    return found


def step_facts(steps: Sequence[CompensationStep]) -> dict[uuid.UUID, StepFacts]:
    """Return facts by step: of many failed ones in a constant number of queries."""
    found = {step.id: StepFacts(step) for step in steps}
    failed = [step for step in steps if step.status == StepStatus.FAILED]
    if len(failed) > 1:
        tenants = {step.tenant_id for step in failed}
        last = {
            each.original_id: each for each in attempts_at(tenants, {s.original_id for s in failed})
        }
        # Only of those that never began it matters how their original is.
        bare = [step for step in failed if step.compensation_id is None and not is_nested(step)]
        rows = {
            id_: row
            for tenant_id in tenants
            for id_, row in read_rows(
                tenant_id, ((step.original_type, step.original_id) for step in bare)
            ).items()
        }
        for step in failed:
            # Where `cached_property` keeps what it has read.
            found[step.id].__dict__.update(
                last=last.get(step.original_id), original=rows.get(step.original_id)
            )
    return found


def check_decidable(
    operation: Operation, step: CompensationStep, facts: StepFacts, body: Mapping[str, Any] | None
) -> Refusal | None:
    """Return why a step cannot be decided about now: only a failed one of a live run can."""
    extra = {"current_status": str(step.status)}
    if step.run.status not in LIVE_RUNS or step.status != StepStatus.FAILED:
        return Conflict(
            _("Only a failed step of a rollback that is under way can be decided about."),
            extra=extra,
        )
    if is_nested(step) and step.compensation_id is not None:
        return ManagedByRun(extra={**extra, "run": str(step.compensation_id)})
    if is_nested(step) and operation.name not in _OF_NESTED:
        return UndoNotBegun(extra=extra)
    if body is None and operation.name == "abandon" and _is_in_doubt(facts):
        return Conflict(str(undo.IN_DOUBT), code="outcome_unknown", extra=extra)
    # The verb says it of its locked original; an offer asks what is committed.
    if body is None and operation.name in _NEEDS_ATTEMPT and not _has_attempt(facts):
        return UndoNotBegun(extra=extra)
    return None


def _is_in_doubt(facts: StepFacts) -> bool:
    return facts.last is not None and facts.last.outcome == AttemptOutcome.UNCERTAIN


def _has_attempt(facts: StepFacts) -> bool:
    """Whether there is an undo to decide about: this step's, or one that failed before the run."""
    if facts.step.compensation_id is not None:
        return True
    return facts.original is not None and _faulted(facts.original)


def _decision(
    name: str, action: str, **how: Any
) -> Callable[[Callable[..., CompensationRun]], Verb[CompensationRun]]:
    operation = STEP_OPERATIONS[name]
    return catalogue.verb(
        STEP, operation, action=action, state=functools.partial(check_decidable, operation), **how
    )


@_decision("retry", "compensation_step_retried", given=OptionalReason)
def retry_step(
    step: CompensationStep, given: OptionalReason, context: VerbContext
) -> CompensationRun:
    """Try the same undo again."""
    held = _held(step, context)
    if step.compensation_id is None:
        # It could not begin: back in line, and the dispatcher starts it again.
        held.unblock()
        step.replan()
        why = {"reason": given.reason} if given.reason else None
        # Begun by the dispatcher, it is asked for by this person as well.
        again = {*step.spec.get("asked_by", ()), str(context.by.id)}
        spec = {**step.spec, "asked_by": sorted(again)}
        held.save("compensation_step_retried", payloads=why, error="", ended_at=None, spec=spec,
                  decisions=[])  # fmt: skip
    else:
        request = UndoRequest.from_json(_attempt(held).request)
        _again(held, request, "compensation_retried", given.reason)
    return held.run


@_decision("reassign", "compensation_step_retried", given=AnotherPerformer)
def reassign_step(
    step: CompensationStep, given: AnotherPerformer, context: VerbContext
) -> CompensationRun:
    """Have another person or group undo it."""
    held = _held(step, context)
    _attempt(held)
    require_somebody(given)
    request = for_person(held.row, _request(held), given)
    _again(held, request, "compensation_reassigned", given.reason)
    return held.run


@_decision("hand-to-human", "compensation_step_retried", given=AnotherPerformer)
def hand_step_to_human(
    step: CompensationStep, given: AnotherPerformer, context: VerbContext
) -> CompensationRun:
    """Let a person do what the program could not."""
    held = _held(step, context)
    request = for_person(held.row, _request(held), given)
    if held.last is None:
        # The undo could not begin by itself: it begins as a plain task for a person.
        _check_original(held)
        attempt = undo.begin(
            held.row, request, by=context.by, caused_by=held.cause.entry, reason=given.reason
        )
        _follow(held, attempt, given.reason)
        # Nobody hears of what a run itself has begun.
        tell_piece(held.run, held.whole, held.row, attempt, cause=held.cause)
    else:
        _again(held, request, "compensation_handed_to_human", given.reason)
    return held.run


@_decision("attest", "compensation_step_resolved", given=Evidence)
def attest_step(step: CompensationStep, given: Evidence, context: VerbContext) -> CompensationRun:
    """Vouch, with evidence, that it is undone.

    Where the risk is high, or its policy wants others to agree, that is somebody else than who
    asked for the undo.
    """
    held = _held(step, context)
    _check_original(held)
    _check_second_person(held, context)
    _attempt(held)
    undo.attest(held.row, evidence=given.evidence, by=context.by)
    held.unblock()
    step.resolve()
    evidence = {"evidence": given.evidence}
    held.save("compensation_step_resolved", payloads=evidence, ended_at=now())
    return held.run


@_decision("abandon", "compensation_step_abandoned", given=Reason, dangerous=True)
def abandon_step(step: CompensationStep, given: Reason, context: VerbContext) -> CompensationRun:
    """Let the effect stand, with a reason; the run can only end in part. Where the risk is high, or
    its policy wants others to agree, somebody else than who asked for the undo says so; of a whole
    of its own, where that is so of anything that would have been undone in it."""
    held = _held(step, context)
    _check_original(held)
    _check_second_person(held, context)
    if _faulted(held.row):
        undo.abandon(held.row, reason=given.reason, by=context.by)
    held.unblock()
    step.abandon()
    reason = {"reason": given.reason}
    held.save("compensation_step_abandoned", payloads=reason, ended_at=now())
    return held.run


def _check_second_person(held: Held, context: VerbContext) -> None:
    """Raise NotPermitted where nobody's own word is enough for what they have asked for themselves:
    who asked for the rollback, or tried this undo again."""
    asked = set() if held.last is None else asked_for(held.last)
    # Of an undo that could not begin the step alone knows who has tried it again.
    again = map(uuid.UUID, held.step.spec.get("asked_by", ()))
    asked = {held.run.requested_by_id, *asked, *again}
    if context.by.id not in asked:
        return
    for row in _decided_about(held):
        require_another(row, asked, context.by.id)


def _decided_about(held: Held) -> Collection[Any]:
    """Return the finished work that a decision is about: of a whole of its own all that would have
    been undone in it, at all levels, also what was under way when that was planned."""
    step = held.step
    if not is_nested(step):
        return [held.row]
    nested = step.spec["nested"]
    owed = (each for each in every_exclusion(nested) if each["code"] in OWES)
    originals = [each["original"] for each in (*undos_in(nested), *owed)]
    found = read_rows(step.tenant_id, ((each["type"], uuid.UUID(each["id"])) for each in originals))
    return found.values()


def _held(step: CompensationStep, context: VerbContext) -> Held:
    whole, row = context.others
    cause = Cause(context.by, newest_entry(step.run))
    # An original that had failed before the run came to it has an attempt the step never followed.
    followed = step.compensation_id is not None or _faulted(row)
    last = _newest(step) if followed else None
    before = str(step.run.status)
    return Held(
        whole=whole, row=row, run=step.run, step=step, cause=cause, before=before, last=last
    )


def _newest(step: CompensationStep) -> CompensationAttempt | None:
    return newest_attempt(step.tenant_id, step.original_type, step.original_id)


def _faulted(row: Any) -> bool:
    return bool(row.compensation_state == CompensationState.COMPENSATION_FAULTED)


def _attempt(held: Held) -> CompensationAttempt:
    if held.last is None:
        raise UndoNotBegun(extra={"current_status": str(held.step.status)})
    return held.last


def _request(held: Held) -> UndoRequest:
    """Return what was asked last; of a step whose undo could not begin, what it would ask."""
    if held.last is None or held.step.compensation_id is None:
        return plain_request(held.run, held.step, held.row)
    return UndoRequest.from_json(held.last.request)


def _again(held: Held, request: UndoRequest, action: str, reason: str) -> None:
    """Open a new attempt for a faulted original and let step, run and whole go on."""
    if not _faulted(held.row):
        raise _moved(held)
    wanted = dataclasses.replace(request, run_id=held.run.id, step=held.step.n)
    cause = held.cause
    attempt = undo.retry(
        held.row, wanted, action=action, by=cause.by, caused_by=cause.entry, reason=reason
    )
    _follow(held, attempt, reason)


def _follow(held: Held, attempt: CompensationAttempt, reason: str) -> None:
    """Let step, run and whole go on with a new attempt, and say why if that was said."""
    held.unblock()
    held.step.retry()
    held.save(
        "compensation_step_retried", payloads={"reason": reason} if reason else None, error="",
        ended_at=None, **link_to(attempt),
    )  # fmt: skip


def _check_original(held: Held) -> None:
    """Raise Conflict unless the original's undo has failed, or this step could not begin one.

    Anything else is news that the step has not heard yet: it moves with the next event.
    """
    not_begun = held.step.compensation_id is None
    state = held.row.compensation_state
    if not _faulted(held.row) and not (not_begun and state == CompensationState.NONE):
        raise _moved(held)


def _moved(held: Held) -> Conflict:
    return Conflict(
        _("Its original moved meanwhile. Read the run again."),
        extra={"current_status": str(held.step.status)},
    )
