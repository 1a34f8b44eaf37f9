"""Previews: what would be undone. Writes the plan's row and nothing else."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction

from accounts.acting import ActingUser
from cases.actions.door import operating
from cases.actions.parts import compiled, lock_part, part_alone, part_in_case, parts_of_case
from cases.errors import AlreadyCompensated, CaseClosed
from cases.lifecycle import CaseStatus
from cases.models import Case, CompensationPlan, PlanItem
from cases.originals import read
from cases.planning import Content, Part, Scope, make_plan, parse_include, parse_scope
from compensation.policy import STRATEGIES
from compensation.regulatory_basis import parse_regulatory_basis, required_reason
from ledger.clock import now
from ledger.errors import FieldError, Invalid, NotFound
from ledger.tenancy import set_tenant
from workitems.errors import NotCompensable

LIFETIME = dt.timedelta(minutes=15)
Subject = tuple[str, uuid.UUID]


def preview(
    subject: Subject,
    *,
    reason: Any,
    scope: Any = None,
    strategy: Any = None,
    include: Any = None,
    regulatory_basis: Any = None,
    acting_user: ActingUser,
    invalid: Invalid | None = None,
    remember: Callable[[CompensationPlan], None] | None = None,
) -> CompensationPlan:
    """Plan the undo of a case, a work item or an execution, for 15 minutes. Operators.

    `subject` is ("case" | "work_item" | "execution", id). Raises NotFound, NotPermitted,
    CaseClosed, AlreadyCompensated, NotCompensable for an undo, Invalid with JSON pointers.
    """
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        case, row = find_case(subject)
        authority = operating(acting_user)
        if row is not None and row.undoes_id is not None:
            raise NotCompensable
        check_open(subject, case)
        if invalid is not None:
            raise invalid
        alone = subject[0] != "case"
        said = _checked(reason, scope, strategy, include, regulatory_basis, alone=alone)
        parts = parts_of(subject, case, lock=False)
        moment = now()
        content = make_plan(
            parts, subject=subject, scope=said["scope"], strategy=said["strategy"],
            include=said["include"], now=moment,
        )  # fmt: skip
        plan = CompensationPlan(
            tenant_id=acting_user.tenant_id,
            subject_type=subject[0],
            subject_id=subject[1],
            case_id=None if case is None else case.id,
            scope=said["scope"].to_json(),
            strategy=said["strategy"] or "",
            include=list(said["include"]),
            reason=said["reason"],
            regulatory_basis=said["basis"],
            digest=content.digest,
            content=content.to_json(),
            created_by_id=authority.actor_id,
            created_at=moment,
            expires_at=moment + LIFETIME,
        )
        plan.save(force_insert=True)
        if remember is not None:
            remember(plan)
    return plan


def replan(plan: CompensationPlan, parts: list[Part]) -> Content:
    """Return what the same plan would be now."""
    return make_plan(
        parts,
        subject=(plan.subject_type, plan.subject_id),
        scope=parse_scope(plan.scope),
        strategy=plan.strategy or None,
        include=tuple(plan.include),
        now=now(),
    )


def find_case(subject: Subject) -> tuple[Case | None, Any | None]:
    """Return the case a subject is or belongs to, and the one item it is. Raises NotFound."""
    type_, id_ = subject
    cases = Case.objects.select_related("definition")
    if type_ == "case":
        found = cases.filter(id=id_).first()
        if found is None:
            raise NotFound("There is no such case.")
        return found, None
    row = read(type_, id_)
    if row is None:
        raise NotFound
    return (None if row.case_id is None else cases.filter(id=row.case_id).first()), row


def parts_of(subject: Subject, case: Case | None, *, lock: bool) -> list[Part]:
    """Return what a plan about `subject` may undo, rows locked or as committed now."""
    type_, id_ = subject
    if type_ == "case" and case is not None:
        return parts_of_case(case, lock=lock)
    row = lock_part(type_, id_) if lock else read(type_, id_)
    item = None if case is None else PlanItem.objects.filter(case_id=case.id, target_id=id_).first()
    if case is not None and item is not None:
        part = part_in_case(item, row, compiled(case))
        # Asked for by name: what nobody declared is then for a person to undo.
        return [part if part.policy is not None else part_alone(type_, row)]
    return [part_alone(type_, row)]


def check_open(subject: Subject, case: Case | None) -> None:
    """Raise CaseClosed for a closed case, AlreadyCompensated for one that is undone as a whole."""
    if case is None:
        return
    extra = {"current_status": str(case.status)}
    if case.status == CaseStatus.CLOSED:
        raise CaseClosed(extra=extra)
    if subject[0] == "case" and case.status == CaseStatus.COMPENSATED:
        raise AlreadyCompensated(extra=extra)


def _checked(
    reason: Any, scope: Any, strategy: Any, include: Any, basis: Any, *, alone: bool
) -> dict[str, Any]:
    problems: list[FieldError] = []

    def gather(check: Callable[[], Any], default: Any) -> Any:
        try:
            return check()
        except Invalid as invalid:
            problems.extend(invalid.errors)
        return default

    said = {
        "reason": gather(lambda: required_reason(reason), ""),
        "scope": gather(lambda: parse_scope(scope), Scope()),
        "include": gather(lambda: parse_include(include), ()),
        "basis": gather(lambda: parse_regulatory_basis(basis), []),
        "strategy": strategy,
    }
    if strategy is not None and strategy not in STRATEGIES:
        problems.append(FieldError("/strategy", f"must be one of {', '.join(STRATEGIES)}"))
    if alone and said["scope"].kind != "whole":
        problems.append(FieldError("/scope/kind", "one item is always undone whole"))
    if problems:
        raise Invalid("The request breaks a rule.", errors=problems)
    return said
