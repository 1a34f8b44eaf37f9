"""Executions and capabilities as JSON: their public shapes (DESIGN §8), and the OpenAPI of those.

A schema lists the members of an answer in their order; `members` reads them. Work items use both.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import serializers

from accounts.acting import Authority
from compensation.lifecycle import CompensationState, Reversibility
from compensation.policy import UNSPECIFIED
from executions import selectors
from executions.capability_registry import (
    BLAST_RADII,
    KINDS,
    MODES,
    ON_STALE,
    RISKS,
    SIDE_EFFECTS,
    Capability,
)
from executions.handler_contract import BACKOFFS
from executions.lifecycle import ExecutionStatus
from executions.selectors import Shown, ShownWork
from governance.api.approval_json import ApprovalSchema
from governance.api.approval_json import represent_many as represent_approvals
from ledger.clock import rfc3339
from verbs.catalogue import offers_json
from web.schema import ActionSchema

Schema = serializers.Serializer[Any]


class RetrySchema(Schema):
    """How often a capability is tried; waits are seconds."""

    max_attempts = serializers.IntegerField()
    base_seconds = serializers.FloatField()
    cap_seconds = serializers.FloatField()
    backoff = serializers.ChoiceField(choices=BACKOFFS)
    jitter = serializers.FloatField(
        help_text="The part of a wait, 0 to 1, by which it may be shorter."
    )


class CapabilitySchema(Schema):
    """A named automated action."""

    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=KINDS)
    description = serializers.CharField()
    input_schema = serializers.DictField()
    output_schema = serializers.DictField()
    reversibility = serializers.ChoiceField(choices=Reversibility.values)
    undone_by = serializers.CharField(allow_null=True)
    restores = serializers.BooleanField()
    corrects = serializers.BooleanField()
    tells_status = serializers.BooleanField()
    risk = serializers.ChoiceField(choices=(*RISKS, UNSPECIFIED))
    blast_radius = serializers.ChoiceField(choices=(*BLAST_RADII, UNSPECIFIED))
    side_effect = serializers.ChoiceField(choices=SIDE_EFFECTS)
    simulates = serializers.BooleanField()
    tells_state_version = serializers.BooleanField()
    on_stale = serializers.ChoiceField(choices=ON_STALE)
    category = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    safe_without_effect = serializers.BooleanField()
    allowed_roles = serializers.ListField(child=serializers.CharField())
    performer = serializers.CharField(allow_null=True)
    max_seconds = serializers.IntegerField()
    retry = RetrySchema()


class CapabilitiesSchema(Schema):
    """Every capability that is registered here."""

    results = CapabilitySchema(many=True)


class UndoLinkSchema(Schema):
    """A work item or an execution."""

    type = serializers.ChoiceField(choices=["work_item", "execution"])
    id = serializers.UUIDField()


class ExecutionSchema(Schema):
    """One governed run of a capability."""

    id = serializers.UUIDField()
    capability = serializers.CharField()
    status = serializers.ChoiceField(choices=ExecutionStatus.values)
    compensation_state = serializers.ChoiceField(choices=CompensationState.values)
    version = serializers.IntegerField()
    mode = serializers.ChoiceField(choices=MODES)
    reason = serializers.CharField()
    input = serializers.DictField()
    output = serializers.DictField(allow_null=True)
    before = serializers.DictField(allow_null=True)
    after = serializers.DictField(allow_null=True)
    error = serializers.CharField()
    state_version = serializers.CharField(
        allow_null=True, help_text="Of what it changed, after it; null: nobody says."
    )
    expected_state_version = serializers.CharField(allow_null=True)
    idempotency_key = serializers.CharField()
    attempts = serializers.IntegerField()
    requested_by = serializers.CharField(allow_null=True)
    performer = serializers.CharField(allow_null=True)
    decisions = serializers.ListField(
        child=serializers.DictField(), help_text="The policies that applied, as they were asked."
    )
    approvals = ApprovalSchema(many=True)
    undoes = UndoLinkSchema(allow_null=True)
    compensations = UndoLinkSchema(many=True)
    compensation = serializers.DictField(allow_null=True)
    reversibility = serializers.ChoiceField(choices=Reversibility.values)
    compensation_policy = serializers.DictField()
    tainted = serializers.BooleanField(help_text="A result that it used has been undone since.")
    remote = serializers.DictField(
        allow_null=True,
        help_text="What it stands for in another organisation: tenant, type, id. Of an undo that is"
        " asked of one, also the hashes of its entries, and how it ended there.",
    )
    case = serializers.UUIDField(allow_null=True)
    batch = serializers.UUIDField(allow_null=True)
    binding = serializers.CharField(allow_null=True)
    completion_seq = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    available_actions = ActionSchema(many=True)


def represent_many(rows: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return the shapes of `rows`, as `authority` sees them: a constant number of queries."""
    shown = selectors.show(rows, authority)
    every = [approval for each in shown for approval in each.approvals]
    agreed = {each["id"]: each for each in represent_approvals(every, authority)} if every else {}
    return [_represent(each, agreed) for each in shown]


def _represent(shown: Shown, agreed: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    row = shown.execution
    own: dict[str, Any] = {
        "state_version": row.state_version or None,
        "requested_by": shown.username(row.requested_by_id),
        "performer": shown.username(row.performer_id),
        "expected_state_version": row.expected_state_version or None,
        "approvals": [agreed[str(each.id)] for each in shown.approvals],
        "batch": None if row.batch_id is None else str(row.batch_id),
    }
    return members(ExecutionSchema, row, {**undoable_members(row, shown), **own})


def represent_capability(found: Capability) -> dict[str, Any]:
    """Return one capability."""
    own = {
        "retry": dataclasses.asdict(found.retry),
        "allowed_roles": sorted(found.allowed_roles),
        "performer": found.performer or None,
        "restores": found.restore is not None,
        "corrects": found.correct is not None,
        "tells_status": found.status is not None,
        "simulates": found.simulation is not None,
        "tells_state_version": found.state_version is not None,
        "tags": list(found.tags),
    }
    return members(CapabilitySchema, found, own)


def members(schema: type[Schema], row: Any, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that `schema` lists: those of `own`, the others as they are on `row`."""
    return {name: own[name] if name in own else getattr(row, name) for name in _names(schema)}


@functools.cache
def _names(schema: type[Schema]) -> tuple[str, ...]:
    return tuple(schema().fields)


def undoable_members(row: Any, shown: ShownWork) -> dict[str, Any]:
    """Return what work items and executions say alike; people are usernames."""
    return {
        "id": str(row.id),
        "status": str(row.status),
        "undoes": reference(row.undoes_type, row.undoes_id),
        "compensations": [
            reference(each.compensation_type, each.compensation_id) for each in shown.attempts
        ],
        "compensation": _compensation(row.compensation, shown),
        "compensation_policy": row.policy,
        "case": None if row.case_id is None else str(row.case_id),
        "binding": row.binding or None,
        "created_at": rfc3339(row.created_at),
        "started_at": moment(row.started_at),
        "ended_at": moment(row.ended_at),
        "available_actions": offers_json(shown.actions),
    }


def _compensation(block: dict[str, Any] | None, shown: ShownWork) -> dict[str, Any] | None:
    """Return why a row undoes something."""
    if block is None:
        return None
    snapshot = dict(block["original_snapshot"])
    for name in {"completed_by", "requested_by"} & snapshot.keys():
        snapshot[name] = shown.username(snapshot[name])
    asked = shown.username(block["requested_by"])
    said = {name: value for name, value in block.items() if name != "asked_by"}
    return {**said, "requested_by": asked, "original_snapshot": snapshot}


def reference(type_: str, id_: uuid.UUID | None) -> dict[str, str] | None:
    """Return a link to a row; None for no row."""
    return None if id_ is None else {"type": type_, "id": str(id_)}


def moment(value: dt.datetime | None) -> str | None:
    """Return a moment that may not have come."""
    return None if value is None else rfc3339(value)
