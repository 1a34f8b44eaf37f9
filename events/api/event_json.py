"""Inbound events as JSON, and the OpenAPI of that. People are usernames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from accounts.acting import Authority
from accounts.selectors import people_of
from events.actions import told
from ledger.clock import rfc3339


class InboundEventSchema(serializers.Serializer[Any]):
    """An event as it was taken in."""

    id = serializers.UUIDField()
    event_id = serializers.CharField(help_text="The `id` that its sender gave it.")
    source = serializers.CharField()  # type: ignore[assignment]  # a field takes this name's place
    type = serializers.CharField()
    subject = serializers.CharField(allow_null=True)
    time = serializers.DateTimeField(allow_null=True)
    data = serializers.JSONField()  # type: ignore[assignment]  # a field takes this name's place
    extensions = serializers.DictField()
    cloud_event = serializers.DictField(help_text="All of it, as CloudEvents 1.0 write it.")
    received_at = serializers.DateTimeField()
    received_by = serializers.CharField(allow_null=True)
    entry = serializers.UUIDField(help_text="The ledger entry about it.")


def represent_events(rows: Sequence[Any], _authority: Authority) -> list[dict[str, Any]]:
    """Return the shapes of events."""
    named = people_of(rows, (row.received_by_id for row in rows))
    return [
        {
            "id": str(row.id),
            "event_id": row.event_id,
            "source": row.source,
            "type": row.type,
            "subject": row.subject or None,
            "time": rfc3339(row.time) if row.time else None,
            "data": row.data,
            "extensions": row.extensions,
            "cloud_event": told(row),
            "received_at": rfc3339(row.created_at),
            "received_by": (
                named[row.received_by_id].username if row.received_by_id in named else None
            ),
            "entry": str(row.entry_id),
        }
        for row in rows
    ]
