"""What notices keep about people: to whom they went is a token, an address is nowhere kept."""

from __future__ import annotations

from typing import Final

from ledger.erasure.personal_data import Personal

TABLES: Final = (
    Personal(
        table="notifications_delivery",
        no="id tenant_id event_id event_type topic subject_type subject_id case_id channel status"
        " read_at attempts queue next_attempt_at leased_until lease_token troubled_since"
        " created_at",
        actors="recipient_id in_place_of_id",
    ),
    Personal(
        table="notifications_deliveryattempt",
        kind="deliveries",
        no="id tenant_id delivery_id at status_code latency_ms",
        # A server that refuses a mail names the address that it refuses it for.
        said="error",
        theirs="EXISTS (SELECT 1 FROM notifications_delivery d WHERE d.tenant_id = t.tenant_id"
        " AND d.id = t.delivery_id AND d.recipient_id = %(actor)s) AND t.error <> ''",
    ),
)
