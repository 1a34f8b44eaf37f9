"""Undoing one work item by a person: entries, links, snapshot, endings, who is asked, refusals."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine

from ledger.clock import rfc3339
from ledger.errors import Conflict, Invalid, NotPermitted
from ledger.record import EntryRef
from ledger.selectors import Entry
from ledger.tenancy import tenant_scope
from people.actions import deactivate
from tests import states
from tests.approvals import approve
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.lifecycle import Status
from workitems.models import WorkItem

PAYLOAD = {"applicant": "R. Vega", "amount": 25_000}
BASIS = [{"code": "INTERNAL_POLICY", "note": "fraud manual 4.2"}]


def ref(entry: Entry) -> EntryRef:
    return EntryRef(entry.id, entry.hash)


def finished(world: World, **wanted: Any) -> WorkItem:
    """Return an item that `analyst` completed."""
    return states.completed(
        world.analyst, payload=PAYLOAD, resolution={"score": 740}, candidate_groups=["analysts"],
        **wanted,
    )  # fmt: skip


def work_done(world: World, item: WorkItem) -> tuple[Any, ...]:
    """Return what undoing never touches."""
    row = states.stored(world, item.id)
    return row.outcome, row.resolution, row.completed_at, row.completed_by_id, row.payload


def leave(world: World, name: str) -> None:
    membership = world.of(name).membership_id
    assert membership is not None
    deactivate(membership, call=Call(world.admin))


def test_the_entries_of_an_undo_and_their_links(world: World) -> None:
    item = finished(world)
    begun = states.compensate(item, world.operator, regulatory_basis=BASIS)
    states.undo(begun.attempt.compensation_id, world.analyst, resolution={"note": "done"})
    _, _, completed, started, undone = states.history(world, "work_item", item.id)
    created, begun_work, ended = states.history(world, "work_item", begun.attempt.compensation_id)
    assert [
        (e.kind, e.action, e.from_status, e.to_status, e.subject_version)
        for e in (completed, started, undone, created, begun_work, ended)
    ] == [
        ("TRANSITION", "completed", "IN_PROGRESS", "COMPLETED", 3),
        ("COMPENSATION", "compensation_started", "COMPLETED", "COMPENSATING", 4),
        ("COMPENSATION", "compensation_completed", "COMPENSATING", "COMPENSATED", 5),
        ("COMPENSATION", "created", "", "ASSIGNED", 1),
        ("COMPENSATION", "started", "ASSIGNED", "IN_PROGRESS", 2),
        ("COMPENSATION", "completed", "IN_PROGRESS", "COMPLETED", 3),
    ]
    assert (started.caused_by, created.caused_by, undone.caused_by) == (
        None, ref(started), ref(ended),
    )  # fmt: skip
    assert {e.original for e in (started, undone, created, begun_work, ended)} == {ref(completed)}
    assert (completed.caused_by, completed.original, completed.compensation) == (None, None, None)
    said = {
        "mode": "human", "strategy": "restore", "regulatory_basis": ["INTERNAL_POLICY"],
        "run": None, "step": None, "attempt": 1,
    }  # fmt: skip
    assert (started.compensation, undone.compensation) == ({**said, "round": 1},) * 2
    assert (created.compensation, ended.compensation) == (said, said)
    assert started.payloads == {"reason": states.REASON, "regulatory_basis": BASIS}
    assert (started.actor_id, started.actor_role) == (world.operator.actor_id, "operator")
    assert (undone.actor_id, undone.actor_role) == (world.analyst.actor_id, "member")


def test_the_undo_task_is_whole_from_the_first_moment(world: World) -> None:
    item = finished(world)
    begun = states.compensate(item, world.operator, regulatory_basis=BASIS)
    task = states.stored(world, begun.attempt.compensation_id)
    assert (task.kind, task.status, task.assignee_id) == (
        "COMPENSATION", "ASSIGNED", world.analyst.actor_id,
    )  # fmt: skip
    assert (task.compensates_id, task.undoes_type, task.undoes_id) == (
        item.id, "work_item", item.id,
    )  # fmt: skip
    assert (task.compensation_state, task.payload) == ("COMPENSATING", PAYLOAD)
    assert task.permitted_outcomes == [
        "REVERSED", "CORRECTED", "PARTIALLY_REVERSED", "CANNOT_REVERSE",
    ]  # fmt: skip
    assert item.completed_at is not None
    assert task.compensation == {
        "requested_by": str(world.operator.actor_id),
        "reason": states.REASON,
        "regulatory_basis": BASIS,
        "strategy": "restore",
        "mode": "human",
        "run": None,
        "step": None,
        "attempt": 1,
        "replaced_performer": "",
        "original_snapshot": {
            "title": "Check the credit",
            "payload": PAYLOAD,
            "outcome": "PASSED",
            "resolution": {"score": 740},
            "completed_by": str(world.analyst.actor_id),
            "completed_at": rfc3339(item.completed_at),
        },
    }
    (attempt,) = states.attempts(world, item.id)
    assert (attempt.round, attempt.number, attempt.outcome, attempt.mode) == (1, 1, "", "human")
    assert (attempt.compensation_type, attempt.compensation_id) == ("work_item", task.id)


def test_the_snapshot_stays_as_it_was(world: World) -> None:
    item = finished(world)
    begun = states.compensate(item, world.operator)
    task = states.stored(world, begun.attempt.compensation_id)
    states.undo(task.id, world.analyst, "CANNOT_REVERSE")
    actions.retry_compensation(item.id, call=Call(world.operator))
    assert states.stored(world, task.id).compensation == task.compensation


ENDINGS = [
    ("REVERSED", "COMPENSATED", "DONE"),
    ("CORRECTED", "COMPENSATED", "DONE"),
    ("PARTIALLY_REVERSED", "COMPENSATION_FAULTED", "FAILED"),
    ("CANNOT_REVERSE", "COMPENSATION_FAULTED", "FAILED"),
    ("rejected", "COMPENSATION_FAULTED", "FAILED"),
    ("cancelled", "COMPENSATION_FAULTED", "FAILED"),
]


@pytest.mark.parametrize(("ending", "state", "outcome"), ENDINGS)
def test_every_ending_of_the_undo_task_settles_the_original(
    world: World, ending: str, state: str, outcome: str
) -> None:
    item = finished(world)
    before = work_done(world, item)
    task_id = states.compensate(item, world.operator).attempt.compensation_id
    if ending == "rejected":
        actions.reject(task_id, call=Call(world.analyst), reason="Not mine")
    elif ending == "cancelled":
        actions.cancel(task_id, call=Call(world.operator), reason="Wrong one")
    else:
        states.undo(task_id, world.analyst, ending, reason="half the sum")
    row, task = states.stored(world, item.id), states.stored(world, task_id)
    assert (row.status, row.compensation_state, row.version) == (state, state, 5)
    assert task.compensation_state == state
    assert work_done(world, item) == before
    (attempt,) = states.attempts(world, item.id)
    assert (attempt.outcome, attempt.ended_at is not None) == (outcome, True)
    words = {
        "PARTIALLY_REVERSED": "The undo task ended PARTIALLY_REVERSED. half the sum",
        "CANNOT_REVERSE": "The undo task ended CANNOT_REVERSE. half the sum",
        "rejected": "The undo task ended REJECTED. Not mine",
        "cancelled": "The undo task ended CANCELLED. Wrong one",
    }
    assert attempt.error == words.get(ending, "")
    last = states.history(world, "work_item", item.id)[-1]
    assert last.payloads.get("error", "") == attempt.error
    assert last.caused_by == ref(states.history(world, "work_item", task_id)[-1])


def test_an_undo_task_that_goes_on_settles_nothing(world: World) -> None:
    item = finished(world)
    task_id = states.compensate(item, world.operator).attempt.compensation_id
    actions.start(task_id, call=Call(world.analyst))
    actions.stop(task_id, call=Call(world.analyst))
    actions.release(task_id, call=Call(world.analyst))
    actions.assign(task_id, call=Call(world.operator), assignee=world.surveyor.username)
    actions.start(task_id, call=Call(world.surveyor))
    row = states.stored(world, item.id)
    assert (row.status, row.version) == (Status.COMPENSATING, 4)
    with pytest.raises(Invalid):
        actions.complete(task_id, call=Call(world.surveyor), outcome="PASSED")
    with pytest.raises(Invalid):
        actions.complete(task_id, call=Call(world.surveyor))
    assert states.stored(world, item.id).version == 4


def test_an_undo_task_given_back_is_not_for_everybody(world: World) -> None:
    item = finished(world)
    task_id = states.compensate(item, world.operator).attempt.compensation_id
    actions.release(task_id, call=Call(world.analyst))
    for name in ("bystander", "surveyor", "operator"):
        with pytest.raises(NotPermitted):
            actions.claim(task_id, call=Call(world.of(name)))
    claimed = actions.claim(task_id, call=Call(world.analyst))
    assert claimed.assignee_id == world.analyst.actor_id


PERFORMERS: list[tuple[dict[str, Any], dict[str, Any], bool, dict[str, Any]]] = [
    ({}, {}, False, {"assignee": "analyst", "users": ["analyst"]}),
    ({}, {"candidate_groups": ["compliance"]}, False, {"groups": ["compliance"]}),
    (
        # Groups alone are who steps in; the original actor comes first.
        {"candidate_groups": ["compliance"]}, {}, False,
        {"assignee": "analyst", "users": ["analyst"]},
    ),
    (
        {"performer": "groups", "candidate_groups": ["compliance"]}, {}, False,
        {"groups": ["compliance"]},
    ),
    ({}, {}, True, {"operators": True, "why": "original_actor_not_available"}),
    (
        {"performer": "original_actor", "candidate_groups": ["compliance"]}, {}, True,
        {"groups": ["compliance"], "why": "original_actor_not_available"},
    ),
    (
        {"performer": "original_actor", "candidate_groups": ["nobody-here"]}, {}, True,
        {"operators": True, "why": "original_actor_not_available"},
    ),
    (
        {"performer": "groups", "candidate_groups": ["nobody-here"]}, {}, False,
        {"operators": True, "why": "no_member_in_candidate_groups"},
    ),
    (
        {"performer": "not_original_actor", "candidate_groups": ["surveyors"]}, {}, False,
        {"groups": ["surveyors"], "excluded": ["analyst"]},
    ),
    (
        # Naming groups does not lift what the policy forbids.
        {"performer": "not_original_actor"}, {"candidate_groups": ["surveyors", "analysts"]}, False,
        {"groups": ["analysts", "surveyors"], "excluded": ["analyst"]},
    ),
    (
        # Whoever did it is the group's only member, so nobody of it is left.
        {"performer": "not_original_actor", "candidate_groups": ["analysts"]}, {}, False,
        {
            "operators": True, "excluded": ["analyst"],
            "why": "no_member_in_candidate_groups",
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "wish", "gone", "wanted"), PERFORMERS)
def test_who_is_asked(
    world: World, policy: Any, wish: Any, *, gone: bool, wanted: dict[str, Any]
) -> None:
    item = finished(world, **({"compensation": policy} if policy else {}))
    if gone:
        leave(world, "analyst")
    attempt = states.compensate(item, world.operator, **wish).attempt
    with tenant_scope(world.system.tenant_id):
        task = WorkItem.objects.get(id=attempt.compensation_id)
        users = sorted(row.actor_id for row in task.candidate_users.all())
        groups = sorted(row.name for row in task.candidate_groups.all())
    named = {name: world.of(name).actor_id for name in ("analyst", "operator", "admin")}
    assert task.assignee_id == named.get(wanted.get("assignee", ""))
    assert task.status == ("ASSIGNED" if "assignee" in wanted else "PENDING")
    assert users == sorted(named[name] for name in wanted.get("users", []))
    assert (task.offered_to == "OPERATORS") is wanted.get("operators", False)
    assert groups == wanted.get("groups", [])
    assert task.excluded == [str(named[name]) for name in wanted.get("excluded", [])]
    assert attempt.replaced_performer == wanted.get("why", "")
    assert task.compensation is not None
    assert task.compensation["replaced_performer"] == wanted.get("why", "")


def test_who_is_excluded_does_not_get_it_by_another_way(world: World) -> None:
    policy = {"performer": "not_original_actor", "candidate_groups": ["analysts", "surveyors"]}
    item = finished(world, compensation=policy)
    with pytest.raises(Invalid) as refused:
        states.compensate(item, world.operator, assignee=world.analyst.username)
    assert [(e.pointer, e.code) for e in refused.value.errors] == [("/assignee", "excluded")]
    assert (states.stored(world, item.id).version, states.attempts(world, item.id)) == (3, [])
    task_id = states.compensate(item, world.operator).attempt.compensation_id
    with pytest.raises(NotPermitted):
        actions.claim(task_id, call=Call(world.analyst))
    with pytest.raises(NotPermitted):
        actions.start(task_id, call=Call(world.analyst))
    with pytest.raises(Invalid):
        actions.assign(task_id, call=Call(world.operator), assignee=world.analyst.username)
    assert actions.claim(task_id, call=Call(world.surveyor)).status == Status.ASSIGNED


def test_a_named_performer_wins(world: World) -> None:
    item = finished(world)
    task_id = states.compensate(
        item, world.operator, assignee=world.surveyor.username
    ).attempt.compensation_id
    assert states.stored(world, task_id).assignee_id == world.surveyor.actor_id


def test_the_window_closes_after_its_last_second(world: World) -> None:
    for seconds, closed in ((-1, False), (0, False), (1, True)):
        item = finished(world, compensation={"window": "P30D"})
        assert item.completed_at is not None
        moment = item.completed_at + dt.timedelta(days=30, seconds=seconds)
        with time_machine.travel(moment, tick=False):
            if not closed:
                assert states.compensate(item, world.operator).original.status == "COMPENSATING"
                continue
            with pytest.raises(Conflict) as refused:
                states.compensate(item, world.operator)
        assert refused.value.code == "window_closed"
        assert refused.value.extra["current_status"] == "COMPLETED"
        row = states.stored(world, item.id)
        assert (row.status, row.version, states.attempts(world, item.id)) == ("COMPLETED", 3, [])
        noted = states.history(world, "work_item", item.id)[-1]
        assert (noted.kind, noted.action, noted.subject_version) == (
            "REFUSAL", "compensation_refused", 3,
        )  # fmt: skip
        assert noted.payloads["code"] == "window_closed"


def test_irreversible_work_is_only_corrected(world: World) -> None:
    item = finished(world, reversibility="irreversible")
    with pytest.raises(Conflict) as refused:
        states.compensate(item, world.operator)
    assert refused.value.code == "irreversible"
    assert refused.value.extra["alternatives"] == ["strategy: correct"]
    assert states.history(world, "work_item", item.id)[-1].payloads["code"] == "irreversible"
    assert states.stored(world, item.id).version == 3
    asked: Any = states.compensate(item, world.operator, strategy="correct")
    # Nobody does that alone, as little as a rollback that corrects it.
    assert states.stored(world, item.id).status == "COMPLETED"
    approve(asked.approval.id, call=Call(world.approver))
    [attempt] = states.attempts(world, item.id)
    assert (attempt.strategy, states.stored(world, item.id).status) == ("correct", "COMPENSATING")
    assert states.actions_of(world, "work_item", item.id)[-2:] == [
        "compensation_refused", "compensation_started",
    ]  # fmt: skip


def test_an_undo_task_is_not_undone(world: World) -> None:
    item = finished(world)
    task_id = states.compensate(item, world.operator).attempt.compensation_id
    task = states.stored(world, task_id)
    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            states.compensate(task, world.operator)
        assert refused.value.code == "not_compensable"
        if states.stored(world, task_id).status == Status.ASSIGNED:
            states.undo(task_id, world.analyst)
    assert states.attempts(world, task_id) == []


@pytest.mark.parametrize(
    ("wish", "pointers"),
    [
        ({"reason": ""}, ["/reason"]),
        ({"reason": "  "}, ["/reason"]),
        ({"reason": 7}, ["/reason"]),
        ({"regulatory_basis": [{"code": "LAW"}]}, ["/regulatory_basis/0/code"]),
        ({"strategy": "forget"}, ["/strategy"]),
        ({"mode": "magic"}, ["/mode"]),
        ({"mode": "automated"}, ["/mode"]),
        ({"assignee": "nobody"}, ["/assignee"]),
        ({"candidate_groups": [""]}, ["/candidate_groups/0"]),
        ({"candidate_groups": "compliance"}, ["/candidate_groups"]),
        ({"candidate_groups": {"a": 1}}, ["/candidate_groups"]),
        ({"candidate_groups": 5}, ["/candidate_groups"]),
        ({"strategy": ["restore"]}, ["/strategy"]),
        ({"mode": {"a": 1}}, ["/mode"]),
        ({"reason": None, "strategy": "x", "mode": "y"}, ["/reason", "/strategy", "/mode"]),
    ],
)
def test_a_wrong_wish_is_refused_by_field(
    world: World, wish: dict[str, Any], pointers: list[str]
) -> None:
    item = finished(world)
    with pytest.raises(Invalid) as refused:
        states.compensate(item, world.operator, **wish)
    assert [error.pointer for error in refused.value.errors] == pointers
    assert (states.stored(world, item.id).version, states.attempts(world, item.id)) == (3, [])
