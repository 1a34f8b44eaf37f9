"""Links to elsewhere, and how items stand to each other: what is refused, and what has to wait."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from executions.actions import request_execution
from ledger.errors import Conflict
from ledger.tenancy import tenant_scope
from tests import states
from tests.casework import open_loan
from tests.clients import api, browser
from tests.integration.around_made import added, entry, listed, removed
from tests.integration.test_statements import ONE_SUBJECT, statements
from tests.integration.workitems_made import page
from tests.integration.workitems_over_rest import entries, post
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.around.addition_tables import Relation
from workitems.around.additions import ADD
from workitems.models import WorkItem

PAYSLIP = "https://files.example/payslips?id=7#page=2"


def related(world: World, item: WorkItem, type_: str, other: WorkItem, **more: Any) -> Relation:
    target = {"type": "work_item", "id": str(other.id)}
    found = ADD["relation"](item.id, call=Call(world.analyst), type=type_, target=target, **more)
    assert isinstance(found, Relation)
    return found


def codes(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["pointer"], each["code"]) for each in answer["errors"]]


def test_a_link_is_an_address_of_the_web(world: World) -> None:
    item, mine = states.new_item(world.operator), api(world.analyst)
    link = added(mine, item.id, "links", {"url": PAYSLIP, "title": "The payslip"})
    assert (link["url"], link["title"]) == (PAYSLIP, "The payslip")
    bare = added(mine, item.id, "links", {"url": "http://[2001:db8::1]:8080/x"})
    assert bare["title"] == ""
    assert listed(mine, item.id, "links") == [bare, link]
    assert added(mine, item.id, "links", {"url": PAYSLIP}, 409)["code"] == "already_there"
    said = entry(world, item.id)
    assert (said.action, said.payloads) == (
        "link_added", {"link": bare["id"], "url": bare["url"]}
    )  # fmt: skip
    html = page(browser(world.analyst), f"/work-items/{item.id}/")
    shown = f'<a href="{PAYSLIP}" rel="noopener noreferrer external">The payslip'
    assert shown in html


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://files.example/",
        "//files.example/", "/work-items/", "https://", "https:// files.example/",
        "https://user:word@files.example/", "https://files.example/\nx", "https://files.example/é",
        "mailto:a@b.example", "https://files.example/" + "x" * 2000, " ",
    ],
)  # fmt: skip
def test_anything_else_is_no_link(world: World, url: str) -> None:
    item = states.new_item(world.operator)
    said = added(api(world.analyst), item.id, "links", {"url": url}, 422)
    assert [each["pointer"] for each in said["errors"]] == ["/url"]
    assert listed(api(world.analyst), item.id, "links") == []
    assert entries(world, str(item.id)) == ["created"]


def test_items_executions_and_cases_are_related(world: World) -> None:
    item, other = states.new_item(world.operator), states.new_item(world.operator, title="Other")
    execution = request_execution(
        call=Call(world.operator), capability="demo.fail", input={}, mode="validate"
    )
    case_id = open_loan(world)
    mine = api(world.analyst)
    for type_, id_ in (("work_item", other.id), ("execution", execution.id), ("case", case_id)):
        body = {"type": "RELATES_TO", "target": {"type": type_, "id": str(id_)}}
        found = added(mine, item.id, "relations", body)
        assert (found["target"], found["enforced"]) == (body["target"], False)
    assert len(listed(mine, item.id, "relations")) == 3
    said = text_of(page(browser(world.analyst), f"/work-items/{item.id}/").encode())
    assert "Has to do with Other" in said
    there = text_of(page(browser(world.analyst), f"/work-items/{other.id}/").encode())
    assert f"Has to do with {item.title}" in there


def test_what_cannot_be_related_is_refused(world: World) -> None:
    item, other = states.new_item(world.operator), states.new_item(world.operator)
    theirs = states.new_item(world.outsider)
    mine = api(world.analyst)

    def refused(type_: str, target: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
        body = {"type": type_, "target": target, **more}
        return codes(added(mine, item.id, "relations", body, 422))

    here = {"type": "work_item", "id": str(other.id)}
    assert refused("KNOWS", here) == [("/type", "invalid_choice")]
    assert refused("BLOCKS", {"type": "tenant", "id": str(other.id)}) == [
        ("/target/type", "invalid_choice")
    ]
    assert refused("BLOCKS", {"type": "work_item", "id": "7"}) == [("/target/id", "invalid")]
    for unknown in (theirs.id, uuid.uuid4()):
        target = {"type": "work_item", "id": str(unknown)}
        assert refused("RELATES_TO", target) == [("/target/id", "unknown")]
    assert refused("RELATES_TO", {"type": "work_item", "id": str(item.id)}) == [
        ("/target/id", "itself")
    ]
    assert refused("PART_OF", {"type": "case", "id": str(other.id)}) == [
        ("/target/type", "unsupported")
    ]
    assert refused("PART_OF", here, enforced=True) == [("/enforced", "unsupported")]
    assert listed(mine, item.id, "relations") == []
    assert entries(world, str(item.id)) == ["created"]


@pytest.mark.parametrize("type_", ["PART_OF", "BLOCKS"])
def test_a_circle_is_refused_until_it_is_none(world: World, type_: str) -> None:
    one, two, three = (states.new_item(world.operator) for _ in range(3))
    first = related(world, one, type_, two)
    related(world, two, type_, three)
    with pytest.raises(Conflict) as refused:
        related(world, three, type_, one)
    assert refused.value.code == "circle"
    assert listed(api(world.analyst), three.id, "relations") == []
    removed(api(world.analyst), one.id, "relations", first.id)
    related(world, three, type_, one)
    related(world, one, "RELATES_TO", three)


def test_two_that_would_close_a_circle_at_once_meet(world: World) -> None:
    for _ in range(5):
        pair = [states.new_item(world.operator) for _ in range(2)]

        def relate(order: int, pair: list[WorkItem] = pair) -> str:
            try:
                related(world, pair[order], "PART_OF", pair[1 - order])
            except Conflict as refusal:
                return refusal.code
            finally:
                connection.close()
            return "done"

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(relate, range(2))) == ["circle", "done"]
        with tenant_scope(pair[0].tenant_id):
            assert Relation.objects.filter(item_id__in=[each.id for each in pair]).count() == 1


def test_what_is_blocked_waits_where_that_was_asked_for(world: World) -> None:
    first, second = states.new_item(world.operator), states.new_item(world.analyst)
    related(world, first, "BLOCKS", second, enforced=True)
    mine = api(world.analyst)
    answer = post(mine, f"/{second.id}/start")
    assert (answer.status_code, answer.json()["code"]) == (409, "blocked")
    assert answer.json()["blocked_by"] == [str(first.id)]
    assert entries(world, str(second.id)) == ["created"]
    shown = mine.get(f"/api/v1/work-items/{second.id}").json()
    assert {"action": "start", "allowed": False, "reason": "blocked"} in shown["available_actions"]
    inside = [
        each for each in mine.get("/api/v1/work-items").json()["results"]
        if each["id"] == str(second.id)
    ]  # fmt: skip
    assert inside[0]["available_actions"] == shown["available_actions"]
    said = text_of(page(browser(world.analyst), f"/work-items/{second.id}/").encode())
    assert f"Waits for the end of {first.title}" in said
    assert "Start: something else has to end first" in said
    actions.cancel(first.id, call=Call(world.operator), reason="No need")
    assert post(mine, f"/{second.id}/start").status_code == 200


def test_what_was_begun_before_is_not_completed_while_it_is_blocked(world: World) -> None:
    first, second = states.new_item(world.operator), states.in_progress(world.analyst)
    relation = related(world, first, "BLOCKS", second, enforced=True)
    with pytest.raises(Conflict) as refused:
        actions.complete(second.id, call=Call(world.analyst))
    assert refused.value.code == "blocked"
    assert states.stored(world, second.id).status == "IN_PROGRESS"
    removed(api(world.operator), first.id, "relations", relation.id)
    actions.complete(second.id, call=Call(world.analyst))


def test_what_only_says_that_it_blocks_holds_nothing(world: World) -> None:
    first, second = states.new_item(world.operator), states.new_item(world.analyst)
    related(world, first, "BLOCKS", second)
    actions.start(second.id, call=Call(world.analyst))


def test_a_bystander_lets_no_task_wait(world: World) -> None:
    item = states.completed(world.analyst)
    undo = states.compensate(item, world.operator).attempt.compensation_id
    theirs, mine = states.new_item(world.operator), states.new_item(world.analyst)
    own = states.new_item(world.bystander)

    def kept_waiting(who: str, target: Any, status: int, **more: Any) -> Any:
        body = {"type": "BLOCKS", "target": {"type": "work_item", "id": str(target)}, **more}
        return added(api(world.of(who)), own.id, "relations", body, status)

    for who, target in (
        ("bystander", undo), ("bystander", theirs.id), ("bystander", mine.id),
        # Whose undo task it is may not put it off either.
        ("analyst", undo),
    ):  # fmt: skip
        assert kept_waiting(who, target, 403, enforced=True)["code"] == "not_permitted"
    assert listed(api(world.bystander), own.id, "relations") == []
    assert entries(world, str(own.id)) == ["created"]
    # It may be said all the same, and holds nothing.
    kept_waiting("bystander", undo, 201)
    actions.start(undo, call=Call(world.analyst))
    actions.stop(undo, call=Call(world.analyst))
    kept_waiting("analyst", mine.id, 201, enforced=True)
    kept_waiting("operator", theirs.id, 201, enforced=True)
    with tenant_scope(own.tenant_id):
        said = Relation.objects.get(item_id=own.id, target_id=undo)
    removed(api(world.operator), own.id, "relations", said.id)
    kept_waiting("operator", undo, 201, enforced=True)
    with pytest.raises(Conflict) as refused:
        actions.start(undo, call=Call(world.analyst))
    assert refused.value.code == "blocked"


def test_who_has_or_owns_a_task_may_let_it_wait(world: World) -> None:
    first, second = states.new_item(world.operator), states.new_item(world.operator)
    actions.claim(second.id, call=Call(world.analyst))
    owned = states.new_item(world.operator, owner=world.analyst.username)
    for each in (second, owned):
        assert related(world, first, "BLOCKS", each, enforced=True).enforced is True


def test_relating_takes_few_statements(world: World) -> None:
    one, two = states.new_item(world.operator), states.new_item(world.analyst)
    sent = statements(lambda: related(world, one, "BLOCKS", two, enforced=True))
    assert len(sent) == 7 <= ONE_SUBJECT, "\n".join(sent)


def test_people_relate_by_the_address_of_a_page(world: World) -> None:
    item, other = states.new_item(world.operator), states.new_item(world.analyst, title="Other")
    mine, where = browser(world.analyst), f"/work-items/{item.id}/relate/"
    address = f"https://amends.example/work-items/{other.id}/?back=/inbox/"
    for said in ("no address", "https://amends.example/inbox/"):
        answer = mine.post(where, {"type": "BLOCKS", "target": said})
        assert answer.status_code == 422
        assert "Copy the address of its page" in text_of(answer.content)
    answer = mine.post(where, {"type": "BLOCKS", "target": address, "enforced": "on"})
    assert answer.status_code == 303, text_of(answer.content)
    [found] = listed(api(world.analyst), item.id, "relations")
    assert found["target"] == {"type": "work_item", "id": str(other.id)}
    assert found["enforced"] is True
