"""Several instances of one task, of which so many are needed: decided once, and told once."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from accounts.acting import ActingUser
from ledger.clock import now
from ledger.errors import Conflict, Invalid, NotPermitted
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from tests import states
from tests.clients import api, browser
from tests.concurrency.test_races import at_once
from tests.draining import drain
from tests.integration.test_statements import statements
from tests.integration.test_substitutes import stand_in
from tests.integration.workitems_made import page
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.instance_models import InstanceGroup
from workitems.instances_read import completed
from workitems.models import WorkItem

JSON = "application/json"


def opened(world: World, instances: int, required: int, **more: Any) -> list[WorkItem]:
    """Return the instances of a task of the operator's that anybody may take."""
    wanted: dict[str, Any] = {key: more.pop(key) for key in ("on_met", "outcomes") if key in more}
    group: dict[str, Any] = {"instances": instances, "required": required, **wanted}
    first = states.new_item(world.operator, group=group, **more)
    with tenant_scope(world.operator.tenant_id):
        rows = list(WorkItem.objects.filter(one_of_id=first.one_of_id).order_by("id"))
    assert rows[0].id == first.id
    return rows


def group_of(world: World, item: WorkItem) -> InstanceGroup:
    assert item.one_of_id is not None
    with tenant_scope(world.operator.tenant_id):
        return InstanceGroup.objects.get(id=item.one_of_id)


def now_is(world: World, items: list[WorkItem]) -> list[str]:
    return [str(states.stored(world, each.id).status) for each in items]


def said(world: World, item: WorkItem) -> list[str]:
    return states.actions_of(world, "work_item", item.id)


def told(world: World, topic: str) -> set[uuid.UUID]:
    drain()
    with tenant_scope(world.operator.tenant_id):
        rows = Delivery.objects.filter(topic=topic, channel="in_app")
        return set(rows.values_list("recipient_id", flat=True))


def test_a_new_item_opens_as_many_as_it_says(world: World) -> None:
    body = {
        "title": "Decide", "candidate_groups": ["analysts"], "payload": {"loan": 7},
        "permitted_outcomes": ["YES", "NO"],
        "group": {"instances": 3, "required": 2, "on_met": "cancel", "outcomes": ["YES"]},
    }  # fmt: skip
    answer = api(world.operator).post("/api/v1/work-items", body, content_type=JSON)
    assert answer.status_code == 201, answer.content
    shape = answer.json()
    group = shape["group"]
    assert len(set(group["items"])) == 3
    assert shape["id"] == group["items"][0]
    assert {key: group[key] for key in group if key not in {"id", "items"}} == {
        "instances": 3, "required": 2, "on_met": "cancel", "outcomes": ["YES"],
        "state": "OPEN", "completed": 0,
    }  # fmt: skip
    for id_ in group["items"]:
        each = api(world.analyst).get(f"/api/v1/work-items/{id_}").json()
        assert (each["group"], each["title"], each["payload"]) == (group, "Decide", {"loan": 7})
        assert (each["status"], each["candidate_groups"]) == ("PENDING", ["analysts"])
    assert api(world.operator).get("/api/v1/work-items").json()["results"][0]["group"] == group


@pytest.mark.parametrize(
    ("on_met", "rest", "entry"),
    [
        ("keep", ["ASSIGNED", "PENDING"], []),
        ("suspend", ["SUSPENDED", "SUSPENDED"], ["suspended"]),
        ("cancel", ["CANCELLED", "CANCELLED"], ["cancelled"]),
    ],
)
def test_once_enough_are_done_the_others_become_what_was_said(
    world: World, on_met: str, rest: list[str], entry: list[str]
) -> None:
    items = opened(world, 4, 2, on_met=on_met)
    actions.claim(items[2].id, call=Call(world.analyst))
    states.work(world.surveyor, items[0].id, None)
    assert group_of(world, items[0]).state == "OPEN"
    assert now_is(world, items)[2:] == ["ASSIGNED", "PENDING"]
    states.work(world.underwriter, items[1].id, None)
    assert now_is(world, items) == ["COMPLETED", "COMPLETED", *rest]
    assert group_of(world, items[0]).state == "MET"
    assert said(world, items[1])[-2:] == ["completed", "group_met"]
    assert "group_met" not in said(world, items[0])
    assert said(world, items[2]) == ["created", "claimed", *entry]
    assert said(world, items[3]) == ["created", *entry]
    assert told(world, "group_met") == {world.operator.actor_id}
    if on_met == "keep":
        states.work(world.compliance, items[3].id, None)
        assert said(world, items[3])[-1] == "completed"


def test_what_is_put_on_hold_goes_on_where_it_was(world: World) -> None:
    items = opened(world, 3, 1, on_met="suspend", deadlines={"completion": {"within": "P1D"}})
    actions.start(items[1].id, call=Call(world.analyst))
    states.work(world.surveyor, items[0].id, None)
    held = actions.resume(items[1].id, call=Call(world.analyst))
    assert (held.status, held.assignee_id) == ("IN_PROGRESS", world.analyst.actor_id)


def test_one_that_was_handed_on_waits_for_its_answer(world: World) -> None:
    items = opened(world, 2, 1, on_met="suspend")
    actions.claim(items[1].id, call=Call(world.analyst))
    actions.delegate(items[1].id, call=Call(world.analyst), to=world.surveyor.username)
    states.work(world.underwriter, items[0].id, None)
    assert now_is(world, items) == ["COMPLETED", "DELEGATED"]


def test_only_outcomes_that_were_named_count(world: World) -> None:
    items = opened(world, 3, 2, outcomes=["YES"], permitted_outcomes=["YES", "NO"])
    states.work(world.analyst, items[0].id, "NO")
    states.work(world.surveyor, items[1].id, "YES")
    assert group_of(world, items[0]).state == "OPEN"
    states.work(world.underwriter, items[2].id, "YES")
    assert group_of(world, items[0]).state == "MET"


Ending = dict[str, Any]


def _reject(item: WorkItem, who: ActingUser) -> None:
    actions.claim(item.id, call=Call(who))
    actions.reject(item.id, call=Call(who), reason="No")


def test_when_too_few_are_left_it_is_said_once_and_ends_nothing(world: World) -> None:
    items = opened(world, 4, 2, on_met="cancel")
    _reject(items[0], world.analyst)
    actions.cancel(items[1].id, call=Call(world.operator), reason="No")
    assert group_of(world, items[0]).state == "OPEN"
    _reject(items[2], world.surveyor)
    assert (group_of(world, items[0]).state, now_is(world, items)[3]) == ("IMPOSSIBLE", "PENDING")
    assert said(world, items[2])[-2:] == ["rejected", "group_missed"]
    states.work(world.underwriter, items[3].id, None)
    assert said(world, items[3])[-1] == "completed"
    assert group_of(world, items[0]).state == "IMPOSSIBLE"
    assert world.operator.actor_id in told(world, "group_missed")
    assert told(world, "group_met") == set()


def test_a_missed_deadline_decides_like_any_other_ending(world: World) -> None:
    late = {"completion": {"within": "PT1H", "breach": [{"do": "expire"}]}}
    items = opened(world, 2, 2, deadlines=late)
    states.miss(items[0])
    assert now_is(world, items) == ["EXPIRED", "PENDING"]
    assert said(world, items[0]) == ["created", "expired", "group_missed"]


def test_taking_one_back_is_a_matter_of_that_one(world: World) -> None:
    items = opened(world, 3, 2, on_met="keep")
    states.work(world.operator, items[0].id, None)
    begun = states.compensate(states.stored(world, items[0].id), world.operator)
    states.undo(begun.attempt.compensation_id, world.operator)
    assert now_is(world, items)[0] == "COMPENSATED"
    states.work(world.analyst, items[1].id, None)
    assert group_of(world, items[0]).state == "MET"
    begun = states.compensate(states.stored(world, items[1].id), world.operator)
    assert (group_of(world, items[0]).state, now_is(world, items)[2]) == ("MET", "PENDING")


@pytest.mark.parametrize(
    ("group", "more", "pointer"),
    [
        ({"instances": 2}, {}, "/group/required"),
        ({"required": 2}, {}, "/group/instances"),
        ({"instances": 2, "required": 3}, {}, "/group"),
        ({"instances": 0, "required": 1}, {}, "/group/instances"),
        ({"instances": 51, "required": 1}, {}, "/group/instances"),
        ({"instances": "3", "required": 1}, {}, "/group/instances"),
        ({"instances": 2, "required": 1, "on_met": "end"}, {}, "/group/on_met"),
        ({"instances": 2, "required": 1, "strange": 1}, {}, "/group/strange"),
        ({"instances": 2, "required": 1}, {"assignee": "analyst"}, "/assignee"),
        (
            {"instances": 2, "required": 1, "outcomes": ["MAYBE"]},
            {"permitted_outcomes": ["YES"]},
            "/group/outcomes/0",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_opened(
    world: World, group: dict[str, Any], more: dict[str, Any], pointer: str
) -> None:
    if "assignee" in more:
        more = {"assignee": world.analyst.username}
    body = {"title": "Decide", "group": group, **more}
    answer = api(world.operator).post("/api/v1/work-items", body, content_type=JSON)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.count() == InstanceGroup.objects.count() == 0


def test_templates_open_several(world: World) -> None:
    template = actions.add_template(
        call=Call(world.operator), name="Vote", title="Vote",
        group={"instances": 3, "required": 2, "on_met": "cancel"},
    )  # fmt: skip
    first = actions.instantiate(template.id, call=Call(world.analyst))
    with tenant_scope(world.operator.tenant_id):
        rows = WorkItem.objects.filter(one_of_id=first.one_of_id)
        assert [row.template["version"] for row in rows if row.template] == [1, 1, 1]


def test_the_page_says_how_many_are_needed_and_who_has_them(world: World) -> None:
    items = opened(world, 3, 2, on_met="cancel", permitted_outcomes=["YES"])
    states.work(world.surveyor, items[0].id, "YES")
    html = page(browser(world.analyst), f"/work-items/{items[1].id}/")
    assert "2 of 3 have to be done." in html
    assert "1 is done. Once enough are done: they are cancelled." in html
    assert f'href="/work-items/{items[0].id}/">Number 1</a>' in html
    assert "Number 2, this one" in html
    states.work(world.analyst, items[1].id, "YES")
    assert "2 are done. Enough are done." in page(
        browser(world.analyst), f"/work-items/{items[2].id}/"
    )


def offered(world: World, item: WorkItem, who: str) -> dict[str, str | None]:
    """Return why somebody may not take an item, by verb; None: they may."""
    shape = api(world.of(who)).get(f"/api/v1/work-items/{item.id}").json()
    found = {each["action"]: each["reason"] for each in shape["available_actions"]}
    return {name: found[name] for name in ("claim", "start")}


@pytest.mark.parametrize("finished", [False, True], ids=["has one", "completed one"])
def test_nobody_decides_twice(world: World, *, finished: bool) -> None:
    items = opened(world, 4, 3, candidate_groups=["analysts", "surveyors"])
    if finished:
        states.work(world.analyst, items[0].id, None)
    else:
        actions.claim(items[0].id, call=Call(world.analyst))
    for verb in (actions.claim, actions.start):
        with pytest.raises(NotPermitted) as refused:
            verb(items[1].id, call=Call(world.analyst))
        assert refused.value.detail == "you decide about another instance of it"
    assert offered(world, items[1], "analyst") == dict.fromkeys(("claim", "start"), "has_another")
    name = world.analyst.username
    with pytest.raises(Invalid) as given:
        actions.assign(items[1].id, call=Call(world.operator), assignee=name)
    actions.claim(items[2].id, call=Call(world.surveyor))
    with pytest.raises(Invalid) as handed:
        actions.delegate(items[2].id, call=Call(world.surveyor), to=name)
    assert [each.errors[0].code for each in (given.value, handed.value)] == ["has_another"] * 2
    assert now_is(world, items)[1:] == ["PENDING", "ASSIGNED", "PENDING"]
    # Neither do the others wait for them.
    found = api(world.analyst).get("/api/v1/work-items?candidate=me").json()["results"]
    assert [each["id"] for each in found] == [str(items[0].id)]
    assert offered(world, items[1], "surveyor")["claim"] == "has_another"
    assert group_of(world, items[0]).state == "OPEN"


def test_who_gave_one_back_may_take_another(world: World) -> None:
    items = opened(world, 2, 2, candidate_groups=["analysts"])
    actions.claim(items[0].id, call=Call(world.analyst))
    actions.release(items[0].id, call=Call(world.analyst))
    assert actions.claim(items[1].id, call=Call(world.analyst)).status == "ASSIGNED"


def test_a_substitute_is_not_another_person(world: World) -> None:
    items = opened(world, 3, 2, candidate_groups=["analysts"])
    stand_in(world, world.surveyor, world.analyst)
    # In the place of the analyst, to whom it counts as well.
    states.work(world.surveyor, items[0].id, None)
    for who in (world.surveyor, world.analyst):
        with pytest.raises(NotPermitted):
            actions.claim(items[1].id, call=Call(who))
    assert now_is(world, items) == ["COMPLETED", "PENDING", "PENDING"]


def test_who_came_by_two_at_once_completes_one(world: World) -> None:
    items = opened(world, 3, 2, on_met="keep")

    def meanwhile(_claimed: Any) -> None:
        """Take another one while the first is taken already, and nobody sees that yet."""
        [other] = at_once([lambda: actions.claim(items[1].id, call=Call(world.analyst))])
        assert other.status == "ASSIGNED"

    actions.claim(items[0].id, call=Call(world.analyst, last_act=meanwhile))
    states.work(world.analyst, items[0].id, None)
    actions.start(items[1].id, call=Call(world.analyst))
    with pytest.raises(NotPermitted):
        actions.complete(items[1].id, call=Call(world.analyst))
    assert now_is(world, items) == ["COMPLETED", "IN_PROGRESS", "PENDING"]
    assert group_of(world, items[0]).state == "OPEN"
    actions.release(items[1].id, call=Call(world.analyst))
    states.work(world.surveyor, items[1].id, None)
    assert group_of(world, items[0]).state == "MET"


def test_one_person_is_counted_once(world: World) -> None:
    """Also where they completed two before that was refused."""
    who, other, group = uuid.uuid4(), uuid.uuid4(), InstanceGroup(outcomes=[])

    def done(by: uuid.UUID, had: uuid.UUID | None = None) -> WorkItem:
        return WorkItem(completed_at=now(), completed_by_id=by, assignee_id=had or by)

    assert completed([done(who), done(who)], group) == 1
    assert completed([done(who), done(other, who)], group) == 1
    assert completed([done(who), done(other), WorkItem()], group) == 2


def test_deciding_takes_few_statements_and_no_instance_alone_one_more(world: World) -> None:
    items = opened(world, 12, 2, on_met="cancel")
    states.work(world.analyst, items[0].id, None)
    actions.start(items[1].id, call=Call(world.surveyor))
    sent = statements(lambda: actions.complete(items[1].id, call=Call(world.surveyor)))
    assert len(sent) == 7
    with pytest.raises(Conflict):
        actions.claim(items[5].id, call=Call(world.analyst))
