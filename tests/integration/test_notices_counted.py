"""People are told what happened, once, and not more the longer a rollback is."""

from __future__ import annotations

import uuid
from collections import Counter

import pytest

from compensation.actions.step_verbs import retry_step
from ledger.tenancy import tenant_scope
from notifications.actions.telling import handle
from notifications.models import Delivery
from notifications.recipients import told_of
from people.actions import deactivate
from tests import states
from tests.casework import case_row, deploy, open_undo, opened, roll_back, run_row, steps
from tests.clients import api
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.integration.test_notifications import both, event_of, item, told
from tests.states import work
from tests.world import CAST, World
from verbs.call import Call
from workitems import actions, selectors

CREATED = "amends.work_item.created.v1"
ASSIGNED = "amends.work_item.assigned.v1"


def notices(world: World, since: set[uuid.UUID]) -> Counter[tuple[str, str]]:
    """Count what everybody was told in the application beside `since`, by (person, topic)."""
    names = {world.of(name).actor_id: name for name in CAST}
    with tenant_scope(world.operator.tenant_id):
        rows = Delivery.objects.filter(channel="in_app").exclude(id__in=since)
        return Counter((names[row.recipient_id], row.topic) for row in rows)


def so_far(world: World) -> set[uuid.UUID]:
    with tenant_scope(world.operator.tenant_id):
        return set(Delivery.objects.values_list("id", flat=True))


def done_case(world: World, number: int, **policy: object) -> uuid.UUID:
    """Return a case of which the analyst did `number` steps."""
    said = {"mode": "human", **policy}
    bindings = [human(f"s{n}", compensation=said) for n in range(number)]
    deploy(world, definition("long", *bindings))
    case_id = opened(world, "tests/long")
    with tenant_scope(world.operator.tenant_id):
        open_items = [each.id for each in selectors.in_case(world.operator.tenant_id, case_id)]
    for item_id in open_items:
        work(world.analyst, item_id, "DONE")
    drain()
    return case_id


def undo_all(world: World, case_id: uuid.UUID, who: str, number: int) -> None:
    for _ in range(number):
        work(world.of(who), open_undo(world.operator, case_id).id, "REVERSED")
        drain()


@pytest.mark.parametrize("number", [2, 12])
def test_a_rollback_by_name_asks_for_each_step_and_tells_of_its_end_once(
    world: World, number: int
) -> None:
    case_id = done_case(world, number)
    before = so_far(world)
    run = roll_back(world, case_id)
    undo_all(world, case_id, "analyst", number)
    assert run_row(world, run.id).status == "COMPLETED"
    assert notices(world, before) == {
        ("analyst", "undo_waiting"): number,
        ("analyst", "work_undone"): 1,
        ("operator", "rollback_ended"): 1,
    }


@pytest.mark.parametrize("number", [2, 12])
def test_a_rollback_by_a_group_tells_its_members_nothing_a_step(world: World, number: int) -> None:
    case_id = done_case(world, number, performer="groups", candidate_groups=["compliance"])
    before = so_far(world)
    roll_back(world, case_id)
    undo_all(world, case_id, "compliance", number)
    assert case_row(world, case_id).status == "COMPENSATED"
    assert notices(world, before) == {
        ("analyst", "work_undone"): 1,
        ("operator", "rollback_ended"): 1,
    }


@pytest.mark.parametrize("number", [2, 12])
def test_a_rollback_that_falls_to_the_operators_says_so_once(world: World, number: int) -> None:
    case_id = done_case(world, number)
    before = so_far(world)
    assert world.analyst.membership_id is not None
    deactivate(world.analyst.membership_id, call=Call(world.admin))
    run = roll_back(world, case_id)
    undo_all(world, case_id, "operator", number)
    assert run_row(world, run.id).status == "COMPLETED"
    assert notices(world, before) == {
        ("admin", "needs_somebody"): 1,
        ("operator", "needs_somebody"): 1,
        ("operator", "rollback_ended"): 1,
    }
    with tenant_scope(world.operator.tenant_id):
        rows = Delivery.objects.filter(topic="needs_somebody")
        assert {(row.subject_type, row.subject_id) for row in rows} == {
            ("compensation_run", run.id)
        }


def test_a_rollback_that_falls_to_the_operators_again_says_so_again(world: World) -> None:
    case_id = done_case(world, 3)
    before = so_far(world)
    analyst = world.analyst.membership_id
    assert analyst is not None
    deactivate(analyst, call=Call(world.admin))
    roll_back(world, case_id)
    given = open_undo(world.operator, case_id)
    actions.assign(given.id, call=Call(world.operator), assignee=world.surveyor.username)
    drain()
    undo_all(world, case_id, "surveyor", 1)
    undo_all(world, case_id, "operator", 2)
    assert case_row(world, case_id).status == "COMPENSATED"
    found = notices(world, before)
    # One at first, one when the surveyor's was done, none after the operator's own.
    assert {who: found[who, "needs_somebody"] for who in ("admin", "operator")} == {
        "admin": 2, "operator": 2,
    }  # fmt: skip


def test_a_long_rollback_by_programs_is_one_notice(world: World) -> None:
    number = 30
    undone = {"mode": "automated", "capability": "demo.slow"}
    bindings = [
        automated(f"s{n}", "demo.slow", "true", "{seconds: 0}", compensation=undone)
        for n in range(number)
    ]
    deploy(world, definition("programs", *bindings))
    case_id = opened(world, "tests/programs")
    drain(fast_forward=True)
    before = so_far(world)
    run = roll_back(world, case_id)
    drain(fast_forward=True)
    assert [step.status for step in steps(world, run.id)] == ["DONE"] * number
    assert notices(world, before) == {("operator", "rollback_ended"): 1}


def test_each_decision_a_rollback_needs_is_one_notice(world: World) -> None:
    case_id = done_case(world, 2)
    before = so_far(world)
    run = roll_back(world, case_id)
    work(world.analyst, open_undo(world.operator, case_id).id, "CANNOT_REVERSE")
    drain()
    retry_step(run.id, 1, call=Call(world.operator))
    drain()
    work(world.analyst, open_undo(world.operator, case_id).id, "CANNOT_REVERSE")
    drain()
    assert notices(world, before) == {
        ("analyst", "undo_waiting"): 2,
        ("admin", "rollback_stopped"): 2,
        ("operator", "rollback_stopped"): 2,
    }


def test_a_decision_taken_before_the_news_is_heard_is_not_asked_for(world: World) -> None:
    case_id = done_case(world, 1)
    run = roll_back(world, case_id)
    work(world.analyst, open_undo(world.operator, case_id).id, "CANNOT_REVERSE")
    drain()
    event = event_of(world, "amends.compensation_run.compensation_step_failed.v1", run.id)
    with tenant_scope(world.operator.tenant_id):
        assert Delivery.objects.filter(topic="rollback_stopped").count() == 4
    retry_step(run.id, 1, call=Call(world.operator))
    with tenant_scope(world.operator.tenant_id):
        assert told_of([event]) == []


def test_a_repeated_event_tells_nobody_new(world: World) -> None:
    failed = states.faulted(world.operator).original
    drain()
    event = event_of(world, "amends.work_item.compensation_faulted.v1", failed.id)
    people = both(["admin", "operator"], "undo_failed")
    assert told(world, event.type) == people
    states.change_roles(world, world.bystander, "operator")
    marked: list[bool] = []
    handle([event], lambda: marked.append(True))
    assert (marked, told(world, event.type)) == ([True], people)


def test_an_event_that_told_nobody_tells_nobody_when_it_is_repeated(world: World) -> None:
    item_id = item(world, candidate_groups=["analysts"])
    drain()
    assert told(world, CREATED) == []
    assert world.analyst.membership_id is not None
    deactivate(world.analyst.membership_id, call=Call(world.admin))
    handle([event_of(world, CREATED, item_id)], lambda: None)
    assert told(world, CREATED) == []


@pytest.mark.parametrize("ended", ["claim", "start", "cancel"])
def test_what_waits_no_more_is_not_announced(world: World, ended: str) -> None:
    named = [world.analyst.username, world.compliance.username]
    item_id = item(world, candidate_groups=[], candidate_users=named)
    if ended == "cancel":
        actions.cancel(item_id, call=Call(world.operator), reason="Not needed")
    else:
        getattr(actions, ended)(item_id, call=Call(world.compliance))
    drain()
    assert told(world, CREATED) == []


def test_what_was_only_reworded_is_still_announced_with_the_words_of_then(world: World) -> None:
    item_id = item(world, candidate_groups=[], assignee=world.analyst.username)
    actions.edit(item_id, call=Call(world.operator), title="Check another file")
    drain()
    assert told(world, CREATED) == both(["analyst"], "task_waiting")
    [found] = api(world.analyst).get("/api/v1/notifications").json()["results"]
    assert found["title"] == "Task waiting: Check the file"


def test_a_reassignment_tells_both_whatever_was_heard_when(world: World) -> None:
    item_id = item(world, candidate_groups=[], assignee=world.analyst.username)
    for name in ("surveyor", "compliance"):
        actions.assign(item_id, call=Call(world.operator), assignee=world.of(name).username)
    drain()
    assert told(world, CREATED) == []
    assert told(world, ASSIGNED) == sorted(
        [
            *both(["analyst"], "taken_away"),
            *both(["surveyor"], "taken_away"),
            *both(["compliance"], "task_waiting"),
        ]
    )
    [lost] = api(world.analyst).get("/api/v1/notifications").json()["results"]
    assert lost["title"] == "No longer yours: Check the file"


def test_giving_it_to_who_has_it_takes_nothing_away(world: World) -> None:
    item_id = item(world, candidate_groups=[], assignee=world.analyst.username)
    drain()
    actions.assign(item_id, call=Call(world.operator), assignee=world.analyst.username)
    drain()
    assert told(world, ASSIGNED) == both(["analyst"], "task_waiting")


def test_taking_it_from_somebody_tells_them(world: World) -> None:
    item_id = item(world, candidate_groups=["compliance"], assignee=world.analyst.username)
    drain()
    actions.release(item_id, call=Call(world.operator))
    drain()
    # Put back, it is the analyst's to take again: they are a candidate by name.
    assert told(world, "amends.work_item.released.v1") == both(["analyst"], "taken_away")


def test_work_for_people_who_are_not_here_is_told_to_the_operators(world: World) -> None:
    task = {"title": "Look", "candidateUsers": ["complianse"]}
    deploy(world, definition("lost", human("look", humanTask=task)))
    opened(world, "tests/lost")
    assert told(world, CREATED) == both(["admin", "operator"], "needs_somebody")


def test_an_offer_to_a_group_without_members_is_told_to_the_operators(world: World) -> None:
    item(world, by=world.analyst, candidate_groups=["nobodies"])
    drain()
    assert told(world, CREATED) == both(["admin", "operator"], "needs_somebody")
