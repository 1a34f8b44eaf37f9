"""What happens to an execution whose state is not the expected one when it is to be called.

Nothing was called. Declared is one of: `reject` (it ends), `revalidate` (policies decide once more;
what they still let run goes on, in the state there is now), `ask_again` (others have to agree to
that state). Inside the caller's transaction; the execution and what it undoes are locked.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from executions.actions import endings, execution_approvals
from executions.actions.deciding_executions import Decided, asked_for, decided_again, stands
from executions.capability_registry import ASK_AGAIN, REJECT, REVALIDATE
from executions.models import Execution, ExecutionJob
from ledger.errors import Refusal
from ledger.record import ActorRef
from verbs.move import Moves, newest_entry
from verbs.subject import Locked


def settle(locked: Locked, found: str, *, is_last: bool, by: ActorRef) -> None:
    """Do what is declared; `found` is the version of the state, `is_last`: there is no attempt
    after this one."""
    execution: Execution = locked.row
    said = {"expected": execution.expected_state_version, "found": found}
    why = _("the state is at version %(found)s, not at %(expected)s") % said
    how = REJECT if execution.mode != "commit" else execution.on_stale or REJECT
    execution.outcome_unknown = False
    moves = Moves()
    if how == REJECT or (how == REVALIDATE and is_last):
        _refuse(locked, why, by=by, moves=moves)
    else:
        asks = how == ASK_AGAIN
        _decide_again(locked, found, why, asks=asks, by=by, moves=moves)
    moves.record()


def _decide_again(
    locked: Locked, found: str, why: str, *, asks: bool, by: ActorRef, moves: Moves
) -> None:
    """Let policies decide in the state there is now; `asks`: others have to agree, whatever these
    say. What they had agreed to stands where the same policies decide as they did."""
    execution: Execution = locked.row
    before = list(execution.decisions)
    execution.expected_state_version = found
    try:
        decided = decided_again(execution, asked_for(execution))
        refusal = decided.refusal
    except Refusal as unfit:
        refusal = unfit
    if refusal is not None:
        _refuse(locked, f"{why}; {refusal.in_words}", by=by, moves=moves)
        return
    new = decided.new
    agreed = stands(decided, execution, before)
    execution.input, execution.mode, execution.error = new.input, new.mode, why
    execution.decisions = [dict(each) for each in decided.decisions]
    if asks or (decided.waits and not agreed):
        _ask_again(execution, decided, found, by=by, moves=moves)
    else:
        _go_on(execution, by=by, moves=moves)


_MOVED = (
    "error", "expected_state_version", "outcome_unknown", "attempts", "decisions", "input", "mode",
)  # fmt: skip


def _go_on(execution: Execution, *, by: ActorRef, moves: Moves) -> None:
    before = str(execution.status)
    execution.revalidate()
    moves.change(
        execution, "revalidated", before=before, by=by, caused_by=newest_entry(execution),
        fields=_MOVED, payloads={"error": execution.error, "decisions": execution.decisions},
    )  # fmt: skip


def _ask_again(
    execution: Execution, decided: Decided, found: str, *, by: ActorRef, moves: Moves
) -> None:
    """It waits for approval, and no worker takes it before that. It was not called, so that it can
    still be called back."""
    before = str(execution.status)
    execution.ask_again()
    execution.attempts = 0
    execution.decisions.append(
        {
            "policy": execution_approvals.STALE,
            "effect": "require_approval",
            "reason": execution.error,
        }
    )
    entry = moves.change(
        execution, "asked_again", before=before, by=by, caused_by=newest_entry(execution),
        fields=_MOVED, payloads={"error": execution.error, "decisions": execution.decisions},
    )  # fmt: skip
    execution_approvals.ask(
        execution, decided, by=by, caused_by=entry.ref, moves=moves, stale=found
    )
    jobs = ExecutionJob.objects.filter(tenant_id=execution.tenant_id, execution_id=execution.id)
    jobs.delete()


def _refuse(locked: Locked, why: str, *, by: ActorRef, moves: Moves) -> None:
    execution: Execution = locked.row
    cause = newest_entry(execution)
    entry = endings.refuse(execution, why, by=by, caused_by=cause, moves=moves)
    execution_approvals.settle_not_run(
        execution, locked.others, by=by, caused_by=entry, moves=moves
    )
