"""What the operations of cases take and answer, for parsing and for OpenAPI.

Inputs check types only; rules of substance are the verb's: pages and programs hear the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from typing_extensions import override

from cases.lifecycle import CaseStatus, PlanItemStatus, PlanItemType, RunStatus, StepStatus, Trigger
from compensation.lifecycle import CompensationState
from compensation.policy import MODES, STRATEGIES
from compensation.regulatory_basis import CODES
from web.inputs import StrictSerializer
from web.schema import ActionSchema


class SourceSchema(serializers.Serializer[Any]):
    """A case definition: YAML text, or the same as a JSON object."""

    # Nothing is sent by this name: it is what the verb calls the whole body.
    source = serializers.JSONField()  # type: ignore[assignment]  # a field of that name

    @override
    def to_internal_value(self, data: Any) -> Any:
        """Take the whole body as the source."""
        if isinstance(data, str | Mapping):
            return {"source": data}
        raise serializers.ValidationError({"": ["must be a case definition"]})


class OpenCaseSchema(StrictSerializer):
    """A case to be opened."""

    definition = serializers.CharField(help_text="namespace/name")
    version = serializers.CharField(required=False, allow_null=True, help_text="Default: newest.")
    context = serializers.JSONField(required=False, default=dict)  # type: ignore[assignment]  # a field of that name
    title = serializers.CharField(required=False, allow_null=True)


class ReasonSchema(StrictSerializer):
    """Why, if one wants to say."""

    reason = serializers.CharField(required=False, allow_blank=True)


class RequiredReasonSchema(StrictSerializer):
    """Why."""

    reason = serializers.CharField()


class EvidenceSchema(StrictSerializer):
    """What shows that it is undone."""

    evidence = serializers.CharField()


class PerformerSchema(StrictSerializer):
    """Who shall undo it: a username, or groups."""

    assignee = serializers.CharField(required=False, allow_null=True)
    candidate_groups = serializers.ListField(child=serializers.CharField(), required=False)


class PlanRequestSchema(StrictSerializer):
    """What to preview. `include` adds steps nobody declared an undo for, as human steps."""

    reason = serializers.CharField()
    scope = serializers.JSONField(
        required=False, help_text="{kind: whole | from_step | steps, step, steps, only_this}"
    )
    strategy = serializers.ChoiceField(choices=STRATEGIES, required=False, allow_null=True)
    include = serializers.JSONField(required=False)
    regulatory_basis = serializers.JSONField(
        required=False, help_text=f"A list of {{code, note}}; codes: {', '.join(CODES)}."
    )


class ItemPlanRequestSchema(StrictSerializer):
    """What to preview for one work item or execution."""

    reason = serializers.CharField()
    strategy = serializers.ChoiceField(choices=STRATEGIES, required=False, allow_null=True)
    regulatory_basis = serializers.JSONField(required=False)


class ExecuteSchema(StrictSerializer):
    """How to execute. `resume_after`: go on afterwards, after a clean partial run."""

    resume_after = serializers.BooleanField(required=False, default=False)


class RefSchema(serializers.Serializer[Any]):
    """A work item, an execution or a case."""

    type = serializers.CharField()
    id = serializers.UUIDField()


class OriginalSchema(RefSchema):
    """What is undone."""

    name = serializers.CharField()


class BasisSchema(serializers.Serializer[Any]):
    """Why the law or a rule lets or makes us take work back."""

    code = serializers.ChoiceField(choices=CODES)
    note = serializers.CharField()


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

    line = serializers.IntegerField(allow_null=True)
    pointer = serializers.CharField()
    message = serializers.CharField()


class ValidationSchema(DefinitionRefSchema):
    """A definition without errors."""

    valid = serializers.BooleanField()
    warnings = NoticeSchema(many=True)


class BindingSchema(serializers.Serializer[Any]):
    """A binding and its coverage."""

    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=["human", "automated"])
    compensation = serializers.BooleanField()
    undone_by = serializers.CharField(allow_null=True)
    reversibility = serializers.CharField()
    covered = serializers.BooleanField()


class EdgeSchema(serializers.Serializer[Any]):
    """Which binding reverses which."""

    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    target = serializers.CharField()


class GraphSchema(serializers.Serializer[Any]):
    """Bindings, what undoes what, and the gaps: names of bindings without a declared undo."""

    nodes = BindingSchema(many=True)
    edges = EdgeSchema(many=True)
    gaps = serializers.ListField(child=serializers.CharField())


class CaseSchema(serializers.Serializer[Any]):
    """One case."""

    id = serializers.UUIDField()
    definition = DefinitionRefSchema()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=CaseStatus.values)
    version = serializers.IntegerField()
    context = serializers.DictField()  # type: ignore[assignment]  # a field of that name
    invalidated = serializers.ListField(child=serializers.CharField())
    fault = serializers.CharField(allow_null=True)
    parent = serializers.UUIDField(allow_null=True)  # type: ignore[assignment]  # a field of that name
    live_run = serializers.UUIDField(allow_null=True)
    opened_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    available_actions = ActionSchema(many=True)


class PlanItemSchema(serializers.Serializer[Any]):
    """One fired binding."""

    id = serializers.UUIDField()
    binding = serializers.CharField()
    type = serializers.ChoiceField(choices=PlanItemType.values)
    target_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=PlanItemStatus.values)
    completion_seq = serializers.IntegerField(allow_null=True)
    compensation_state = serializers.ChoiceField(choices=CompensationState.values)
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class PlanItemsSchema(serializers.Serializer[Any]):
    """All plan items of a case."""

    results = PlanItemSchema(many=True)


class ContextSchema(serializers.Serializer[Any]):
    """A case's context; `invalidated` are keys written by work that was undone."""

    context = serializers.DictField()  # type: ignore[assignment]  # a field of that name
    invalidated = serializers.ListField(child=serializers.CharField())


class PlanStepSchema(serializers.Serializer[Any]):
    """One step of a plan."""

    n = serializers.IntegerField()
    original = OriginalSchema()
    completion_seq = serializers.IntegerField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    completed_by = serializers.CharField(allow_null=True)
    mode = serializers.ChoiceField(choices=MODES)
    strategy = serializers.ChoiceField(choices=STRATEGIES)
    capability = serializers.CharField(allow_null=True)
    performer = serializers.CharField()
    candidate_groups = serializers.ListField(child=serializers.CharField())
    deadline = serializers.DateTimeField(allow_null=True)
    depends_on = serializers.ListField(child=serializers.IntegerField())


class ExcludedSchema(serializers.Serializer[Any]):
    """What would not be undone, and what could be done instead."""

    original = OriginalSchema()
    code = serializers.CharField()
    detail = serializers.CharField()
    alternatives = serializers.ListField(child=serializers.CharField())


class PlanSchema(serializers.Serializer[Any]):
    """What would be undone, in which order, by whom, and what cannot."""

    id = serializers.UUIDField()
    digest = serializers.CharField()
    expires_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField(allow_null=True)
    subject = RefSchema()
    case = serializers.UUIDField(allow_null=True)
    scope = serializers.DictField()
    strategy = serializers.CharField(allow_null=True)
    reason = serializers.CharField()
    regulatory_basis = BasisSchema(many=True)
    requires_approval = serializers.BooleanField()
    notifications = serializers.ListField(child=serializers.DictField())
    steps = PlanStepSchema(many=True)
    excluded = ExcludedSchema(many=True)
    run = serializers.UUIDField(allow_null=True)


class ProgressSchema(serializers.Serializer[Any]):
    """How far a run is."""

    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    waiting = serializers.IntegerField()
    remaining = serializers.IntegerField()
    total = serializers.IntegerField()


class AttemptSchema(serializers.Serializer[Any]):
    """One try at one undo."""

    number = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    mode = serializers.ChoiceField(choices=MODES)
    compensation = RefSchema()


class RunStepSchema(serializers.Serializer[Any]):
    """One step of a run."""

    n = serializers.IntegerField()
    original = OriginalSchema()
    completion_seq = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(choices=StepStatus.values)
    mode = serializers.ChoiceField(choices=MODES)
    strategy = serializers.ChoiceField(choices=STRATEGIES)
    compensation = RefSchema(allow_null=True)
    attempts = AttemptSchema(many=True)
    amendment = serializers.BooleanField()
    error = serializers.CharField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    available_actions = ActionSchema(many=True)


class RunSchema(serializers.Serializer[Any]):
    """One compensation run."""

    id = serializers.UUIDField()
    plan = serializers.UUIDField()
    status = serializers.ChoiceField(choices=RunStatus.values)
    version = serializers.IntegerField()
    subject = RefSchema()
    case = serializers.UUIDField(allow_null=True)
    trigger = serializers.ChoiceField(choices=Trigger.values)
    requested_by = serializers.CharField(allow_null=True)
    reason = serializers.CharField()
    regulatory_basis = BasisSchema(many=True)
    approvals = serializers.ListField(child=serializers.DictField())
    resume_after = serializers.BooleanField()
    undo_progress = ProgressSchema()
    steps = RunStepSchema(many=True)
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    available_actions = ActionSchema(many=True)
