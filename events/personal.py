"""What events from outside say about people."""

from __future__ import annotations

from typing import Final

from ledger.erasure.personal_data import Personal

TABLES: Final = (
    Personal(
        table="events_inboundevent",
        kind="events",
        no="id tenant_id type time data_content_type data_schema created_at entry_id",
        actors="received_by_id",
        # Its source and id are what a repeated event is known by: they are kept as they came, but
        # for somebody's name.
        mentions="source event_id subject extensions data",
    ),
)
