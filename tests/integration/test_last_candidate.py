"""An undo task whose last candidate leaves, or can do it no more, is the operators' at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from accounts.acting import ActingUser, authority_of, system_of
from ledger.models import LedgerEntry, OutboxTask
from ledger.tenancy import set_tenant, tenant_scope
from people.actions import change_groups, deactivate, edit_member
from tests import states
from tests.draining import drain
from tests.integration.test_members import heard
from tests.world import World
from verbs.call import Call
from verbs.move import move
from workitems import actions
from workitems.actions import work_left_behind
from workitems.models import WorkItem


def undo_for(world: World, *groups: str, **wanted: Any) -> WorkItem:
    """Return an undo task that waits for groups."""
    policy = {"performer": "groups", "candidate_groups": list(groups)}
    item = states.completed(world.operator, compensation=policy, **wanted)
    task = states.compensate(item, world.operator).attempt.compensation_id
    drain()
    return states.stored(world, task)


def leave(world: World, who: ActingUser, *groups: str) -> None:
    change_groups(who.membership_id, call=Call(world.admin), leave=list(groups))


def offered_to(world: World, item: WorkItem) -> str:
    return str(states.stored(world, item.id).offered_to)


def test_what_a_group_leaves_is_the_operators_at_once(world: World) -> None:
    task, others = undo_for(world, "compliance"), undo_for(world, "compliance", "surveyors")
    before = len(heard(world, "operator"))
    leave(world, world.compliance, "compliance")
    drain()
    assert offered_to(world, task) == "OPERATORS"
    entry = states.history(world, "work_item", task.id)[-1]
    assert (entry.action, entry.payloads["reason"]) == ("released", "group_left")
    with tenant_scope(world.system.tenant_id):
        left = LedgerEntry.objects.get(action="group_left")
    assert entry.caused_by is not None
    assert entry.caused_by.id == left.id
    assert [each[0] for each in heard(world, "operator")[before:]] == ["needs_somebody"]
    # Somebody else may do that one.
    assert offered_to(world, others) == "NAMED"
    assert states.actions_of(world, "work_item", others.id) == ["created"]
    assert actions.claim(task.id, call=Call(world.operator)).status == "ASSIGNED"


def test_whom_a_group_still_has_is_enough(world: World) -> None:
    change_groups(world.bystander.membership_id, call=Call(world.admin), join=["compliance"])
    task = undo_for(world, "compliance")
    leave(world, world.compliance, "compliance")
    drain()
    assert offered_to(world, task) == "NAMED"
    deactivate(world.bystander.membership_id, call=Call(world.admin))
    drain()
    assert offered_to(world, task) == "OPERATORS"
    entry = states.history(world, "work_item", task.id)[-1]
    assert entry.payloads["reason"] == "membership_ended"


def test_a_group_left_after_another_counts_too(world: World) -> None:
    change_groups(world.compliance.membership_id, call=Call(world.admin), join=["committee"])
    first, second = undo_for(world, "compliance"), undo_for(world, "committee")
    leave(world, world.compliance, "compliance")
    leave(world, world.compliance, "committee")
    drain()
    assert [offered_to(world, each) for each in (first, second)] == ["OPERATORS"] * 2


def asking_for(world: World, task: WorkItem, **columns: Any) -> None:
    """Let an undo task ask for more than its group."""
    tenant_id = world.system.tenant_id
    with transaction.atomic():
        set_tenant(tenant_id)
        row = WorkItem.objects.select_for_update().get(id=task.id)
        for name, value in columns.items():
            setattr(row, name, value)
        by = authority_of(system_of(tenant_id)).ref()
        move(row, "edited", before=str(row.status), by=by, fields=sorted(columns))


def test_ordinary_work_of_a_group_is_left_to_it(world: World) -> None:
    item = states.new_item(world.operator, candidate_groups=["compliance"])
    drain()
    leave(world, world.compliance, "compliance")
    drain()
    assert offered_to(world, item) == "NAMED"
    assert states.actions_of(world, "work_item", item.id) == ["created"]


def test_many_are_seen_to_few_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_left_behind, "_AT_ONCE", 2)
    tasks = [undo_for(world, "compliance") for _ in range(5)]
    sizes: list[int] = []
    see_to = work_left_behind._see_to  # noqa: SLF001  -- what is counted

    def counted(tenant_id: Any, ids: Any, **how: Any) -> int:
        sizes.append(len(ids))
        return see_to(tenant_id, ids, **how)

    monkeypatch.setattr(work_left_behind, "_see_to", counted)
    leave(world, world.compliance, "compliance")
    drain()
    assert sizes == [2, 2, 1]
    assert {offered_to(world, each) for each in tasks} == {"OPERATORS"}


def reason(world: World, task: WorkItem) -> tuple[str, Any]:
    entry = states.history(world, "work_item", task.id)[-1]
    return entry.action, entry.payloads.get("reason")


def test_a_skill_that_nobody_of_the_group_has_any_more(world: World) -> None:
    edit_member(world.compliance.actor_id, call=Call(world.admin), skills=["figures", "law"])
    task, other = undo_for(world, "compliance"), undo_for(world, "compliance")
    asking_for(world, task, required_skills=["figures"])
    edit_member(world.compliance.actor_id, call=Call(world.admin), skills=["figures"])
    drain()
    assert offered_to(world, task) == "NAMED"
    edit_member(world.compliance.actor_id, call=Call(world.admin), skills=["law"])
    drain()
    assert (offered_to(world, task), offered_to(world, other)) == ("OPERATORS", "NAMED")
    assert reason(world, task) == ("released", "skills_changed")


def test_a_group_that_is_excluded_from_it(world: World) -> None:
    task = undo_for(world, "compliance")
    asking_for(world, task, excluded_groups=["analysts"])
    change_groups(world.compliance.membership_id, call=Call(world.admin), join=["analysts"])
    drain()
    assert offered_to(world, task) == "OPERATORS"
    assert reason(world, task) == ("released", "group_joined")


def test_heard_twice_it_is_the_same(world: World) -> None:
    task = undo_for(world, "compliance")
    leave(world, world.compliance, "compliance")
    drain()
    with tenant_scope(world.system.tenant_id):
        OutboxTask.objects.filter(consumer="workitems.left_behind").update(done_at=None)
    drain()
    assert states.actions_of(world, "work_item", task.id) == ["created", "released"]
