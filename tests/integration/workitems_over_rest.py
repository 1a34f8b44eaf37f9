"""Work items as API clients make them, for the tests of the API."""

from __future__ import annotations

import uuid
from typing import Any

from django.test import Client

from ledger import selectors as ledger
from ledger.tenancy import tenant_scope
from tests.clients import api
from tests.world import World

ROOT = "/api/v1/work-items"
JSON = "application/json"


def post(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    return client.post(f"{ROOT}{path}", body or {}, content_type=JSON, headers=headers)


def opened(client: Client, **body: Any) -> dict[str, Any]:
    answer = post(client, "", {"title": "Check the payslip", **body})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def done(world: World, **body: Any) -> dict[str, Any]:
    """Return an item that the analyst has completed."""
    item = opened(api(world.operator), assignee=world.analyst.username, **body)
    mine = api(world.analyst)
    post(mine, f"/{item['id']}/start")
    answer = post(
        mine, f"/{item['id']}/complete", {"outcome": "APPROVED", "resolution": {"score": 7}}
    )
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def undone(world: World, item: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = post(
        api(world.operator), f"/{item['id']}/compensate", {"reason": "It was forged", **body}
    )
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def faulted(world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an original whose undo task ended CANNOT_REVERSE, and that task."""
    original = done(world)
    task = undone(world, original)["compensation"]
    mine = api(world.analyst)
    post(mine, f"/{task['id']}/start")
    answer = post(mine, f"/{task['id']}/complete", {"outcome": "CANNOT_REVERSE", "reason": "Gone"})
    assert answer.status_code == 200, answer.content
    return read(mine, original["id"]), dict(answer.json())


def read(client: Client, item_id: str) -> dict[str, Any]:
    answer = client.get(f"{ROOT}/{item_id}")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def entries(world: World, item_id: str) -> list[str]:
    with tenant_scope(world.operator.tenant_id):
        tenant_id = world.operator.tenant_id
        found = ledger.entries_of(tenant_id, "work_item", uuid.UUID(item_id))
        return [each.action for each in found]
