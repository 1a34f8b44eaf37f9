"""Executing a plan: what was previewed is what runs, or nothing does.

The plan is computed again under the locks of everything it is about. Only when the digest is the
same does the run begin: open work in scope is called off, the case turns COMPENSATING, and the
dispatcher starts the first step.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable

from django.db import IntegrityError, transaction

from accounts.acting import ActingUser
from cases.actions.door import (
    check_state,
    live_run,
    lock_case,
    operating,
    run_change,
    save_case,
)
from cases.actions.openwork import cancel_open_work, has_open_work
from cases.actions.previewing import check_open, parts_of, replan
from cases.errors import NothingToUndo, PlanExpired, PlanStale, RunLive
from cases.lifecycle import ROLLBACK_FROM
from cases.models import Case, CompensationPlan, CompensationRun, CompensationStep
from cases.planning import Content, Part, difference
from ledger import failpoints
from ledger.clock import now
from ledger.errors import Invalid, NotFound, PreconditionRequired
from ledger.record import ActorRef, EntryRef, record_many
from ledger.tenancy import set_tenant

failpoints.declare("execute.started")
_ONE_LIVE = "cases_run_one_live"
Remember = Callable[[CompensationRun], None]


def execute(
    plan_id: uuid.UUID,
    *,
    digest: str | None,
    resume_after: bool | None = False,
    acting_user: ActingUser,
    unmet: PreconditionRequired | None = None,
    invalid: Invalid | None = None,
    remember: Remember | None = None,
) -> CompensationRun:
    """Start the run of a plan whose `digest` the caller has seen. Operators.

    `resume_after`: a case that was RUNNING goes on after a clean partial run instead of being
    SUSPENDED. `unmet` is a precondition of the request itself, raised at its turn. Raises NotFound,
    NotPermitted, PreconditionRequired without a digest, PlanExpired, PlanStale (with the
    difference), RunLive, CaseClosed, AlreadyCompensated, NothingToUndo, Conflict, Invalid.
    """
    asked = _Asked(plan_id, digest, bool(resume_after), unmet, invalid)
    try:
        return _execute(asked, acting_user, remember)
    except IntegrityError as error:
        if _ONE_LIVE not in str(error):
            raise
    # Two subjects of one tree at the same moment: the other run exists now, and is named.
    return _execute(asked, acting_user, remember)


@dataclasses.dataclass(frozen=True, slots=True)
class _Asked:
    plan_id: uuid.UUID
    digest: str | None
    resume_after: bool
    unmet: PreconditionRequired | None
    invalid: Invalid | None


def _execute(asked: _Asked, acting_user: ActingUser, remember: Remember | None) -> CompensationRun:
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        plan = CompensationPlan.objects.filter(id=asked.plan_id).first()
        if plan is None:
            raise NotFound("There is no such plan.")
        case = None if plan.case_id is None else lock_case(plan.case_id)
        by = operating(acting_user).ref()
        parts = parts_of((plan.subject_type, plan.subject_id), case, lock=True)
        _check(plan, asked, case, parts)
        run = _insert(plan, case, asked, by)
        steps = _steps(run, plan)
        started = _record(run, steps, by)
        if case is not None and run.about_case:
            _take_case(case, run, parts, by, started)
        failpoints.reach("execute.started")
        if remember is not None:
            remember(run)
    return run


def _check(plan: CompensationPlan, asked: _Asked, case: Case | None, parts: list[Part]) -> None:
    _check_preconditions(plan, asked, parts)
    subject = (plan.subject_type, plan.subject_id)
    root = None if case is None else case.root_id
    live = live_run(root, subject)
    if live is not None:
        raise RunLive(live)
    check_open(subject, case)
    if case is not None and plan.subject_type == "case":
        check_state(case, "a rollback", ROLLBACK_FROM)
    present = replan(plan, parts)
    if present.digest != plan.digest:
        raise PlanStale(extra={"difference": difference(plan.content, present)})
    _check_substance(plan, case, present)
    if asked.invalid is not None:
        raise asked.invalid


def _check_preconditions(plan: CompensationPlan, asked: _Asked, parts: list[Part]) -> None:
    if asked.unmet is not None:
        raise asked.unmet
    if asked.digest is None:
        raise PreconditionRequired("Send the digest of the plan you have seen, in If-Match.")
    if asked.digest != plan.digest:
        moved = difference(plan.content, replan(plan, parts))
        raise PlanStale(
            "That is not the digest of this plan. Preview again.", extra={"difference": moved}
        )
    if now() > plan.expires_at:
        raise PlanExpired


def _check_substance(plan: CompensationPlan, case: Case | None, present: Content) -> None:
    if present.steps:
        return
    if case is not None and plan.subject_type == "case" and has_open_work(case.id):
        return
    raise NothingToUndo(extra={"excluded": list(present.excluded)})


def _insert(
    plan: CompensationPlan, case: Case | None, asked: _Asked, by: ActorRef
) -> CompensationRun:
    run = CompensationRun(
        tenant_id=plan.tenant_id,
        plan=plan,
        about_type=plan.subject_type,
        about_id=plan.subject_id,
        case_id=plan.case_id,
        root_case_id=None if case is None else case.root_id,
        requested_by_id=by.id,
        reason=plan.reason,
        regulatory_basis=plan.regulatory_basis,
        resume_after=asked.resume_after,
        started_at=now(),
    )
    run.save(force_insert=True)
    return run


def _steps(run: CompensationRun, plan: CompensationPlan) -> list[CompensationStep]:
    return CompensationStep.objects.bulk_create(
        CompensationStep(
            tenant_id=run.tenant_id,
            run=run,
            n=step["n"],
            original_type=step["original"]["type"],
            original_id=uuid.UUID(step["original"]["id"]),
            original_name=step["original"]["name"],
            completion_seq=step["completion_seq"],
            mode=step["mode"],
            strategy=step["strategy"],
            binding=step["binding"],
            spec={name: value for name, value in step.items() if name != "depends_on"},
        )
        for step in plan.content["steps"]
    )


def _record(run: CompensationRun, steps: list[CompensationStep], by: ActorRef) -> EntryRef:
    """Open the run's chain: one entry for the run, one for each step it was planned with."""
    entries = record_many(
        [
            run_change(
                run, "compensation_started", before="", by=by, opens=True,
                payloads={
                    "reason": run.reason,
                    "regulatory_basis": run.regulatory_basis,
                    "plan": str(run.plan_id),
                    "digest": run.plan.digest,
                },
            ),
            *(
                run_change(
                    run, "compensation_step_planned", before=str(run.status), by=by, step=step,
                    opens=True, caused_by=0,
                )
                for step in steps
            ),
        ]
    )  # fmt: skip
    return entries[0].ref


def _take_case(
    case: Case, run: CompensationRun, parts: list[Part], by: ActorRef, started: EntryRef
) -> None:
    """Turn the case COMPENSATING and call off what it has open in scope."""
    before = str(case.status)
    case.prior_status = before
    case.start_rollback()
    entry = save_case(
        case, "rollback_started", before=before, by=by, fields=("prior_status",),
        caused_by=started, payloads={"reason": run.reason},
        compensation={
            "run": str(run.id),
            "regulatory_basis": [item["code"] for item in run.regulatory_basis],
        },
    )  # fmt: skip
    if not run.plan.scope.get("only_this", False):
        cancel_open_work(
            case.id, by=by, caused_by=entry.ref, reason="rolled back",
            rows={part.original.id: part.row for part in parts},
        )  # fmt: skip
