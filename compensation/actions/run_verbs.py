"""Pausing and resuming a run, by its own verb or through the whole it rolls back."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from compensation.actions.previewing import about, parts_of
from compensation.lifecycle import LIVE_RUNS, RUN_OPERATIONS, RunStatus
from compensation.locking import lock_many
from compensation.models import CompensationPlan, CompensationRun
from compensation.subject import whole_subject
from ledger.dispatch.consumer_registry import LeftToOthers
from ledger.errors import Conflict, NotFound
from ledger.record import ActorRef
from ledger.statements import fetched
from verbs import catalogue
from verbs.input import Nothing, OptionalReason
from verbs.move import move
from verbs.row_reading import Beside
from verbs.shell import Changed, VerbContext, wrong_state
from verbs.subject import Locked

RUN = CompensationRun.subject_type
#: Of the plan only what a run that is under way asks: scope, strategy, what was said of time that
#: is over, and what it left out.
_PLAN = Beside(
    ", p.scope AS plan_scope, p.strategy AS plan_strategy, p.override_window AS plan_late,"
    " p.content -> 'excluded' AS plan_excluded",
    " JOIN compensation_compensationplan p ON p.tenant_id = r.tenant_id AND p.id = r.plan_id",
)


_WHOLE_OF = """
SELECT whole_type, whole_id, about_type, about_id, status FROM compensation_compensationrun
WHERE tenant_id = %s AND id = %s
"""
#: Where a run that was locked while it waits for approval has what it is about, and the pieces of
#: that, which were locked before it.
SEEN = "seen_locked"


def lock_run(tenant_id: uuid.UUID, run_id: uuid.UUID) -> CompensationRun | None:
    """Lock a run; its whole and its originals are locked before it.

    The content of its plan is not read: it is as long as the run.
    """
    for run in lock_many(CompensationRun, RUN, tenant_id, [run_id], beside=_PLAN):
        known = run.__dict__
        scope, strategy = json.loads(known.pop("plan_scope")), known.pop("plan_strategy")
        names = ["id", "tenant_id", "scope", "strategy", "override_window"]
        values = [run.plan_id, run.tenant_id, scope, strategy, json.loads(known.pop("plan_late"))]
        run.plan = CompensationPlan.from_db(connection.alias, names, values)
        run.left_out = json.loads(known.pop("plan_excluded"))
        found: CompensationRun = run
        return found
    return None


def locked_run(tenant_id: uuid.UUID, run_id: uuid.UUID) -> Locked:
    """Lock a run after the whole it is in (`others`); while it waits for approval after all that it
    would undo, for it may begin now. Raises NotFound."""
    found = fetched(_WHOLE_OF, [tenant_id, run_id])
    waits = bool(found) and found[0][4] == RunStatus.PENDING_APPROVAL
    if waits:
        subject = about(tenant_id, *found[0][2:4], lock=True)
        parts = parts_of(subject, lock=True)
        whole = subject.whole
    else:
        whole = _lock_whole(tenant_id, found)
    run = lock_run(tenant_id, run_id)
    if run is None:
        raise NotFound(_("There is no such run."))
    if waits:
        vars(run)[SEEN] = (subject, parts)
    return Locked(run, whole)


def lock_whole_of(tenant_id: uuid.UUID, run_id: uuid.UUID) -> Any | None:
    """Lock and return the whole a run is in, if any: the link never changes.

    Raises LeftToOthers where this program does not know what kind of whole it is: it could neither
    lock it nor tell it anything.
    """
    return _lock_whole(tenant_id, fetched(_WHOLE_OF, [tenant_id, run_id]))


def _lock_whole(tenant_id: uuid.UUID, found: list[Any]) -> Any | None:
    if not found or found[0][1] is None:
        return None
    type_, id_ = found[0][:2]
    subject = whole_subject(type_)
    if subject is None:
        raise LeftToOthers
    return subject.lock(tenant_id, id_).row


@catalogue.transition(
    RUN, RUN_OPERATIONS["pause"], action="compensation_paused", given=OptionalReason
)
def pause(_run: CompensationRun, given: OptionalReason, _context: VerbContext) -> Changed:
    """Let no further step start."""
    return Changed(["held"], {"reason": given.reason})


@catalogue.transition(RUN, RUN_OPERATIONS["resume"], action="compensation_resumed")
def resume(_run: CompensationRun, _given: Nothing, _context: VerbContext) -> Changed:
    """Let steps start again."""
    return Changed(["held"])


def pause_live(whole: Any, *, by: ActorRef, reason: str) -> None:
    """Pause the run that rolls a locked whole back. Raises Conflict when it is not RUNNING."""
    _move_live(whole, "pause", "compensation_paused", by=by, payloads={"reason": reason})


def resume_live(whole: Any, *, by: ActorRef) -> None:
    """Let the paused run of a locked whole go on. Raises Conflict when it is not PAUSED."""
    _move_live(whole, "resume", "compensation_resumed", by=by)


def lock_live_run(whole: Any) -> CompensationRun | None:
    """Lock the run that rolls a locked whole back, if there is one."""
    rows = CompensationRun.objects.filter(
        tenant_id=whole.tenant_id, about_id=whole.id, status__in=LIVE_RUNS
    )
    run_id = rows.values_list("id", flat=True).first()
    return None if run_id is None else lock_run(whole.tenant_id, run_id)


def _move_live(whole: Any, operation: str, action: str, **said: Any) -> None:
    run = lock_live_run(whole)
    if run is None:
        raise Conflict(_("No rollback is under way."), extra={"current_status": str(whole.status)})
    refused = wrong_state(RUN_OPERATIONS[operation], run)
    if refused is not None:
        raise refused
    before = str(run.status)
    getattr(run, operation)()
    move(run, action, before=before, fields=["held"], **said)
