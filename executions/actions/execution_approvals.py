"""An execution that others have to agree to: asked for when it is opened, run once it is granted.

The approval is about the execution, and keeps what was asked for. When its last step is granted,
the policies of that moment decide about that anew: what they decide otherwise is out of date. An
execution ends with an approval that is not granted, in the same transaction; if it was to undo
something, that is over too, and a person decides.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compensation.actions import undo
from compensation.lifecycle import AttemptOutcome
from executions import capability_registry
from executions.actions import endings
from executions.actions.deciding_executions import Decided, decided_again, digest_of
from executions.actions.execution_jobs import enqueue
from executions.lifecycle import ExecutionStatus
from executions.models import Execution
from governance.actions.approval_requests import Wanted, open_approval
from governance.approvers import ANY_APPROVER
from governance.governed import Governed, Granted, NotGranted
from governance.lifecycle import ApprovalStatus
from ledger.errors import Conflict
from ledger.record import ActorRef, EntryRef
from verbs.move import Moves
from verbs.subject import Locked

#: The verb of an execution that waits for approval, as approvals name it.
EXECUTE = "execute"
#: What asks for approval where no policy does: the state is not the expected one.
STALE = "state_version"
_CHANGED = gettext_lazy("What would be run is not what it was when it was asked for.")


def ask(
    execution: Execution,
    decided: Decided,
    *,
    by: ActorRef,
    caused_by: EntryRef,
    moves: Moves,
    stale: str = "",
) -> None:
    """Ask for the approval of an execution that is PENDING_APPROVAL now. `stale`: at which version
    the state was found, where that is why."""
    rules = [each for each in decided.decisions if each["effect"] == "require_approval"]
    if stale:
        said = _("the state is at version %(version)s now") % {"version": stale}
        rules = [*rules, {"policy": STALE, "effect": "require_approval", "reason": said}]
    reason = execution.reason or "; ".join(str(each["reason"]) for each in rules)
    wanted = Wanted(
        action=EXECUTE,
        given={**decided.asked, **({"stale": stale} if stale else {})},
        reason=reason,
        digest=digest_of(decided, stale=stale),
        steps=decided.steps or [ANY_APPROVER],
        decisions=rules,
        asked_by=decided.new.askers,
    )
    open_approval(
        execution, wanted, by=by, requested_by=execution.requested_by_id, caused_by=caused_by,
        moves=moves,
    )  # fmt: skip


def _ready(execution: Any, approval: Any, by: ActorRef) -> Granted:
    if execution.status != ExecutionStatus.PENDING_APPROVAL:
        raise Conflict(extra={"current_status": str(execution.status)})
    decided = decided_again(execution, approval.given)
    if decided.refusal is not None:
        raise decided.refusal
    if digest_of(decided, stale=approval.given.get("stale", "")) != approval.digest:
        raise Conflict(str(_CHANGED), code="approval_stale")

    def granted(entry: EntryRef, moves: Moves) -> None:
        found = capability_registry.get(execution.capability)
        before = str(execution.status)
        execution.approve(owed=found is None or found.handler is None)
        moves.change(execution, "approved", before=before, by=by, caused_by=entry)
        if execution.status == ExecutionStatus.PENDING:
            enqueue(execution, moves=moves)

    return granted


#: How an execution ends with its approval: FSM method, and what its entry is called.
_ENDINGS = {
    ApprovalStatus.REFUSED: ("reject", "rejected"),
    ApprovalStatus.EXPIRED: ("expire", "expired"),
    ApprovalStatus.SUPERSEDED: ("supersede", "superseded"),
    ApprovalStatus.WITHDRAWN: ("cancel", "cancelled"),
}


def _ended(locked: Locked, ended: NotGranted) -> None:
    execution, approval = locked.row, ended.approval
    if execution.status != ExecutionStatus.PENDING_APPROVAL:
        return
    method, action = _ENDINGS[ApprovalStatus(approval.status)]
    before = str(execution.status)
    getattr(execution, method)()
    why = approval.ended_because or str(_("Nobody approved it in time."))
    entry = endings.not_run(
        execution, action, before, why, by=ended.by, caused_by=ended.entry, moves=ended.moves
    )
    settle_not_run(execution, locked.others, by=ended.by, caused_by=entry, moves=ended.moves)


def settle_not_run(
    execution: Execution, original: Any, *, by: ActorRef, caused_by: EntryRef, moves: Moves
) -> None:
    """What it was to undo is not undone: its attempt has failed, and a person decides."""
    if execution.undoes_id is not None:
        undo.settle_undo(
            execution, original, outcome=AttemptOutcome.FAILED, error=execution.error, by=by,
            caused_by=caused_by, moves=moves,
        )  # fmt: skip


GOVERNED = {EXECUTE: Governed(_ready, gettext_lazy("Run of %(what)s"), _ended)}
