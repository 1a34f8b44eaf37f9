"""Checks of the ledger that somebody asked for: one at a time, worked as due rows, kept."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest
from django.db import connection, transaction

from ledger.ids import new_id, new_token
from ledger.models import LedgerVerification
from ledger.tenancy import set_tenant, tenant_scope
from ledger.verifications import newest_verification, request_verification, verify_due
from ledger.verify import verify_tenant
from tests import states
from tests.clients import api
from tests.draining import drain
from tests.integration.test_verify_ledger import flipped, tampered
from tests.sealed import hashes, sealed
from tests.world import World

ROOT = "/api/v1/ledger/verify"


def asked(world: World) -> dict[str, Any]:
    answer = api(world.auditor).post(ROOT, {}, content_type="application/json")
    assert answer.status_code == 202
    return dict(answer.json())


def read(world: World, id_: str) -> dict[str, Any]:
    return dict(api(world.auditor).get(f"{ROOT}/{id_}").json())


def test_a_check_is_asked_for_carried_out_and_kept(world: World) -> None:
    states.in_progress(world.analyst)
    size = sealed(world.system.tenant_id).size
    states.new_item(world.analyst)
    before = asked(world)
    # Making the token that it was asked with is an entry too.
    total = len(hashes(world.system.tenant_id))
    assert total == size + 2
    assert before["outcome"] is before["result"] is before["finished_at"] is None
    assert (before["checked"], before["total"]) == (0, total)
    assert before["requested_by"] == world.auditor.username
    drain()
    after = read(world, before["id"])
    assert after["outcome"] == "valid"
    assert after["checked"] == after["total"] == total
    counted = after["result"]
    assert (counted["entries"], counted["sealed"], counted["erased"]) == (total, size, 0)
    with tenant_scope(world.system.tenant_id):
        newest = newest_verification(world.system.tenant_id)
    assert newest is not None
    assert str(newest.id) == before["id"]


def test_it_checks_one_tenant_alone_and_names_the_first_bad_entry(world: World) -> None:
    sealed(world.system.tenant_id)
    item = states.in_progress(world.analyst)
    entry = states.history(world, "work_item", item.id)[-1]
    with tampered(entry, "ledger_ledgerentry", "body", flipped):
        mine = asked(world)
        theirs = api(world.outsider).post(ROOT, {}, content_type="application/json").json()
        drain()
        found = read(world, mine["id"])
        other = api(world.outsider).get(f"{ROOT}/{theirs['id']}").json()
    assert found["outcome"] == "broken"
    assert (found["result"]["entry"], found["result"]["kind"]) == (str(entry.id), "bytes")
    assert other["outcome"] == "valid"
    assert api(world.outsider).get(f"{ROOT}/{mine['id']}").status_code == 404


def test_what_is_no_object_is_refused_and_nothing_is_asked_for(world: World) -> None:
    for body in ("null", "[]", '""', "1"):
        answer = api(world.auditor).post(ROOT, body, content_type="application/json")
        assert answer.status_code == 422, body
        (error,) = answer.json()["errors"]
        assert (error["pointer"], error["message"]) == ("", "The body must be an object."), body
    with tenant_scope(world.system.tenant_id):
        assert not LedgerVerification.objects.exists()
    empty = api(world.auditor).post(ROOT, "", content_type="application/json")
    assert empty.status_code == 202


def test_one_is_under_way_at_a_time(world: World) -> None:
    first = asked(world)
    assert asked(world)["id"] == first["id"]
    key: Any = {"headers": {"Idempotency-Key": f"check-{uuid.uuid4()}"}}
    send = api(world.auditor).post
    kept = send(ROOT, {}, content_type="application/json", **key).json()
    drain()
    # The same key means the same check; a new request means a new one.
    again = send(ROOT, {}, content_type="application/json", **key)
    assert (again.json()["id"], again["Idempotency-Replayed"]) == (kept["id"], "true")
    assert asked(world)["id"] != first["id"]


def test_two_who_ask_at_once_get_one_check(world: World) -> None:
    tenant = world.system.tenant_id
    found: list[uuid.UUID] = []

    def ask() -> None:
        try:
            with transaction.atomic():
                set_tenant(tenant)
                found.append(request_verification(tenant, world.auditor.actor_id).id)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_one_that_was_taken_over_settles_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_, tenant = uuid.UUID(asked(world)["id"]), world.system.tenant_id
    check = verify_tenant

    def overtaken(*given: Any) -> Any:
        with transaction.atomic():
            set_tenant(tenant)
            LedgerVerification.objects.filter(id=id_).update(lease_token=new_token())
        return check(*given)

    monkeypatch.setattr("ledger.verifications.verify_tenant", overtaken)
    assert verify_due(tenant, id_) is True
    assert read(world, str(id_))["outcome"] is None


def test_one_whose_workers_die_has_failed_in_the_end(world: World) -> None:
    id_, tenant = uuid.UUID(asked(world)["id"]), world.system.tenant_id
    with transaction.atomic():
        set_tenant(tenant)
        LedgerVerification.objects.filter(id=id_).update(attempts=5)
    assert verify_due(tenant, id_) is True
    assert read(world, str(id_))["outcome"] == "failed"
    assert verify_due(tenant, id_) is False


def test_what_is_wrong_is_refused(world: World) -> None:
    send = api(world.auditor).post
    assert send(ROOT, {"deep": True}, content_type="application/json").status_code == 422
    assert send(ROOT, [1], content_type="application/json").status_code == 422
    assert api(world.auditor).get(f"{ROOT}/{new_id()}").status_code == 404
    assert hashes(world.system.tenant_id)
