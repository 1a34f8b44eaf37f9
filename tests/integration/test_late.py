"""Late without a deadline: people are told once, and again only of another due time."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from accounts.models import User
from ledger.clock import now
from ledger.selectors import entries_of
from ledger.tenancy import tenant_scope
from notifications import recipients
from notifications.models import Delivery
from people.actions import deactivate, edit_member
from tests import states
from tests.concurrency.test_races import at_once
from tests.draining import drain
from tests.integration.test_deadlines import TELLS, limit, running
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.actions.work_deadlines import miss_due
from workitems.models import Deadline, WorkItem

HOUR = dt.timedelta(hours=1)


def due(world: World, **wanted: Any) -> WorkItem:
    """Return an item that is due in an hour."""
    return states.new_item(world.operator, due_at=now() + HOUR, **wanted)


def pass_by(item: WorkItem) -> None:
    """Let the due time of an item have come, and see to it."""
    states.miss(item)
    drain()


def said(world: World, item: WorkItem) -> list[str]:
    return states.actions_of(world, "work_item", item.id)


def told(world: World, item: WorkItem) -> list[uuid.UUID]:
    """Return who was told that it is late, each as often as they were."""
    with tenant_scope(world.system.tenant_id):
        rows = Delivery.objects.filter(
            subject_id=item.id, topic="deadline_missed", channel="in_app"
        )
        return sorted(rows.values_list("recipient_id", flat=True))


def test_whoever_has_it_and_its_owner_are_told_once(world: World) -> None:
    item = due(world, assignee=world.analyst.username, owner=world.surveyor.username)
    assert list(running(item)) == ["due"]
    drain()
    assert told(world, item) == []
    pass_by(item)
    assert told(world, item) == sorted([world.analyst.actor_id, world.surveyor.actor_id])
    assert said(world, item) == ["created", "deadline_missed"]
    with tenant_scope(item.tenant_id):
        entry = entries_of(item.tenant_id, "work_item", item.id)[-1]
    assert entry.payloads == {
        "title": item.title, "deadline": "due", "had_it": str(world.analyst.actor_id),
    }  # fmt: skip
    # Nothing but that: no form that somebody fills in is out of date.
    assert states.stored(world, item.id).version == item.version
    assert running(item) == {}
    drain(fast_forward=True)
    assert said(world, item).count("deadline_missed") == 1


def test_of_what_nobody_has_its_candidates_are_told_and_who_is_excluded_is_not(
    world: World,
) -> None:
    item = due(
        world, candidate_groups=["analysts"], candidate_users=[world.surveyor.username],
        excluded_users=[world.surveyor.username], owner=world.compliance.username,
    )  # fmt: skip
    pass_by(item)
    assert told(world, item) == sorted([world.analyst.actor_id, world.compliance.actor_id])


def test_of_what_is_nobodys_the_operators_are_told(world: World) -> None:
    item = due(world)
    pass_by(item)
    assert world.operator.actor_id in told(world, item)
    assert world.analyst.actor_id not in told(world, item)


def test_so_they_are_of_what_fell_to_them(world: World) -> None:
    item = due(world, candidate_users=[world.surveyor.username])
    deactivate(world.surveyor.membership_id, call=Call(world.admin))
    drain()
    assert states.stored(world, item.id).offered_to == "OPERATORS"
    pass_by(item)
    assert told(world, item) == sorted([world.operator.actor_id, world.admin.actor_id])


def test_and_where_whoever_may_take_it_cannot_log_in_any_more(world: World) -> None:
    item = due(world, candidate_groups=["analysts"])
    User.objects.filter(username=world.analyst.username).update(is_active=False)
    pass_by(item)
    assert told(world, item) == sorted([world.operator.actor_id, world.admin.actor_id])


def test_a_group_of_many_is_not_reminded_one_by_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each notice is a row for each of them: the operators see to it that somebody takes it."""
    item = due(world, candidate_groups=["analysts"])
    monkeypatch.setattr(recipients, "MOST_REMINDED", 0)
    pass_by(item)
    assert told(world, item) == sorted([world.operator.actor_id, world.admin.actor_id])


def test_another_due_time_is_told_again(world: World) -> None:
    item = due(world, assignee=world.analyst.username)
    pass_by(item)
    actions.extend(item.id, call=Call(world.operator), due_at=now() + 2 * HOUR)
    drain()
    assert told(world, item) == [world.analyst.actor_id]
    pass_by(item)
    actions.edit(item.id, call=Call(world.operator), due_at=now() + 3 * HOUR)
    pass_by(item)
    assert told(world, item) == [world.analyst.actor_id] * 3
    actions.edit(item.id, call=Call(world.operator), due_at=now() + 4 * HOUR)
    actions.edit(item.id, call=Call(world.operator), due_at=None)
    assert running(item) == {}


def test_the_earlier_due_time_counts_no_more_once_it_is_extended(world: World) -> None:
    item = due(world, assignee=world.analyst.username)
    later = now() + 5 * HOUR
    actions.extend(item.id, call=Call(world.operator), due_at=later)
    assert running(item) == {"due": later}


@pytest.mark.parametrize("end", ["complete", "cancel"])
def test_what_ended_in_time_is_told_to_nobody(world: World, end: str) -> None:
    item = due(world, assignee=world.analyst.username)
    actions.start(item.id, call=Call(world.analyst))
    if end == "complete":
        actions.complete(item.id, call=Call(world.analyst), outcome="DONE")
    else:
        actions.cancel(item.id, call=Call(world.operator), reason="No longer wanted")
    assert running(item) == {}
    drain(fast_forward=True)
    assert (told(world, item), "deadline_missed" in said(world, item)) == ([], False)


def test_on_hold_nobody_is_told_before_it_goes_on(world: World) -> None:
    item = due(world, assignee=world.analyst.username)
    actions.suspend(item.id, call=Call(world.operator))
    pass_by(item)
    drain(fast_forward=True)
    assert told(world, item) == []
    actions.resume(item.id, call=Call(world.operator))
    assert running(item) == {"due": item.due_at}
    pass_by(item)
    assert told(world, item) == [world.analyst.actor_id]
    # A second hold tells nothing anew.
    actions.suspend(item.id, call=Call(world.operator))
    actions.resume(item.id, call=Call(world.operator))
    assert running(item) == {}
    drain(fast_forward=True)
    assert told(world, item) == [world.analyst.actor_id]


def test_a_hold_that_ends_before_it_is_due_changes_nothing(world: World) -> None:
    item = due(world, assignee=world.analyst.username)
    actions.suspend(item.id, call=Call(world.operator))
    actions.assign(item.id, call=Call(world.operator), assignee=world.surveyor.username)
    assert running(item) == {"due": item.due_at}
    pass_by(item)
    assert told(world, item) == [world.surveyor.actor_id]


def test_a_deadline_of_its_own_says_what_follows(world: World) -> None:
    item = states.new_item(
        world.operator, assignee=world.analyst.username, deadlines={"completion": limit(TELLS)}
    )
    assert item.due_at is not None
    assert list(running(item)) == ["completion"]
    other = due(world, assignee=world.analyst.username, deadlines={"claim": limit(TELLS)})
    assert sorted(running(other)) == ["claim", "due"]
    actions.suspend(other.id, call=Call(world.operator))
    assert list(running(other)) == ["due"]
    # A deadline's own steps move its moment, and nothing else.
    actions.extend(item.id, call=Call(world.operator), due_at=now() + 3 * HOUR)
    assert list(running(item)) == ["completion"]


def test_workers_at_once_tell_it_once(world: World) -> None:
    item = due(world, assignee=world.analyst.username)
    [row] = states.come(item)
    seen = at_once([lambda: miss_due(item.tenant_id, row)] * 6)
    assert sorted(seen) == [False] * 5 + [True]
    drain()
    assert told(world, item) == [world.analyst.actor_id]


def test_who_needs_a_skill_is_told_where_they_have_it(world: World) -> None:
    edit_member(world.surveyor.actor_id, call=Call(world.admin), skills=["figures"])
    item = due(
        world, candidate_groups=["analysts", "surveyors"], required_skills=["figures"],
    )  # fmt: skip
    pass_by(item)
    assert told(world, item) == [world.surveyor.actor_id]
    with tenant_scope(item.tenant_id):
        assert not Deadline.objects.filter(item_id=item.id).exists()
