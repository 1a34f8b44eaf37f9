"""A page looks at a bounded part of a long list: however little is found, it costs the same, says
so, and the next one looks further. Nothing is lost on the way, and nothing comes twice."""

from __future__ import annotations

from typing import Any

import pytest

from compensation.actions.plan_execution import execute
from compensation.models import CompensationRun
from ledger.tenancy import tenant_scope
from notifications.selectors import unread_count
from tests import approvals, states
from tests.casework import preview
from tests.clients import api, browser
from tests.draining import drain
from tests.outside import asked_from_outside
from tests.pages import text_of
from tests.world import World
from verbs import catalogue
from verbs.call import Call
from web.counts import bounded_count, shown_count
from workitems import actions, selectors, waiting
from workitems.models import WorkItem

SEARCHED = "Only the newer part of the list was searched. “Older” searches on."


@pytest.fixture
def twelve(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make twelve items, of which the oldest and the seventh are looked for; look at five."""
    monkeypatch.setattr("web.pagination.LOOKED_AT", 5)
    titles = ["Needle 1", *("Hay",) * 5, "Needle 2", *("Hay",) * 5]
    for title in titles:
        priority = "HIGH" if title.startswith("Needle") else "LOW"
        actions.create_work_item(call=Call(world.operator), title=title, priority=priority)
    return titles


def pages(world: World, address: str, way: str = "next") -> list[dict[str, Any]]:
    """Return the bodies of all pages in one direction."""
    client, found = api(world.operator), []
    url: str | None = f"/api/v1/{address}"
    while url is not None:
        answer = client.get(url)
        assert answer.status_code == 200, answer.content
        found.append(answer.json())
        url = found[-1][way]
    return found


def titles_of(found: list[dict[str, Any]]) -> list[list[str]]:
    return [[item["title"] for item in page["results"]] for page in found]


def test_a_search_goes_on_page_by_page_to_the_end(world: World, twelve: list[str]) -> None:
    found = pages(world, "work-items?priority=HIGH")
    # Five are looked at, and five, and two.
    assert titles_of(found) == [[], ["Needle 2"], ["Needle 1"]]
    assert (found[0]["previous"], found[-1]["next"]) == (None, None)


def test_and_back_again(world: World, twelve: list[str]) -> None:
    last = pages(world, "work-items?priority=HIGH")[-1]
    address = last["previous"].partition("/api/v1/")[2]
    back = pages(world, address, "previous")
    assert [title for page in titles_of(back) for title in page] == ["Needle 2"]
    assert back[-1]["previous"] is None
    forward = pages(world, back[-1]["next"].partition("/api/v1/")[2])
    assert [title for page in titles_of(forward) for title in page] == ["Needle 2", "Needle 1"]


def test_a_full_page_ends_where_it_is_full(world: World, twelve: list[str]) -> None:
    found = pages(world, "work-items?priority=LOW&limit=2")
    assert [title for page in titles_of(found) for title in page] == ["Hay"] * 10
    assert [len(page["results"]) for page in found[:2]] == [2, 2]


def test_what_is_not_narrowed_comes_whole(world: World, twelve: list[str]) -> None:
    [found] = pages(world, "work-items")
    assert titles_of([found]) == [list(reversed(twelve))]


@pytest.mark.parametrize(
    "query",
    ["assignee=me", "assignee=me&status=ASSIGNED", "assignee=me&q=needle", "assignee=me&kind=TASK"],
)
def test_what_is_somebodys_is_looked_for_in_that(
    world: World, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr("web.pagination.LOOKED_AT", 2)
    mine = states.new_item(world.operator, title="Needle", assignee=world.operator.username)
    for _ in range(3):
        states.new_item(world.operator, title="Needle", assignee=world.analyst.username)
    [found] = pages(world, f"work-items?{query}")
    assert [item["id"] for item in found["results"]] == [str(mine.id)]


def test_what_a_person_may_take_is_looked_for_in_the_pool(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pagination.LOOKED_AT", 2)
    open_to_all = states.new_item(world.operator)
    for _ in range(3):
        states.new_item(world.operator, assignee=world.analyst.username)
    [found] = pages(world, "work-items?candidate=me&status=PENDING")
    assert [item["id"] for item in found["results"]] == [str(open_to_all.id)]


def test_a_live_run_is_looked_for_in_the_live_ones(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pagination.LOOKED_AT", 1)
    live, *ended = (_run_about(world, states.completed(world.analyst)) for _ in range(3))
    for run in ended:
        with tenant_scope(run.tenant_id):
            task = WorkItem.objects.get(undoes_id=run.about_id)
        states.undo(task.id, world.analyst)
    drain()
    [found] = pages(world, "compensation-runs?status=RUNNING")
    assert [run["id"] for run in found["results"]] == [str(live.id)]
    first, *_ = pages(world, "compensation-runs?status=COMPLETED")
    assert [run["id"] for run in first["results"]] == [str(ended[1].id)]


def test_what_was_decided_is_looked_for_and_what_waits_is_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pagination.LOOKED_AT", 2)
    requests = [asked_from_outside(world, title=f"Ship {n}") for n in range(3)]
    refuse = catalogue.find("compensation_request", "reject")
    refuse(requests[0].id, call=Call(world.operator), reason="No")
    asked = [approvals.asked(world) for _ in range(3)]
    approvals.withdraw(asked[0].id, call=Call(world.operator), reason="No")
    lists: list[tuple[str, str, list[Any]]] = [
        ("compensation-requests", "REFUSED", requests), ("approvals", "WITHDRAWN", asked),
    ]  # fmt: skip
    for address, ended, (first, *others) in lists:
        found = pages(world, f"{address}?status={ended}")
        assert ids_of(found) == [[], [str(first.id)]]
        waiting_ones = [str(each.id) for each in reversed(others)]
        assert ids_of(pages(world, f"{address}?status=PENDING")) == [waiting_ones]
        assert ids_of(pages(world, address)) == [[*waiting_ones, str(first.id)]]


def test_what_waits_is_found_however_much_was_decided_since(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pagination.LOOKED_AT", 1)
    waits, *asked = [approvals.asked(world) for _ in range(3)]
    for each in asked:
        approvals.withdraw(each.id, call=Call(world.operator), reason="No")
    assert ids_of(pages(world, "approvals?status=PENDING")) == [[str(waits.id)]]
    about = f"approvals?subject={waits.about_id}&status=PENDING"
    assert ids_of(pages(world, about)) == [[str(waits.id)]]


def ids_of(found: list[dict[str, Any]]) -> list[list[str]]:
    return [[each["id"] for each in page["results"]] for page in found]


def _run_about(world: World, item: WorkItem) -> CompensationRun:
    call = Call(world.operator)
    plan = preview(("work_item", item.id), call=call, reason="Not so")
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    return run


def test_reversals_count_however_much_else_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workitems.waiting.COUNTED", 3)
    group = ["analysts"]
    # One before and one after, so that no order of the rows finds both by chance.
    for others in (4, 0):
        item = states.completed(world.analyst)
        states.compensate(item, world.operator, candidate_groups=group)
        for _ in range(others):
            states.new_item(world.operator, candidate_groups=group)
    with tenant_scope(world.analyst.tenant_id):
        counts = waiting.waiting(world.analyst)
    assert (counts.groups, counts.unassigned, counts.undo) == (3, 3, 2)


def test_the_page_says_that_it_looked_at_a_part(world: World, twelve: list[str]) -> None:
    client = browser(world.operator)
    page = client.get("/work-items/?priority=HIGH").content
    assert SEARCHED in text_of(page)
    # There may be one further down, so that it does not say that there is none.
    assert "Nothing found so far" in text_of(page)
    assert "No match" not in text_of(page)
    assert b'rel="next"' in page
    assert SEARCHED not in text_of(client.get("/work-items/").content)


def test_nothing_at_all_is_one_page_in_a_short_list(world: World) -> None:
    states.new_item(world.operator)
    [found] = pages(world, "work-items?q=needle")
    assert (found["results"], found["next"], found["previous"]) == ([], None, None)


def test_counts_are_exact_up_to_a_bound(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [shown_count(number) for number in (0, 99, 100)] == ["0", "99", "99+"]
    for _ in range(4):
        states.new_item(world.operator)
    with tenant_scope(world.operator.tenant_id):
        rows = selectors.visible(world.operator.tenant_id)
        assert bounded_count(rows) == 4
        monkeypatch.setattr("web.counts.COUNTED", 3)
        assert (bounded_count(rows), shown_count(bounded_count(rows))) == (3, "2+")
        assert unread_count(world.operator) == 0
