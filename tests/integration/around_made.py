"""What is put around items, as API clients do it, for the tests of that."""

from __future__ import annotations

import uuid
from typing import Any

from django.test import Client

from ledger import selectors as ledger
from ledger.tenancy import tenant_scope
from tests.integration.workitems_over_rest import JSON, ROOT, post
from tests.world import World


def added(client: Client, item_id: Any, many: str, body: Any, status: int = 201) -> dict[str, Any]:
    answer = post(client, f"/{item_id}/{many}", body)
    assert answer.status_code == status, answer.content
    return dict(answer.json())


def listed(client: Client, item_id: Any, many: str) -> list[dict[str, Any]]:
    answer = client.get(f"{ROOT}/{item_id}/{many}")
    assert answer.status_code == 200, answer.content
    return list(answer.json()["results"])


def removed(client: Client, item_id: Any, many: str, id_: Any, status: int = 200) -> Any:
    answer = client.delete(f"{ROOT}/{item_id}/{many}/{id_}", content_type=JSON)
    assert answer.status_code == status, answer.content
    return answer.json()


def entry(world: World, item_id: Any) -> Any:
    """Return the newest entry of an item."""
    with tenant_scope(world.operator.tenant_id):
        found = ledger.entries_of(world.operator.tenant_id, "work_item", uuid.UUID(str(item_id)))
        return max(found, key=lambda each: each.subject_seq)
