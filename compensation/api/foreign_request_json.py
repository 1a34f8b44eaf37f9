"""Requests of other tenants as JSON, and the OpenAPI of that. People are usernames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from accounts.acting import Authority
from accounts.selectors import people_of
from compensation.actions.foreign_request_verbs import REQUEST
from compensation.lifecycle import RequestStatus
from compensation.policy import STRATEGIES
from compensation.regulatory_basis import CODES
from ledger.clock import rfc3339
from verbs.catalogue import offers_json, offers_of
from verbs.subject import subject_of
from web.schema import ActionSchema


class AskedAboutSchema(serializers.Serializer[Any]):
    """What is asked to be undone: something of this tenant."""

    type = serializers.CharField()
    id = serializers.UUIDField()


class AskingSchema(serializers.Serializer[Any]):
    """Who asks, as it calls itself, and the hash of its entry, which only it can read."""

    name = serializers.CharField()
    entry_hash = serializers.CharField(help_text="SHA-256, hex.")


class RequestBasisSchema(serializers.Serializer[Any]):
    """A legal basis that whoever asks names."""

    code = serializers.ChoiceField(choices=CODES)
    note = serializers.CharField(allow_blank=True, required=False)


class CompensationRequestSchema(serializers.Serializer[Any]):
    """What another organisation asks to have undone."""

    id = serializers.UUIDField()
    subject = AskedAboutSchema()
    status = serializers.ChoiceField(choices=RequestStatus.values)
    version = serializers.IntegerField()
    asked_by = AskingSchema()
    strategy = serializers.ChoiceField(choices=STRATEGIES)
    reason = serializers.CharField(allow_null=True)
    regulatory_basis = RequestBasisSchema(many=True)
    run = serializers.UUIDField(allow_null=True, help_text="The rollback that does it.")
    decided_by = serializers.CharField(allow_null=True)
    decision_reason = serializers.CharField(
        allow_null=True, help_text="It stays here: whoever asked is not told."
    )
    failure = serializers.CharField(allow_null=True, help_text="A code: why it is not undone.")
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    available_actions = ActionSchema(many=True)


def represent_requests(rows: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return the shapes of requests: a constant number of queries."""
    if not rows:
        return []
    named = people_of(rows, (row.decided_by_id for row in rows))
    offers = offers_of(subject_of(REQUEST), rows, authority)
    return [
        {
            "id": str(row.id),
            "subject": {"type": row.about_type, "id": str(row.about_id)},
            "status": str(row.status),
            "version": row.version,
            "asked_by": {"name": row.asking_name, "entry_hash": row.asking_hash},
            "strategy": row.strategy,
            "reason": row.reason or None,
            "regulatory_basis": row.regulatory_basis,
            "run": None if row.run_id is None else str(row.run_id),
            "decided_by": named[row.decided_by_id].username if row.decided_by_id in named else None,
            "decision_reason": row.answer_reason or None,
            "failure": row.answer or None,
            "created_at": rfc3339(row.created_at),
            "ended_at": None if row.ended_at is None else rfc3339(row.ended_at),
            "available_actions": offers_json(offers[row.id]),
        }
        for row in rows
    ]
