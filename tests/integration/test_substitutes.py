"""Who stands in for somebody may do their work, no more than that, and never unnamed."""

from __future__ import annotations

import datetime as dt
import functools
from typing import Any

import pytest
import time_machine

from accounts.acting import ActingUser
from accounts.models import Substitution
from ledger.clock import now
from ledger.errors import NotPermitted
from people.actions import change_groups, change_roles, deactivate
from people.substituting import end_substitution, substitute
from tests import states
from tests.casework import deploy, open_item, opened
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.test_statements import ONE_SUBJECT, statements
from tests.integration.workitems_over_rest import post
from tests.pages import text_of
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.models import WorkItem

DAY = dt.timedelta(days=1)


def stand_in(world: World, by: ActingUser, person: ActingUser, **wanted: Any) -> Substitution:
    """Let somebody stand in for a person, for a week unless it is said otherwise."""
    wanted = {"until": now() + 7 * DAY, **wanted}
    found: Substitution = substitute(
        call=Call(world.admin), substitute=by.username, person=person.username, **wanted
    )
    return found


def told(world: World, item: WorkItem) -> list[tuple[str, Any, Any]]:
    """Return what was done to an item after it was opened, by whom and for whom."""
    entries = states.history(world, "work_item", item.id)[1:]
    return [(each.action, each.actor_id, each.on_behalf_of_id) for each in entries]


def test_a_substitute_does_the_work_and_both_are_named(world: World) -> None:
    stand_in(world, world.bystander, world.analyst)
    item = states.new_item(world.operator, candidate_groups=["analysts"])
    done, absent = Call(world.bystander), world.analyst.actor_id
    taken = actions.claim(item.id, call=done)
    # It stays the work of the person: theirs to go on with when they are back.
    assert (taken.status, taken.assignee_id) == ("ASSIGNED", absent)
    actions.start(item.id, call=done)
    ended = actions.complete(item.id, call=done, outcome="PASSED")
    assert (ended.assignee_id, ended.completed_by_id) == (absent, world.bystander.actor_id)
    assert told(world, item) == [
        (action, world.bystander.actor_id, absent) for action in ("claimed", "started", "completed")
    ]
    [*_others, entry] = states.history(world, "work_item", item.id)
    assert entry.actor_role == "member"
    shown = api(world.auditor).get(f"/api/v1/ledger/entries/{entry.id}").json()
    assert (shown["actor"], shown["on_behalf_of"]) == (
        world.bystander.username, world.analyst.username,
    )  # fmt: skip
    verify()


def test_they_hand_on_stop_and_give_back_what_the_person_has(world: World) -> None:
    stand_in(world, world.bystander, world.analyst)
    item = states.new_item(world.operator, assignee=world.surveyor.username)
    actions.delegate(item.id, call=Call(world.surveyor), to=world.analyst.username)
    done = Call(world.bystander)
    assert actions.accept_delegation(item.id, call=done).assignee_id == world.analyst.actor_id
    actions.start(item.id, call=done)
    actions.stop(item.id, call=done)
    actions.suspend(item.id, call=done)
    actions.resume(item.id, call=done)
    actions.delegate(item.id, call=done, to=world.underwriter.username)
    assert {each[1:] for each in told(world, item)[1:]} == {
        (world.bystander.actor_id, world.analyst.actor_id)
    }
    assert [each[0] for each in told(world, item)] == [
        "delegated", "delegation_accepted", "started", "stopped", "suspended", "resumed",
        "delegated",
    ]  # fmt: skip


@pytest.mark.parametrize("when", ["before", "after", "ended"])
def test_it_holds_from_its_beginning_to_its_end_only(world: World, when: str) -> None:
    dates = {"since": now() + DAY} if when == "before" else {}
    row = stand_in(world, world.bystander, world.analyst, **dates)
    if when == "ended":
        end_substitution(row.id, call=Call(world.bystander))
    item = states.new_item(world.operator, candidate_groups=["analysts"])
    moment = now() + 8 * DAY if when == "after" else now()
    with time_machine.travel(moment), pytest.raises(NotPermitted, match="it is meant for others"):
        actions.claim(item.id, call=Call(world.bystander))
    assert told(world, item) == [("claim_refused", world.bystander.actor_id, None)]
    after = states.stored(world, item.id)
    assert (after.status, after.version, after.assignee_id) == ("PENDING", 1, None)
    if when == "before":
        with time_machine.travel(now() + 2 * DAY):
            actions.claim(item.id, call=Call(world.bystander))


@pytest.mark.parametrize("who", ["analyst", "bystander"])
@pytest.mark.parametrize("how", ["excluded_users", "excluded_groups"])
def test_no_exclusion_of_either_of_the_two_is_passed(world: World, who: str, how: str) -> None:
    if how == "excluded_groups":
        from_group = {"analyst": "analysts", "bystander": "guests"}[who]
        join_group(world, world.bystander, "guests")
        shut_out = {how: [from_group]}
    else:
        shut_out = {how: [world.of(who).username]}
    stand_in(world, world.bystander, world.analyst)
    item = states.new_item(world.operator, candidate_users=[world.analyst.username], **shut_out)
    answer = post(api(world.bystander), f"/{item.id}/claim")
    assert answer.status_code == 403
    assert [each[0] for each in told(world, item)] == ["claim_refused"]
    assert states.stored(world, item.id).assignee_id is None
    assert item.title not in inbox(world.bystander)


def join_group(world: World, who: ActingUser, group: str) -> None:
    assert who.membership_id is not None
    change_groups(who.membership_id, call=Call(world.admin), join=[group])


def test_four_eyes_count_the_substitute_and_whose_work_it_was(world: World) -> None:
    second = human("approve", when=".check != null and .approve == null")
    second["humanTask"]["notCompletedBy"] = ["check"]
    first = human("check")
    first["humanTask"]["candidateGroups"] = ["analysts"]
    deploy(world, definition("eyes", first, second))
    case_id = opened(world, "tests/eyes")
    drain()
    stand_in(world, world.surveyor, world.analyst)
    check = open_item(world.operator, case_id, "check")
    states.work(world.surveyor, check.id, None)
    drain()
    confirm = open_item(world.operator, case_id, "approve")
    for who in (world.surveyor, world.analyst):
        answer = post(api(who), f"/{confirm.id}/claim")
        assert (answer.status_code, answer.json()["detail"]) == (403, "you are excluded from it")
    assert states.stored(world, confirm.id).assignee_id is None


def test_no_right_of_a_role_is_passed_on(world: World) -> None:
    for person in (world.operator, world.admin, world.approver):
        stand_in(world, world.bystander, person)
    item = states.new_item(world.analyst, assignee=world.surveyor.username)
    done = states.completed(world.analyst)
    client = api(world.bystander)
    bodies: dict[str, Any] = {
        "assign": {"assignee": world.bystander.username}, "cancel": {"reason": "R"},
        "extend": {"due_at": "2100-01-01T00:00:00Z"}, "release": {}, "forward": {},
    }  # fmt: skip
    for verb, body in bodies.items():
        assert post(client, f"/{item.id}/{verb}", body).status_code == 403, verb
    assert post(client, f"/{done.id}/compensate", {"reason": "R"}).status_code == 403
    assert told(world, item) == []


def test_who_may_do_it_themselves_does_it_for_themselves(world: World) -> None:
    stand_in(world, world.surveyor, world.analyst)
    item = states.new_item(world.operator, candidate_groups=["analysts", "surveyors"])
    taken = actions.claim(item.id, call=Call(world.surveyor))
    assert taken.assignee_id == world.surveyor.actor_id
    assert told(world, item) == [("claimed", world.surveyor.actor_id, None)]


def test_one_may_stand_in_for_the_work_of_one_group_alone(world: World) -> None:
    join_group(world, world.analyst, "payments")
    stand_in(world, world.bystander, world.analyst, group="payments")
    ours = states.new_item(world.operator, candidate_groups=["payments"])
    theirs = states.new_item(world.operator, candidate_groups=["analysts"])
    named = states.new_item(world.operator, assignee=world.analyst.username)
    assert actions.start(ours.id, call=Call(world.bystander)).status == "IN_PROGRESS"
    for item in (theirs, named):
        with pytest.raises(NotPermitted):
            actions.start(item.id, call=Call(world.bystander))
    assert told(world, named) == []


def test_a_substitutes_substitute_is_nobodys(world: World) -> None:
    stand_in(world, world.surveyor, world.analyst)
    stand_in(world, world.bystander, world.surveyor)
    # Overlapping ones are fine.
    stand_in(world, world.surveyor, world.analyst, until=now() + DAY)
    item = states.new_item(world.operator, candidate_groups=["analysts"])
    with pytest.raises(NotPermitted):
        actions.claim(item.id, call=Call(world.bystander))
    assert actions.claim(item.id, call=Call(world.surveyor)).assignee_id == world.analyst.actor_id


def test_what_names_somebody_who_left_is_their_substitutes_and_their_groups_is_not(
    world: World,
) -> None:
    stand_in(world, world.bystander, world.analyst)
    named = states.new_item(world.operator, assignee=world.analyst.username)
    grouped = states.new_item(world.operator, candidate_groups=["analysts"])
    assert world.analyst.membership_id is not None
    deactivate(world.analyst.membership_id, call=Call(world.admin))
    actions.start(named.id, call=Call(world.bystander))
    with pytest.raises(NotPermitted):
        actions.claim(grouped.id, call=Call(world.bystander))


def test_an_auditor_has_no_work_to_be_done_for_them(world: World) -> None:
    stand_in(world, world.bystander, world.auditor)
    item = states.new_item(world.operator, candidate_users=[world.auditor.username])
    with pytest.raises(NotPermitted):
        actions.claim(item.id, call=Call(world.bystander))


@pytest.mark.parametrize("how", ["left", "only looks"])
def test_who_cannot_undo_their_work_is_replaced_by_their_substitute(world: World, how: str) -> None:
    stand_in(world, world.bystander, world.analyst)
    done = states.completed(world.analyst, compensation={"candidate_groups": ["compliance"]})
    assert world.analyst.membership_id is not None
    if how == "left":
        deactivate(world.analyst.membership_id, call=Call(world.admin))
    else:
        change_roles(world.analyst.membership_id, call=Call(world.admin), roles=["auditor"])
    begun = states.compensate(done, world.operator)
    task = states.stored(world, begun.attempt.compensation_id)
    assert task.assignee_id == world.bystander.actor_id
    assert begun.attempt.replaced_performer == "original_actor_substituted"
    [opened_, *_rest] = states.history(world, "work_item", task.id)
    assert opened_.payloads["replaced_performer"] == "original_actor_substituted"
    states.undo(task.id, world.bystander)
    assert states.stored(world, done.id).status == "COMPENSATED"


def test_without_one_who_may_the_groups_are_asked(world: World) -> None:
    row = stand_in(world, world.bystander, world.analyst)
    end_substitution(row.id, call=Call(world.analyst))
    done = states.completed(world.analyst, compensation={"candidate_groups": ["compliance"]})
    assert world.analyst.membership_id is not None
    deactivate(world.analyst.membership_id, call=Call(world.admin))
    begun = states.compensate(done, world.operator)
    task = states.stored(world, begun.attempt.compensation_id)
    assert (task.assignee_id, begun.attempt.replaced_performer) == (
        None, "original_actor_not_available",
    )  # fmt: skip


def test_who_did_it_for_another_may_not_undo_it_where_others_shall(world: World) -> None:
    stand_in(world, world.bystander, world.analyst)
    item = states.new_item(
        world.operator, assignee=world.analyst.username,
        compensation={"performer": "not_original_actor"},
    )  # fmt: skip
    states.work(world.bystander, item.id, "PASSED")
    begun = states.compensate(item, world.operator, candidate_groups=["analysts", "compliance"])
    task = states.stored(world, begun.attempt.compensation_id)
    assert set(task.excluded) == {str(world.bystander.actor_id), str(world.analyst.actor_id)}


def test_a_verb_takes_no_statement_more(world: World) -> None:
    stand_in(world, world.bystander, world.analyst)
    item = states.new_item(world.operator, candidate_groups=["analysts"])
    # Whoever is not named is looked for once more: somebody may have been named just now.
    for verb, wanted in ((actions.claim, 5), (actions.start, 3)):
        sent = statements(functools.partial(verb, item.id, call=Call(world.bystander)))
        assert len(sent) == wanted <= ONE_SUBJECT


def inbox(who: ActingUser) -> str:
    return text_of(browser(who).get("/inbox/").content)


def test_pages_say_for_whom(world: World) -> None:
    stand_in(world, world.bystander, world.analyst)
    assigned = states.new_item(
        world.operator, title="Given to one", assignee=world.analyst.username
    )
    states.new_item(world.operator, title="Pooled", candidate_groups=["analysts"])
    states.new_item(world.operator, title="Elsewhere", candidate_groups=["surveyors"])
    page = inbox(world.bystander)
    for title in ("Given to one", "Pooled"):
        assert title in page
    assert "Elsewhere" not in page
    assert f"for {world.analyst.username}" in page
    client = browser(world.bystander)
    detail = f"/work-items/{assigned.id}/"
    assert f"You stand in for {world.analyst.username}" in text_of(client.get(detail).content)
    actions.start(assigned.id, call=Call(world.bystander))
    shown = client.get(detail)
    assert "Your answer" in text_of(shown.content)
    assert b"Save draft" not in shown.content
    answer = client.post(f"{detail}complete/", {"outcome": "", "version": "2"})
    assert answer.status_code == 303
    both = f"{world.bystander.username} for {world.analyst.username}"
    assert both in text_of(browser(world.operator).get(detail).content)
    assert states.stored(world, assigned.id).completed_by_id == world.bystander.actor_id
    assert "Given to one" not in inbox(world.bystander)


def test_the_answer_form_begins_what_the_person_has(world: World) -> None:
    stand_in(world, world.bystander, world.analyst)
    item = states.new_item(world.operator, assignee=world.analyst.username)
    answer = browser(world.bystander).post(
        f"/work-items/{item.id}/complete/", {"outcome": "", "version": "1"}
    )
    assert answer.status_code == 303
    assert [each[0] for each in told(world, item)] == ["started", "completed"]
