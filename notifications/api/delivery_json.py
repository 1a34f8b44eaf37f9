"""Notifications and deliveries as JSON: their public shapes, and the OpenAPI of those."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from accounts.selectors import people_of
from executions.api.execution_json import Schema, members, moment, reference
from ledger.clock import rfc3339
from notifications.lifecycle import DeliveryStatus, Topic
from notifications.texts import texts_of
from web.schema import SubjectSchema


class NotificationSchema(Schema):
    """What one was told in the application. `title` and `text` are in words, made now."""

    id = serializers.UUIDField()
    event = serializers.UUIDField(help_text="The ledger entry that was the news.")
    event_type = serializers.CharField()
    topic = serializers.ChoiceField(choices=Topic.choices)
    title = serializers.CharField()
    text = serializers.CharField()
    in_place_of = serializers.CharField(
        allow_null=True, help_text="Whose new work it is, where one stands in for them: a username."
    )
    subject = SubjectSchema()
    case = serializers.UUIDField(allow_null=True)
    url = serializers.CharField(help_text="Path of the subject's page, else of its ledger.")
    created_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)


class DeliveryAttemptSchema(Schema):
    """One try at a delivery."""

    at = serializers.DateTimeField()
    status_code = serializers.IntegerField(allow_null=True)
    latency_ms = serializers.IntegerField()
    error = serializers.CharField()


class DeliverySchema(Schema):
    """One message about one event to one person over one channel."""

    id = serializers.UUIDField()
    event = serializers.UUIDField(help_text="The ledger entry that was the news.")
    event_type = serializers.CharField()
    topic = serializers.ChoiceField(choices=Topic.choices)
    subject = SubjectSchema()
    channel = serializers.CharField()
    recipient = serializers.CharField()
    status = serializers.ChoiceField(choices=DeliveryStatus.choices)
    attempts = DeliveryAttemptSchema(many=True)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


def notifications(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return what a person was told, in words."""
    texts = texts_of(rows)
    return [_represent(NotificationSchema, row, dataclasses.asdict(texts[row.id])) for row in rows]


def deliveries(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return deliveries with their tries, oldest try first. Addresses are nowhere in it."""
    named = people_of(rows, (row.recipient_id for row in rows))
    return [
        _represent(
            DeliverySchema,
            row,
            {"recipient": named[row.recipient_id].username, "attempts": _tries(row)},
        )
        for row in rows
    ]


def _represent(schema: type[Schema], row: Any, own: dict[str, Any]) -> dict[str, Any]:
    common = {
        "id": str(row.id),
        "event": str(row.event_id),
        "subject": reference(row.subject_type, row.subject_id),
        "case": None if row.case_id is None else str(row.case_id),
        "created_at": rfc3339(row.created_at),
        "read_at": moment(row.read_at),
        "next_attempt_at": moment(row.next_attempt_at),
    }
    return members(schema, row, {**common, **own})


def _tries(row: Any) -> list[dict[str, Any]]:
    tries = sorted(row.tries.all(), key=lambda each: (each.at, each.id))
    return [members(DeliveryAttemptSchema, each, {"at": rfc3339(each.at)}) for each in tries]
