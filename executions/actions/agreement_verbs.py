"""Approving and refusing an execution: the verbs of its open approval, asked of itself.

The execution, what it undoes and the approval are locked in this order, as by the approval's own
verbs; what is done is theirs.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from accounts.acting import Authority
from compensation.facts import UndoFacts, undo_facts
from compensation.locking import lock_with_original
from executions.lifecycle import LIFECYCLE, ExecutionStatus
from executions.models import Execution
from governance import approvers
from governance.actions import approval_verbs
from governance.lifecycle import APPROVING_ROLES
from governance.selectors import pending_about
from ledger.errors import NotFound, Refusal
from verbs import catalogue
from verbs.input import OptionalReason, Reason
from verbs.shell import VerbContext, wrong_state
from verbs.subject import Locked

EXECUTION = Execution.subject_type
# Where a row that waits has its approval.
_WAITS_FOR = "pending_approval"


def approval_of(execution: Execution) -> Any | None:
    """Return the approval that an execution waits for, as it was read with it."""
    return vars(execution).get(_WAITS_FOR)


def execution_facts(rows: Sequence[Execution]) -> dict[uuid.UUID, UndoFacts]:
    """Return facts by row; those that wait for approval learn for which: two queries, and none
    where nothing waits."""
    waits = [
        row for row in rows
        if row.status == ExecutionStatus.PENDING_APPROVAL and _WAITS_FOR not in vars(row)
    ]  # fmt: skip
    if waits:
        found = pending_about(waits[0].tenant_id, EXECUTION, [row.id for row in waits])
        for row in waits:
            vars(row)[_WAITS_FOR] = found.get(row.id)
    return undo_facts(rows)


def approving(execution: Execution, authority: Authority, _facts: Any) -> str:
    """Whether somebody decides a step of what it waits for: never who asked for it."""
    approval = approval_of(execution)
    if approval is not None:
        return approvers.approver(approval, authority, None)
    # Of what waits for nobody an approver is told its state.
    return "" if authority.roles & APPROVING_ROLES else "not_approver"


def _locked(tenant_id: uuid.UUID, execution_id: uuid.UUID) -> Locked:
    locked = lock_with_original(tenant_id, EXECUTION, execution_id)
    if locked is None:
        raise NotFound
    vars(locked.row)[_WAITS_FOR] = approval_verbs.lock_pending(locked.row)
    return locked


def _undecided(name: str) -> Any:
    def refusal(
        execution: Execution, _facts: Any, _body: Mapping[str, Any] | None
    ) -> Refusal | None:
        approval = approval_of(execution)
        if approval is None:
            return wrong_state(LIFECYCLE[name], execution)
        return approvers.undecided(approval, name)

    return refusal


def _turn(execution: Execution, authority: Authority) -> Refusal | None:
    approval = approval_of(execution)
    return None if approval is None else approvers.turn(approval, authority)


@catalogue.verb(
    EXECUTION, LIFECYCLE["approve"], action="approved", given=OptionalReason,
    state=_undecided("approve"), turn=_turn, locked=_locked,
)  # fmt: skip
def approve_execution(
    execution: Execution, given: OptionalReason, context: VerbContext
) -> Execution:
    """Grant the step that waits. After the last one it is run at once; if that would be decided
    otherwise now, it is out of date and is not run."""
    return _decide(approval_verbs.approve, execution, given, context)


@catalogue.verb(
    EXECUTION, LIFECYCLE["reject"], action="rejected", given=Reason, state=_undecided("reject"),
    turn=_turn, locked=_locked,
)  # fmt: skip
def reject_execution(execution: Execution, given: Reason, context: VerbContext) -> Execution:
    """Refuse it, with a reason. It is not run; what it was to undo stands."""
    return _decide(approval_verbs.reject, execution, given, context)


def _decide(verb: Any, execution: Execution, given: Any, context: VerbContext) -> Execution:
    beside = Locked(execution, context.others)
    verb.function(approval_of(execution), given, dataclasses.replace(context, others=beside))
    return execution
