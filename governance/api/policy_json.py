"""Policies as JSON (DESIGN §8), and the OpenAPI of that. People are usernames, groups names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from accounts.acting import Authority
from accounts.selectors import people_of
from governance.actions.policy_verbs import POLICY
from governance.api.approval_json import ApproversSchema
from governance.lifecycle import Effect, OnStale, Severity
from governance.policy_subject import approvers_named
from ledger.clock import rfc3339
from verbs.catalogue import offers_json, offers_of
from verbs.subject import subject_of
from web.schema import ActionSchema


class PolicySchema(serializers.Serializer[Any]):
    """What the organisation says of executions that are asked for."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    priority = serializers.IntegerField(help_text="The lowest is asked first.")
    when = serializers.CharField(help_text="jq over the intent; true: it applies.")
    effect = serializers.ChoiceField(choices=Effect.values)
    change = serializers.CharField(
        allow_null=True, help_text="jq over the intent: what is run instead, `{input, mode}`."
    )
    approvers = ApproversSchema(many=True, help_text="Step by step; none: any approver.")
    second_factor = serializers.BooleanField()
    on_stale = serializers.ChoiceField(choices=OnStale.values, allow_null=True)
    reason = serializers.CharField()
    severity = serializers.ChoiceField(choices=Severity.values)
    version = serializers.IntegerField()
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    available_actions = ActionSchema(many=True)


_AS_THEY_ARE = (
    "name", "priority", "when", "effect", "second_factor", "reason", "severity", "version",
)  # fmt: skip


def represent_policies(rows: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return the shapes of policies: two queries at most."""
    if not rows:
        return []
    named = people_of(rows, (row.created_by_id for row in rows))
    steps = approvers_named(rows)
    offers = offers_of(subject_of(POLICY), rows, authority)
    return [
        {
            "id": str(row.id),
            **{name: getattr(row, name) for name in _AS_THEY_ARE},
            "change": row.change or None,
            "approvers": steps[row.id],
            "on_stale": row.on_stale or None,
            "created_by": named[row.created_by_id].username if row.created_by_id in named else None,
            "created_at": rfc3339(row.created_at),
            "ended_at": None if row.ended_at is None else rfc3339(row.ended_at),
            "available_actions": offers_json(offers[row.id]),
        }
        for row in rows
    ]
