"""The calls of a batch, as executions: opened together, begun in turn, or called back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from accounts.selectors import actors_by_username
from executions import capability_registry
from executions.actions.deciding_executions import Decided
from executions.actions.execution_jobs import enqueue
from executions.actions.execution_opening import is_owed, row_of
from executions.lifecycle import ExecutionStatus
from executions.models import Execution
from ledger.clock import now
from ledger.record import ActorRef, EntryRef
from verbs.move import Moves, change_of


def open_calls(
    calls: Sequence[Decided], *, by: ActorRef, caused_by: EntryRef, moves: Moves
) -> list[Execution]:
    """Insert the calls of a batch, which are allowed, by one statement however many they are. The
    first may begin at once, the others wait for their turn (`give_turn`)."""
    named = {each.new.capability: capability_registry.get(each.new.capability) for each in calls}
    agents = [found.performer for found in named.values() if found is not None and found.performer]
    performers = actors_by_username(calls[0].new.tenant_id, agents) if agents else {}
    rows = []
    for each in calls:
        found = named[each.new.capability]
        agent = None if found is None else performers.get(found.performer)
        new = dataclasses.replace(each.new, performer=agent)
        rows.append(row_of(dataclasses.replace(each, new=new), found))
    moves.add_many(rows)
    for row in rows:
        payloads = {
            "input": row.input,
            **({"reason": row.reason} if row.reason else {}),
            **({"decisions": row.decisions} if row.decisions else {}),
        }
        moves.enter(
            change_of(row, "requested", before="", by=by, caused_by=caused_by, payloads=payloads)
        )
    if rows[0].status == ExecutionStatus.PENDING:
        enqueue(rows[0], moves=moves)
    return rows


def give_turn(execution: Execution, *, by: ActorRef, caused_by: EntryRef, moves: Moves) -> None:
    """Let a locked call of a batch begin: a worker takes it, or an outside party owes it now. One
    that nobody has registered any more is the worker's too, who gives it up."""
    found = capability_registry.get(execution.capability)
    if found is None or not is_owed(found):
        enqueue(execution, moves=moves)
        return
    before = str(execution.status)
    execution.wait()
    moves.change(execution, "dispatched", before=before, by=by, caused_by=caused_by)


def call_back(
    execution: Execution, *, by: ActorRef, caused_by: EntryRef, reason: str, moves: Moves
) -> None:
    """Cancel a locked call of a batch whose turn has not come, and never will. It has no job, and
    its batch, which does so, need not hear of it."""
    before = str(execution.status)
    execution.cancel()
    execution.ended_at = now()
    moves.change(
        execution, "cancelled", before=before, by=by, caused_by=caused_by, fields=["ended_at"],
        payloads={"reason": reason}, heard_by=(),
    )  # fmt: skip
