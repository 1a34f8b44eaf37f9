"""Reads of executions. Every function runs in the caller's tenant scope."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from django.db.models import QuerySet

from accounts.acting import Authority
from accounts.roles import ActorType
from accounts.selectors import Person, people
from compensation.models import CompensationAttempt
from executions.lifecycle import OPEN, UNDISPATCHED, ExecutionStatus
from executions.models import Execution
from ledger.errors import NotFound


def get(execution_id: uuid.UUID) -> Execution:
    """Return one execution. Raises NotFound."""
    found = Execution.objects.filter(id=execution_id).first()
    if found is None:
        raise NotFound
    return found


def visible() -> QuerySet[Execution]:
    """Return every execution of the tenant, newest first: members see all of them."""
    return Execution.objects.order_by("-created_at", "-id")


def by_id(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Execution]:
    """Return executions by id, in one query; unknown ids are missing."""
    return {row.id: row for row in Execution.objects.filter(id__in=list(ids))}


def of_case(case_id: uuid.UUID) -> list[Execution]:
    """Return the executions of a case, undoing ones included, in the order they were opened."""
    return list(Execution.objects.filter(case_id=case_id).order_by("created_at", "id"))


def compensations_of(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[tuple[str, uuid.UUID]]]:
    """Return what was opened to undo each of these originals, oldest first, in one query."""
    found: dict[uuid.UUID, list[tuple[str, uuid.UUID]]] = {}
    rows = CompensationAttempt.objects.filter(original_id__in=list(ids))
    for original_id, type_, id_ in rows.order_by("round", "number").values_list(
        "original_id", "compensation_type", "compensation_id"
    ):
        found.setdefault(original_id, []).append((type_, id_))
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """An execution with what its public shape needs from elsewhere."""

    execution: Execution
    people: dict[uuid.UUID, Person]
    compensations: list[tuple[str, uuid.UUID]]
    actions: list[dict[str, Any]]

    def username(self, actor_id: uuid.UUID | str | None) -> str | None:
        """Return how an actor is called, or None for nobody."""
        if actor_id is None:
            return None
        person = self.people.get(uuid.UUID(str(actor_id)))
        return person.username if person else None


def show(rows: Sequence[Execution], authority: Authority) -> list[Shown]:
    """Return `rows` with names, undos and actions, in the same order and two further queries."""
    named = people(actor for row in rows for actor in _actors(row))
    undos = compensations_of([row.id for row in rows])
    return [
        Shown(
            execution=row,
            people=named,
            compensations=undos.get(row.id, []),
            actions=available_actions(row, authority),
        )
        for row in rows
    ]


def _actors(row: Execution) -> Iterator[uuid.UUID]:
    """Yield everybody an execution's public shape names."""
    yield row.requested_by_id
    block = row.compensation
    if block is not None:
        yield uuid.UUID(block["requested_by"])
        snapshot = block["original_snapshot"]
        for name in ("completed_by", "requested_by"):
            if snapshot.get(name):
                yield uuid.UUID(snapshot[name])


def filtered(
    rows: QuerySet[Execution],
    *,
    status: Sequence[str] = (),
    capability: str = "",
    case_id: uuid.UUID | None = None,
) -> QuerySet[Execution]:
    """Narrow `rows`; what is empty does not narrow."""
    if status:
        rows = rows.filter(status__in=list(status))
    if capability:
        rows = rows.filter(capability=capability)
    if case_id is not None:
        rows = rows.filter(case_id=case_id)
    return rows


def available_actions(execution: Execution, authority: Authority) -> list[dict[str, Any]]:
    """Return every action with whether `authority` may do it now, and why not: a code.

    Codes: not_requester, managed_by_run, already_dispatched, wrong_state.
    """
    return [
        _action("cancel", _cancel_denied(execution, authority)),
        _action("result", _result_denied(execution, authority)),
    ]


def _action(name: str, denied: str) -> dict[str, Any]:
    return {"action": name, "allowed": not denied, "reason": denied or None}


def _cancel_denied(execution: Execution, authority: Authority) -> str:
    own = authority.actor_id == execution.requested_by_id
    if not (own or authority.is_operator or authority.is_system):
        return "not_requester"
    if execution.run_id is not None:
        return "managed_by_run"
    if execution.status not in OPEN:
        return "wrong_state"
    if execution.status not in UNDISPATCHED or execution.attempts:
        return "already_dispatched"
    return ""


def _result_denied(execution: Execution, authority: Authority) -> str:
    own = authority.actor_id == execution.requested_by_id
    agent = authority.actor_type == ActorType.AGENT
    if not (own or agent or authority.is_operator or authority.is_system):
        return "not_requester"
    if execution.status != ExecutionStatus.WAITING:
        return "wrong_state"
    return ""
