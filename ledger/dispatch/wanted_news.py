"""News that a consumer wants in one tenant only, because something of that tenant waits for it.

A consumer chooses by the type of news, for everybody. Where what it wants is a matter of rows, of
few tenants and types, it says so here. The statement that writes an entry looks here too, and makes
the tasks: where nobody wants anything that is a look at an empty index.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from ledger.dispatch.consumer_registry import consumer_named
from ledger.ids import new_id
from ledger.statements import fetched

# In order: two that want the same at once wait for each other, and never in a circle.
_WANT = """
INSERT INTO ledger_wantednews (id, tenant_id, type, consumer, lane, queue)
SELECT u.id, %s, u.type, %s, %s, %s FROM unnest(%s::uuid[], %s::text[]) u(id, type) ORDER BY u.type
ON CONFLICT (tenant_id, type, consumer) DO NOTHING
"""


def want(tenant_id: uuid.UUID, types: Iterable[str], name: str) -> None:
    """Let a consumer hear a tenant's news of these types, from the end of this transaction on.

    Raises LookupError where none of this name is registered.
    """
    consumer = consumer_named(name)
    if consumer is None:
        raise LookupError(f"no consumer named {name!r} is registered")
    names = sorted(set(types))
    ids = [new_id() for _ in names]
    given = [tenant_id, consumer.name, consumer.in_lane, consumer.queue, ids, names]
    fetched(_WANT, given)
