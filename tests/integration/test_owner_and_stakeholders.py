"""Who answers for a task may steer it, and hears how it ends and of its undo, as who looks on."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from accounts.acting import ActingUser
from ledger.errors import Conflict, Invalid, NotPermitted
from ledger.models import OutboxTask
from ledger.tenancy import tenant_scope
from notifications.events import CONSUMER
from notifications.models import Delivery
from people.actions import deactivate
from tests import states
from tests.casework import deploy, finish, open_item, opened, roll_back, undo
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.test_substitutes import stand_in
from tests.integration.workitems_made import page, titles
from tests.integration.workitems_over_rest import post
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.models import WorkItem
from workitems.stakeholder_tables import Stakeholder

ROOT = "/api/v1/work-items"


def answered(world: World, **wanted: Any) -> WorkItem:
    """Return an item for the analysts that compliance answers for, and the bystander looks on."""
    return states.new_item(
        world.operator,
        candidate_groups=["analysts"],
        owner=world.compliance.username,
        stakeholders=[world.bystander.username],
        **wanted,
    )


def told(world: World, item_id: uuid.UUID) -> dict[str, list[str]]:
    """Return what owner and stakeholder were told of an item, oldest first."""
    drain()
    with tenant_scope(world.operator.tenant_id):
        rows = Delivery.objects.filter(subject_id=item_id, channel="in_app").order_by("id")
        found = list(rows.values_list("recipient_id", "topic"))
    people = {"owner": world.compliance, "stakeholder": world.bystander}
    return {
        name: [topic for actor, topic in found if actor == who.actor_id]
        for name, who in people.items()
    }


def looking_on(world: World, item_id: uuid.UUID) -> set[uuid.UUID]:
    with tenant_scope(world.operator.tenant_id):
        rows = Stakeholder.objects.filter(item_id=item_id)
        return set(rows.values_list("actor_id", flat=True))


def test_both_are_said_when_it_is_opened_shown_and_found(world: World) -> None:
    item = answered(world, title="Pay the claim")
    states.new_item(world.operator, title="Another")
    shown = api(world.analyst).get(f"{ROOT}/{item.id}").json()
    owner, stakeholder = world.compliance, world.bystander
    assert (shown["owner"], shown["stakeholders"]) == (owner.username, [stakeholder.username])
    [entry] = states.history(world, "work_item", item.id)
    assert (entry.payloads["owner"], entry.payloads["stakeholders"]) == (
        str(owner.actor_id), [str(stakeholder.actor_id)],
    )  # fmt: skip
    assert looking_on(world, item.id) == {stakeholder.actor_id}
    text = text_of(browser(world.analyst).get(f"/work-items/{item.id}/").content)
    assert "Answers for it" in text
    assert "Told of it" in text
    for name, who in (("owner", owner), ("stakeholder", stakeholder)):
        for value, by in ((who.username, world.analyst), ("me", who)):
            found = api(by).get(ROOT, {name: value}).json()["results"]
            assert [each["title"] for each in found] == ["Pay the claim"]
            listed = page(browser(by), f"/work-items/?{name}={value}")
            assert titles(listed) == ["Pay the claim"]
        assert api(who).get(ROOT, {name: world.analyst.username}).json()["results"] == []
        assert api(who).get(ROOT, {name: "nobody"}).json()["results"] == []
    # It is nobody's work by that.
    assert titles(page(browser(owner), "/inbox/")) == []
    assert (
        "owner"
        not in states.history(world, "work_item", states.new_item(world.operator).id)[0].payloads
    )


@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [({"owner": "nobody"}, "/owner"), ({"stakeholders": ["nobody"]}, "/stakeholders/0")],
)
def test_a_name_that_is_nobody_is_refused(
    world: World, wanted: dict[str, Any], pointer: str
) -> None:
    refused = api(world.operator).post(
        ROOT, {"title": "Pay", **wanted}, content_type="application/json"
    )
    assert refused.status_code == 422
    assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [(pointer, "unknown")]
    item = answered(world)
    with pytest.raises(Invalid) as told_of:
        actions.edit(item.id, call=Call(world.operator), **wanted)
    assert [(e.pointer, e.code) for e in told_of.value.errors] == [(pointer, "unknown")]
    deactivate(world.surveyor.membership_id, call=Call(world.admin))
    gone = {name: [world.surveyor.username] if name == "stakeholders" else world.surveyor.username
            for name in wanted}  # fmt: skip
    with pytest.raises(Invalid):
        actions.create_work_item(call=Call(world.operator), title="Pay", **gone)
    assert states.stored(world, item.id).version == 1


def test_the_owner_steers_it_and_does_neither_the_work_nor_decides_of_its_undo(
    world: World,
) -> None:
    item, owner = answered(world), Call(world.compliance)
    with pytest.raises(NotPermitted):
        actions.claim(item.id, call=owner)
    for verb in (actions.cancel, actions.skip):
        with pytest.raises(NotPermitted):
            verb(item.id, call=owner, reason="No")
    actions.suspend(item.id, call=owner)
    actions.resume(item.id, call=owner)
    actions.assign(item.id, call=owner, assignee=world.analyst.username)
    actions.start(item.id, call=Call(world.analyst))
    done = actions.complete(item.id, call=Call(world.analyst), outcome="PASSED")
    with pytest.raises(NotPermitted):
        actions.compensate(done.id, call=owner, reason="No")
    # Who answers for one item steers no other.
    with pytest.raises(NotPermitted):
        actions.suspend(states.new_item(world.operator).id, call=owner)
    assert states.stored(world, item.id).status == "COMPLETED"


def test_a_substitute_of_the_owner_steers_it_and_both_are_named(world: World) -> None:
    item = answered(world)
    with pytest.raises(NotPermitted):
        actions.suspend(item.id, call=Call(world.surveyor))
    stand_in(world, world.surveyor, world.compliance)
    actions.suspend(item.id, call=Call(world.surveyor))
    entry = states.history(world, "work_item", item.id)[-1]
    assert (entry.action, entry.actor_id, entry.on_behalf_of_id) == (
        "suspended", world.surveyor.actor_id, world.compliance.actor_id,
    )  # fmt: skip


def test_the_owner_is_changed_by_the_owner_or_an_operator(world: World) -> None:
    item = answered(world)
    client = api(world.compliance)
    body = {"owner": world.surveyor.username, "stakeholders": [world.analyst.username]}
    changed = client.patch(f"{ROOT}/{item.id}", body, content_type="application/json").json()
    assert (changed["owner"], changed["stakeholders"], changed["version"]) == (
        world.surveyor.username, [world.analyst.username], 2,
    )  # fmt: skip
    assert looking_on(world, item.id) == {world.analyst.actor_id}
    entry = states.history(world, "work_item", item.id)[-1]
    assert entry.payloads["changes"]["owner"] == {
        "from": str(world.compliance.actor_id), "to": str(world.surveyor.actor_id),
    }  # fmt: skip
    ledger = browser(world.auditor).get(f"/ledger/entries/{entry.id}/")
    assert str(world.surveyor.actor_id) not in text_of(ledger.content)
    # Said again it changes nothing; who was the owner is not any more.
    actions.edit(item.id, call=Call(world.surveyor), owner=world.surveyor.username)
    with pytest.raises(NotPermitted):
        actions.edit(item.id, call=Call(world.compliance), owner=world.compliance.username)
    assert states.stored(world, item.id).version == 2
    freed = actions.edit(item.id, call=Call(world.operator), owner=None, stakeholders=[])
    assert (freed.owner_id, freed.stakeholders, looking_on(world, item.id)) == (None, [], set())


def test_who_opened_it_names_an_owner_only_while_it_has_none(world: World) -> None:
    mine, call = states.new_item(world.analyst), Call(world.analyst)
    named = actions.edit(mine.id, call=call, owner=world.surveyor.username)
    assert named.owner_id == world.surveyor.actor_id
    with pytest.raises(NotPermitted) as refused:
        actions.edit(mine.id, call=call, owner=world.analyst.username)
    assert "only who answers for it" in refused.value.detail
    actions.edit(mine.id, call=call, title="Another title")
    found = states.stored(world, mine.id)
    assert (found.owner_id, found.title) == (world.surveyor.actor_id, "Another title")


def test_both_hear_of_a_missed_deadline_and_of_a_failure(world: World) -> None:
    late = answered(
        world, deadlines={"completion": {"within": "P1D", "breach": [{"do": "expire"}]}}
    )
    states.miss(late)
    news = ["deadline_missed"]
    assert told(world, late.id) == {"owner": news, "stakeholder": news}
    failed = answered(world)
    actions.start(failed.id, call=Call(world.analyst))
    actions.fail(failed.id, call=Call(world.analyst), detail="The register is down")
    assert told(world, failed.id) == {"owner": ["not_done"], "stakeholder": ["not_done"]}
    said = api(world.compliance).get("/api/v1/notifications").json()["results"][0]
    assert (said["title"], said["text"]) == (
        f"Ended without being done: {failed.title}", "The register is down",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "last"), [("REVERSED", "undone"), ("CANNOT_REVERSE", "undo_failed")]
)
def test_both_hear_of_an_undo_and_how_it_ended(world: World, outcome: str, last: str) -> None:
    item = answered(world)
    states.work(world.analyst, item.id, "PASSED")
    task = actions.compensate(item.id, call=Call(world.operator), reason="Forged")
    states.undo(task.attempt.compensation_id, world.analyst, outcome)
    news = ["being_undone", last]
    assert told(world, item.id) == {"owner": news, "stakeholder": news}


def test_both_hear_that_it_stays_done(world: World) -> None:
    item = answered(world)
    states.work(world.analyst, item.id, "PASSED")
    actions.compensate(item.id, call=Call(world.operator), reason="Forged")
    actions.withdraw(item.id, call=Call(world.operator))
    news = ["being_undone", "stays_done"]
    assert told(world, item.id) == {"owner": news, "stakeholder": news}


def test_nobody_is_told_what_they_did_themselves(world: World) -> None:
    item = states.new_item(
        world.operator,
        candidate_groups=["analysts"],
        owner=world.operator.username,
        stakeholders=[world.bystander.username],
    )
    states.work(world.analyst, item.id, "PASSED")
    actions.compensate(item.id, call=Call(world.operator), reason="Forged")
    drain()
    with tenant_scope(world.operator.tenant_id):
        rows = Delivery.objects.filter(subject_id=item.id, topic="being_undone", channel="in_app")
        assert [row.recipient_id for row in rows] == [world.bystander.actor_id]


def test_what_nobody_answers_for_makes_no_task_for_a_worker(world: World) -> None:
    item = states.new_item(world.operator, candidate_groups=["analysts"])
    states.work(world.analyst, item.id, "PASSED")
    actions.compensate(item.id, call=Call(world.operator), reason="Forged")
    failed = states.new_item(world.operator, candidate_groups=["analysts"])
    actions.start(failed.id, call=Call(world.analyst))
    actions.fail(failed.id, call=Call(world.analyst), detail="No")
    with tenant_scope(world.operator.tenant_id):
        tasks = OutboxTask.objects.filter(consumer=CONSUMER, shard__in=[item.id, failed.id])
        assert tasks.count() == 2  # that each was opened


def a_case(world: World) -> tuple[uuid.UUID, WorkItem]:
    """Return a case with one task that compliance answers for, and the bystander looks on."""
    step = human("check", compensation={"mode": "human"})
    step["humanTask"] |= {
        "candidateGroups": ["analysts"],
        "owner": world.compliance.username,
        "stakeholders": [world.bystander.username, "nobody"],
    }
    deploy(world, definition("answered", step))
    case_id = opened(world, "tests/answered")
    return case_id, open_item(world.analyst, case_id, "check")


def test_a_definition_names_them_and_they_hear_of_a_rollback(world: World) -> None:
    case_id, item = a_case(world)
    assert (item.owner_id, item.stakeholders) == (
        world.compliance.actor_id, [str(world.bystander.actor_id)],
    )  # fmt: skip
    finish(world.analyst, case_id, "check", "done")
    roll_back(world, case_id)
    drain()
    undo(world.analyst, case_id)
    news = ["being_undone", "undone"]
    assert told(world, item.id) == {"owner": news, "stakeholder": news}


def test_a_template_and_its_items_name_them(world: World) -> None:
    made = actions.add_template(
        call=Call(world.operator), name="claims", title="Pay the claim",
        owner=world.compliance.username, stakeholders=[world.bystander.username],
    )  # fmt: skip
    item = actions.instantiate(made.id, call=Call(world.analyst))
    assert (item.owner_id, looking_on(world, item.id)) == (
        world.compliance.actor_id, {world.bystander.actor_id},
    )  # fmt: skip
    other = actions.instantiate(made.id, call=Call(world.analyst), owner=world.surveyor.username)
    assert other.owner_id == world.surveyor.actor_id


def test_who_answers_for_it_and_is_no_candidate_cannot_be_told_by_its_state(world: World) -> None:
    """The order of checks holds for an owner: what they may not do is 403, before the state."""
    item = answered(world)
    states.work(world.analyst, item.id, "PASSED")
    owner: ActingUser = world.compliance
    assert post(api(owner), f"/{item.id}/claim").status_code == 403
    with pytest.raises(Conflict):
        actions.suspend(item.id, call=Call(owner))
