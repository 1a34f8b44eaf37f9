"""Nothing is being undone with nothing under way; where it is, a person hears of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import connection, transaction

from accounts.acting import authority_of, system_of
from accounts.models import GroupMembership, Substitution
from compensation.actions.undo_check import SOURCE, hanging
from compensation.check_tables import UndoCheck
from compensation.lifecycle import AttemptOutcome
from compensation.models import CompensationAttempt
from ledger.tenancy import set_tenant, tenant_scope
from people.actions import deactivate
from tests import states
from tests.clients import api
from tests.draining import drain
from tests.integration.test_substitutes import stand_in
from tests.world import World
from verbs.call import Call
from verbs.move import move
from workitems import actions
from workitems.models import WorkItem


def check(world: World) -> UndoCheck:
    """Let the night's check come, and return its row."""
    tenant_id = world.system.tenant_id
    with transaction.atomic():
        set_tenant(tenant_id)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE compensation_undocheck SET due_at = ledger_now()")
            assert cursor.rowcount == 1
    with tenant_scope(tenant_id):
        row = UndoCheck.objects.get()
    assert SOURCE.work(tenant_id, row.id)
    # Until the next night there is nothing to do.
    assert not SOURCE.work(tenant_id, row.id)
    drain()
    with tenant_scope(tenant_id):
        return UndoCheck.objects.get()


def undo_of(world: World, item: Any) -> WorkItem:
    with tenant_scope(world.system.tenant_id):
        return WorkItem.objects.get(undoes_id=item.id)


def told(world: World) -> list[str]:
    found = api(world.operator).get("/api/v1/notifications").json()["results"]
    return [each["title"] for each in found if each["title"].startswith("Undo failed")]


def test_every_tenant_is_looked_through_each_night_and_nothing_hangs(world: World) -> None:
    begun = states.compensating(world.operator)
    faulted = states.compensating(world.operator)
    states.work(world.operator, undo_of(world, faulted.original).id, "CANNOT_REVERSE")
    by_program = states.completed(
        world.analyst, payload={"seconds": 0}, compensation={"capability": "demo.slow"}
    )
    actions.compensate(by_program.id, call=Call(world.operator), reason="Forged")
    assert hanging(world.system.tenant_id) == []
    row = check(world)
    assert (row.found, row.leased_until) == (0, None)
    assert row.checked_at is not None
    assert row.due_at > row.checked_at
    assert states.stored(world, begun.original.id).status == "COMPENSATING"
    assert "compensation_faulted" not in states.actions_of(world, "work_item", begun.original.id)


def test_an_undo_that_ended_past_the_door_faults_its_original(world: World) -> None:
    item = states.compensating(world.operator).original
    undo = undo_of(world, item)
    with transaction.atomic():
        set_tenant(world.system.tenant_id)
        row = WorkItem.objects.select_for_update(of=("self",)).get(id=undo.id)
        row.cancel()
        row.ended_at = row.created_at
        system = authority_of(system_of(world.system.tenant_id)).ref()
        move(row, "cancelled", before="ASSIGNED", by=system, fields=["ended_at"])
    assert states.stored(world, item.id).status == "COMPENSATING"
    assert hanging(world.system.tenant_id) == [("work_item", item.id)]
    assert check(world).found == 1
    assert states.stored(world, item.id).status == "COMPENSATION_FAULTED"
    assert states.actions_of(world, "work_item", item.id)[-1] == "compensation_faulted"
    [attempt] = states.attempts(world, item.id)
    assert (attempt.outcome, attempt.error) == (
        AttemptOutcome.FAILED, "Nothing was under way any more that would undo it.",
    )  # fmt: skip
    assert len(told(world)) == 1
    # A person goes on from there, and nothing is found again.
    actions.retry_compensation(item.id, call=Call(world.operator))
    assert states.stored(world, item.id).status == "COMPENSATING"
    assert (check(world).found, hanging(world.system.tenant_id)) == (0, [])


def test_an_attempt_that_was_closed_by_hand_calls_its_task_off(world: World) -> None:
    item = states.compensating(world.operator).original
    with tenant_scope(world.system.tenant_id):
        CompensationAttempt.objects.filter(original_id=item.id).update(outcome="FAILED")
    assert check(world).found == 1
    assert states.stored(world, item.id).status == "COMPENSATION_FAULTED"
    assert undo_of(world, item).status == "CANCELLED"
    assert states.actions_of(world, "work_item", item.id).count("compensation_faulted") == 1


def test_what_nobody_has_tried_to_undo_is_handed_to_a_person(world: World) -> None:
    item = states.completed(world.analyst)
    with transaction.atomic():
        set_tenant(world.system.tenant_id)
        row = WorkItem.objects.select_for_update(of=("self",)).get(id=item.id)
        row.compensate()
        row.compensation_state, row.compensation_round = "COMPENSATING", 1
        system = authority_of(system_of(world.system.tenant_id)).ref()
        move(
            row, "compensation_started", before="COMPLETED", by=system, kind="COMPENSATION",
            fields=["compensation_state", "compensation_round"],
        )  # fmt: skip
    assert check(world).found == 1
    assert states.stored(world, item.id).status == "COMPENSATING"
    assert undo_of(world, item).status == "ASSIGNED"
    assert hanging(world.system.tenant_id) == []


def waiting_undo(world: World, **policy: Any) -> WorkItem:
    """Return the undo task of an item of the analyst's that waits for people."""
    item = states.completed(world.analyst, compensation={"performer": "groups", **policy})
    states.compensate(item, world.operator)
    return undo_of(world, item)


def test_what_waits_for_nobody_any_more_is_found(world: World) -> None:
    emptied = waiting_undo(world, candidate_groups=["compliance"])
    others = waiting_undo(world, candidate_groups=["surveyors"])
    drain()
    # What no news tells of.
    with tenant_scope(world.system.tenant_id):
        GroupMembership.objects.filter(name="compliance").delete()
    assert states.stored(world, emptied.id).offered_to == "NAMED"
    assert check(world).found == 1
    found = states.stored(world, emptied.id)
    assert (found.status, found.offered_to) == ("PENDING", "OPERATORS")
    entry = states.history(world, "work_item", emptied.id)[-1]
    assert (entry.action, entry.payloads["reason"]) == ("released", "nobody_left")
    assert actions.claim(emptied.id, call=Call(world.operator)).status == "ASSIGNED"
    assert states.actions_of(world, "work_item", others.id) == ["created"]
    assert check(world).found == 0


def test_what_a_substitute_has_is_found_once_that_has_run_out(world: World) -> None:
    row = stand_in(world, world.bystander, world.compliance)
    task = waiting_undo(world, candidate_users=[world.compliance.username])
    deactivate(world.compliance.membership_id, call=Call(world.admin))
    drain()
    actions.start(task.id, call=Call(world.bystander))
    # As long as somebody does it in their place it is left to them.
    assert check(world).found == 0
    with tenant_scope(world.system.tenant_id):
        over = row.since - dt.timedelta(hours=1)
        Substitution.objects.filter(id=row.id).update(since=over - dt.timedelta(days=1), until=over)
    assert check(world).found == 1
    found = states.stored(world, task.id)
    assert (found.status, found.assignee_id, found.offered_to) == ("PENDING", None, "OPERATORS")


def test_another_tenants_are_not_touched(world: World) -> None:
    item = states.compensating(world.operator).original
    with tenant_scope(world.system.tenant_id):
        CompensationAttempt.objects.filter(original_id=item.id).update(outcome="FAILED")
    assert hanging(world.outsider.tenant_id) == []
    with tenant_scope(world.outsider.tenant_id):
        assert UndoCheck.objects.count() == 1
