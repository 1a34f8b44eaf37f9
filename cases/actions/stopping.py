"""A case whose engine has stopped: said on the case, told to the operators, and undone.

The news that carries a case on may die after its last attempt, or meet trouble of our own for more
than a minute. Its lane is closed or waits; the case says since when and why (`stopped_since`,
`stopped_error`), with an entry, in the transaction that buries the task. The verb `retry` revives
the lane; news that gets through after all takes the sign down again.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from accounts.acting import authority_of, system_of
from cases.actions.changes import lock_case, save_case
from cases.models import Case
from compensation.events import ENGINE_LANE
from compensation.subject import Cause
from ledger.clock import now
from ledger.dispatch import dead_tasks, hints
from ledger.dispatch.consumer_registry import Event
from ledger.dispatch.hints import LaneWork
from ledger.dispatch.lanes import Lane
from ledger.errors import Conflict
from ledger.record import EntryRef


class EngineStopped(Conflict):
    """News of the case could not be handled; nothing in it goes on before somebody tries again."""

    default_code = "engine_stopped"
    default_detail = gettext_lazy(
        "The case cannot go on: its engine has stopped. Try it again first."
    )


def stopped(event: Event, error: str) -> None:
    """Say on the case of `event` that its engine has stopped, once, in the caller's transaction."""
    case = None if event.case_id is None else lock_case(event.tenant_id, event.case_id)
    if case is None or case.stopped_since is not None:
        return
    save_case(
        case, "engine_stopped", cause=_cause(event), payloads={"error": error},
        also={"stopped_since": now(), "stopped_error": error},
    )  # fmt: skip


def goes_on(event: Event) -> None:
    """Take that sign down: the news got through, in the caller's transaction."""
    case = None if event.case_id is None else lock_case(event.tenant_id, event.case_id)
    if case is not None:
        got_through(case, event)


def got_through(case: Case, event: Event) -> None:
    """Take the sign down from a locked case that has it: news in its lane got through."""
    if case.stopped_since is not None:
        _take_down(case, "engine_resumed", _cause(event))


def revive(case: Case, *, cause: Cause) -> None:
    """Let the engine of a locked case try again what stopped it."""
    lane = Lane(case.tenant_id, ENGINE_LANE, case.id)
    dead_tasks.revive_lane(lane)
    _take_down(case, "engine_revived", cause)
    hints.leave([LaneWork("engine", lane)])


def refuse_while_stopped(case: Case) -> EngineStopped | None:
    """Return the refusal to start anything new in a case whose engine has stopped."""
    if case.stopped_since is None:
        return None
    return EngineStopped(extra={"current_status": str(case.status)})


def _take_down(case: Case, action: str, cause: Cause) -> None:
    save_case(case, action, cause=cause, also={"stopped_since": None, "stopped_error": ""})


def _cause(event: Event) -> Cause:
    by = authority_of(system_of(event.tenant_id)).ref()
    return Cause(by, EntryRef(event.id, event.hash))
