"""The OpenAPI of plans, and of what plans and runs both speak of (DESIGN §8)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from compensation.policy import MODES, STRATEGIES
from compensation.regulatory_basis import CODES


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


class NestedPlanSchema(serializers.Serializer[Any]):
    """The plan of a case below, at any depth; its members are those of a plan."""

    digest = serializers.CharField()
    steps = serializers.ListField(child=serializers.DictField())
    excluded = serializers.ListField(child=serializers.DictField())


class WaiverSchema(serializers.Serializer[Any]):
    """What may stay although it cannot be undone, and why."""

    step = serializers.CharField()
    reason = serializers.CharField()


class ExceptionSchema(serializers.Serializer[Any]):
    """What was said of one step of a plan: it may stay (`waived`), or is undone although its time
    is over (`overridden`); and why."""

    kind = serializers.ChoiceField(choices=["waived", "overridden"])
    step = serializers.CharField()
    reason = serializers.CharField()


class WindowOverriddenSchema(serializers.Serializer[Any]):
    """Until when it could be undone, and why it is all the same."""

    until = serializers.DateTimeField()
    reason = serializers.CharField()


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
    candidate_users = serializers.ListField(child=serializers.CharField())
    deadline = serializers.CharField(
        allow_null=True, help_text="An ISO 8601 duration from the opening of the undo task on."
    )
    depends_on = serializers.ListField(child=serializers.IntegerField())
    window_overridden = WindowOverriddenSchema(
        required=False, help_text="Of what is undone after its time, on somebody's word."
    )
    nested = NestedPlanSchema(
        allow_null=True, help_text="Of a case below: what its own run undoes, as this one's step."
    )


class ExcludedSchema(serializers.Serializer[Any]):
    """What would not be undone, and what could be done instead."""

    original = OriginalSchema()
    code = serializers.CharField()
    detail = serializers.CharField()
    alternatives = serializers.ListField(child=serializers.CharField())
    until = serializers.DateTimeField(
        required=False, help_text="Of what is too late: when it could be undone at the latest."
    )
    waived = serializers.CharField(required=False, help_text="Why somebody said that it may stay.")
    within = serializers.ListField(
        child=serializers.DictField(), required=False,
        help_text="Of a case below of which nothing can be undone: why, part by part.",
    )  # fmt: skip


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
    waive = WaiverSchema(many=True)
    override_window = WaiverSchema(many=True, help_text="What is undone after its time, and why.")
    resume_after = serializers.BooleanField()
    notifications = serializers.ListField(child=serializers.DictField())
    steps = PlanStepSchema(many=True)
    excluded = ExcludedSchema(many=True)
    run = serializers.UUIDField(allow_null=True)
