"""Approving and refusing an execution: the verbs of its open approval, asked of itself."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from compensation.facts import UndoFacts, undo_facts
from compensation.locking import lock_with_original
from executions.lifecycle import LIFECYCLE, ExecutionStatus
from executions.models import Execution
from governance.actions import approval_verbs
from governance.actions.approval_verbs import Agreement
from governance.actions.asked_of_itself import (
    decide,
    turn,
    undecided,
    with_approvals,
    with_locked_approval,
)
from ledger.errors import NotFound
from verbs import catalogue
from verbs.input import Reason
from verbs.shell import VerbContext
from verbs.subject import Locked

EXECUTION = Execution.subject_type


def execution_facts(rows: Sequence[Execution]) -> dict[uuid.UUID, UndoFacts]:
    """Return facts by row; those that wait for approval learn for which: two queries, and none
    where nothing waits."""
    with_approvals(rows, ExecutionStatus.PENDING_APPROVAL)
    return undo_facts(rows)


def _locked(tenant_id: uuid.UUID, execution_id: uuid.UUID) -> Locked:
    locked = lock_with_original(tenant_id, EXECUTION, execution_id)
    if locked is None:
        raise NotFound
    return with_locked_approval(locked)


@catalogue.verb(
    EXECUTION, LIFECYCLE["approve"], action="approved", given=Agreement,
    state=undecided(LIFECYCLE["approve"]), turn=turn, locked=_locked,
)  # fmt: skip
def approve_execution(execution: Execution, given: Agreement, context: VerbContext) -> Execution:
    """Grant the step that waits. After the last one it is run at once; if that would be decided
    otherwise now, it is out of date and is not run. With `digest`, what waits must be what was
    seen (412): where the state has changed it was asked for anew."""
    decided: Execution = decide(approval_verbs.approve, execution, given, context)
    return decided


@catalogue.verb(
    EXECUTION, LIFECYCLE["reject"], action="rejected", given=Reason,
    state=undecided(LIFECYCLE["reject"]), turn=turn, locked=_locked,
)  # fmt: skip
def reject_execution(execution: Execution, given: Reason, context: VerbContext) -> Execution:
    """Refuse it, with a reason. It is not run; what it was to undo stands."""
    decided: Execution = decide(approval_verbs.reject, execution, given, context)
    return decided
