"""What was made of something that is undone: marked, and looked at again."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from ledger.errors import Invalid, NotPermitted
from ledger.models import OutboxTask
from ledger.selectors import entries_of
from ledger.tenancy import tenant_scope
from people.actions import edit_member
from tests import states
from tests.casework import deploy, finish, open_item, opened
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration import workitems_made as made
from tests.world import World
from verbs.call import Call
from workitems.actions import assign, cancel, claim, compensate, complete, start
from workitems.around.additions import ADD, REMOVE
from workitems.models import WorkItem

URL, JSON = "/api/v1/work-items", "application/json"


def stored(world: World, **by: Any) -> list[WorkItem]:
    with tenant_scope(world.operator.tenant_id):
        return list(WorkItem.objects.filter(**by).order_by("created_at", "id"))


def fresh(world: World, id_: Any) -> WorkItem:
    [item] = stored(world, id=id_)
    return item


def made_of(world: World, *sources: WorkItem, **more: Any) -> WorkItem:
    """Return an item of the surveyor that was made of others, done."""
    item = made.opened(
        world, title="Value the property", assignee=world.surveyor.username,
        derived_from=[{"type": "work_item", "id": str(each.id)} for each in sources], **more,
    )  # fmt: skip
    start(item.id, call=Call(world.surveyor))
    complete(item.id, call=Call(world.surveyor), outcome="VALUED")
    return fresh(world, item.id)


#: Who did it may ask for its undo.
_OWN = {"compensation": {"self_undo": True}}


def undo(world: World, item: WorkItem, outcome: str = "REVERSED") -> None:
    """Have an item undone by whoever did it."""
    compensate(item.id, call=Call(world.operator), reason="It was forged")
    finish_undo(world, item, outcome)


def finish_undo(world: World, item: WorkItem, outcome: str = "REVERSED") -> None:
    *_, task = stored(world, compensates_id=item.id)
    who = world.of("analyst" if task.assignee_id == world.analyst.actor_id else "surveyor")
    start(task.id, call=Call(who))
    reason = "" if outcome == "REVERSED" else "It cannot be done"
    complete(task.id, call=Call(who), outcome=outcome, reason=reason)
    drain()


def reviews(world: World) -> list[WorkItem]:
    return stored(world, kind="REVIEW")


def answer(world: World, review: WorkItem, outcome: str, reason: str = "Looked at it") -> None:
    start(review.id, call=Call(world.surveyor))
    complete(review.id, call=Call(world.surveyor), outcome=outcome, reason=reason)
    drain()


def history(world: World, item: WorkItem) -> list[Any]:
    with tenant_scope(world.operator.tenant_id):
        return entries_of(item.tenant_id, "work_item", item.id)


def test_what_was_made_of_something_undone_is_marked_and_reviewed(world: World) -> None:
    source, other = made.done(world), made.done(world)
    item, untouched = made_of(world, source), made_of(world, other)
    undo(world, source)
    item = fresh(world, item.id)
    assert (item.tainted, item.status) == (True, "COMPLETED")
    entry = history(world, item)[-1]
    undone = history(world, source)[-1]
    assert (entry.action, undone.action) == ("tainted", "compensation_completed")
    assert entry.caused_by is not None
    assert entry.caused_by.id == undone.id
    assert entry.payloads["source"]["id"] == str(source.id)
    [review] = reviews(world)
    assert (review.title, review.status, review.priority) == (
        "Review again: Value the property", "PENDING", 3,
    )  # fmt: skip
    assert review.permitted_outcomes == ["keep", "correct", "compensate"]
    opened = history(world, review)[0]
    assert opened.caused_by is not None
    assert opened.caused_by.id == entry.id
    assert not fresh(world, untouched.id).tainted
    found = api(world.analyst).get(f"{URL}?tainted=true").json()["results"]
    assert [each["id"] for each in found] == [str(item.id)]
    assert found[0]["derived_from"] == [{"type": "work_item", "id": str(source.id)}]
    # The other way round nothing is marked, and whoever did it was told.
    assert not fresh(world, source.id).tainted
    told = api(world.surveyor).get("/api/v1/notifications").json()["results"]
    assert "Task waiting: Review again: Value the property" in [each["title"] for each in told]


def test_pages_say_so_and_lead_there(world: World) -> None:
    source = made.done(world)
    item = made_of(world, source)
    undo(world, source)
    [review] = reviews(world)
    page = browser(world.surveyor).get(f"/work-items/{item.id}/").content.decode()
    assert "This used a result that has since been undone" in page
    assert f'href="/work-items/{source.id}/"' in page
    page = browser(world.surveyor).get(f"/work-items/{review.id}/").content.decode()
    assert f'href="/work-items/{item.id}/"' in page
    start(review.id, call=Call(world.surveyor))
    page = browser(world.surveyor).get(f"/work-items/{review.id}/").content.decode()
    assert 'value="compensate"' in page
    for text in ("It stays as it is", "Its undo begins at once", "Needed unless it stays as it is"):
        assert text in page
    assert "for every answer but Reversed" not in page
    # What the page says is a name, not an identifier.
    assert f">{source.id}<" not in page
    assert f">{item.id}<" not in page
    # Whatever somebody makes of its payload, the page is there.
    api(world.operator).patch(
        f"{URL}/{review.id}", {"payload": {"work_item": [1]}}, content_type=JSON
    )
    assert browser(world.operator).get(f"/work-items/{review.id}/").status_code == 200


def test_it_happens_once_for_a_source_and_a_round(world: World) -> None:
    source = made.done(world)
    item = made_of(world, source, made.done(world))
    undo(world, source)
    with tenant_scope(world.operator.tenant_id):
        OutboxTask.objects.filter(consumer="workitems.influence").update(done_at=None)
    drain()
    assert len(reviews(world)) == 1
    assert [each.action for each in history(world, item)].count("tainted") == 1


def test_an_undo_that_fails_marks_nothing_and_one_that_is_attested_does(world: World) -> None:
    source = made.done(world)
    item = made_of(world, source)
    undo(world, source, "CANNOT_REVERSE")
    assert (fresh(world, item.id).tainted, reviews(world)) == (False, [])
    client = api(world.operator)
    body = {"evidence": "The bank confirmed it"}
    url = f"{URL}/{source.id}/compensation/attest"
    assert client.post(url, body, content_type=JSON).status_code == 200
    drain()
    assert fresh(world, item.id).tainted
    assert len(reviews(world)) == 1


def test_keep_and_correct_leave_it_done(world: World) -> None:
    for outcome in ("keep", "correct"):
        source = made.done(world)
        item = made_of(world, source)
        undo(world, source)
        review = reviews(world)[-1]
        answer(world, review, outcome)
        item = fresh(world, item.id)
        assert (item.status, item.tainted) == ("COMPLETED", True)
        assert "review_decided" not in [each.action for each in history(world, review)]


def test_compensate_undoes_it_and_what_was_made_of_that_follows(world: World) -> None:
    source = made.done(world)
    item = made_of(world, source, **_OWN)
    last = made_of(world, item, source, **_OWN)
    undo(world, source)
    first, second = sorted(
        reviews(world), key=lambda each: each.payload["work_item"] != str(item.id)
    )
    assert second.payload["work_item"] == str(last.id)
    answer(world, first, "compensate", "Worthless without the payslip")
    item = fresh(world, item.id)
    assert item.status == "COMPENSATING"
    entry = history(world, item)[-1]
    decided = history(world, first)[-1]
    assert (entry.action, decided.action) == ("compensation_started", "review_decided")
    assert entry.caused_by is not None
    assert entry.caused_by.id == decided.id
    assert entry.payloads["reason"] == "Worthless without the payslip"
    finish_undo(world, item)
    assert fresh(world, item.id).status == "COMPENSATED"
    # Marked already because of the first source; the second one asks for a review of its own.
    assert len(reviews(world)) == 3
    # What is undone is marked by nobody any more.
    answer(world, second, "compensate")
    finish_undo(world, last)
    assert fresh(world, last.id).status == "COMPENSATED"
    answer(world, reviews(world)[-1], "compensate")
    assert [fresh(world, each.id).status for each in (item, last)] == ["COMPENSATED"] * 2
    assert [each.action for each in history(world, last)].count("compensation_started") == 1


def test_what_is_in_the_way_of_a_review_is_recorded_and_told(world: World) -> None:
    source = made.done(world)
    item = made_of(world, source, reversibility="irreversible", **_OWN)
    undo(world, source)
    answer(world, reviews(world)[0], "compensate")
    assert fresh(world, item.id).status == "COMPLETED"
    entry = history(world, item)[-1]
    assert (entry.action, entry.payloads["code"]) == ("event_not_followed", "irreversible")


def answered(world: World, item: WorkItem, by: str) -> tuple[str, Any]:
    """Let somebody answer the review of an item with an undo: its status then, its last entry."""
    [review] = reviews(world)
    if world.of(by) != world.surveyor:
        assign(review.id, call=Call(world.operator), assignee=world.of(by).username)
    start(review.id, call=Call(world.of(by)))
    said = {"outcome": "compensate", "reason": "Worthless"}
    complete(review.id, call=Call(world.of(by)), **said)
    drain()
    return str(fresh(world, item.id).status), history(world, item)[-1]


def test_who_may_not_ask_for_the_undo_begins_none_by_a_review(world: World) -> None:
    source = made.done(world)
    item = made_of(world, source, reversibility="pivot")
    undo(world, source)
    with pytest.raises(NotPermitted):
        compensate(item.id, call=Call(world.surveyor), reason="Worthless")
    status, entry = answered(world, item, "surveyor")
    assert (status, stored(world, compensates_id=item.id)) == ("COMPLETED", [])
    assert (entry.action, entry.payloads["code"]) == ("event_not_followed", "not_permitted")
    assert entry.payloads["detail"] == "an operator has to ask for it"
    told = api(world.operator).get("/api/v1/notifications").json()["results"]
    said = "Not undone, although there was an event: Value the property"
    assert said in [each["title"] for each in told]


def test_an_operator_may_begin_by_a_review_what_they_may_begin_themselves(world: World) -> None:
    source = made.done(world)
    item = made_of(world, source, reversibility="pivot")
    undo(world, source)
    assert answered(world, item, "operator")[0] == "COMPENSATING"


def test_what_counts_is_what_somebody_may_do_once_their_answer_is_heard(world: World) -> None:
    source = made.done(world)
    item = made_of(world, source)
    undo(world, source)
    [review] = reviews(world)
    assign(review.id, call=Call(world.operator), assignee=world.operator.username)
    start(review.id, call=Call(world.operator))
    complete(review.id, call=Call(world.operator), outcome="compensate", reason="Worthless")
    states.change_roles(world, world.operator)
    drain()
    assert fresh(world, item.id).status == "COMPLETED"
    entry = history(world, item)[-1]
    assert (entry.action, entry.payloads["code"]) == ("event_not_followed", "not_permitted")


def test_who_is_kept_from_an_item_is_kept_from_its_review(world: World) -> None:
    source = made.done(world)
    item = made.opened(
        world, title="Value the property", candidate_groups=["surveyors", "analysts"],
        excluded_users=[world.analyst.username], excluded_groups=["compliance"],
        required_skills=["figures"], derived_from=[{"type": "work_item", "id": str(source.id)}],
    )  # fmt: skip
    edit_member(world.surveyor.actor_id, call=Call(world.admin), skills=["figures"])
    states.work(world.surveyor, item.id, "VALUED")
    undo(world, source)
    [review] = reviews(world)
    assert (review.excluded, review.excluded_groups, review.required_skills) == (
        [str(world.analyst.actor_id)], ["compliance"], ["figures"],
    )  # fmt: skip
    with pytest.raises(NotPermitted):
        start(review.id, call=Call(world.analyst))
    assert fresh(world, review.id).status == "PENDING"


def test_who_did_what_another_has_to_do_does_not_review_it(world: World) -> None:
    second = human("approve", when=".check != null and .approve == null")
    second["humanTask"]["notCompletedBy"] = ["check"]
    deploy(world, definition("looked-at-again", human("check"), second))
    case_id = opened(world, "tests/looked-at-again")
    drain()
    finish(world.analyst, case_id, "check", None)
    item = open_item(world.operator, case_id, "approve")
    states.work(world.surveyor, item.id, None)
    source = made.done(world)
    related(world, item, source)
    undo(world, source)
    [review] = reviews(world)
    assert str(world.analyst.actor_id) in review.excluded
    with pytest.raises(Invalid):
        assign(review.id, call=Call(world.operator), assignee=world.analyst.username)


def test_a_review_must_say_why_it_does_not_keep_it(world: World) -> None:
    source = made.done(world)
    item = made_of(world, source)
    undo(world, source)
    [review] = reviews(world)
    client = api(world.surveyor)
    claim(review.id, call=Call(world.surveyor))
    client.post(f"{URL}/{review.id}/start", content_type=JSON)
    for outcome, pointer in (("compensate", "/reason"), ("undo", "/outcome")):
        refused = client.post(
            f"{URL}/{review.id}/complete", {"outcome": outcome}, content_type=JSON
        )
        assert refused.status_code == 422
        assert [each["pointer"] for each in refused.json()["errors"]] == [pointer]
    assert fresh(world, item.id).status == "COMPLETED"


def test_what_ended_otherwise_is_left_alone(world: World) -> None:
    source = made.done(world)
    item = made.opened(
        world, title="Called off", derived_from=[{"type": "work_item", "id": str(source.id)}]
    )
    cancel(item.id, call=Call(world.operator), reason="No longer wanted")
    undo(world, source)
    assert (fresh(world, item.id).tainted, reviews(world)) == (False, [])


def test_what_is_not_there_is_refused_with_its_pointer(world: World) -> None:
    source, client = made.done(world), api(world.operator)
    foreign = api(world.outsider).post(URL, {"title": "Theirs"}, content_type=JSON).json()["id"]

    def refused(*sources: dict[str, Any]) -> list[tuple[str, str]]:
        body = {"title": "T", "derived_from": list(sources)}
        answer_ = client.post(URL, body, content_type=JSON)
        assert answer_.status_code == 422, answer_.content
        return [(each["pointer"], each["code"]) for each in answer_.json()["errors"]]

    known = {"type": "work_item", "id": str(source.id)}
    for id_ in (str(uuid.uuid4()), foreign):
        assert refused(known, {"type": "work_item", "id": id_}) == [
            ("/derived_from/1/id", "unknown")
        ]
    assert refused({"type": "execution", "id": str(source.id)}) == [
        ("/derived_from/0/id", "unknown")
    ]
    assert refused(known, known) == [("/derived_from/1/id", "repeated")]
    assert refused({"type": "case", "id": str(source.id)}) == [
        ("/derived_from/0/type", "invalid_choice")
    ]
    assert refused({"type": "work_item", "id": "x"}) == [("/derived_from/0/id", "invalid")]
    assert refused(*[known] * 21)[0] == ("/derived_from", "too_long")


def related(world: World, item: WorkItem, source: WorkItem) -> Any:
    """Say of an item afterwards that it was made of another."""
    target = {"type": "work_item", "id": str(source.id)}
    return ADD["relation"](item.id, call=Call(world.surveyor), type="DERIVED_FROM", target=target)


def test_what_is_said_later_to_be_made_of_something_is_marked_too(world: World) -> None:
    source = made.done(world)
    item, unrelated = made_of(world), made_of(world)
    related(world, item, source)
    related(world, fresh(world, item.id), made.done(world))
    undo(world, source)
    assert (fresh(world, item.id).tainted, fresh(world, unrelated.id).tainted) == (True, False)
    [review] = reviews(world)
    assert review.payload["undone"]["id"] == str(source.id)


def test_a_relation_that_was_removed_marks_nothing(world: World) -> None:
    source, item = made.done(world), made_of(world)
    row = related(world, item, source)
    REMOVE["relation"](item.id, row.id, call=Call(world.surveyor))
    undo(world, source)
    assert (fresh(world, item.id).tainted, reviews(world)) == (False, [])


def test_what_an_item_said_of_itself_stands_without_its_relation(world: World) -> None:
    source = made.done(world)
    item = made_of(world, source)
    row = related(world, item, source)
    REMOVE["relation"](item.id, row.id, call=Call(world.surveyor))
    related(world, fresh(world, item.id), source)
    undo(world, source)
    assert (fresh(world, item.id).tainted, len(reviews(world))) == (True, 1)
