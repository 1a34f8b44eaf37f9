"""What the work item operations take and answer, for parsing and for OpenAPI.

The inputs check types only; every rule of substance is the verb's, so that pages and programs are
told the same.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from compensation.lifecycle import CompensationState, Reversibility
from compensation.policy import MODES, STRATEGIES
from compensation.regulatory_basis import CODES
from web.inputs import StrictSerializer
from web.schema import ActionSchema
from workitems.lifecycle import Kind, Status
from workitems.rows import Priority

NAME = 150


class WorkItemBasisSchema(StrictSerializer):
    """Why the law or a rule lets or makes us take work back."""

    code = serializers.ChoiceField(choices=CODES)
    note = serializers.CharField(required=False, allow_blank=True, default="")


class NewWorkItemSchema(StrictSerializer):
    """A work item to be opened."""

    title = serializers.CharField()
    payload = serializers.JSONField(required=False)
    priority = serializers.CharField(required=False, default="MEDIUM")
    assignee = serializers.CharField(required=False, allow_null=True, default=None)
    candidate_users = serializers.ListField(child=serializers.CharField(), required=False)
    candidate_groups = serializers.ListField(child=serializers.CharField(), required=False)
    permitted_outcomes = serializers.ListField(child=serializers.CharField(), required=False)
    resolution_schema = serializers.JSONField(required=False, allow_null=True)
    compensation = serializers.JSONField(required=False, help_text="How it may be undone.")
    reversibility = serializers.CharField(required=False)
    due_at = serializers.DateTimeField(required=False, allow_null=True)


class EditSchema(StrictSerializer):
    """What an open work item shall say instead; members left out stay as they are."""

    title = serializers.CharField(required=False)
    priority = serializers.CharField(required=False)
    due_at = serializers.DateTimeField(required=False, allow_null=True)
    payload = serializers.JSONField(required=False)


class AssignSchema(StrictSerializer):
    """Who shall do it."""

    assignee = serializers.CharField(max_length=NAME)


class CompleteSchema(StrictSerializer):
    """How it ended."""

    outcome = serializers.CharField(required=False, allow_null=True, default=None)
    resolution = serializers.JSONField(required=False, allow_null=True, default=None)


class WorkItemReasonSchema(StrictSerializer):
    """Why."""

    reason = serializers.CharField()


class WorkItemOptionalReasonSchema(StrictSerializer):
    """Why, if there is something to say."""

    reason = serializers.CharField(required=False, allow_blank=True, default="")


class WorkItemEvidenceSchema(StrictSerializer):
    """How it can be proved that it is undone."""

    evidence = serializers.CharField()


class CompensateSchema(StrictSerializer):
    """Why finished work shall be undone, and, if not as its policy says, how and by whom."""

    reason = serializers.CharField()
    regulatory_basis = serializers.JSONField(
        required=False, default=None, help_text="A list of {code, note}."
    )
    strategy = serializers.ChoiceField(choices=STRATEGIES, required=False, default=None)
    mode = serializers.ChoiceField(choices=MODES, required=False, default=None)
    assignee = serializers.CharField(required=False, allow_null=True, default=None)
    candidate_groups = serializers.ListField(
        child=serializers.CharField(max_length=NAME), required=False, default=list
    )


class WorkItemPerformerSchema(StrictSerializer):
    """Who shall undo it: a person, or any member of the groups."""

    assignee = serializers.CharField(required=False, allow_null=True, default=None)
    candidate_groups = serializers.ListField(
        child=serializers.CharField(max_length=NAME), required=False, default=list
    )


class WorkItemLinkSchema(serializers.Serializer[Any]):
    """A work item or an execution."""

    type = serializers.ChoiceField(choices=["work_item", "execution"])
    id = serializers.UUIDField()


class CompensationBlockSchema(serializers.Serializer[Any]):
    """Why an undo task exists, and the original as it was at completion."""

    requested_by = serializers.CharField()
    reason = serializers.CharField()
    regulatory_basis = WorkItemBasisSchema(many=True)
    strategy = serializers.ChoiceField(choices=STRATEGIES)
    mode = serializers.ChoiceField(choices=MODES)
    run = serializers.UUIDField(allow_null=True)
    step = serializers.IntegerField(allow_null=True)
    attempt = serializers.IntegerField()
    original_snapshot = serializers.DictField()
    replaced_performer = serializers.CharField(allow_blank=True)


class WorkItemSchema(serializers.Serializer[Any]):
    """A work item."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Kind.values)
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.values)
    compensation_state = serializers.ChoiceField(choices=CompensationState.values)
    version = serializers.IntegerField()
    priority = serializers.ChoiceField(choices=Priority.names)
    assignee = serializers.CharField(allow_null=True)
    candidate_users = serializers.ListField(child=serializers.CharField())
    candidate_groups = serializers.ListField(child=serializers.CharField())
    payload = serializers.DictField()
    outcome = serializers.CharField(allow_null=True)
    resolution = serializers.JSONField(allow_null=True)
    permitted_outcomes = serializers.ListField(child=serializers.CharField())
    resolution_schema = serializers.JSONField(allow_null=True)
    case = serializers.UUIDField(allow_null=True)
    binding = serializers.CharField(allow_null=True)
    compensates = serializers.UUIDField(allow_null=True)
    undoes = WorkItemLinkSchema(allow_null=True)
    compensated_by = serializers.ListField(child=serializers.UUIDField())
    compensations = WorkItemLinkSchema(many=True)
    compensation = CompensationBlockSchema(allow_null=True)
    compensation_policy = serializers.DictField()
    reversibility = serializers.ChoiceField(choices=Reversibility.values)
    tainted = serializers.BooleanField()
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    completed_by = serializers.CharField(allow_null=True)
    ended_reason = serializers.CharField(allow_null=True)
    available_actions = ActionSchema(many=True)


class CompensationAnswerSchema(serializers.Serializer[Any]):
    """The original, and the work item or execution that undoes it (`type` says which)."""

    original = WorkItemSchema()
    compensation = serializers.DictField()


class ChainNodeSchema(serializers.Serializer[Any]):
    """One step of a causal chain."""

    id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=["work_item", "execution"])
    name = serializers.CharField()
    lane = serializers.ChoiceField(choices=["forward", "undo"])
    order = serializers.IntegerField()
    status = serializers.CharField()
    compensation_state = serializers.ChoiceField(choices=CompensationState.values)
    completion_seq = serializers.IntegerField(allow_null=True)
    who = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    undoes = serializers.UUIDField(allow_null=True)


class ChainEdgeSchema(serializers.Serializer[Any]):
    """An arrow of a causal chain, by node ids."""

    source = serializers.UUIDField()  # type: ignore[assignment]  # a field takes this name's place
    target = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=["then", "reverses", "caused"])


class ChainSchema(serializers.Serializer[Any]):
    """What led to what, and what reverses what."""

    nodes = ChainNodeSchema(many=True)
    edges = ChainEdgeSchema(many=True)
