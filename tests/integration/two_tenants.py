"""Work of one tenant that stands for work of another: `demo` asks, `other` is asked."""

from __future__ import annotations

import uuid
from typing import Any

from django.test import Client

from compensation.foreign_request_tables import CompensationRequest
from executions.models import Execution
from ledger.selectors import Entry, entries_of
from ledger.tenancy import tenant_scope
from tests.clients import api
from tests.draining import drain
from tests.world import World

JSON = "application/json"
REQUESTS = "/api/v1/compensation-requests"
WHY = "The order was forged"


def post(client: Client, path: str, body: Any = None) -> Any:
    return client.post(f"/api/v1/{path}", body or {}, content_type=JSON)


def other_slug(world: World) -> str:
    return world.slug.replace("demo-", "other-")


def theirs(world: World, **more: Any) -> dict[str, Any]:
    """Return an item of the other tenant, done by its operator."""
    client = api(world.outsider)
    item = post(client, "work-items", {"title": "Ship the goods", **more}).json()
    for verb in ("claim", "start", "complete"):
        assert post(client, f"work-items/{item['id']}/{verb}").status_code == 200
    drain()
    return dict(client.get(f"/api/v1/work-items/{item['id']}").json())


def ours(world: World, remote: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an item of the asking tenant that stands for `remote`, done by the operator."""
    client = api(world.operator)
    made = post(client, "work-items", {"title": "Order the goods", "remote": remote, **more})
    assert made.status_code == 201, made.content
    for verb in ("claim", "start", "complete"):
        assert post(client, f"work-items/{made.json()['id']}/{verb}").status_code == 200
    drain()
    return item(world, made.json()["id"])


def remote_of(world: World, item_id: str) -> dict[str, Any]:
    return {"tenant": other_slug(world), "type": "work_item", "id": item_id}


def item(world: World, id_: str) -> dict[str, Any]:
    return dict(api(world.operator).get(f"/api/v1/work-items/{id_}").json())


def ask(world: World, own: dict[str, Any]) -> dict[str, Any]:
    """Have our item undone, and return the execution that waits for the other tenant."""
    said = post(api(world.operator), f"work-items/{own['id']}/compensate", {"reason": WHY})
    assert said.status_code == 201, said.content
    drain()
    return asking(world, own)


def asking(world: World, own: dict[str, Any]) -> dict[str, Any]:
    """Return the newest undo of our item."""
    found = item(world, own["id"])["compensations"][-1]
    assert found["type"] == "execution"
    return dict(api(world.operator).get(f"/api/v1/executions/{found['id']}").json())


def asked(world: World) -> list[dict[str, Any]]:
    """Return what the other tenant is asked, as its operator reads it, newest first."""
    return list(api(world.outsider).get(REQUESTS).json()["results"])


def decide(world: World, verb: str, request: dict[str, Any], reason: str = "") -> Any:
    body = {"reason": reason} if reason else {}
    answer = post(api(world.outsider), f"compensation-requests/{request['id']}/{verb}", body)
    drain()
    return answer


def undo_theirs(
    world: World, original: dict[str, Any], outcome: str = "REVERSED", *, drained: bool = True
) -> None:
    """Let the other tenant's operator do the undo task of its item."""
    client = api(world.outsider)
    [task] = client.get(f"/api/v1/work-items/{original['id']}").json()["compensated_by"][-1:]
    post(client, f"work-items/{task}/claim")
    assert post(client, f"work-items/{task}/start").status_code == 200
    body = {"outcome": outcome, "reason": "" if outcome == "REVERSED" else "It has left"}
    assert post(client, f"work-items/{task}/complete", body).status_code == 200
    if drained:
        drain()


def their_requests(world: World) -> list[CompensationRequest]:
    tenant_id = world.outsider.tenant_id
    with tenant_scope(tenant_id):
        return list(CompensationRequest.objects.filter(tenant_id=tenant_id).order_by("id"))


def entries(tenant_id: uuid.UUID, type_: str, id_: Any) -> list[Entry]:
    with tenant_scope(tenant_id):
        return entries_of(tenant_id, type_, uuid.UUID(str(id_)))


def stored(world: World, id_: str) -> Execution:
    tenant_id = world.operator.tenant_id
    with tenant_scope(tenant_id):
        return Execution.objects.get(tenant_id=tenant_id, id=id_)
