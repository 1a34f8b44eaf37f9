"""What a hold keeps beside the row that it names, and how an erasure goes on once it is lifted."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import connection

from compensation.actions.plan_execution import execute
from compensation.models import CompensationAttempt, CompensationPlan, CompensationRun
from config.demo.transfers import open_accounts
from ledger.erasure.erasure_tables import Erasure, LegalHold
from ledger.erasure.held_rows import held
from ledger.tenancy import tenant_scope
from tests import states
from tests.batching import asked, calls_now, transfer
from tests.casework import BASIS, preview
from tests.clients import api, browser
from tests.draining import drain
from tests.erasing import counted_erasure, erase_until_rest, one_more, placed_hold
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem


def sent(world: World, path: str, body: dict[str, Any] | None = None, status: int = 202) -> Any:
    where = f"/api/v1/ledger/{path}"
    answer = api(world.admin).post(where, body or {}, content_type="application/json")
    assert answer.status_code == status, answer.content
    return answer.json()


def lift(world: World, hold: uuid.UUID) -> None:
    sent(world, f"legal-holds/{hold}/lift", {"reason": "It is settled"}, 200)


def row(world: World, erasure: uuid.UUID) -> Erasure:
    with tenant_scope(world.system.tenant_id):
        return Erasure.objects.get(id=erasure)


def titles(world: World) -> dict[uuid.UUID, str]:
    with tenant_scope(world.system.tenant_id):
        return dict(WorkItem.objects.values_list("id", "title"))


def said_in_rollback(world: World, run_id: uuid.UUID) -> list[str]:
    """Return what a rollback keeps of why it was done, and of what it asked for."""
    tenant_id = world.system.tenant_id
    with tenant_scope(tenant_id), connection.cursor() as cursor:
        run = CompensationRun.objects.get(id=run_id)
        plan = CompensationPlan.objects.get(id=run.plan_id)
        [tried] = CompensationAttempt.objects.filter(tenant_id=tenant_id, run_id=run_id)
        cursor.execute(
            "SELECT string_agg(convert_from(p.body, 'UTF8'), ' ') FROM ledger_payload p"
            " JOIN ledger_ledgerentry e ON e.id = p.entry_id WHERE e.subject_id = %s", [run_id],
        )  # fmt: skip
        told = cursor.fetchone()[0] or ""
    return [run.reason, plan.reason, str(tried.request), told]


def test_a_hold_of_a_rollback_keeps_what_it_did_and_why(world: World) -> None:
    person, operator = one_more(world), Call(world.operator)
    item = states.completed(world.operator, title=f"Ask {person.username}")
    said = f"{person.username} was wrong"
    plan = preview(("work_item", item.id), call=operator, reason=said, regulatory_basis=BASIS)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain(fast_forward=True)
    hold = placed_hold(world, ("compensation_run", run.id))
    erasure = counted_erasure(world, person)
    sent(world, f"erasures/{erasure}/confirm")
    drain(fast_forward=True)
    assert row(world, erasure).state == "HELD"
    name = person.username
    assert [name in each for each in said_in_rollback(world, run.id)] == [True] * 4
    # What was undone is not of the rollback.
    assert titles(world)[item.id] == f"Ask {person.actor_id}"
    lift(world, hold)
    drain(fast_forward=True)
    assert row(world, erasure).state == "DONE"
    assert [name in each for each in said_in_rollback(world, run.id)] == [False] * 4


def test_a_hold_of_a_batch_holds_its_calls(world: World) -> None:
    tenant_id = world.system.tenant_id
    open_accounts(tenant_id)
    batch = asked(world, transfer(5), transfer(6))
    drain(fast_forward=True)
    placed_hold(world, ("batch", batch.id))
    calls = [("execution", each.id) for each in calls_now(world, batch.id)]
    with tenant_scope(tenant_id):
        found = held(tenant_id, None).subjects
    assert (len(calls), sorted(found)) == (2, sorted([("batch", batch.id), *calls]))


def test_a_hold_that_is_lifted_while_it_is_erased_keeps_nothing(world: World) -> None:
    person = one_more(world)
    item = states.completed(world.operator, title=f"For {person.username}")
    drain()
    hold = placed_hold(world, ("work_item", item.id))
    # Another stands on, about which they have nothing to do with.
    placed_hold(world, ("work_item", states.completed(world.operator).id))
    erasure = counted_erasure(world, person)
    sent(world, f"erasures/{erasure}/confirm")
    drain(fast_forward=True)
    found = row(world, erasure)
    assert (found.state, found.kept["work items"]) == ("HELD", 1)
    # As it is when a worker has been through all tables and has not said so yet.
    with tenant_scope(world.system.tenant_id):
        Erasure.objects.filter(id=erasure).update(
            state="ERASING", place={"tables_done": True}, kept={"work items": 1}
        )
    lift(world, hold)
    drain(fast_forward=True)
    assert (row(world, erasure).state, row(world, erasure).kept) == ("DONE", {})
    assert titles(world)[item.id] == f"For {person.actor_id}"


def test_who_was_removed_already_is_still_looked_for_after_a_hold(world: World) -> None:
    person = one_more(world, first_name="Ada", last_name="Unmistakable")
    erasure = counted_erasure(world, person)
    sent(world, f"erasures/{erasure}/confirm")
    erase_until_rest(erasure)
    assert row(world, erasure).place == {"round": 2}
    # Somebody copied the name in the meantime, and what they wrote is held.
    item = states.new_item(world.operator, title=f"For Ada Unmistakable, {person.username}")
    hold = placed_hold(world, ("work_item", item.id))
    drain(fast_forward=True)
    assert row(world, erasure).state == "HELD"
    lift(world, hold)
    drain(fast_forward=True)
    assert (row(world, erasure).state, row(world, erasure).names) == ("DONE", None)
    assert titles(world)[item.id] == f"For {person.actor_id}, {person.actor_id}"


def test_a_hold_is_placed_on_the_page_by_the_address_of_what_is_held(world: World) -> None:
    item, page = states.completed(world.operator, title="To be kept"), "/ledger/erasures/"
    client = browser(world.admin)
    sent_ = {"hold": "1", "hold-subject": f"http://testserver/work-items/{item.id}/"}
    wrong = client.post(page, {**sent_, "hold-reason": ""})
    assert wrong.status_code == 422
    placed = client.post(page, {**sent_, "hold-reason": "A claim"}, follow=True)
    assert (placed.status_code, "To be kept" in placed.content.decode()) == (200, True)
    with tenant_scope(world.system.tenant_id):
        [hold] = LegalHold.objects.all()
    assert (hold.subject_type, hold.subject_id, hold.reason) == ("work_item", item.id, "A claim")
    twice = client.post(page, {**sent_, "hold-reason": "A claim"}).content.decode()
    assert "It is held already." in twice
    assert 'name="hold-subject"' not in browser(world.auditor).get(page).content.decode()
    link = f'href="{page}"'
    assert link in browser(world.auditor).get("/ledger/").content.decode()
    assert link not in browser(world.analyst).get("/ledger/").content.decode()
