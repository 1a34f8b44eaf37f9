"""A run of loose work whose news could not be handled: said on the run, told, and undone.

Of what is in a whole, the whole says so. Where there is none, the run itself says since when and
why (`stopped_since`, `stopped_error`), with an entry, in the transaction that buries the news. The
verb `retry` revives it; news that gets through after all takes the sign down again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from accounts.acting import authority_of, system_of
from compensation.actions.run_verbs import RUN, lock_run
from compensation.events import ENGINE_LANE
from compensation.lifecycle import LIVE_RUNS, RUN_OPERATIONS
from compensation.models import CompensationRun
from ledger.clock import now
from ledger.dispatch import dead_tasks, hints
from ledger.dispatch.consumer_registry import Event
from ledger.dispatch.hints import LaneWork
from ledger.dispatch.lanes import Lane
from ledger.errors import Conflict, Refusal
from ledger.record import ActorRef, EntryRef
from verbs import catalogue
from verbs.input import Nothing
from verbs.move import move
from verbs.operation import Operation
from verbs.shell import VerbContext

_RETRY = RUN_OPERATIONS["retry"]


def stopped(event: Event, error: str) -> None:
    """Say on the run that `event` is for that it has stopped, once, in the caller's transaction."""
    run = _locked(event, status__in=LIVE_RUNS, stopped_since=None)
    if run is not None:
        run.stopped_since, run.stopped_error = now(), error
        _save(run, "engine_stopped", *_cause(event), payloads={"error": error})


def goes_on(event: Event) -> None:
    """Take that sign down: the news got through, in the caller's transaction."""
    run = _locked(event, stopped_since__isnull=False)
    if run is not None:
        _take_down(run, "engine_resumed", *_cause(event))


def _locked(event: Event, **how: Any) -> CompensationRun | None:
    """Lock the run of loose work that news is for: about the run, or about what it undoes."""
    if event.case_id is not None:
        return None
    about = {"about_type": event.subject_type, "about_id": event.subject_id}
    rows = CompensationRun.objects.filter(
        tenant_id=event.tenant_id,
        **({"id": event.subject_id} if event.subject_type == RUN else about),
        **how,
    )
    run_id = rows.order_by("-started_at").values_list("id", flat=True).first()
    return None if run_id is None else lock_run(event.tenant_id, run_id)


def _possible(
    _operation: Operation, run: CompensationRun, _facts: Any, _body: Mapping[str, Any] | None
) -> Refusal | None:
    if run.stopped_since is not None:
        return None
    extra = {"current_status": str(run.status)}
    return Conflict(_("It has not stopped: there is nothing to try again."), extra=extra)


@catalogue.verb(
    RUN, _RETRY, action="engine_revived", state=lambda *asked: _possible(_RETRY, *asked)
)
def retry(run: CompensationRun, _given: Nothing, context: VerbContext) -> CompensationRun:
    """Try again what stopped it. A run in a case is revived with the case."""
    # What moves it is news of itself, and of what it undoes.
    lanes = [Lane(run.tenant_id, ENGINE_LANE, shard) for shard in (run.id, run.about_id)]
    for lane in lanes:
        dead_tasks.revive_lane(lane)
    _take_down(run, "engine_revived", context.by, None)
    hints.leave(LaneWork("engine", lane) for lane in lanes)
    return run


def _take_down(run: CompensationRun, action: str, by: ActorRef, entry: EntryRef | None) -> None:
    run.stopped_since, run.stopped_error = None, ""
    _save(run, action, by, entry)


def _save(
    run: CompensationRun, action: str, by: ActorRef, entry: EntryRef | None, **said: Any
) -> None:
    move(
        run, action, before=str(run.status), by=by, caused_by=entry,
        fields=["stopped_since", "stopped_error"], **said,
    )  # fmt: skip


def _cause(event: Event) -> tuple[ActorRef, EntryRef]:
    by = authority_of(system_of(event.tenant_id)).ref()
    return by, EntryRef(event.id, event.hash)
