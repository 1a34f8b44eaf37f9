"""Compensate: begin the undo of a completed work item.

COMPLETED → COMPENSATING, and in the same transaction the undo task (human mode) or the execution
(automated mode) that does it. Two at once: the second waits for the row lock and finds
COMPENSATING.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from django.db import transaction

from accounts.acting import ActingUser, Authority, authority_of
from accounts.selectors import active_actors
from compensation import actions as compensation
from compensation.models import CompensationAttempt
from compensation.planning import UndoRequest, request_of
from compensation.policy import MAX_GROUPS, MAX_NAME_LENGTH, MODES, STRATEGIES, CompensationPolicy
from compensation.regulatory_basis import parse_regulatory_basis, required_reason
from executions import registry
from ledger.clock import now
from ledger.errors import Conflict, FieldError, Invalid, NotPermitted
from ledger.record import Change, record
from ledger.tenancy import set_tenant
from workitems.actions.door import Asked, check_input, check_version, lock_item
from workitems.errors import (
    AlreadyCompensated,
    CaseClosed,
    IllegalState,
    Irreversible,
    NotCompensable,
    RunLive,
    WindowClosed,
)
from workitems.lifecycle import BY_NAME, Kind, Status
from workitems.models import WorkItem
from workitems.runs import standing_of

# Refusals an auditor wants to see: somebody tried to take back what may not be taken back.
_NOTED = (WindowClosed, Irreversible)


@dataclasses.dataclass(frozen=True, slots=True)
class Compensation:
    """What `compensate` answers with: the original and the attempt that was opened."""

    original: WorkItem
    attempt: CompensationAttempt


@dataclasses.dataclass(frozen=True, slots=True)
class Wish:
    """What the caller asks for, as written; it wins over the item's own policy."""

    reason: Any = ""
    regulatory_basis: Any = None
    strategy: Any = None
    mode: Any = None
    assignee: uuid.UUID | None = None
    candidate_groups: Any = None


def compensate(
    item_id: uuid.UUID,
    wish: Wish,
    *,
    acting_user: ActingUser,
    asked: Asked = Asked(),
    remember: Callable[[Compensation], None] | None = None,
) -> Compensation:
    """Begin undoing a completed item. Operator, or the original actor where the policy says so.

    Raises NotFound, NotPermitted, Stale, NotCompensable, AlreadyCompensated, IllegalState, RunLive,
    WindowClosed, Irreversible (each a 409 by its code), Invalid. A closed window and an
    irreversible item leave a REFUSAL entry, written after the rollback in a transaction of its own.
    """
    try:
        with transaction.atomic(durable=True):
            set_tenant(acting_user.tenant_id)
            item, _original = lock_item(item_id)
            authority = authority_of(acting_user)
            policy = CompensationPolicy.from_json(item.policy)
            _check_permission(item, policy, authority)
            check_version(item, asked)
            check_compensable(item, policy, wish.strategy)
            check_input(asked)
            request = _request(wish, policy, authority)
            attempt = compensation.begin(
                compensation.kind_of_row(item), item, request, by=authority.ref()
            )
            answer = Compensation(item, attempt)
            if remember is not None:
                remember(answer)
    except _NOTED as refusal:
        _note_refusal(item_id, refusal, acting_user)
        raise
    return answer


def check_compensable(item: WorkItem, policy: CompensationPolicy, strategy: Any) -> None:
    """Raise the 409 that DESIGN §5 names unless `item` may be compensated now."""
    if item.kind == Kind.COMPENSATION:
        raise NotCompensable
    extra = {"current_status": item.status}
    if item.status == Status.COMPENSATED:
        raise AlreadyCompensated(extra=extra)
    if item.status not in BY_NAME["compensate"].sources:
        raise IllegalState(f"Only completed work can be undone, not {item.status}.", extra=extra)
    case = standing_of(item.case_id)
    if case.closed:
        raise CaseClosed(extra=extra)
    if case.live_run is not None:
        raise RunLive(extra={**extra, "run": str(case.live_run)})
    window = policy.effective().window
    if window is not None and item.completed_at is not None and now() > item.completed_at + window:
        closed = item.completed_at + window
        raise WindowClosed(f"It could be undone until {closed:%Y-%m-%d %H:%M} UTC.", extra=extra)
    wanted = strategy or policy.effective().strategy
    if item.reversibility == "irreversible" and wanted != "correct":
        raise Irreversible(extra={**extra, "alternatives": ["strategy: correct"]})


def _check_permission(item: WorkItem, policy: CompensationPolicy, authority: Authority) -> None:
    own = item.completed_by_id == authority.actor_id and policy.effective().self_undo
    if not (authority.is_operator or own or authority.is_system):
        raise NotPermitted("Only an operator may have finished work undone.")


def _request(wish: Wish, policy: CompensationPolicy, authority: Authority) -> UndoRequest:
    """Check the wish and lay it over the item's policy (DESIGN §5, precedence)."""
    problems: list[FieldError] = []
    reason, basis = "", []
    try:
        reason = required_reason(wish.reason)
    except Invalid as invalid:
        problems.extend(invalid.errors)
    try:
        basis = parse_regulatory_basis(wish.regulatory_basis)
    except Invalid as invalid:
        problems.extend(invalid.errors)
    said = policy.effective()
    mode = str(wish.mode or said.mode)
    problems.extend(_problems_of_choice(wish))
    problems.extend(_problems_of_mode(wish, mode, said.capability or ""))
    if problems:
        raise Invalid("The request breaks a rule.", errors=problems)
    groups = tuple(wish.candidate_groups or ())
    request = request_of(
        policy, reason=reason, requested_by=authority.actor_id, strategy=wish.strategy
    )
    return dataclasses.replace(
        request,
        mode=mode,
        capability=(said.capability or "") if mode == "automated" else "",
        regulatory_basis=tuple(basis),
        assignee_id=wish.assignee,
        performer=performer_of(groups, request.performer),
        candidate_groups=groups or request.candidate_groups,
    )


def _problems_of_choice(wish: Wish) -> Iterator[FieldError]:
    """Yield what is wrong with the words and names that were chosen."""
    if wish.strategy is not None and wish.strategy not in STRATEGIES:
        yield FieldError("/strategy", f"must be one of {', '.join(STRATEGIES)}")
    if wish.mode is not None and wish.mode not in MODES:
        yield FieldError("/mode", f"must be one of {', '.join(MODES)}")
    yield from problems_of_groups(wish.candidate_groups)
    if wish.assignee is not None and not active_actors([wish.assignee]):
        yield FieldError("/assignee", "must be an active member of this organisation")


def problems_of_groups(groups: Any) -> Iterator[FieldError]:
    """Yield what is wrong with the candidate groups somebody named; None means nobody did."""
    listed = isinstance(groups, list | tuple) and len(groups) <= MAX_GROUPS
    if groups is not None and not (
        listed and all(isinstance(g, str) and 0 < len(g.strip()) <= MAX_NAME_LENGTH for g in groups)
    ):
        message = f"must be a list of at most {MAX_GROUPS} group names"
        yield FieldError("/candidate_groups", message)


def performer_of(groups: Any, policy: str) -> str:
    """Return who performs when groups are named: they, but not whom the policy excludes."""
    return "groups" if groups and policy == "original_actor" else policy


def _problems_of_mode(wish: Wish, mode: str, capability: str) -> Iterator[FieldError]:
    """Yield why the mode does not go with the policy or with the named people."""
    if mode != "automated":
        return
    if registry.get(capability) is None:
        yield FieldError("/mode", "the item's policy names no capability that exists")
    if wish.assignee or wish.candidate_groups:
        yield FieldError("/mode", "an automated undo has no assignee and no groups")


def _note_refusal(item_id: uuid.UUID, refusal: Conflict, acting_user: ActingUser) -> None:
    """Append a REFUSAL entry; the item itself does not change."""
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        item = WorkItem.objects.select_for_update(of=("self",)).filter(id=item_id).first()
        if item is None:
            return
        record(
            Change(
                tenant_id=item.tenant_id,
                subject_type=item.subject_type,
                subject_id=item.id,
                version=item.version,
                kind="REFUSAL",
                action="compensation_refused",
                actor=authority_of(acting_user).ref(),
                from_status=str(item.status),
                to_status=str(item.status),
                case_id=item.case_id,
                payloads={"code": refusal.code, "detail": refusal.detail},
            )
        )
