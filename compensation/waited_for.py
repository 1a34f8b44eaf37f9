"""For whom the undos that are under way in runs wait, and since when. In the caller's scope."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from accounts.selectors import people
from compensation.lifecycle import UNDER_WAY
from compensation.remote import waits_for
from compensation.selectors import StepWithAttempts
from compensation.subject import is_by_program, read_rows


@dataclasses.dataclass(frozen=True, slots=True)
class WaitsFor:
    """Whom an undo waits for since `since`: people by their usernames, groups, or another tenant by
    its short name with the hash of the entry of the request there, once that is known. `capability`
    is the program where nobody is waited for."""

    since: dt.datetime
    users: Sequence[str] = ()
    groups: Sequence[str] = ()
    tenant: str = ""
    request: str = ""
    capability: str = ""


def waited_for(
    tenant_id: uuid.UUID, steps: Iterable[StepWithAttempts]
) -> dict[uuid.UUID, WaitsFor]:
    """Return for whom steps of runs wait, by step: of those that do. A constant number of queries,
    and none where nothing is under way."""
    asked = {
        each.step.id: (each.step, each.attempts[-1])
        for each in steps
        if each.step.status in UNDER_WAY and each.step.compensation_id and each.attempts
    }
    refs = {
        (step.compensation_type, step.compensation_id)
        for step, _attempt in asked.values()
        if step.compensation_id is not None
    }
    if not refs:
        return {}
    undos = read_rows(tenant_id, refs)
    actors = {actor for row in undos.values() for actor in _actors(row)}
    named = people(tenant_id, actors) if actors else {}
    return {
        id_: _of(undos[step.compensation_id], attempt.started_at, named)
        for id_, (step, attempt) in asked.items()
        if step.compensation_id in undos
    }


def _actors(row: Any) -> list[uuid.UUID]:
    """Return who has an undo task, or else who may take it."""
    if is_by_program(row.subject_type):
        return []
    return [row.assignee_id] if row.assignee_id is not None else list(row.people_asked)


def _of(row: Any, since: dt.datetime, named: Mapping[uuid.UUID, Any]) -> WaitsFor:
    if not is_by_program(row.subject_type):
        users = sorted(named[actor].username for actor in _actors(row) if actor in named)
        groups = [] if row.assignee_id is not None else sorted(row.groups_asked)
        return WaitsFor(since, users, groups)
    tenant = waits_for(row)
    request = str((row.remote or {}).get("request", ""))
    return WaitsFor(
        since, tenant=tenant, request=request, capability="" if tenant else row.capability
    )
