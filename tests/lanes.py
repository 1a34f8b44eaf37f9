"""What waits in the lanes of a tenant, and what an act costs in statements."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger.models import OutboxTask
from ledger.tenancy import system_scope
from tests.world import World

_OPENS = "BEGIN"
_CLOSES = ("COMMIT", "ROLLBACK")


class Cost:
    """What acts have sent: statements, BEGIN and COMMIT aside, and transactions."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.transactions = 0

    def of(self, act: Callable[[], Any]) -> list[str]:
        """Do `act`, add what it sends, and return its statements."""
        with CaptureQueriesContext(connection) as captured:
            act()
        sent = [each["sql"] for each in captured.captured_queries]
        own = [each for each in sent if not each.startswith((_OPENS, *_CLOSES))]
        is_open = False
        for each in sent:
            # A statement outside of one is a transaction of its own.
            self.transactions += not is_open
            is_open = each.startswith(_OPENS) or (is_open and not each.startswith(_CLOSES))
        self.statements += own
        return own


def statements(act: Callable[[], Any]) -> list[str]:
    """Return the statements `act` sends, BEGIN and COMMIT aside; a savepoint is a statement."""
    return Cost().of(act)


def waiting(world: World) -> dict[tuple[str, str, uuid.UUID], int]:
    """Return how many unfinished tasks a tenant has, by (consumer, lane, shard)."""
    found: dict[tuple[str, str, uuid.UUID], int] = {}
    with system_scope("dispatch"):
        rows = OutboxTask.objects.filter(tenant_id=world.system.tenant_id, done_at__isnull=True)
        for key in rows.values_list("consumer", "lane", "shard"):
            found[key] = found.get(key, 0) + 1
    return found
