"""Approving and refusing a thing by its own verbs: those of its open approval, asked of itself.

The thing, with what is locked beside it, is locked before the approval, as by the approval's own
verbs; what is done is theirs. A kind of thing declares the two verbs with what is here.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from accounts.acting import Authority
from governance import approvers
from governance.actions import approval_verbs
from governance.lifecycle import APPROVING_ROLES
from governance.models import Approval
from governance.selectors import pending_about
from ledger.errors import Refusal
from verbs.operation import Operation
from verbs.shell import VerbContext, wrong_state
from verbs.subject import Locked

# Where a row that waits has its approval.
_WAITS_FOR = "pending_approval"


def approval_of(row: Any) -> Approval | None:
    """Return the approval that a thing waits for, as it was read with it."""
    found: Approval | None = vars(row).get(_WAITS_FOR)
    return found


def with_approvals(rows: Sequence[Any], waits: str) -> None:
    """Let those of one kind whose status is `waits` know for which approval: two queries, and none
    where nothing waits."""
    found = [row for row in rows if row.status == waits and _WAITS_FOR not in vars(row)]
    if found:
        ids: list[uuid.UUID] = [row.id for row in found]
        known = pending_about(found[0].tenant_id, found[0].subject_type, ids)
        for row in found:
            vars(row)[_WAITS_FOR] = known.get(row.id)


def with_locked_approval(locked: Locked) -> Locked:
    """Lock the approval that a locked thing waits for, after it."""
    vars(locked.row)[_WAITS_FOR] = approval_verbs.lock_pending(locked.row)
    return locked


def approving(row: Any, authority: Authority, _facts: Any) -> str:
    """Whether somebody decides a step of what it waits for: never who asked for it."""
    approval = approval_of(row)
    if approval is not None:
        return approvers.approver(approval, authority, None)
    # Of what waits for nobody an approver is told its state.
    return "" if authority.roles & APPROVING_ROLES else "not_approver"


def undecided(operation: Operation) -> Any:
    """Return what says why it cannot be decided, as the `state` of a verb asks."""

    def refusal(row: Any, _facts: Any, _body: Mapping[str, Any] | None) -> Refusal | None:
        approval = approval_of(row)
        if approval is None:
            return wrong_state(operation, row)
        return approvers.undecided(approval, operation.name)

    return refusal


def turn(row: Any, authority: Authority) -> Refusal | None:
    """Return why it is not for somebody to decide now, who decides a step of it."""
    approval = approval_of(row)
    return None if approval is None else approvers.turn(approval, authority)


def decide(verb: Any, row: Any, given: Any, context: VerbContext) -> Any:
    """Do what a verb of approvals does to that of a thing; return the thing."""
    beside = Locked(row, context.others)
    verb.function(approval_of(row), given, dataclasses.replace(context, others=beside))
    return row
