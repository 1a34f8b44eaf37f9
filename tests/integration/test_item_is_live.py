"""The page of an item has news when anything it shows changes; without news a poll is a 304."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from config.demo.transfers import open_accounts
from executions.actions import request_execution
from tests import states
from tests.casework import approved_loan, open_undo, roll_back, undo
from tests.clients import browser
from tests.draining import drain
from tests.integration.test_pages_live import NEWS, NO_NEWS, Poll, statements
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.around.additions import ADD, REMOVE
from workitems.around.drafts import save_draft
from workitems.around.progress_reports import report_progress


def news_after(poll: Poll, *changes: Callable[[], Any]) -> None:
    """Check that each change is news, once."""
    for number, change in enumerate(changes):
        assert poll.ask() == NO_NEWS, number
        change()
        assert poll.ask() == NEWS, number
    status, taken = statements(poll)
    assert (status, len(taken)) == (NO_NEWS, 2)


def poll_of(world: World, item_id: Any, who: str = "operator") -> Poll:
    return Poll(browser(world.of(who)), f"/work-items/{item_id}/")


ADDED: dict[str, dict[str, Any]] = {
    "note": {"text": "Seen"},
    "label": {"name": "urgent"},
    "link": {"url": "https://files.example/"},
    "attachment": {"name": "a.txt", "content": "Tm90ZQ=="},
}


@pytest.mark.parametrize("kind", sorted(ADDED))
def test_what_is_put_beside_it_and_removed_is_news(world: World, kind: str) -> None:
    item, call = states.new_item(world.operator), Call(world.operator)
    made: list[Any] = []
    news_after(
        poll_of(world, item.id),
        lambda: made.append(ADD[kind](item.id, call=call, **ADDED[kind])),
        lambda: REMOVE[kind](item.id, made[0].id, call=call),
    )


def test_what_it_is_related_to_is_news_from_either_side(world: World) -> None:
    item, other, whole = (states.new_item(world.operator, title=t) for t in ("A", "B", "C"))
    call = Call(world.operator)
    made: list[Any] = []

    def relate(source: Any, to: Any, **more: Any) -> None:
        target = {"type": "work_item", "id": str(to.id)}
        made.append(ADD["relation"](source.id, call=call, target=target, **more))

    news_after(
        poll_of(world, item.id),
        lambda: relate(item, whole, type="PART_OF"),
        lambda: relate(other, item, type="BLOCKS", enforced=True),
        # Its state stands there, and that it waits is said of the buttons.
        lambda: actions.cancel(other.id, call=call, reason="Not needed"),
        lambda: actions.claim(whole.id, call=call),
        lambda: REMOVE["relation"](other.id, made[1].id, call=call),
    )
    # What it is not related to any more is no news.
    poll = poll_of(world, item.id)
    ADD["note"](other.id, call=call, text="Elsewhere")
    assert poll.ask() == NO_NEWS


def test_a_case_and_a_program_it_is_related_to_are_news(world: World) -> None:
    item, call = states.new_item(world.operator), Call(world.operator)
    open_accounts(world.operator.tenant_id)
    run = request_execution(call=call, capability="demo.flaky", input={"fail_times": 0})
    case_id = approved_loan(world)
    for type_, id_ in (("execution", run.id), ("case", case_id)):
        target = {"type": type_, "id": str(id_)}
        ADD["relation"](item.id, call=call, type="RELATES_TO", target=target)
    # Of whom nothing else is news.
    poll = poll_of(world, item.id, "bystander")
    assert poll.ask() == NO_NEWS
    roll_back(world, case_id)
    assert poll.ask() == NEWS


def test_how_far_it_and_its_undo_are_is_news(world: World) -> None:
    boss = world.operator
    begun = states.in_progress(boss)
    said = {"dimension": "forward", "shape": "percentage"}
    news_after(
        poll_of(world, begun.id),
        lambda: report_progress(begun.id, call=Call(boss), value=40, **said),
    )
    undoing = states.compensating(boss)
    task = undoing.attempt.compensation_id
    told = {"dimension": "undo", "shape": "percentage"}
    news_after(
        poll_of(world, undoing.original.id),
        lambda: actions.start(task, call=Call(boss)),
        lambda: report_progress(task, call=Call(boss), value=10, **told),
        lambda: actions.complete(task, call=Call(boss), outcome="REVERSED"),
    )


def test_a_draft_is_news_to_its_author_alone(world: World) -> None:
    item = states.in_progress(world.analyst)
    other = poll_of(world, item.id)
    news_after(
        poll_of(world, item.id, "analyst"),
        lambda: save_draft(item.id, call=Call(world.analyst), form={"resolution.note": "One"}),
        lambda: save_draft(item.id, call=Call(world.analyst), form={"resolution.note": "Two"}),
    )
    assert other.ask() == NO_NEWS


def test_the_trail_of_an_undo_task_is_news(world: World) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    undo(world.underwriter, case_id)
    task = open_undo(world.surveyor, case_id)
    poll = poll_of(world, task.id, "surveyor")
    assert poll.ask() == NO_NEWS
    undo(world.surveyor, case_id)
    drain()
    assert poll.ask() == NEWS
