"""The inbox: what it shows to whom, in which order, at what cost."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger.clock import now
from tests.clients import api, browser
from tests.integration.workitems_made import opened, page, titles, undo_task
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_inbox_shows_work_by_tab(world: World) -> None:
    opened(world, title="pool", candidate_groups=["analysts"])
    opened(world, title="mine", assignee=world.analyst.username)
    opened(world, title="theirs", candidate_groups=["surveyors"])
    task = undo_task(world, title="loan")
    client = browser(world.analyst)
    first = page(client, "/inbox/")
    # What waits for a person and for their groups is one list; what waits longest is first.
    assert titles(first) == [task.title, "pool", "mine"]
    assert "3 things wait for you or your groups. One reverses finished work." in first
    assert "It was forged" in first
    assert titles(page(client, "/inbox/?tab=mine")) == [task.title, "mine"]
    assert titles(page(client, "/inbox/?tab=groups")) == ["pool"]
    assert titles(page(client, "/inbox/?tab=unassigned")) == ["pool", "theirs"]
    assert titles(page(client, "/inbox/?tab=done")) == ["loan"]
    assert titles(page(client, "/work-items/?q=THE")) == ["theirs"]
    assert titles(page(client, "/inbox/?kind=COMPENSATION")) == [task.title]
    assert titles(page(client, "/inbox/?kind=TASK")) == ["pool", "mine"]
    assert "No match" in page(client, "/inbox/?q=nothing-like-it")
    assert titles(page(browser(world.outsider), "/work-items/")) == []


def test_the_inbox_is_paged_and_reversals_come_once(world: World) -> None:
    for number in range(5):
        opened(world, title=f"t{number}", assignee=world.analyst.username)
    task = undo_task(world)
    client = browser(world.analyst)
    first = page(client, "/inbox/?limit=3")
    assert titles(first) == [task.title, "t0", "t1", "t2"]
    further = re.search(r'rel="next" href="([^"]+)"', first)
    assert further is not None
    second = page(client, further[1].replace("&amp;", "&"))
    assert titles(second) == ["t3", "t4"]
    before = re.search(r'rel="prev" href="([^"]+)"', second)
    assert before is not None
    assert titles(page(client, before[1].replace("&amp;", "&"))) == ["t0", "t1", "t2"]


@pytest.mark.parametrize("tab", ["waiting", "mine", "groups", "unassigned"])
def test_the_inbox_costs_at_most_twelve_queries_however_full(world: World, tab: str) -> None:
    client = browser(world.analyst)

    def cost() -> int:
        with CaptureQueriesContext(connection) as caught:
            page(client, f"/inbox/?tab={tab}")
        asked = [each["sql"] for each in caught if " FROM " in each["sql"]]
        assert len(asked) <= 12, "\n\n".join(asked)
        return len(asked)

    for number in range(15):
        opened(world, title=f"t{number}", assignee=world.analyst.username)
        opened(
            world, title=f"p{number}", candidate_groups=["analysts"],
            candidate_users=[world.analyst.username],
        )  # fmt: skip
    for mine in (True, False):
        task = undo_task(world)
        if not mine:
            actions.release(task.id, call=Call(world.operator))
    full = cost()
    for number in range(10):
        opened(world, title=f"p{number}", candidate_groups=["analysts"])
        undo_task(world)
    assert cost() == full


def test_an_undo_task_that_is_over_shows_its_state_beside_its_kind(world: World) -> None:
    task = undo_task(world)
    client = browser(world.analyst)

    def states(url: str) -> list[str]:
        [row] = re.findall(rf'<li data-id="{task.id}">(.*?)</li>', page(client, url), re.DOTALL)
        return re.findall(r'data-state="([^"]+)"', row)

    assert states("/inbox/") == ["COMPENSATION"]
    actions.start(task.id, call=Call(world.analyst))
    actions.complete(task.id, call=Call(world.analyst), outcome="REVERSED")
    for url in ("/inbox/?tab=done", "/work-items/", "/work-items/?kind=COMPENSATION"):
        assert states(url) == ["COMPENSATION", "COMPLETED"]


def test_the_navigation_counts_what_waits(world: World) -> None:
    opened(world, candidate_groups=["analysts"])
    opened(world, assignee=world.analyst.username)
    html = page(browser(world.analyst), "/inbox/")
    assert re.search(r'<span>Inbox</span><span class="count">2<', html)
    assert "count" not in (re.search(r"<span>Inbox</span>(<span[^>]*>)?", page(
        browser(world.bystander), "/inbox/")) or [""])[0]  # fmt: skip


def test_what_is_late_is_counted_behind_more_that_is_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("workitems.waiting", "workitems.finding.inbox_summary"):
        monkeypatch.setattr(f"{module}.COUNTED", 6)
    soon = now() + dt.timedelta(minutes=1)
    for whose in ({"assignee": world.analyst.username}, {"candidate_groups": ["surveyors"]}):
        for due in [None] * 6 + [soon] * 3:
            opened(world, due_at=due, **whose)
    with time_machine.travel(soon + dt.timedelta(hours=1), tick=False):
        for who in (world.analyst, world.surveyor):
            assert "three are overdue" in text_of(browser(who).get("/inbox/").content).lower()
            assert api(who).get("/api/v1/work-items/summary").json()["overdue"] == 3
