"""Tokens over the API: made for oneself, shown once, ended by their member or a tenant admin."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from accounts.managed_people import tokens_of
from ledger.clock import now, rfc3339
from ledger.tenancy import tenant_scope
from tests import states
from tests.clients import api
from tests.world import World
from web.models import IdempotencyKey

ROOT = "/api/v1/tokens"
JSON = "application/json"
DAY = dt.timedelta(days=1)


def test_a_token_is_shown_once_works_is_listed_and_revoked(world: World) -> None:
    client = api(world.analyst)
    until = rfc3339(now() + 5 * DAY)
    made = client.post(ROOT, {"name": "Nightly", "expires_at": until}, content_type=JSON)
    assert made.status_code == 201
    shown = made.json()
    text = shown.pop("token")
    assert text.startswith(shown["begins_with"])
    address = f"{ROOT}/{shown['id']}"
    assert made["Location"] == address
    read = client.get(address)
    assert {**read.json(), "expires_at": until} == {**shown, "expires_at": until}
    assert text not in read.content.decode() + client.get(ROOT).content.decode()
    bearer = {"Authorization": f"Bearer {text}"}
    assert client.get("/api/v1/work-items", headers=bearer).status_code == 200
    assert client.delete(address).status_code == 200
    assert client.get("/api/v1/work-items", headers=bearer).status_code == 401
    assert client.delete(address).status_code == 404
    entries = states.history(world, "actor", world.analyst.actor_id)[-2:]
    assert [(each.action, each.payloads) for each in entries] == [
        ("token_created", {"name": "Nightly"}), ("token_revoked", {"name": "Nightly"}),
    ]  # fmt: skip


def test_a_repeated_request_makes_one_and_its_text_is_kept_nowhere(world: World) -> None:
    client = api(world.analyst)
    said: dict[str, Any] = {"content_type": JSON, "headers": {"Idempotency-Key": "one"}}
    first = client.post(ROOT, {"name": "Once"}, **said)
    again = client.post(ROOT, {"name": "Once"}, **said)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == {**first.json(), "token": None}
    with tenant_scope(world.analyst.tenant_id):
        [kept] = IdempotencyKey.objects.filter(key="one")
        names = [each.name for each in tokens_of(world.analyst)]
    assert first.json()["token"] not in str(kept.body)
    assert names.count("Once") == 1


@pytest.mark.parametrize(
    ("said", "pointer", "code"),
    [
        ({"name": ""}, "/name", "blank"),
        ({"name": "x" * 101}, "/name", "too_long"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at", "past"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "/expires_at", "too_late"),
        ({"member": "admin"}, "/member", "unknown_field"),
    ],
)
def test_what_cannot_be_is_refused(
    world: World, said: dict[str, Any], pointer: str, code: str
) -> None:
    refused = api(world.analyst).post(ROOT, {"name": "Mine", **said}, content_type=JSON)
    assert refused.status_code == 422
    assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [
        (pointer, code)
    ]
    assert states.actions_of(world, "actor", world.analyst.actor_id) == [
        "member_added", "token_created",
    ]  # fmt: skip


def test_only_a_tenant_admin_sees_and_ends_those_of_others(world: World) -> None:
    made = api(world.analyst).post(ROOT, {"name": "Mine"}, content_type=JSON).json()
    address = f"{ROOT}/{made['id']}"
    for who in (world.bystander, world.operator, world.outsider):
        client = api(who)
        assert client.get(address).status_code == 404
        assert client.delete(address).status_code == 404
        assert "Mine" not in client.get(ROOT).content.decode()
    admin = api(world.admin)
    assert admin.get(address).json()["member"] == world.analyst.username
    assert admin.delete(address).status_code == 200
    last = states.history(world, "actor", world.analyst.actor_id)[-1]
    assert (last.action, last.actor_id) == ("token_revoked", world.admin.actor_id)
