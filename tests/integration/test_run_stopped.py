"""A rollback of loose work whose news cannot be handled says so, tells the operators, and goes on
after a retry."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from django.urls import reverse

from compensation.actions.plan_execution import execute
from compensation.actions.run_stopping import retry
from compensation.models import CompensationRun
from compensation.startup import RUNS_CONSUMER
from ledger.dispatch import consumer_registry, lanes
from ledger.dispatch.consumer_registry import Trouble
from ledger.errors import Conflict
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from tests import states
from tests.casework import preview, run_row, steps
from tests.clients import api, browser
from tests.draining import drain, skip_backoffs
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem

WHY = "ConnectionError: the clerk is away"


class Clerk:
    """Handles news of runs as the real one does, unless it is `broken`."""

    broken: Exception | None = None

    def handle(self, events: Any, done: Any) -> None:
        if self.broken is not None:
            raise self.broken
        RUNS_CONSUMER.handle(events, done)


@pytest.fixture
def clerk(monkeypatch: pytest.MonkeyPatch) -> Clerk:
    """What handles news of runs in this test; its second attempt is its last."""
    clerk = Clerk()
    own = dataclasses.replace(RUNS_CONSUMER, handle=clerk.handle, max_attempts=2)
    monkeypatch.setitem(consumer_registry._consumers, own.name, own)  # noqa: SLF001  -- there is no other way
    consumer_registry.consumers_of.cache_clear()
    return clerk


def begun(world: World) -> CompensationRun:
    """Begin a rollback of one item that belongs to no case."""
    item = states.completed(world.analyst)
    plan = preview(("work_item", item.id), call=Call(world.operator), reason="Not so")
    return execute(plan.id, call=Call(world.operator, digest=plan.digest))


@pytest.fixture
def run(world: World, clerk: Clerk) -> CompensationRun:
    """A rollback that died on the news that it has begun."""
    run = begun(world)
    clerk.broken = ConnectionError("the clerk is away")
    drain(fast_forward=True)
    return run


def told(world: World) -> list[tuple[str, str]]:
    """Return who was told that something has stopped."""
    with tenant_scope(world.operator.tenant_id):
        rows = Delivery.objects.filter(topic="engine_stopped", channel="in_app")
        names = {world.of(name).actor_id: name for name in ("operator", "admin", "analyst")}
        return sorted((names[row.recipient_id], row.subject_type) for row in rows)


def said(world: World, run: CompensationRun) -> list[str]:
    actions = states.actions_of(world, "compensation_run", run.id)
    return [action for action in actions if action.startswith("engine_")]


def undo(world: World, run: CompensationRun) -> None:
    with tenant_scope(run.tenant_id):
        task = WorkItem.objects.get(undoes_id=run.about_id)
    states.undo(task.id, world.analyst)
    drain(fast_forward=True)


def test_a_dead_task_of_a_run_is_an_entry_a_notice_and_a_button(
    world: World, run: CompensationRun
) -> None:
    row = run_row(world, run.id)
    assert (row.status, row.stopped_error, row.version) == ("RUNNING", WHY, run.version + 1)
    assert [step.status for step in steps(world, run.id)] == ["PLANNED"]
    assert said(world, run) == ["engine_stopped"]
    assert told(world) == [("admin", "compensation_run"), ("operator", "compensation_run")]
    shown = api(world.operator).get(f"/api/v1/compensation-runs/{run.id}").json()
    assert shown["stopped"]["error"] == WHY
    assert {"action": "retry", "allowed": True, "reason": None} in shown["available_actions"]
    page = browser(world.operator).get(reverse("compensation:run", args=[run.id]))
    assert "This rollback has stopped" in page.content.decode()
    assert "by itself: the clerk is away." in page.content.decode()
    assert "ConnectionError" not in page.content.decode()
    assert reverse("compensation:run-retry", args=[run.id]) in page.content.decode()


def test_after_a_retry_it_goes_on(world: World, run: CompensationRun, clerk: Clerk) -> None:
    clerk.broken = None
    answer = api(world.operator).post(
        f"/api/v1/compensation-runs/{run.id}/retry", {}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["stopped"]) == (200, None)
    drain()
    undo(world, run)
    assert run_row(world, run.id).status == "COMPLETED"
    assert said(world, run) == ["engine_stopped", "engine_revived"]


def test_so_it_does_where_the_news_of_the_undone_work_died(world: World, clerk: Clerk) -> None:
    run = begun(world)
    drain()
    clerk.broken = ConnectionError("the clerk is away")
    undo(world, run)
    assert run_row(world, run.id).stopped_error == WHY
    assert said(world, run) == ["engine_stopped"]
    clerk.broken = None
    retry(run.id, call=Call(world.operator))
    drain()
    assert (run_row(world, run.id).status, run_row(world, run.id).stopped_since) == (
        "COMPLETED", None,
    )  # fmt: skip


def test_one_that_has_not_stopped_has_nothing_to_try_again(world: World, clerk: Clerk) -> None:
    run = begun(world)
    drain()
    with pytest.raises(Conflict, match="has not stopped"):
        retry(run.id, call=Call(world.operator))
    assert (said(world, run), told(world)) == ([], [])


def test_news_that_gets_through_takes_the_sign_down(
    world: World, clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "TROUBLE_SECONDS", 0)
    run = begun(world)
    clerk.broken = Trouble("no process")
    drain()
    skip_backoffs()
    drain()
    assert said(world, run) == ["engine_stopped"]
    clerk.broken = None
    skip_backoffs()
    drain()
    assert said(world, run) == ["engine_stopped", "engine_resumed"]
    assert run_row(world, run.id).stopped_since is None
    assert [step.status for step in steps(world, run.id)] == ["RUNNING"]
