"""The public shapes of definitions, cases and plan items, and their OpenAPI (DESIGN §8).

People are usernames.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rest_framework import serializers

from accounts.acting import Authority
from accounts.selectors import Person, people_of
from cases.actions.hold import CASE
from cases.definitions import (
    HEARD,
    Binding,
    CapabilityCall,
    CompiledDefinition,
    DefinitionWarning,
    HumanTask,
    SignalSent,
    SubCase,
    Throw,
)
from cases.how_undone import gaps_of
from cases.lifecycle import CaseStatus, MilestoneStatus, PlanItemStatus, PlanItemType
from cases.milestones import standings
from cases.selectors import compiled_all, summaries, waiting_for
from cases.waiting_arrivals import waiting_arrivals
from compensation.api.shapes import AwaitedSchema, StoppedSchema, stopped
from compensation.lifecycle import CompensationState
from ledger.clock import rfc3339
from verbs.catalogue import offers, offers_json
from verbs.subject import ResultShape, subject_of
from web.schema import ActionSchema

_KINDS = {
    HumanTask: "human",
    CapabilityCall: "automated",
    SubCase: "sub_case",
    SignalSent: "signal",
    Throw: "throw",
}


def definitions(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return deployed versions, without source."""
    named = people_of(rows, (row.deployed_by_id for row in rows))
    said = summaries(rows[0].tenant_id, [row.id for row in rows]) if rows else {}
    return [
        {
            "id": str(row.id),
            **_ref(row),
            "title": row.title,
            "summary": said[row.id],
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
    gaps = gaps_of(compiled)
    nodes = [
        {
            "name": binding.name,
            "kind": _KINDS[type(binding.target)],
            "compensation": binding.compensation_only,
            "starts_by": _starts_by(binding),
            "undone_by": binding.compensate,
            "reversibility": binding.reversibility,
            "covered": binding.name not in gaps,
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
        "gaps": [binding.name for binding in compiled.bindings if binding.name in gaps],
    }


def _starts_by(binding: Binding) -> list[str]:
    """Return what starts a binding; nothing does that only undoes."""
    if binding.compensation_only:
        return []
    heard = sorted(map(str, binding.hears))
    return heard if binding.deaf else ["context", *heard]


def validation(
    compiled: CompiledDefinition, warnings: Iterable[DefinitionWarning]
) -> dict[str, Any]:
    """Return the good news about a definition, and its warnings."""
    return {
        "valid": True,
        **_ref(compiled),
        "warnings": _notices(warnings),
    }


def _notices(warnings: Iterable[DefinitionWarning]) -> list[dict[str, Any]]:
    return [
        {
            "code": each.code, "line": each.line, "column": each.column, "pointer": each.pointer,
            "detail": each.message,
        }
        for each in warnings
    ]  # fmt: skip


def cases(rows: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return cases as their public shape, with the run that is live in each and the steps of which
    nobody knows whether they happened."""
    named = people_of(rows, (row.opened_by_id for row in rows))
    subject = subject_of(CASE)
    facts, waiting = subject.facts(rows), waiting_for(rows)
    compiled = compiled_all(rows[0].tenant_id, {row.definition_id for row in rows}) if rows else {}
    came = waiting_arrivals(rows, compiled)
    return [
        {
            "id": str(row.id),
            "number": row.number,
            "definition": _ref(row.definition),
            "title": row.title,
            "status": str(row.status),
            "version": row.version,
            "context": row.context,
            "invalidated": row.invalidated,
            "fault": row.fault or None,
            "stopped": stopped(row),
            "outcome_unknown": [each.to_json() for each in facts[row.id].unclear],
            "waits_for": waiting[row.id].to_json() if row.id in waiting else None,
            "waiting": [each.to_json() for each in came[row.id]],
            "milestones": [each.to_json() for each in standings(row, compiled[row.definition_id])],
            "parent": row.parent_id and str(row.parent_id),
            "opened_by": _username(named, row.opened_by_id),
            "created_at": rfc3339(row.created_at),
            "ended_at": row.ended_at and rfc3339(row.ended_at),
            "live_run": facts[row.id].live_run and str(facts[row.id].live_run),
            "available_actions": offers_json(offers(subject, row, authority, facts[row.id])),
        }
        for row in rows
    ]


def plan_items(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Return plan items in the order given."""
    return [
        {
            "id": str(row.id),
            "binding": row.binding,
            "type": row.type,
            "target_id": row.target_id and str(row.target_id),
            "status": row.status,
            "error": row.error or None,
            "completion_seq": row.completion_seq,
            "compensation_state": row.compensation_state,
            "written": row.written,
            "created_at": rfc3339(row.created_at),
            "ended_at": row.ended_at and rfc3339(row.ended_at),
        }
        for row in rows
    ]


def _ref(found: Any) -> dict[str, str]:
    return {"namespace": found.namespace, "name": found.name, "version": found.version}


def _username(named: Mapping[uuid.UUID, Person], actor_id: uuid.UUID) -> str | None:
    return named[actor_id].username if actor_id in named else None


class WaitingSchema(serializers.Serializer[Any]):
    """What has come for a step, and waits until that is free."""

    step = serializers.CharField()
    heard = serializers.ChoiceField(["signal", "event", "schedule"])
    count = serializers.IntegerField()
    since = serializers.DateTimeField()


class DefinitionRefSchema(serializers.Serializer[Any]):
    """Which definition."""

    namespace = serializers.CharField()
    name = serializers.CharField()
    version = serializers.CharField()


class DefinitionSchema(DefinitionRefSchema):
    """One deployed version of a case definition."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    summary = serializers.CharField()
    digest = serializers.CharField()
    deployed_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()


class DefinitionDetailSchema(DefinitionSchema):
    """One deployed version with its source and compiled form."""

    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    compiled = serializers.DictField()


class NoticeSchema(serializers.Serializer[Any]):
    """Something that works but may surprise."""

    code = serializers.CharField()
    line = serializers.IntegerField(allow_null=True, help_text="Null for a definition in JSON.")
    column = serializers.IntegerField(allow_null=True)
    pointer = serializers.CharField()
    detail = serializers.CharField()


class DeployedSchema(DefinitionDetailSchema):
    """The deployed version, and what works in it but may surprise."""

    warnings = NoticeSchema(many=True)


class ValidationSchema(DefinitionRefSchema):
    """A definition without errors."""

    valid = serializers.BooleanField()
    warnings = NoticeSchema(many=True)


class BindingSchema(serializers.Serializer[Any]):
    """A binding and its coverage."""

    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=sorted(_KINDS.values()))
    compensation = serializers.BooleanField()
    starts_by = serializers.ListField(child=serializers.ChoiceField(choices=["context", *HEARD]))
    undone_by = serializers.CharField(allow_null=True)
    reversibility = serializers.CharField()
    covered = serializers.BooleanField()


class EdgeSchema(serializers.Serializer[Any]):
    """Which binding reverses which."""

    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    target = serializers.CharField()


class GraphSchema(serializers.Serializer[Any]):
    """Bindings, what undoes what, and the gaps: names of bindings of which nobody declared how they
    are undone, the definition or their program."""

    nodes = BindingSchema(many=True)
    edges = EdgeSchema(many=True)
    gaps = serializers.ListField(child=serializers.CharField())


class NeedsSchema(serializers.Serializer[Any]):
    """Keys of the context that are missing, the steps (or goals) whose conditions ask for them, and
    all that those conditions look at. Read off the definition; nothing is evaluated."""

    missing = serializers.ListField(child=serializers.CharField())
    looks_at = serializers.ListField(child=serializers.CharField())
    steps = serializers.ListField(child=serializers.CharField())
    goals = serializers.ListField(child=serializers.CharField())


class CaseDimensionSchema(serializers.Serializer[Any]):
    """So many steps of so many, and how much of a hundred that is."""

    done = serializers.IntegerField()
    total = serializers.IntegerField()
    percent = serializers.IntegerField(allow_null=True, help_text="Null: there are none.")


class CaseProgressSchema(serializers.Serializer[Any]):
    """How far the work is, and how far its undo is: neither changes the other."""

    forward = CaseDimensionSchema()
    undo = CaseDimensionSchema()


class MilestoneSchema(serializers.Serializer[Any]):
    """What a case is to reach."""

    name = serializers.CharField()
    status = serializers.ChoiceField(choices=MilestoneStatus.values)
    activated_at = serializers.DateTimeField(
        allow_null=True, help_text="Since when it is looked for."
    )
    reached_at = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    overdue_since = serializers.DateTimeField(allow_null=True)


class CaseSchema(serializers.Serializer[Any]):
    """One case."""

    id = serializers.UUIDField()
    number = serializers.CharField(help_text="How people call it, such as `118` or `L-2026-118`.")
    definition = DefinitionRefSchema()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=CaseStatus.values)
    version = serializers.IntegerField()
    context = serializers.DictField()  # type: ignore[assignment]  # a field of that name
    invalidated = serializers.ListField(child=serializers.CharField())
    fault = serializers.CharField(allow_null=True)
    stopped = StoppedSchema(
        allow_null=True, help_text="Its engine has stopped: nothing in it goes on before a retry."
    )
    outcome_unknown = AwaitedSchema(many=True)
    waits_for = NeedsSchema(
        allow_null=True,
        help_text="Of a running case with nothing open: what keeps it from going on.",
    )
    waiting = WaitingSchema(many=True)
    milestones = MilestoneSchema(many=True)
    parent = serializers.UUIDField(allow_null=True)  # type: ignore[assignment]  # a field of that name
    live_run = serializers.UUIDField(allow_null=True)
    opened_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    available_actions = ActionSchema(many=True)


class CaseDetailSchema(CaseSchema):
    """One case, read by itself."""

    progress = CaseProgressSchema()


class PlanItemSchema(serializers.Serializer[Any]):
    """One fired binding; `written` are the keys of the context that its result stated."""

    id = serializers.UUIDField()
    binding = serializers.CharField()
    type = serializers.ChoiceField(choices=PlanItemType.values)
    target_id = serializers.UUIDField(allow_null=True)
    status = serializers.ChoiceField(choices=PlanItemStatus.values)
    error = serializers.CharField(allow_null=True)
    completion_seq = serializers.IntegerField(allow_null=True)
    compensation_state = serializers.ChoiceField(choices=CompensationState.values)
    written = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


#: What deploying answers with. A deployed version never changes.
DEPLOYED = ResultShape(
    shape=lambda row, _authority: {**definition(row), "warnings": _notices(row.warnings)},
    schema=DeployedSchema,
    tag=lambda _row: 1,
    place=lambda row: f"/api/v1/case-definitions/{row.namespace}/{row.name}/{row.version}",
)
