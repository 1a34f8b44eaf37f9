"""What the navigation counts: each thing is read once, also where two entries count it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import states
from tests.approvals import asked
from tests.clients import browser
from tests.world import World
from web import live

#: A page that shows none of it: what it reads of it is counted in its frame.
PAGE = "/work-items/templates/"


def counts(world: World, name: str) -> dict[str, int]:
    answer = browser(world.of(name)).get(PAGE)
    assert answer.status_code == 200
    return {each["key"]: each["count"] for each in answer.context["shell"]["nav"]}


def test_what_waits_for_a_decision_is_asked_once_for_the_inbox_and_the_decisions(
    world: World,
) -> None:
    client = browser(world.operator)
    client.get(PAGE)
    with CaptureQueriesContext(connection) as captured:
        client.get(PAGE)
    [asks] = [
        each["sql"] for each in captured.captured_queries if "live_part" in each["sql"]
    ]  # fmt: skip
    # Those that wait for a person have an entry of their own beside: what asks for approvals asks
    # for their step by number, which nothing else here does.
    assert asks.count('"n" = ("governance_approval"."step")') == 1
    # Only decisions are about cases and batches that have stopped.
    assert asks.count('FROM "cases_case"') == 1
    assert asks.count('FROM "executions_batch"') == 1


def test_the_inbox_counts_tasks_and_decisions_and_the_decisions_only_theirs(world: World) -> None:
    asked(world)
    states.new_item(world.operator, assignee=world.approver.username)
    found = counts(world, "approver")
    assert (found["inbox"], found["decisions"], found["approvals"]) == (2, 1, 1)


def test_what_another_entry_counts_is_counted_by_the_whole_and_what_counts_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("_counted", "_beside", "_added"):
        monkeypatch.setattr(live, name, {})
    live.register_counted("decisions", lambda _who, _keys: [])
    live.register_counted("inbox", lambda _who, _keys: [], beside=["decisions"])
    with pytest.raises(LookupError, match="approvals"):
        live.count_too("decisions", "approvals")
    live.register_counted("approvals", lambda _who, _keys: [])
    live.count_too("decisions", "approvals")
    part: live.Watched = object()  # type: ignore[assignment]  # only its number is looked at
    watched = [("", part), ("decisions", part), ("inbox", part), ("approvals", part)]
    found = [("1", "a", "1"), ("2", "b", "1"), ("3", "c", "1"), ("3", "b", "1")]
    assert live._counts(watched, found) == {"decisions": 3, "inbox": 3, "approvals": 2}  # noqa: SLF001  -- the sum


def test_what_two_entries_find_is_counted_once_by_the_one_that_counts_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("_counted", "_beside", "_added"):
        monkeypatch.setattr(live, name, {})
    live.register_counted("decisions", lambda _who, _keys: [])
    live.register_counted("inbox", lambda _who, _keys: [], beside=["decisions"])
    part: live.Watched = object()  # type: ignore[assignment]  # only its number is looked at
    watched = [("", part), ("decisions", part), ("inbox", part), ("inbox", part)]
    found = [("1", "a", "1"), ("1", "b", "1"), ("2", "b", "1"), ("3", "c", "1"), ("2", "c", "1")]
    assert live._counts(watched, found) == {"decisions": 2, "inbox": 3}  # noqa: SLF001  -- the sum


def test_an_entry_that_counts_beside_its_own_what_nobody_counts_is_an_error_at_start() -> None:
    with pytest.raises(LookupError, match="desicions"):
        live.register_counted("inbox-of-a-test", lambda _who, _keys: [], beside=["desicions"])
    assert "inbox-of-a-test" not in live._counted  # noqa: SLF001  -- nothing is left of it
