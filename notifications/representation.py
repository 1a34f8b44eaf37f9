"""Notifications and deliveries in their public JSON shapes. Run in the caller's tenant scope."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from accounts.selectors import people
from ledger.clock import rfc3339
from notifications.models import Delivery
from notifications.texts import texts_of


def notifications(rows: Sequence[Delivery]) -> list[dict[str, Any]]:
    """Return what a person was told, in words."""
    texts = texts_of(rows)
    return [
        {
            **_news(row),
            "title": texts[row.id].title,
            "text": texts[row.id].text,
            "url": texts[row.id].url,
            "case": None if row.case_id is None else str(row.case_id),
            "read_at": _moment(row.read_at),
        }
        for row in rows
    ]


def notification(row: Delivery) -> dict[str, Any]:
    """Return one notification."""
    return notifications([row])[0]


def deliveries(rows: Sequence[Delivery]) -> list[dict[str, Any]]:
    """Return deliveries with their tries, oldest try first. Addresses are nowhere in it."""
    named = people(row.recipient_id for row in rows)
    return [
        {
            **_news(row),
            "channel": row.channel,
            "recipient": named[row.recipient_id].username,
            "status": row.status,
            "attempts": [
                {
                    "at": rfc3339(attempt.at),
                    "status_code": attempt.status_code,
                    "latency_ms": attempt.latency_ms,
                    "error": attempt.error,
                }
                for attempt in sorted(row.tries.all(), key=lambda attempt: (attempt.at, attempt.id))
            ],
            "next_attempt_at": _moment(row.next_attempt_at),
        }
        for row in rows
    ]


def _news(row: Delivery) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "event": str(row.event_id),
        "event_type": row.event_type,
        "topic": row.topic,
        "subject": {"type": row.subject_type, "id": str(row.subject_id)},
        "created_at": rfc3339(row.created_at),
    }


def _moment(value: dt.datetime | None) -> str | None:
    return None if value is None else rfc3339(value)
