"""Who decides a step: people by name, groups, roles; any one of them. Pure."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from accounts.acting import Authority
from accounts.roles import Role
from governance.errors import AlreadyDecided, ApprovalExpired, ApprovalMoved, NotYourTurn
from governance.lifecycle import APPROVING_ROLES, OPERATIONS
from governance.models import Approval, ApprovalStep
from ledger.clock import now
from ledger.errors import Refusal
from verbs.shell import wrong_state


@dataclasses.dataclass(frozen=True, slots=True)
class Approvers:
    """Who decides one step. Naming nobody means the role `approver`."""

    users: tuple[uuid.UUID, ...] = ()
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


ANY_APPROVER = Approvers(roles=(Role.APPROVER.value,))


def roles_that_decide(authority: Authority) -> frozenset[str]:
    """Return the roles of steps that somebody may decide: a tenant admin is an approver too."""
    more = {Role.APPROVER.value} if authority.roles & APPROVING_ROLES else set()
    return frozenset(authority.roles) | more


def decides(step: ApprovalStep, authority: Authority) -> bool:
    """Whether somebody is one of those who decide a step."""
    return (
        str(authority.actor_id) in step.users
        or not authority.groups.isdisjoint(step.groups)
        or not roles_that_decide(authority).isdisjoint(step.roles)
    )


def approver(approval: Approval, authority: Authority, _facts: Any) -> str:
    """Whether somebody decides a step of it: never who asked for it, whatever else they are."""
    if approval.is_asked_by(authority.actor_id):
        return "own_request"
    named = any(decides(step, authority) for step in approval.ordered)
    return "" if named else "not_approver"


def requester(approval: Approval, authority: Authority, _facts: Any) -> str:
    """Whether somebody asked for it."""
    return "" if approval.requested_by_id == authority.actor_id else "not_requester"


def undecided(approval: Approval, operation: str) -> Refusal | None:
    """Return why it cannot be decided any more."""
    refused = wrong_state(OPERATIONS[operation], approval)
    if refused is None and approval.expires_at <= now():
        return ApprovalExpired(extra={"current_status": str(approval.status)})
    return refused


def moved(approval: Approval, digest: str | None) -> Refusal | None:
    """Return why what somebody has seen is not what waits: it has another digest, or none waits."""
    if digest is None or approval.digest == digest:
        return None
    return ApprovalMoved(extra={"digest": approval.digest, "approval": str(approval.id)})


def turn(approval: Approval, authority: Authority) -> Refusal | None:
    """Return why it is not for somebody to decide now, who decides a step of it."""
    extra = {"current_status": str(approval.status)}
    if any(step.decided_by_id == authority.actor_id for step in approval.ordered):
        return AlreadyDecided(extra=extra)
    return None if decides(approval.waiting_step, authority) else NotYourTurn(extra=extra)
