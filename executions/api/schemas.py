"""What the endpoints of executions take and answer, for parsing and for OpenAPI."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from compensation.lifecycle import CompensationState, Reversibility
from executions.actions.requests import OUTCOMES
from executions.lifecycle import ExecutionStatus
from executions.registry import MODES
from web.inputs import StrictSerializer
from web.schema import ActionSchema


class NewExecutionSchema(StrictSerializer):
    """A run to be asked for."""

    capability = serializers.CharField()
    input = serializers.DictField(help_text="Must fit the capability's input_schema.")
    mode = serializers.ChoiceField(choices=MODES, required=False, default="commit")
    reason = serializers.CharField(required=False, allow_blank=True, default="")
    expected_state_version = serializers.CharField(required=False, allow_null=True, default=None)


class CancelSchema(StrictSerializer):
    """Why it is called back, if there is something to say."""

    reason = serializers.CharField(required=False, allow_blank=True, default="")


class ResultSchema(StrictSerializer):
    """How an outside party ended it. A failure needs its `error`."""

    outcome = serializers.ChoiceField(choices=OUTCOMES)
    output = serializers.DictField(required=False, allow_null=True, default=None)
    error = serializers.CharField(required=False, allow_blank=True, default="")


class RetrySchema(serializers.Serializer[Any]):
    """How often a capability is tried; waits are seconds."""

    max_attempts = serializers.IntegerField()
    base_seconds = serializers.FloatField()
    cap_seconds = serializers.FloatField()


class CapabilitySchema(serializers.Serializer[Any]):
    """A named automated action."""

    name = serializers.CharField()
    description = serializers.CharField()
    input_schema = serializers.DictField()
    output_schema = serializers.DictField()
    reversibility = serializers.ChoiceField(choices=Reversibility.values)
    undone_by = serializers.CharField(allow_null=True)
    simulates = serializers.BooleanField()
    retry = RetrySchema()


class CapabilitiesSchema(serializers.Serializer[Any]):
    """Every capability that is registered here."""

    results = CapabilitySchema(many=True)


class UndoLinkSchema(serializers.Serializer[Any]):
    """A work item or an execution."""

    type = serializers.ChoiceField(choices=["work_item", "execution"])
    id = serializers.UUIDField()


class ExecutionSchema(serializers.Serializer[Any]):
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
    state_version = serializers.CharField(allow_null=True)
    idempotency_key = serializers.CharField()
    attempts = serializers.IntegerField()
    requested_by = serializers.CharField(allow_null=True)
    decisions = serializers.ListField(child=serializers.DictField())
    approvals = serializers.ListField(child=serializers.DictField())
    undoes = UndoLinkSchema(allow_null=True)
    compensations = UndoLinkSchema(many=True)
    compensation = serializers.DictField(allow_null=True)
    reversibility = serializers.ChoiceField(choices=Reversibility.values)
    compensation_policy = serializers.DictField()
    case = serializers.UUIDField(allow_null=True)
    binding = serializers.CharField(allow_null=True)
    completion_seq = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    available_actions = ActionSchema(many=True)
