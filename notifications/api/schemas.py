"""The shapes of notifications and deliveries, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from notifications.lifecycle import DeliveryStatus, Topic
from web.entry_schema import SubjectSchema


class NotificationSchema(serializers.Serializer[Any]):
    """What one was told in the application. `title` and `text` are in words, made now."""

    id = serializers.UUIDField()
    event = serializers.UUIDField(help_text="The ledger entry that was the news.")
    event_type = serializers.CharField()
    topic = serializers.ChoiceField(choices=Topic.choices)
    title = serializers.CharField()
    text = serializers.CharField()
    subject = SubjectSchema()
    case = serializers.UUIDField(allow_null=True)
    url = serializers.CharField(help_text="Path of the subject's page, else of its ledger.")
    created_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)


class DeliveryAttemptSchema(serializers.Serializer[Any]):
    """One try at a delivery."""

    at = serializers.DateTimeField()
    status_code = serializers.IntegerField(allow_null=True)
    latency_ms = serializers.IntegerField()
    error = serializers.CharField()


class DeliverySchema(serializers.Serializer[Any]):
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
