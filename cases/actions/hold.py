"""Suspend, resume, retry, cancel and close a case."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases.actions.awaited_cases import ParentOnHold, hold, release
from cases.actions.changes import fail_after_hold, save_case
from cases.actions.closing import check_closable, close_below, lock_below
from cases.actions.open_work import cancel_open_work
from cases.actions.stopping import revive
from cases.lifecycle import LIFECYCLE, ROLLING_BACK
from cases.models import Case
from compensation.actions.run_verbs import pause_live, resume_live
from compensation.errors import RunLive
from compensation.lifecycle import RUN_OPERATIONS
from compensation.sentences import title_of
from compensation.subject import Cause
from ledger.clock import now
from ledger.errors import Conflict, Refusal
from verbs import catalogue
from verbs.input import Nothing, OptionalReason
from verbs.operation import Operation
from verbs.shell import Verb, VerbContext, wrong_state

CASE = Case.subject_type
# While a case is rolled back, its run is held and goes on in its place.
_HELD_WITH_RUN = {"suspend": "pause", "resume": "resume"}
_GOES_ON = frozenset({"resume", "retry"})
_CANNOT = {
    "pause": gettext_lazy("Its rollback cannot be paused now."),
    "resume": gettext_lazy("Its rollback cannot go on now."),
}


def _possible(
    operation: Operation, case: Case, facts: Any, _body: Mapping[str, Any] | None
) -> Refusal | None:
    """Return why a case does not allow this now; `facts` is the run live in its tree."""
    if operation.name == "retry" and case.stopped_since is not None:
        return None
    held = _HELD_WITH_RUN.get(operation.name)
    if case.status in ROLLING_BACK and held is not None:
        allowed = RUN_OPERATIONS[held].sources or frozenset()
        if facts.run_status in allowed:
            waits = held == "resume" and facts.above_on_hold
            return ParentOnHold(extra={"current_status": str(case.status)}) if waits else None
        extra = {"current_status": str(case.status)}
        return Conflict(str(_CANNOT[held]), extra=extra)
    if _is_kept(operation, facts):
        return RunLive(facts.live_run, str(case.status))
    refused = wrong_state(operation, case)
    if refused is None and operation.name in _GOES_ON and facts.above_on_hold:
        refused = ParentOnHold(extra={"current_status": str(case.status)})
    if refused is None and operation.name == "close" and facts.unclear:
        names = ", ".join(title_of(each.name) for each in facts.unclear)
        words = _("Nobody knows whether it happened: %(names)s. Settle that first.")
        detail = words % {"names": names}
        return Conflict(detail, code="outcome_unknown", extra={"current_status": str(case.status)})
    return refused


def _is_kept(operation: Operation, facts: Any) -> bool:
    """Whether a live run keeps a case from it: from all but being put on hold, and going on with
    what is rolled back below it."""
    if operation.name == "suspend" or facts.live_run is None:
        return False
    return operation.name != "resume" or not facts.holds_rollback


def _verb(name: str, action: str, **how: Any) -> Callable[[Callable[..., Case]], Verb[Case]]:
    operation = LIFECYCLE[name]
    state = functools.partial(_possible, operation)
    return catalogue.verb(CASE, operation, action=action, state=state, **how)


@_verb("suspend", "suspended", given=OptionalReason)
def suspend_case(case: Case, given: OptionalReason, context: VerbContext) -> Case:
    """Hold it and the cases below it; results are still taken in. Under rollback, pause the run."""
    if case.status in ROLLING_BACK:
        pause_live(case, by=context.by, reason=given.reason)
    else:
        why = {"reason": given.reason}
        cause = Cause(context.by, None)
        entry = save_case(case, "suspended", cause=cause, step=case.suspend, payloads=why)
        hold(case, cause=cause.after(entry.ref))
    return case


@_verb("resume", "resumed")
def resume_case(case: Case, _given: Nothing, context: VerbContext) -> Case:
    """Go on with forward work, and what was held with it; a paused rollback goes on too.

    What failed meanwhile, and has the case undone, it fails of now. Then what was held with it
    stays so, as below any that has failed, until it is tried again or undone.
    """
    if case.status in ROLLING_BACK:
        resume_live(case, by=context.by)
    else:
        cause, also = Cause(context.by, None), {"held_by": None}
        entry = save_case(case, "resumed", cause=cause, step=case.resume, also=also)
        cause = cause.after(entry.ref)
        if not fail_after_hold(case, cause=cause):
            release(case, cause=cause)
    return case


@_verb("retry", "retried")
def retry_case(case: Case, _given: Nothing, context: VerbContext) -> Case:
    """Try the failed step again, with a new attempt; the case goes on from there.

    Where the engine of the case has stopped, that is what is tried again, in any status.
    """
    if case.stopped_since is not None:
        revive(case, cause=Cause(context.by, None))
        return case
    also = {"fault": "", "ended_at": None, "held_by": None}
    cause = Cause(context.by, None)
    entry = save_case(case, "retried", cause=cause, step=case.retry, also=also)
    release(case, cause=cause.after(entry.ref))
    return case


@_verb("cancel", "cancelled", given=OptionalReason, dangerous=True)
def cancel_case(case: Case, given: OptionalReason, context: VerbContext) -> Case:
    """Call it off with its open work. What is done stays done."""
    entry = save_case(
        case, "cancelled", cause=Cause(context.by, None), step=case.cancel,
        also={"ended_at": now()}, payloads={"reason": given.reason},
    )  # fmt: skip
    why = given.reason or "case cancelled"
    cancel_open_work(case, cause=Cause(context.by, entry.ref), reason=why)
    return case


@_verb("close", "closed", given=OptionalReason, dangerous=True)
def close_case(case: Case, given: OptionalReason, context: VerbContext) -> Case:
    """Close it with the cases below it: nothing of them is undone any more."""
    why, cause = {"reason": given.reason}, Cause(context.by, None)
    below = lock_below(case)
    check_closable(case, below)
    entry = save_case(case, "closed", cause=cause, step=case.close, payloads=why)
    close_below(below, cause=cause.after(entry.ref), case=case)
    return case
