"""The shared steps of every cases verb: lock, check, save and record."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from accounts.acting import ActingUser, Authority, authority_of
from accounts.roles import OPERATING_ROLES
from cases.errors import RunLive
from cases.events import CASE
from cases.lifecycle import LIVE_RUNS, CaseStatus
from cases.models import Case, CompensationRun, CompensationStep
from compensation.regulatory_basis import MAX_REASON
from ledger.clock import now
from ledger.errors import Conflict, Invalid, NotFound, Refusal, Stale
from ledger.record import ActorRef, Change, EntryRef, Recorded, record
from ledger.selectors import latest_ref

OPERATORS_ONLY = "Only an operator may do this."


def lock_case(case_id: uuid.UUID) -> Case:
    """Lock a case, the first lock of all. Raises NotFound."""
    case = Case.objects.select_for_update(of=("self",)).filter(id=case_id).first()
    if case is None:
        raise NotFound("There is no such case.")
    return case


def operating(acting_user: ActingUser) -> Authority:
    """Return the authority of an operator. Raises NotPermitted for anybody else."""
    authority = authority_of(acting_user)
    authority.require_role(OPERATING_ROLES, OPERATORS_ONLY)
    return authority


def check_version(case: Case | CompensationRun, expected: int | None) -> None:
    """Raise Stale when the caller saw another version."""
    if expected is not None and expected != case.version:
        raise Stale(
            f"You saw version {expected}; it is at version {case.version} now.",
            extra={"current_version": case.version, "current_status": str(case.status)},
        )


def check_state(row: Case | CompensationRun, operation: str, allowed: frozenset[Any]) -> None:
    """Raise Conflict `illegal_state` unless the row is in one of `allowed`."""
    if row.status not in allowed:
        names = ", ".join(sorted(allowed))
        raise Conflict(
            f"{operation} is possible from {names}, not from {row.status}.",
            extra={"current_status": str(row.status)},
        )


def optional_reason(reason: Any, invalid: Invalid | None) -> str:
    """Return an optional reason, trimmed. Raises Invalid when it is no text or too long."""
    if invalid is not None:
        raise invalid
    if reason is not None and (not isinstance(reason, str) or len(reason) > MAX_REASON):
        raise Invalid.field("/reason", f"must be a text of at most {MAX_REASON} characters")
    return (reason or "").strip()


def live_run(root_case_id: uuid.UUID | None, about: tuple[str, uuid.UUID]) -> uuid.UUID | None:
    """Return the run that holds the live slot of a case tree, or of a subject without case."""
    runs = CompensationRun.objects.filter(status__in=LIVE_RUNS, parent_run__isnull=True)
    if root_case_id is not None:
        runs = runs.filter(root_case_id=root_case_id)
    else:
        runs = runs.filter(about_type=about[0], about_id=about[1])
    return runs.values_list("id", flat=True).first()


def refuse_live_run(case: Case) -> None:
    """Raise RunLive while a rollback is under way in the case's tree."""
    run_id = live_run(case.root_id, ("case", case.id))
    if run_id is not None:
        raise RunLive(run_id)


def save_case(
    case: Case,
    action: str,
    *,
    before: str,
    by: ActorRef,
    fields: tuple[str, ...] = (),
    caused_by: EntryRef | None = None,
    payloads: Mapping[str, Any] | None = None,
    compensation: Mapping[str, Any] | None = None,
) -> Recorded:
    """Save what changed about a case, one version on, with its entry."""
    case.version += 1
    if action in CASE:
        case.triggered = case.version
    case.save(update_fields=["status", "version", "triggered", *fields])
    rollback = action.startswith(("compensation_", "rollback_"))
    return record(
        Change(
            tenant_id=case.tenant_id,
            subject_type=Case.subject_type,
            subject_id=case.id,
            version=case.version,
            kind="COMPENSATION" if rollback else "TRANSITION",
            action=action,
            actor=by,
            from_status=before,
            to_status=str(case.status),
            caused_by=caused_by,
            case_id=case.id,
            compensation=compensation,
            payloads=payloads or {},
        )
    )


def fault_reason(refusal: Refusal) -> str:
    """Return a refusal as one sentence for a person, with the field it is about."""
    if not refusal.errors:
        return refusal.detail
    first = refusal.errors[0]
    return f"{refusal.detail} {first.pointer or '/'}: {first.message}"


def fault_case(case: Case, detail: str, *, by: ActorRef, caused_by: EntryRef | None = None) -> None:
    """Let a running or suspended case fail, with the reason where people see it."""
    if case.status not in {CaseStatus.RUNNING, CaseStatus.SUSPENDED}:
        return
    before = str(case.status)
    case.fail()
    case.fault = detail[:4000]
    case.ended_at = now()
    save_case(
        case, "faulted", before=before, by=by, fields=("fault", "ended_at"), caused_by=caused_by,
        payloads={"detail": case.fault},
    )  # fmt: skip


def run_block(run: CompensationRun, step: CompensationStep | None = None) -> dict[str, Any]:
    """Return the envelope's compensation block of a run's entry, or of a step's."""
    block: dict[str, Any] = {
        "run": str(run.id),
        "regulatory_basis": [item["code"] for item in run.regulatory_basis],
    }
    if step is not None:
        block |= {
            "step": step.n,
            "step_status": str(step.status),
            "step_version": step.version,
            "mode": step.mode,
            "strategy": step.strategy,
            "undoing": {"type": step.original_type, "id": str(step.original_id)},
        }
    return block


def run_change(
    run: CompensationRun,
    action: str,
    *,
    before: str,
    by: ActorRef,
    step: CompensationStep | None = None,
    original: EntryRef | None = None,
    opens: bool = False,
    caused_by: EntryRef | int | None = None,
    payloads: Mapping[str, Any] | None = None,
) -> Change:
    """Return the entry of a run, or of one of its steps, as the rows stand now."""
    return Change(
        tenant_id=run.tenant_id,
        subject_type=CompensationRun.subject_type,
        subject_id=run.id,
        version=run.version,
        kind="COMPENSATION",
        action=action,
        actor=by,
        from_status=before,
        to_status=str(run.status),
        opens=opens,
        caused_by=caused_by,
        original=original,
        case_id=run.case_id,
        compensation=run_block(run, step),
        payloads=payloads or {},
    )


def save_run(
    run: CompensationRun,
    action: str,
    *,
    before: str,
    by: ActorRef,
    fields: tuple[str, ...] = (),
    caused_by: EntryRef | None = None,
    payloads: Mapping[str, Any] | None = None,
) -> Recorded:
    """Save what changed about a run, one version on, with its entry."""
    run.version += 1
    run.save(update_fields=["status", "version", *fields])
    return record(
        run_change(run, action, before=before, by=by, caused_by=caused_by, payloads=payloads)
    )


def save_step(
    run: CompensationRun,
    step: CompensationStep,
    action: str,
    *,
    before: str,
    by: ActorRef,
    fields: tuple[str, ...] = (),
    caused_by: EntryRef | None = None,
    payloads: Mapping[str, Any] | None = None,
) -> Recorded:
    """Save a step and its run, each one version on, with the one entry that covers both.

    `before` is the run's former status: a failing step may stop the run with it.
    """
    step.version += 1
    step.save(update_fields=["status", "version", *fields])
    run.version += 1
    run.save(update_fields=["status", "version"])
    return record(
        run_change(
            run, action, before=before, by=by, step=step, caused_by=caused_by, payloads=payloads,
            original=finished_ref(step.original_type, step.original_id),
        )
    )  # fmt: skip


def finished_ref(original_type: str, original_id: uuid.UUID) -> EntryRef | None:
    """Return the link to the entry that finished an original."""
    action = "completed" if original_type == "work_item" else "succeeded"
    return latest_ref(original_type, original_id, actions=[action])
