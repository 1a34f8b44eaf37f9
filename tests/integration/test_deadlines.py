"""Deadlines of work items: what is missed, what follows, and that it follows once."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
import time_machine

from accounts.acting import ActingUser
from compensation.lifecycle import CompensationState
from ledger.clock import now, rfc3339
from ledger.errors import Invalid
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from tests import states
from tests.clients import api
from tests.draining import drain
from tests.integration.workitems_over_rest import post
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.actions.work_deadlines import miss_due
from workitems.lifecycle import Status
from workitems.models import Deadline, WorkItem

HOUR = dt.timedelta(hours=1)
WEEK = {day: ["09:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
TELLS, ENDS = [{"do": "notify"}], [{"do": "expire"}]


def limit(breach: list[dict[str, Any]], **said: Any) -> dict[str, Any]:
    """Return a deadline that comes in an hour."""
    return {"breach": breach, **(said or {"within": "PT1H"})}


def opened(world: World, deadlines: dict[str, Any], **wanted: Any) -> WorkItem:
    """Return an item of the analysts that nobody has, with deadlines."""
    wanted.setdefault("candidate_groups", ["analysts"])
    return states.new_item(world.operator, deadlines=deadlines, **wanted)


def running(item: WorkItem) -> dict[str, dt.datetime]:
    """Return the deadlines of an item that will fall due, and when."""
    with tenant_scope(item.tenant_id):
        return dict(Deadline.objects.filter(item_id=item.id).values_list("name", "due_at"))


def stored(item: WorkItem) -> WorkItem:
    """Return an item as the database has it."""
    with tenant_scope(item.tenant_id):
        return WorkItem.objects.get(id=item.id)


def missed(item: WorkItem, *names: str) -> WorkItem:
    """Let deadlines of an item come, and see to them; the item after that."""
    states.miss(item, *names)
    drain()
    return stored(item)


def entries(world: World, item: WorkItem) -> list[str]:
    return states.actions_of(world, "work_item", item.id)


def told(world: World, item: WorkItem, topic: str) -> set[uuid.UUID]:
    with tenant_scope(world.operator.tenant_id):
        rows = Delivery.objects.filter(subject_id=item.id, topic=topic, channel="in_app")
        return set(rows.values_list("recipient_id", flat=True))


def test_each_deadline_falls_due_when_it_says(world: World) -> None:
    at = now() + dt.timedelta(days=3)
    before = now()
    item = opened(
        world,
        {
            "claim": limit(TELLS),
            "start": limit(TELLS, within="P1D"),
            "completion": limit(ENDS, at=rfc3339(at)),
            "follow_up": {"within": "PT30M"},
        },
    )
    due = running(item)
    assert due["completion"] == item.due_at == at
    assert before + HOUR <= due["claim"] <= now() + HOUR
    assert due["start"] - due["claim"] == 23 * HOUR
    assert due["claim"] - due["follow_up"] == HOUR / 2
    shown = api(world.analyst).get(f"/api/v1/work-items/{item.id}").json()["deadlines"]
    assert sorted(shown) == ["claim", "completion", "follow_up", "start"]
    assert shown["completion"] == {
        "due_at": rfc3339(at), "missed_at": None, "breach": ENDS, "step": 0,
    }  # fmt: skip


def test_nothing_happens_before_it_comes(world: World) -> None:
    item = opened(world, {"completion": limit(ENDS)})
    drain()
    assert stored(item).status == Status.PENDING
    assert entries(world, item) == ["created"]


def test_a_missed_deadline_is_told_once(world: World) -> None:
    item = opened(world, {"completion": limit(TELLS)}, assignee=world.analyst.username)
    after = missed(item)
    assert (after.status, after.assignee_id) == (Status.ASSIGNED, world.analyst.actor_id)
    assert entries(world, item) == ["created", "deadline_missed"]
    [*_, entry] = states.history(world, "work_item", item.id)
    assert (entry.actor_id, entry.payloads["deadline"]) == (world.system.actor_id, "completion")
    told_of = told(world, item, "deadline_missed")
    assert {world.analyst.actor_id, world.operator.actor_id} <= told_of
    assert world.bystander.actor_id not in told_of
    assert running(item) == {}
    drain(fast_forward=True)
    assert entries(world, item) == ["created", "deadline_missed"]


@pytest.mark.parametrize(
    ("step", "status", "action"),
    [("expire", Status.EXPIRED, "expired"), ("escalate", Status.ESCALATED, "escalated")],
)
def test_it_ends_by_its_deadline(world: World, step: str, status: Status, action: str) -> None:
    item = opened(world, {"completion": limit([{"do": step}])}, assignee=world.analyst.username)
    actions.start(item.id, call=Call(world.analyst))
    after = missed(item)
    assert (after.status, after.ended_reason) == (status, "It was not done in time.")
    assert after.ended_at is not None
    assert after.completed_at is None
    assert entries(world, item) == ["created", "started", action]
    assert world.analyst.actor_id in told(world, item, "deadline_missed")
    refused = post(api(world.analyst), f"/{item.id}/complete")
    assert (refused.status_code, refused.json()["current_status"]) == (409, status)


def test_it_goes_to_others_then_gets_more_time_and_is_escalated_at_last(world: World) -> None:
    chain: list[dict[str, Any]] = [
        {"do": "notify"},
        {"do": "reassign", "groups": ["underwriters"], "by": "PT2H"},
        {"do": "extend", "by": "PT4H"},
    ]
    item = opened(world, {"completion": limit(chain)}, assignee=world.analyst.username)
    actions.start(item.id, call=Call(world.analyst))

    passed = missed(item)
    assert (passed.status, passed.assignee_id) == (Status.PENDING, None)
    assert entries(world, item)[-2:] == ["deadline_missed", "deadline_reassigned"]
    assert world.analyst.actor_id in told(world, item, "deadline_missed")
    assert told(world, item, "taken_away") == {world.analyst.actor_id}
    assert passed.due_at == running(item)["completion"]
    assert passed.due_at is not None
    assert HOUR < passed.due_at - now() <= 2 * HOUR
    refused = post(api(world.analyst), f"/{item.id}/claim")
    assert refused.status_code == 403
    actions.claim(item.id, call=Call(world.underwriter))

    longer = missed(item)
    assert (longer.status, longer.assignee_id) == (Status.ASSIGNED, world.underwriter.actor_id)
    assert entries(world, item)[-1] == "deadline_extended"
    assert longer.due_at is not None
    assert 3 * HOUR < longer.due_at - now() <= 4 * HOUR

    ended = missed(item)
    assert ended.status == Status.ESCALATED
    assert entries(world, item)[-1] == "escalated"
    assert running(item) == {}
    assert len(entries(world, item)) == ended.version + 1  # the refused claim


def test_what_was_taken_in_time_misses_no_claim_deadline(world: World) -> None:
    deadlines = {"claim": limit(ENDS), "start": limit(ENDS, within="PT2H")}
    item = opened(world, deadlines)
    actions.claim(item.id, call=Call(world.analyst))
    assert set(running(item)) == {"start"}
    shown = api(world.analyst).get(f"/api/v1/work-items/{item.id}").json()["deadlines"]
    assert (shown["claim"]["due_at"], shown["start"]["due_at"] is None) == (None, False)
    # Whatever becomes of it later: on hold and back in the pool it has met that deadline.
    actions.suspend(item.id, call=Call(world.analyst))
    actions.resume(item.id, call=Call(world.analyst))
    actions.release(item.id, call=Call(world.analyst))
    assert set(running(item)) == {"start"}
    assert missed(item).status == Status.EXPIRED
    assert entries(world, item)[-1] == "expired"


def test_what_was_begun_in_time_misses_no_start_deadline(world: World) -> None:
    item = opened(world, {"start": limit(ENDS)})
    actions.start(item.id, call=Call(world.analyst))
    assert running(item) == {}
    actions.stop(item.id, call=Call(world.analyst))
    drain(fast_forward=True)
    assert stored(item).status == Status.ASSIGNED


def test_what_gets_a_new_moment_begins_anew(world: World) -> None:
    item = opened(world, {"completion": limit(TELLS)})
    missed(item)
    actions.extend(item.id, call=Call(world.operator), due_at=now() + HOUR)
    missed(item)
    assert entries(world, item) == ["created", "deadline_missed", "extended", "deadline_missed"]


def test_people_hear_once_of_what_ends_at_once(world: World) -> None:
    chain = [{"do": "notify"}, {"do": "notify"}, {"do": "escalate"}]
    item = opened(world, {"completion": limit(chain)}, assignee=world.analyst.username)
    assert missed(item).status == Status.ESCALATED
    assert entries(world, item) == ["created", "escalated"]


def test_time_that_cannot_be_given_escalates(world: World) -> None:
    last = dt.datetime(9000, 12, 31, 23, tzinfo=dt.UTC)
    item = opened(world, {"completion": limit([{"do": "extend", "by": "P300D"}])})
    [row] = states.come(item)
    with time_machine.travel(last):
        assert miss_due(item.tenant_id, row)
    assert stored(item).status == Status.ESCALATED


def test_a_hold_at_the_end_of_the_calendar_ends(world: World) -> None:
    last = dt.datetime(9000, 12, 31, 23, 59, tzinfo=dt.UTC)
    item = opened(world, {"completion": limit(ENDS)}, assignee=world.analyst.username)
    actions.extend(item.id, call=Call(world.operator), due_at=last)
    actions.suspend(item.id, call=Call(world.operator))
    with time_machine.travel(now() + 5 * HOUR):
        back = actions.resume(item.id, call=Call(world.operator))
    assert back.status == Status.ASSIGNED
    assert back.due_at == running(item)["completion"] > last


@pytest.mark.parametrize("end", ["complete", "reject", "cancel"])
def test_what_has_ended_has_no_deadlines(world: World, end: str) -> None:
    item = opened(world, {"completion": limit(ENDS)}, assignee=world.analyst.username)
    actions.start(item.id, call=Call(world.analyst))
    endings: dict[str, tuple[ActingUser, dict[str, Any]]] = {
        "complete": (world.analyst, {"outcome": None}),
        "reject": (world.analyst, {"reason": "No"}),
        "cancel": (world.operator, {"reason": "No"}),
    }
    by, said = endings[end]
    getattr(actions, end)(item.id, call=Call(by), **said)
    assert running(item) == {}
    before = stored(item)
    drain(fast_forward=True)
    assert stored(item).version == before.version


def test_a_follow_up_reminds_whoever_has_it(world: World) -> None:
    item = opened(world, {"follow_up": {"within": "PT1H"}}, assignee=world.analyst.username)
    assert missed(item).status == Status.ASSIGNED
    assert told(world, item, "deadline_missed") == {world.analyst.actor_id}


def test_two_workers_see_to_it_once(world: World) -> None:
    item = opened(world, {"completion": limit(TELLS)})
    with tenant_scope(item.tenant_id):
        row = Deadline.objects.get(item_id=item.id)
    with tenant_scope(item.tenant_id):
        Deadline.objects.filter(id=row.id).update(due_at=now() - HOUR)
    assert miss_due(item.tenant_id, row.id)
    assert not miss_due(item.tenant_id, row.id)
    assert entries(world, item).count("deadline_missed") == 1


@pytest.mark.parametrize("policy", ["pause", "keep"])
def test_a_suspended_item_does_not_expire(world: World, policy: str) -> None:
    item = opened(
        world, {"completion": limit(ENDS), "on_hold": policy}, assignee=world.analyst.username
    )
    due = running(item)["completion"]
    actions.suspend(item.id, call=Call(world.operator))
    assert running(item) == {}
    drain(fast_forward=True)
    assert stored(item).status == Status.SUSPENDED

    with time_machine.travel(now() + 5 * HOUR):
        back = actions.resume(item.id, call=Call(world.operator))

    again = running(item)["completion"]
    assert back.due_at == again
    if policy == "keep":
        assert again == due
    else:
        assert abs(again - due - 5 * HOUR) < HOUR / 60
    assert missed(item).status == Status.EXPIRED


def test_what_an_operator_sets_counts(world: World) -> None:
    item = opened(world, {"completion": limit(ENDS)}, assignee=world.analyst.username)
    later = now() + dt.timedelta(days=9)
    after = actions.extend(item.id, call=Call(world.operator), due_at=later)
    assert after.due_at == running(item)["completion"] == later
    sooner = now() + dt.timedelta(days=8)
    actions.edit(item.id, call=Call(world.operator), due_at=sooner)
    assert running(item)["completion"] == sooner
    actions.edit(item.id, call=Call(world.operator), due_at=None)
    assert running(item) == {}
    drain(fast_forward=True)
    assert stored(item).status == Status.ASSIGNED


def test_what_is_set_while_it_is_on_hold_counts_from_then(world: World) -> None:
    item = opened(world, {"completion": limit(ENDS)}, assignee=world.analyst.username)
    actions.suspend(item.id, call=Call(world.operator))
    later = now() + dt.timedelta(days=9)
    with time_machine.travel(now() + 5 * HOUR):
        actions.extend(item.id, call=Call(world.operator), due_at=later)
        assert running(item) == {}
        actions.resume(item.id, call=Call(world.operator))
    assert abs(running(item)["completion"] - later) < HOUR / 60


def test_working_time(world: World) -> None:
    calendar = {"zone": "Asia/Tokyo", "hours": WEEK}
    item = opened(
        world,
        {
            "completion": {
                "working": "PT8H", "breach": [{"do": "extend", "by": "PT8H"}],
            },
            "calendar": calendar,
        },
    )  # fmt: skip
    due = running(item)["completion"]
    assert due == item.due_at
    # Eight hours of office time end at the same time of the next working day, or at its end.
    local = due.astimezone(dt.timezone(9 * HOUR))
    assert local.weekday() < 5
    assert 9 <= local.hour <= 17
    again = missed(item)
    assert again.status == Status.PENDING
    assert again.due_at is not None
    assert again.due_at.astimezone(dt.timezone(9 * HOUR)).weekday() < 5
    assert again.due_at - now() >= 8 * HOUR


@pytest.mark.parametrize(
    ("deadlines", "pointer"),
    [
        ({"completion": {"within": "1 day"}}, "/deadlines/completion/within"),
        ({"completion": {"at": "tomorrow"}}, "/deadlines/completion/at"),
        (
            {"claim": {"within": "PT1H", "breach": [{"do": "shout"}]}},
            "/deadlines/claim/breach/0/do",
        ),
        ({"claim": {"within": "PT1H", "breach": []}}, "/deadlines/claim/breach"),
        ({"sometime": {}}, "/deadlines/sometime"),
        (
            {"claim": {"working": "PT1H"}, "calendar": {"zone": "Mars/Base", "hours": WEEK}},
            "/deadlines/calendar/zone",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_at_its_place(
    world: World, deadlines: dict[str, Any], pointer: str
) -> None:
    said = {"title": "Check the credit", "deadlines": deadlines}
    refused = post(api(world.operator), "", said)
    assert refused.status_code == 422
    assert [each["pointer"] for each in refused.json()["errors"]] == [pointer]


def test_one_moment_is_said_once(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        opened(world, {"completion": limit(ENDS)}, due_at=now() + HOUR)
    assert [each.pointer for each in refused.value.errors] == ["/deadlines/completion"]


def test_an_undo_task_that_misses_its_deadline_faults_what_it_undoes(world: World) -> None:
    policy = {"mode": "human", "deadline": "PT48H"}
    begun = states.compensating(world.operator, compensation=policy)
    task = states.stored(world, begun.attempt.compensation_id)
    assert task.due_at == running(task)["completion"]
    assert task.due_at is not None
    assert 47 * HOUR < task.due_at - now() <= 48 * HOUR
    with tenant_scope(task.tenant_id):
        assert set(Deadline.objects.filter(item_id=task.id).values_list("queue", flat=True)) == {
            "undo"
        }

    ended = missed(task)

    assert (ended.status, ended.compensation_state) == (
        Status.ESCALATED, CompensationState.COMPENSATION_FAULTED,
    )  # fmt: skip
    original = states.stored(world, begun.original.id)
    assert original.status == Status.COMPENSATION_FAULTED
    assert told(world, task, "deadline_missed") == set()
    assert world.operator.actor_id in told(world, begun.original, "undo_failed")
    again = actions.retry_compensation(original.id, call=Call(world.operator))
    assert again.original.status == Status.COMPENSATING
    assert set(running(states.stored(world, again.attempt.compensation_id))) == {"completion"}
