"""Starting the rollback of a whole by policy, in the transaction that has found the reason for it.

It is the run that an operator would start from the same plan, with less: what needs approval, is a
point of no return, or cannot be undone, is left to a person. Then the refusal is recorded about the
whole, and nothing else changes.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.utils.translation import gettext_lazy

from compensation.actions.plan_execution import begin_run
from compensation.actions.previewing import About, draft, parts_of
from compensation.errors import ApprovalRequired, Irreversible, NothingToUndo, RunLive
from compensation.facts import live_run
from compensation.lifecycle import Trigger
from compensation.models import CompensationPlan, CompensationRun
from compensation.plan import Scope
from compensation.subject import Cause, whole_subject
from ledger.errors import Conflict, Refusal
from ledger.row_writes import write
from verbs.move import change_of, sharing
from verbs.saving import insertion

REFUSED = "compensation_refused"
_PIVOT = gettext_lazy("It is a point of no return: only a person undoes it.")


def start_by_itself(
    whole: Any, *, trigger: Trigger, reason: str, requested_by: uuid.UUID, cause: Cause
) -> CompensationRun | None:
    """Start a run over all of a locked whole, or record why none starts by itself and return None.
    What the cause gathers is written first: planning asks the database."""
    cause.write()
    kind = whole_subject(whole.subject_type)
    subject = About((whole.subject_type, whole.id), kind, whole, None)
    parts = parts_of(subject, lock=True)
    plan = draft(subject, Scope(), by=requested_by, tenant_id=whole.tenant_id, parts=parts)
    refused = _refusal(plan, subject)
    if refused is not None:
        _note(whole, refused, cause)
        return None
    plan.reason = reason
    write([insertion(plan)], {})
    return begin_run(plan, subject, parts, trigger=trigger, requested_by=requested_by, cause=cause)


def _refusal(plan: CompensationPlan, subject: About) -> Refusal | None:
    live = live_run(plan.tenant_id, subject.root, subject.ref)
    if live is not None:
        return RunLive(live.id)
    standing = subject.barred() or subject.held_up()
    if standing is not None:
        return standing
    left = {each["code"] for each in plan.content["excluded"]}
    if "irreversible" in left:
        return Irreversible()
    if "pivot" in left:
        return Conflict(str(_PIVOT), code="pivot")
    if plan.requires_approval:
        return ApprovalRequired()
    return None if plan.content["steps"] else NothingToUndo()


def _note(whole: Any, refused: Refusal, cause: Cause) -> None:
    """Append a REFUSAL entry about the whole, whose row does not change."""
    with sharing(cause.moves) as own:
        own.enter(
            change_of(
                whole, REFUSED, before=str(whole.status), by=cause.by, caused_by=cause.entry,
                payloads={"code": refused.code, "detail": str(refused.detail)}, kind="REFUSAL",
            )
        )  # fmt: skip
