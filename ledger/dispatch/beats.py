"""Signs of life: each worker says every few seconds that it is there, by the database's clock."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from django.db import Error as DatabaseError
from django.db import connection

log = logging.getLogger(__name__)
BEAT_SECONDS = 3.0
#: When nobody has said anything for so long, no worker answers.
SILENT_SECONDS = 10.0
#: The queues whose work somebody waits for.
WAITED_FOR = ("undo", "engine", "work", "notify")
_FORGET_AFTER = "1 day"
_BEAT = f"""
WITH gone AS (
    DELETE FROM ledger_workerbeat WHERE seen_at < ledger_now() - interval '{_FORGET_AFTER}')
INSERT INTO ledger_workerbeat (name, queues, seen_at) VALUES (%s, %s, ledger_now())
ON CONFLICT (name) DO UPDATE SET queues = excluded.queues, seen_at = excluded.seen_at
"""  # noqa: S608  -- own words
_UNHEARD = """
SELECT q FROM unnest(%s::text[]) q
WHERE NOT EXISTS (SELECT 1 FROM ledger_workerbeat b WHERE q = ANY(b.queues)
                  AND b.seen_at > ledger_now() - make_interval(secs => %s))
"""


def beat(name: str, queues: Sequence[str]) -> None:
    """Say that the worker `name`, who does the work of `queues`, is there."""
    with connection.cursor() as cursor:
        cursor.execute(_BEAT, [name, list(queues)])


def go_on(name: str, queues: Sequence[str]) -> None:
    """Beat for ever. The connection is closed in between: a fork shall inherit none."""
    while True:
        try:
            beat(name, queues)
        except DatabaseError as error:
            log.warning("the database does not hear that %s is there: %s", name, error)
        connection.close()
        time.sleep(BEAT_SECONDS)


def unheard(seconds: float = SILENT_SECONDS) -> list[str]:
    """Return the queues that people wait for and for which no worker has said within the last
    `seconds` that it is there."""
    with connection.cursor() as cursor:
        cursor.execute(_UNHEARD, [list(WAITED_FOR), seconds])
        return [row[0] for row in cursor.fetchall()]
