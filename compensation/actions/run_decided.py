"""Starting a run because of a decision that was made elsewhere than at a preview.

It is the run that an operator would get who previews and executes at this moment, and is refused
as they would be. Runs in the caller's transaction, with all that it is about locked.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from django.utils.translation import gettext as _

from compensation.actions.plan_execution import begin_run
from compensation.actions.previewing import About, about, draft, parts_of, replan
from compensation.actions.run_agreement import agreed_already
from compensation.errors import NothingToUndo, RunLive
from compensation.facts import live_run
from compensation.lifecycle import CompensationState, Trigger
from compensation.models import CompensationPlan, CompensationRun
from compensation.plan_scope import Scope
from compensation.planning import Part
from compensation.subject import Cause
from ledger.errors import Conflict, Refusal
from ledger.row_writes import write
from verbs.saving import insertion
from verbs.subject import Ref


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Why something is undone, how, in whose name, and what made them decide so."""

    reason: str
    regulatory_basis: Sequence[dict[str, Any]] = ()
    strategy: str | None = None
    trigger: Trigger = Trigger.OPERATOR
    requested_by: uuid.UUID


@dataclasses.dataclass(frozen=True, slots=True)
class LockedAbout:
    """All that a run would be about, locked."""

    about: About
    parts: list[Part]


#: A stored plan, and the policies that let it run.
Planned: TypeAlias = tuple[CompensationPlan, Sequence[Mapping[str, Any]]]


def locked_about(tenant_id: uuid.UUID, ref: Ref) -> LockedAbout:
    """Lock what a run about this would be about, as executing a plan does. Raises NotFound."""
    subject = about(tenant_id, *ref, lock=True)
    return LockedAbout(subject, parts_of(subject, lock=True))


def is_undone(ready: LockedAbout) -> bool:
    """Whether what was locked has been undone, all of it."""
    subject = ready.about
    thing: Any = subject.whole if subject.rolled_back is not None else ready.parts[0].row
    return bool(thing.status == CompensationState.COMPENSATED)


def planned(tenant_id: uuid.UUID, ready: LockedAbout, wanted: Wanted) -> Planned:
    """Store the plan of the undo and return it, with the policies that let it. Raises what would
    refuse an operator who executes it, and ApprovalRequired where others would have to agree;
    nothing is written then."""
    refused = _in_the_way(tenant_id, ready.about)
    if refused is not None:
        raise refused
    plan = draft(
        ready.about, Scope(), strategy=wanted.strategy, by=wanted.requested_by,
        tenant_id=tenant_id, parts=ready.parts,
    )  # fmt: skip
    if not plan.content["steps"]:
        raise NothingToUndo(extra={"excluded": plan.content["excluded"]})
    decisions = agreed_already(
        replan(plan, ready.parts), ready.about, ready.parts, scope=plan.scope,
        reason=wanted.reason, trigger=wanted.trigger, requested_by=wanted.requested_by,
    )  # fmt: skip
    plan.reason, plan.regulatory_basis = wanted.reason, list(wanted.regulatory_basis)
    write([insertion(plan)], {})
    return plan, decisions


def start(
    plan: Planned,
    ready: LockedAbout,
    wanted: Wanted,
    *,
    cause: Cause,
    id_: uuid.UUID | None = None,
) -> CompensationRun:
    """Start the run of what was `planned`."""
    stored, decisions = plan
    return begin_run(
        stored, ready.about, ready.parts, trigger=wanted.trigger, id_=id_,
        requested_by=wanted.requested_by, cause=cause, decisions=decisions,
    )  # fmt: skip


def _in_the_way(tenant_id: uuid.UUID, subject: About) -> Refusal | None:
    live = live_run(tenant_id, subject.root, subject.ref)
    if live is not None:
        return RunLive(live.id)
    refused = subject.barred() or subject.held_up()
    kind, whole = subject.rolled_back, subject.whole
    if refused is not None or kind is None or whole is None or whole.status in kind.rollback_from:
        return refused
    extra = {"current_status": str(whole.status)}
    return Conflict(_("It cannot be rolled back as it stands now."), extra=extra)
