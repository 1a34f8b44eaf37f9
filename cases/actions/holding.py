"""Suspend, resume, cancel and close a case."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction

from accounts.acting import ActingUser
from cases.actions.door import (
    check_state,
    check_version,
    lock_case,
    operating,
    optional_reason,
    refuse_live_run,
    save_case,
)
from cases.actions.openwork import cancel_open_work
from cases.actions.pausing import pause_run_of, resume_run_of
from cases.lifecycle import CANCELLABLE, CLOSABLE, ROLLING_BACK, SUSPENDABLE, CaseStatus
from cases.models import Case
from ledger.clock import now
from ledger.errors import Invalid
from ledger.tenancy import set_tenant

Remember = Callable[[Case], None]


def suspend_case(
    case_id: uuid.UUID,
    *,
    reason: Any = "",
    acting_user: ActingUser,
    expected_version: int | None = None,
    invalid: Invalid | None = None,
    remember: Remember | None = None,
) -> Case:
    """Stop forward work; results are still taken in. While a case is rolled back, its run pauses.

    Operators. Raises NotFound, NotPermitted, Stale, Conflict, Invalid.
    """
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        case = lock_case(case_id)
        by = operating(acting_user).ref()
        check_version(case, expected_version)
        if case.status in ROLLING_BACK:
            pause_run_of(case, by=by, reason=optional_reason(reason, invalid))
        else:
            check_state(case, "suspend", SUSPENDABLE)
            before = str(case.status)
            words = optional_reason(reason, invalid)
            case.suspend()
            save_case(case, "suspended", before=before, by=by, payloads={"reason": words})
        if remember is not None:
            remember(case)
    return case


def resume_case(
    case_id: uuid.UUID,
    *,
    acting_user: ActingUser,
    expected_version: int | None = None,
    invalid: Invalid | None = None,
    remember: Remember | None = None,
) -> Case:
    """Go on with forward work; the engine then fires what is ready. A paused rollback goes on too.

    Operators. Raises NotFound, NotPermitted, Stale, Conflict (RunLive while one item is undone).
    """
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        case = lock_case(case_id)
        by = operating(acting_user).ref()
        check_version(case, expected_version)
        if case.status in ROLLING_BACK:
            resume_run_of(case, by=by)
        else:
            refuse_live_run(case)
            check_state(case, "resume", frozenset({CaseStatus.SUSPENDED}))
            before = str(case.status)
            case.resume()
            save_case(case, "resumed", before=before, by=by)
        if invalid is not None:
            raise invalid
        if remember is not None:
            remember(case)
    return case


def cancel_case(
    case_id: uuid.UUID,
    *,
    reason: Any = "",
    acting_user: ActingUser,
    expected_version: int | None = None,
    invalid: Invalid | None = None,
    remember: Remember | None = None,
) -> Case:
    """Call the case off with its open items and undispatched executions. What is done stays done.

    Operators. Raises NotFound, NotPermitted, Stale, Conflict (RunLive while a rollback is under
    way), Invalid.
    """
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        case = lock_case(case_id)
        by = operating(acting_user).ref()
        check_version(case, expected_version)
        refuse_live_run(case)
        check_state(case, "cancel", CANCELLABLE)
        words = optional_reason(reason, invalid)
        before = str(case.status)
        case.cancel()
        case.ended_at = now()
        entry = save_case(
            case, "cancelled", before=before, by=by, fields=("ended_at",),
            payloads={"reason": words},
        )  # fmt: skip
        cancel_open_work(case.id, by=by, caused_by=entry.ref, reason=words or "case cancelled")
        if remember is not None:
            remember(case)
    return case


def close_case(
    case_id: uuid.UUID,
    *,
    reason: Any = "",
    acting_user: ActingUser,
    expected_version: int | None = None,
    invalid: Invalid | None = None,
    remember: Remember | None = None,
) -> Case:
    """Shut the window for good: nothing of a closed case can be undone. Operators.

    Raises NotFound, NotPermitted, Stale, Conflict (RunLive while a rollback is under way), Invalid.
    """
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        case = lock_case(case_id)
        by = operating(acting_user).ref()
        check_version(case, expected_version)
        refuse_live_run(case)
        check_state(case, "close", CLOSABLE)
        words = optional_reason(reason, invalid)
        before = str(case.status)
        case.close()
        save_case(case, "closed", before=before, by=by, payloads={"reason": words})
        if remember is not None:
            remember(case)
    return case
