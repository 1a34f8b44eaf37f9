"""What a legal hold keeps of a person, workers that are killed, and who may not."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.actions import add_member
from accounts.selectors import people, places_of
from ledger import failpoints
from ledger.erasure.erasure_tables import Erasure
from ledger.models import Payload
from ledger.record import ActorRef
from ledger.tenancy import set_tenant, system_scope, tenant_scope
from tests import states
from tests.clients import api, browser
from tests.draining import drain, expire_leases
from tests.erasing import counted_erasure, one_more, placed_hold
from tests.world import World
from workitems.models import WorkItem

ROOT = "/api/v1/ledger/erasures"
HOLDS = "/api/v1/ledger/legal-holds"


def sent(world: World, path: str, body: dict[str, Any] | None = None, status: int = 202) -> Any:
    answer = api(world.admin).post(path, body or {}, content_type="application/json")
    assert answer.status_code == status, answer.content
    return answer.json()


def state(world: World, id_: uuid.UUID) -> str:
    with tenant_scope(world.system.tenant_id):
        return Erasure.objects.get(id=id_).state


def test_what_is_held_is_kept_with_who_acted_there_until_it_is_lifted(world: World) -> None:
    person = one_more(world)
    held = states.completed(person, title=f"By {person.username}")
    free = states.completed(person, title=f"Also by {person.username}")
    drain()
    hold = placed_hold(world, ("work_item", held.id))
    erasure = counted_erasure(world, person)
    row = api(world.auditor).get(f"{ROOT}/{erasure}").json()
    assert row["held"]["work items"] == row["will_erase"]["work items"] == 1
    sent(world, f"{ROOT}/{erasure}/confirm")
    drain(fast_forward=True)
    assert state(world, erasure) == "HELD"
    tenant_id = world.system.tenant_id
    with tenant_scope(tenant_id):
        titles = dict(WorkItem.objects.filter(tenant_id=tenant_id).values_list("id", "title"))
        named = people(tenant_id, [person.actor_id])[person.actor_id]
    assert titles[held.id] == f"By {person.username}"
    assert titles[free.id] == f"Also by {person.actor_id}"
    assert (named.username, named.is_active) == (person.username, False)
    sent(world, f"{HOLDS}/{hold}/lift", {"reason": "It is settled"}, 200)
    drain(fast_forward=True)
    assert state(world, erasure) == "DONE"
    with tenant_scope(tenant_id):
        assert WorkItem.objects.get(id=held.id).title == f"By {person.actor_id}"
        assert people(tenant_id, [person.actor_id])[person.actor_id].username.startswith("erased-")
    page = browser(world.auditor).get(f"/ledger/erasures/{erasure}/").content.decode()
    assert str(erasure) in page
    assert person.username not in page


@pytest.mark.parametrize("point", ["erase.portion", "erase.identity", "erase.receipt"])
def test_a_worker_that_dies_leaves_it_to_the_next(
    world: World, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = one_more(world)
    states.completed(person, title=f"By {person.username}")
    drain()
    erasure = counted_erasure(world, person)
    sent(world, f"{ROOT}/{erasure}/confirm")
    reach = failpoints.reach
    left = [0]

    def die(name: str) -> None:
        if name == point and not left[0]:
            left[0] = 1
            raise KeyboardInterrupt
        reach(name)

    monkeypatch.setattr(failpoints, "reach", die)
    with pytest.raises(KeyboardInterrupt):
        drain(fast_forward=True)
    assert state(world, erasure) == "ERASING"
    with system_scope("sweep"), connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_erasure SET leased_until = now() - interval '1 second'")
    expire_leases()
    drain(fast_forward=True)
    row = api(world.auditor).get(f"{ROOT}/{erasure}").json()
    assert (left, row["status"]) == ([1], "DONE")
    assert row["erased"] == row["receipt"]["counts"]
    assert row["erased"]["work items"] == 1


def test_nobody_erases_themselves_nor_anybody_twice(world: World) -> None:
    body = {"person": world.admin.username, "reason": "I go"}
    assert sent(world, ROOT, body, 409)["code"] == "own_erasure"
    unknown = sent(world, ROOT, {"person": "nobody-at-all", "reason": "x"}, 422)
    assert unknown["errors"][0]["pointer"] == "/person"
    person = one_more(world)
    erasure = counted_erasure(world, person)
    again = {"person": person.username, "reason": "x"}
    assert sent(world, ROOT, again, 409)["code"] == "already_requested"
    sent(world, f"{ROOT}/{erasure}/withdraw", status=200)
    assert sent(world, f"{ROOT}/{erasure}/confirm", status=409)["code"] == "illegal_state"
    short = sent(world, ROOT, {**again, "also_called": ["ab"]}, 422)
    assert short["errors"][0]["pointer"] == "/also_called/0"
    with tenant_scope(world.system.tenant_id):
        row = Erasure.objects.get(id=erasure)
    assert (row.state, row.names, row.also, row.erased) == ("WITHDRAWN", None, [], {})
    assert sent(world, f"{ROOT}/{uuid.uuid4()}/confirm", status=404)["code"] == "not_found"


def test_a_hold_is_placed_once_and_lifted_once(world: World) -> None:
    item = states.completed(world.operator)
    body = {"subject": {"type": "work_item", "id": str(item.id)}, "reason": "A claim"}
    hold = sent(world, HOLDS, body, 201)
    assert sent(world, HOLDS, body, 409)["code"] == "already_held"
    other = {**body, "subject": {"type": "tenant", "id": str(item.id)}}
    assert sent(world, HOLDS, other, 422)["errors"][0]["pointer"] == "/subject/type"
    foreign = {**body, "subject": {"type": "case", "id": str(item.id)}}
    assert sent(world, HOLDS, foreign, 422)["errors"][0]["pointer"] == "/subject/id"
    sent(world, f"{HOLDS}/{hold['id']}/lift", {"reason": "Settled"}, 200)
    lifted = sent(world, f"{HOLDS}/{hold['id']}/lift", {"reason": "Settled"}, 409)
    assert lifted["code"] == "already_lifted"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_ledgerentry SET actor_role = ''",
        "DELETE FROM ledger_ledgerentry",
        "DELETE FROM ledger_ledgerleaf",
        "DELETE FROM ledger_erasurereceipt",
        "UPDATE ledger_erasedpayload SET name = ''",
        "TRUNCATE ledger_payload",
    ],
)
def test_the_role_that_erases_leaves_the_ledger_as_it_is(world: World, statement: str) -> None:
    def tried() -> None:
        with transaction.atomic():
            set_tenant(world.system.tenant_id)
            with system_scope("erase"), connection.cursor() as cursor:
                cursor.execute(statement)

    with pytest.raises(DatabaseError, match="permission denied"):
        tried()


def test_it_reaches_no_other_tenant(world: World) -> None:
    theirs = world.outsider.tenant_id
    with tenant_scope(theirs):
        before = Payload.objects.filter(tenant_id=theirs).count()
    with transaction.atomic():
        set_tenant(world.system.tenant_id)
        with system_scope("erase"), connection.cursor() as cursor:
            cursor.execute("DELETE FROM ledger_payload WHERE tenant_id = %s", [theirs])
            assert cursor.rowcount == 0
    with tenant_scope(theirs):
        assert Payload.objects.filter(tenant_id=theirs).count() == before > 0


def test_a_member_of_two_organisations_stays_one_of_the_other(world: World) -> None:
    person = one_more(world)
    with transaction.atomic(durable=True):
        set_tenant(world.outsider.tenant_id)
        add_member(
            world.outsider.tenant_id, person.username, roles=[], groups=[], actor_type="HUMAN",
            by=ActorRef(world.outsider.actor_id, "HUMAN", "operator"),
        )  # fmt: skip
    erasure = counted_erasure(world, person)
    sent(world, f"{ROOT}/{erasure}/confirm")
    drain(fast_forward=True)
    assert state(world, erasure) == "DONE"
    assert person.user_id is not None
    [place] = places_of(person.user_id)
    assert (place.acting.tenant_id, place.acting.username) == (
        world.outsider.tenant_id, person.username,
    )  # fmt: skip


def test_a_page_says_under_which_receipt_a_text_went(world: World) -> None:
    person = one_more(world)
    item = states.completed(world.operator, title="Ask them")
    states.compensate(item, world.operator, reason=f"{person.username} was wrong")
    erasure = counted_erasure(world, person)
    sent(world, f"{ROOT}/{erasure}/confirm")
    drain(fast_forward=True)
    said = [each for each in states.history(world, "work_item", item.id) if each.receipt]
    assert {each.receipt for each in said} == {erasure}
    for each in said:
        page = browser(world.auditor).get(f"/ledger/entries/{each.id}/").content.decode()
        assert f"erased under receipt {erasure}" in page
        told = api(world.auditor).get(f"/api/v1/ledger/entries/{each.id}").json()
        assert (told["erased_under"], told["erased"] != []) == (str(erasure), True)
