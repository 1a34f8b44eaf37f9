"""A batch that has stopped: said on it, told to the operators, and undone.

News that carries it, or a rollback of it, on may die after its last attempt. Its lane is closed;
the batch says since when and why (`stopped_since`, `stopped_error`), with an entry, in the
transaction that buries the task. The verb `retry` revives the lane; news that gets through after
all takes the sign down again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.acting import authority_of, system_of
from compensation.events import ENGINE_LANE
from compensation.subject import Cause
from executions.actions.batch_changes import lock_batch, save_batch
from executions.lifecycle import BATCH_LIFECYCLE
from executions.models import Batch
from ledger.clock import now
from ledger.dispatch import dead_tasks, hints
from ledger.dispatch.consumer_registry import Event
from ledger.dispatch.hints import LaneWork
from ledger.dispatch.lanes import Lane
from ledger.errors import Conflict, Refusal
from ledger.record import EntryRef
from verbs import catalogue
from verbs.input import Nothing
from verbs.shell import VerbContext


class BatchStopped(Conflict):
    """News of the batch could not be handled; nothing in it goes on before somebody tries again."""

    default_code = "engine_stopped"
    default_detail = gettext_lazy("The batch cannot go on: it has stopped. Try it again first.")


def stopped(event: Event, error: str) -> None:
    """Say on the batch of `event` that it has stopped, once, in the caller's transaction."""
    batch = None if event.case_id is None else lock_batch(event.tenant_id, event.case_id)
    if batch is None or batch.stopped_since is not None:
        return
    save_batch(
        batch, "engine_stopped", cause=_cause(event), payloads={"error": error},
        also={"stopped_since": now(), "stopped_error": error},
    )  # fmt: skip


def goes_on(event: Event) -> None:
    """Take that sign down: the news got through, in the caller's transaction."""
    batch = None if event.case_id is None else lock_batch(event.tenant_id, event.case_id)
    if batch is not None and batch.stopped_since is not None:
        _take_down(batch, "engine_resumed", _cause(event))


def refuse_while_stopped(batch: Batch) -> BatchStopped | None:
    """Return the refusal to start anything new in a batch that has stopped."""
    if batch.stopped_since is None:
        return None
    return BatchStopped(extra={"current_status": str(batch.status)})


def _possible(batch: Batch, _facts: Any, _body: Mapping[str, Any] | None) -> Refusal | None:
    if batch.stopped_since is not None:
        return None
    extra = {"current_status": str(batch.status)}
    return Conflict(_("It has not stopped: there is nothing to try again."), extra=extra)


@catalogue.verb(
    Batch.subject_type, BATCH_LIFECYCLE["retry"], action="engine_revived", state=_possible
)
def retry_batch(batch: Batch, _given: Nothing, context: VerbContext) -> Batch:
    """Try again what stopped it."""
    lane = Lane(batch.tenant_id, ENGINE_LANE, batch.id)
    dead_tasks.revive_lane(lane)
    _take_down(batch, "engine_revived", Cause(context.by, None))
    hints.leave([LaneWork("engine", lane)])
    return batch


def _take_down(batch: Batch, action: str, cause: Cause) -> None:
    save_batch(batch, action, cause=cause, also={"stopped_since": None, "stopped_error": ""})


def _cause(event: Event) -> Cause:
    by = authority_of(system_of(event.tenant_id)).ref()
    return Cause(by, EntryRef(event.id, event.hash))
