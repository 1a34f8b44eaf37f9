"""The public shapes of definitions, cases, plans and runs (DESIGN §8). People are usernames."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from accounts.acting import Authority
from accounts.selectors import Person, people
from cases import permissions, selectors
from cases.definitions import CapabilityCall, CompiledDefinition, undo_policy
from ledger.clock import rfc3339
from workitems.permissions import Action

Names = Mapping[uuid.UUID, Person]


def definitions(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return deployed versions, without source."""
    named = people(row.deployed_by_id for row in rows)
    return [
        {
            "id": str(row.id),
            "namespace": row.namespace,
            "name": row.name,
            "version": row.version,
            "title": row.title,
            "summary": row.compiled["summary"],
            "digest": row.digest,
            "deployed_by": _username(named, row.deployed_by_id),
            "created_at": rfc3339(row.created_at),
        }
        for row in rows
    ]


def definition(row: Any) -> dict[str, Any]:
    """Return one deployed version with source and compiled form."""
    return {**definitions([row])[0], "source": row.source, "compiled": row.compiled}


def graph(compiled: CompiledDefinition) -> dict[str, Any]:
    """Return bindings, what undoes what, and which bindings nobody declared an undo for."""
    nodes = [
        {
            "name": binding.name,
            "kind": "automated" if isinstance(binding.target, CapabilityCall) else "human",
            "compensation": binding.compensation_only,
            "undone_by": binding.compensate,
            "reversibility": binding.reversibility,
            "covered": _covered(compiled, binding),
        }
        for binding in compiled.bindings
    ]
    return {
        "nodes": nodes,
        "edges": [
            {"source": binding.compensate, "target": binding.name}
            for binding in compiled.bindings
            if binding.compensate is not None
        ],
        "gaps": [node["name"] for node in nodes if not node["covered"]],
    }


def validation(compiled: CompiledDefinition) -> dict[str, Any]:
    """Return the good news about a definition, and its warnings."""
    return {
        "valid": True,
        "namespace": compiled.namespace,
        "name": compiled.name,
        "version": compiled.version,
        "warnings": [warning._asdict() for warning in compiled.warnings],
    }


def cases(rows: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return cases as their public shape; `live_run` is looked up for rows that lack it."""
    named = people(row.opened_by_id for row in rows)
    live = selectors.live_run_rows([row.root_id for row in rows])
    return [_case(row, live.get(row.root_id), named, authority) for row in rows]


def case(row: Any, authority: Authority) -> dict[str, Any]:
    """Return one case."""
    return cases([row], authority)[0]


def plan_items(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Return plan items in the order given."""
    return [
        {
            "id": str(row.id),
            "binding": row.binding,
            "type": row.type,
            "target_id": str(row.target_id),
            "status": row.status,
            "completion_seq": row.completion_seq,
            "compensation_state": row.compensation_state,
            "created_at": rfc3339(row.created_at),
            "ended_at": _moment(row.ended_at),
        }
        for row in rows
    ]


def plan(row: Any) -> dict[str, Any]:
    """Return a plan with its steps and exclusions."""
    named = people(
        [row.created_by_id, *(_id(step["completed_by"]) for step in row.content["steps"])]
    )
    run = selectors.run_of_plan(row.id)
    return {
        "id": str(row.id),
        "digest": row.digest,
        "expires_at": rfc3339(row.expires_at),
        "created_at": rfc3339(row.created_at),
        "created_by": _username(named, row.created_by_id),
        "subject": {"type": row.subject_type, "id": str(row.subject_id)},
        "case": _text(row.case_id),
        "scope": row.scope,
        "strategy": row.strategy or None,
        "reason": row.reason,
        "regulatory_basis": row.regulatory_basis,
        "requires_approval": row.requires_approval,
        "notifications": [],
        "steps": [_plan_step(step, named) for step in row.content["steps"]],
        "excluded": row.content["excluded"],
        "run": None if run is None else str(run.id),
    }


def runs(rows: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return runs with steps, attempts and progress, in bulk."""
    named = people(row.requested_by_id for row in rows)
    return [_run(shown, named, authority) for shown in selectors.show_runs(rows)]


def run(row: Any, authority: Authority) -> dict[str, Any]:
    """Return one run."""
    return runs([row], authority)[0]


def actions(found: Iterable[Action]) -> list[dict[str, Any]]:
    """Return `available_actions`."""
    return [{**dataclasses.asdict(each), "reason": each.reason or None} for each in found]


def _covered(compiled: CompiledDefinition, binding: Any) -> bool:
    """Whether it is known what becomes of this binding's work in a rollback."""
    if binding.compensation_only or binding.reversibility in _SETTLED_BY_WORD:
        return True
    return undo_policy(compiled, binding) is not None


_SETTLED_BY_WORD = frozenset({"not_needed", "irreversible", "pivot"})


def _case(row: Any, live: Any | None, named: Names, authority: Authority) -> dict[str, Any]:
    found = row.definition
    return {
        "id": str(row.id),
        "definition": {
            "namespace": found.namespace,
            "name": found.name,
            "version": found.version,
        },
        "title": row.title,
        "status": str(row.status),
        "version": row.version,
        "context": row.context,
        "invalidated": row.invalidated,
        "fault": row.fault or None,
        "parent": _text(row.parent_id),
        "live_run": _text(None if live is None else live.id),
        "opened_by": _username(named, row.opened_by_id),
        "created_at": rfc3339(row.created_at),
        "ended_at": _moment(row.ended_at),
        "available_actions": actions(
            permissions.case_actions(
                row, authority, run_status=None if live is None else live.status
            )
        ),
    }


def _plan_step(step: Mapping[str, Any], named: Names) -> dict[str, Any]:
    shown = {name: step[name] for name in _PLAN_STEP}
    return {
        **shown,
        "completed_by": _username(named, _id(step["completed_by"])),
        "capability": step["capability"] or None,
    }


_PLAN_STEP = (
    "n", "original", "completion_seq", "completed_at", "mode", "strategy", "performer",
    "candidate_groups", "deadline", "depends_on",
)  # fmt: skip


def _run(shown: selectors.ShownRun, named: Names, authority: Authority) -> dict[str, Any]:
    row = shown.run
    return {
        "id": str(row.id),
        "plan": str(row.plan_id),
        "status": str(row.status),
        "version": row.version,
        "subject": {"type": row.about_type, "id": str(row.about_id)},
        "case": _text(row.case_id),
        "trigger": row.trigger,
        "requested_by": _username(named, row.requested_by_id),
        "reason": row.reason,
        "regulatory_basis": row.regulatory_basis,
        "approvals": [],
        "resume_after": row.resume_after,
        "undo_progress": shown.progress.to_json(),
        "steps": [_run_step(row, each, authority) for each in shown.steps],
        "started_at": rfc3339(row.started_at),
        "ended_at": _moment(row.ended_at),
        "available_actions": actions(permissions.run_actions(row, authority)),
    }


def _run_step(run_row: Any, shown: selectors.ShownStep, authority: Authority) -> dict[str, Any]:
    step = shown.step
    return {
        "n": step.n,
        "original": {
            "type": step.original_type,
            "id": str(step.original_id),
            "name": step.original_name,
        },
        "completion_seq": step.completion_seq,
        "status": str(step.status),
        "mode": step.mode,
        "strategy": step.strategy,
        "compensation": _ref(step.compensation_type, step.compensation_id),
        "attempts": [
            {
                "number": number,
                "started_at": rfc3339(each.started_at),
                "ended_at": _moment(each.ended_at),
                "outcome": each.outcome or None,
                "error": each.error or None,
                "mode": each.mode,
                "compensation": _ref(each.compensation_type, each.compensation_id),
            }
            for number, each in enumerate(shown.attempts, start=1)
        ],
        "amendment": step.amendment,
        "error": step.error or None,
        "started_at": _moment(step.started_at),
        "ended_at": _moment(step.ended_at),
        "available_actions": actions(permissions.step_actions(run_row, step, authority)),
    }


def _ref(type_: str, id_: uuid.UUID | None) -> dict[str, str] | None:
    return None if id_ is None else {"type": type_, "id": str(id_)}


def _username(named: Names, actor_id: uuid.UUID | None) -> str | None:
    person = None if actor_id is None else named.get(actor_id)
    return None if person is None else person.username


def _id(value: str | None) -> uuid.UUID | None:
    return None if value is None else uuid.UUID(value)


def _text(value: uuid.UUID | None) -> str | None:
    return None if value is None else str(value)


def _moment(value: dt.datetime | None) -> str | None:
    return None if value is None else rfc3339(value)
