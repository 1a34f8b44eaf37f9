"""Every member reads the ledger of their tenant, and nobody another's."""

from __future__ import annotations

from ledger.selectors import latest_ref
from ledger.tenancy import tenant_scope
from tests.security.matrix import Row, expect
from tests.world import World


def an_entry(world: World) -> dict[str, object]:
    """Return the newest entry about the analyst."""
    with tenant_scope(world.analyst.tenant_id):
        found = latest_ref(world.analyst.tenant_id, "actor", world.analyst.actor_id)
    assert found is not None
    return {"id": found.id}


def a_subject(world: World) -> dict[str, object]:
    """Return a subject with a chain."""
    return {"type": "actor", "id": world.analyst.actor_id}


ROWS = {
    "audit:entries": Row(GET=expect(200)),
    "audit:entry": Row(make=an_entry, GET=expect(200)),
    "audit:subject": Row(make=a_subject, GET=expect(200)),
    "audit-api:entries": Row(GET=expect(200)),
    "audit-api:entry": Row(make=an_entry, GET=expect(200)),
}
