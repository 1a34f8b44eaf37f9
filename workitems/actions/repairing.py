"""Deciding on an undo that failed, and calling one back that has not started (DESIGN §5).

Every verb locks the original and, where it must end it, the undo task or execution too, in the
common lock order. An undo that belongs to a run is decided at the run's step: 409 `managed_by_run`.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction

from accounts.acting import ActingUser, Authority, authority_of
from accounts.selectors import active_actors
from compensation import actions as compensation
from compensation.models import CompensationAttempt
from compensation.planning import UndoRequest
from compensation.regulatory_basis import required_reason
from executions.actions import within as executions_within
from executions.rows import Execution
from ledger.errors import Invalid, NotFound, NotPermitted
from ledger.tenancy import set_tenant
from workitems.actions.compensating import Compensation, performer_of, problems_of_groups
from workitems.actions.door import Asked, check_input, check_state, check_version, lock_items
from workitems.actions.within import cancel_items
from workitems.errors import ManagedByRun, UndoStarted
from workitems.lifecycle import NOT_STARTED
from workitems.models import WorkItem

Remember = Callable[[Compensation], None]
Decide = Callable[[WorkItem, CompensationAttempt, Authority], CompensationAttempt]


def retry_compensation(
    item_id: uuid.UUID,
    *,
    acting_user: ActingUser,
    asked: Asked = Asked(),
    remember: Remember | None = None,
) -> Compensation:
    """Try the same undo again: COMPENSATION_FAULTED → COMPENSATING, a new attempt. Operator."""

    def decide(item: WorkItem, _last: CompensationAttempt, by: Authority) -> CompensationAttempt:
        return compensation.retry(compensation.kind_of_row(item), item, None, by=by.ref())

    return _decide(
        item_id, "retry", decide, acting_user=acting_user, asked=asked, remember=remember
    )


def reassign_compensation(
    item_id: uuid.UUID,
    *,
    assignee: uuid.UUID | None = None,
    candidate_groups: Sequence[str] = (),
    acting_user: ActingUser,
    asked: Asked = Asked(),
    remember: Remember | None = None,
) -> Compensation:
    """Have another person or group undo it: COMPENSATION_FAULTED → COMPENSATING. Operator."""

    def decide(item: WorkItem, last: CompensationAttempt, by: Authority) -> CompensationAttempt:
        request = by_person(last, assignee, candidate_groups, required=True)
        return compensation.retry(
            compensation.kind_of_row(item), item, request, action="compensation_reassigned",
            by=by.ref(),
        )  # fmt: skip

    return _decide(
        item_id, "reassign", decide, acting_user=acting_user, asked=asked, remember=remember
    )


def hand_to_human(
    item_id: uuid.UUID,
    *,
    assignee: uuid.UUID | None = None,
    candidate_groups: Sequence[str] = (),
    acting_user: ActingUser,
    asked: Asked = Asked(),
    remember: Remember | None = None,
) -> Compensation:
    """Let a person do what the program could not: COMPENSATION_FAULTED → COMPENSATING. Operator."""

    def decide(item: WorkItem, last: CompensationAttempt, by: Authority) -> CompensationAttempt:
        request = by_person(last, assignee, candidate_groups, required=False)
        return compensation.retry(
            compensation.kind_of_row(item), item, request, action="compensation_handed_to_human",
            by=by.ref(),
        )  # fmt: skip

    return _decide(
        item_id, "hand-to-human", decide, acting_user=acting_user, asked=asked, remember=remember
    )


def attest(
    item_id: uuid.UUID,
    *,
    evidence: str,
    acting_user: ActingUser,
    asked: Asked = Asked(),
    remember: Remember | None = None,
) -> Compensation:
    """Vouch, with evidence, that it is undone: COMPENSATION_FAULTED → COMPENSATED. Operator."""

    def decide(item: WorkItem, last: CompensationAttempt, by: Authority) -> CompensationAttempt:
        words = required_reason(evidence, pointer="/evidence")
        compensation.attest(compensation.kind_of_row(item), item, evidence=words, by=by.ref())
        return last

    return _decide(
        item_id, "attest", decide, acting_user=acting_user, asked=asked, remember=remember
    )


def abandon(
    item_id: uuid.UUID,
    *,
    reason: str,
    acting_user: ActingUser,
    asked: Asked = Asked(),
    remember: Remember | None = None,
) -> Compensation:
    """Let the effect stand, with a reason: COMPENSATION_FAULTED → COMPLETED. Operator."""

    def decide(item: WorkItem, last: CompensationAttempt, by: Authority) -> CompensationAttempt:
        why = required_reason(reason)
        compensation.abandon(compensation.kind_of_row(item), item, reason=why, by=by.ref())
        return last

    return _decide(
        item_id, "abandon", decide, acting_user=acting_user, asked=asked, remember=remember
    )


def withdraw(
    item_id: uuid.UUID,
    *,
    reason: str = "",
    acting_user: ActingUser,
    asked: Asked = Asked(),
    remember: Remember | None = None,
) -> Compensation:
    """Call an undo back before it has started: COMPENSATING → COMPLETED. Requester or operator.

    The attempt and the original settle together and the undo task or execution ends CANCELLED; that
    ending finds no open attempt and does not settle the original again. Raises UndoStarted.
    """

    def decide(item: WorkItem, last: CompensationAttempt, by: Authority) -> CompensationAttempt:
        undo = _undo_of(last)
        if not _may_be_called_back(undo):
            raise UndoStarted(extra={"current_status": item.status})
        entry = compensation.withdraw(
            compensation.kind_of_row(item), item, reason=reason, by=by.ref()
        )
        if isinstance(undo, WorkItem):
            cancel_items([undo], by=by.ref(), caused_by=entry, reason=reason)
        elif isinstance(undo, Execution):
            executions_within.cancel(undo, by=by.ref(), caused_by=entry, reason=reason)
        return last

    return _decide(
        item_id, "withdraw", decide, acting_user=acting_user, asked=asked, remember=remember
    )


def by_person(
    last: CompensationAttempt,
    assignee: uuid.UUID | None,
    groups: Sequence[str],
    *,
    required: bool,
) -> UndoRequest:
    """Return the last request, now for a person: a named one, a group, or whom the policy names.

    Raises Invalid when nobody is named though `required`, or the named one is no active member.
    """
    if required and assignee is None and not groups:
        raise Invalid.field("/assignee", "name an assignee or candidate_groups", code="required")
    return for_person(UndoRequest.from_json(last.request), assignee, groups)


def for_person(
    request: UndoRequest, assignee: uuid.UUID | None, groups: Sequence[str]
) -> UndoRequest:
    """Return a request, now for a person: a named one, a group, or whom the policy names.

    Raises Invalid when the named one is no active member, or a group's name is none.
    """
    if assignee is not None and not active_actors([assignee]):
        raise Invalid.field("/assignee", "must be an active member of this organisation")
    for problem in problems_of_groups(groups):
        raise Invalid(problem.message, errors=[problem])
    return dataclasses.replace(
        request,
        mode="human",
        capability="",
        assignee_id=assignee,
        performer=performer_of(groups, request.performer),
        candidate_groups=tuple(groups) or request.candidate_groups,
    )


def _decide(
    item_id: uuid.UUID,
    operation: str,
    decide: Decide,
    *,
    acting_user: ActingUser,
    asked: Asked,
    remember: Remember | None,
) -> Compensation:
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        item, last = _lock(item_id)
        authority = authority_of(acting_user)
        requester = operation == "withdraw" and last is not None
        if not authority.is_operator and not (
            requester and last is not None and last.requested_by_id == authority.actor_id
        ):
            raise NotPermitted("Only an operator may decide on an undo.")
        check_version(item, asked)
        check_state(item, operation)
        if last is None:
            raise NotFound
        if last.run_id is not None:
            raise ManagedByRun(extra={"run": str(last.run_id), "current_status": item.status})
        check_input(asked)
        answer = Compensation(item, decide(item, last, authority))
        if remember is not None:
            remember(answer)
    return answer


def _lock(item_id: uuid.UUID) -> tuple[WorkItem, CompensationAttempt | None]:
    """Lock the original and its newest undo task, in id order, and read the newest attempt.

    The attempt is read again under the locks: a settlement that was under way has then ended.
    """
    undo_ids = CompensationAttempt.objects.filter(
        original_type=WorkItem.subject_type, original_id=item_id, compensation_type="work_item"
    ).values_list("compensation_id", flat=True)
    rows = {row.id: row for row in lock_items([item_id, *undo_ids])}
    if item_id not in rows:
        raise NotFound
    try:
        return rows[item_id], compensation.last_attempt(WorkItem.subject_type, item_id)
    except LookupError:
        return rows[item_id], None


def _may_be_called_back(undo: Any | None) -> bool:
    """Whether nobody has begun the undo. Between two attempts of a program an effect may exist."""
    if isinstance(undo, Execution):
        return executions_within.may_be_cancelled(undo)
    return isinstance(undo, WorkItem) and undo.status in NOT_STARTED


def _undo_of(attempt: CompensationAttempt) -> Any | None:
    return compensation.kind_of(attempt.compensation_type).lock(attempt.compensation_id)
