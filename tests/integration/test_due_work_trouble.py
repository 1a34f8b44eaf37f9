"""Due rows whose work is met by trouble: since when is kept, no attempt counts, and people are told
once for a source when it lasts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from audit.actions.due_work import RESUMED, STOPPED
from audit.models import LedgerWatch
from audit.words import DUE_WORK_WORDS
from ledger.clock import now
from ledger.dispatch.consumer_registry import Trouble, sources
from ledger.dispatch.runner import work_row
from ledger.ids import new_id, new_token
from ledger.tenancy import system_scope, tenant_scope
from notifications.models import Delivery
from tests import states
from tests.clients import api, browser
from tests.concurrency.test_influence_races import beside
from tests.draining import drain
from tests.integration.test_ledger_health import chain
from tests.integration.test_ledger_watch import look
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.actions import work_on_hold
from workitems.models import HoldEnd, WorkItem

HOLDS = "work_item_holds"
#: What keeps a row in trouble from being tried at once is over.
RESTED = "leased_until = NULL"


def on_hold(world: World) -> WorkItem:
    """Return an item on hold whose moment has come."""
    item = states.in_progress(world.analyst)
    actions.suspend(item.id, call=Call(world.analyst), until=now() + dt.timedelta(hours=1))
    drain()
    change(world, "due_at = ledger_now()")
    return item


def change(world: World, what: str) -> None:
    """Change the rows by which items of this test's people go on."""
    with system_scope("sweep"), connection.cursor() as cursor:
        tenant = world.system.tenant_id
        statement = f"UPDATE workitems_holdend SET {what} WHERE tenant_id = %s"  # noqa: S608  -- own
        cursor.execute(statement, [tenant])
        assert cursor.rowcount > 0


def held(world: World, item: WorkItem) -> HoldEnd:
    with tenant_scope(world.system.tenant_id):
        return HoldEnd.objects.get(item_id=item.id)


def tried(world: World, item: WorkItem) -> bool:
    return work_row(HOLDS, world.system.tenant_id, item.id)


def noted(world: World) -> list[tuple[str, dict[str, Any]]]:
    """Return what was said of the organisation about what falls due."""
    said = chain(world, "tenant", world.system.tenant_id)
    return [(e.action, dict(e.payloads)) for e in said if e.action in {STOPPED, RESUMED}]


def told(world: World) -> list[str]:
    drain()
    with tenant_scope(world.system.tenant_id):
        rows = Delivery.objects.filter(topic="due_work_stopped", channel="in_app")
        actors = [each.recipient_id for each in rows]
    names = ("analyst", "operator", "auditor", "approver", "admin")
    known = {world.of(name).actor_id: name for name in names}
    return sorted(known[each] for each in actors)


def stopped(world: World) -> dict[str, str]:
    with tenant_scope(world.system.tenant_id):
        found: dict[str, str] = LedgerWatch.objects.get().stopped
        return found


@pytest.fixture
def broken() -> Iterator[pytest.MonkeyPatch]:
    """What keeps an item from going on, until it is undone."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def fails(patch: pytest.MonkeyPatch, error: Exception) -> None:
    def raised(*_given: Any, **_more: Any) -> None:
        raise error

    patch.setattr(work_on_hold, "move", raised)


def test_trouble_is_kept_at_the_row_and_gives_its_lease_back(
    world: World, broken: pytest.MonkeyPatch
) -> None:
    item = on_hold(world)
    due_at = held(world, item).due_at
    assert held(world, item).troubled_since is None
    fails(broken, Trouble("jq cannot be started"))
    before = now()
    assert tried(world, item)
    row = held(world, item)
    assert row.troubled_since is not None
    assert before - dt.timedelta(seconds=1) < row.troubled_since < now() + dt.timedelta(seconds=1)
    assert (row.due_at, row.lease_token) == (due_at, None)
    assert row.leased_until is not None
    rest = row.leased_until - row.troubled_since
    assert dt.timedelta(seconds=1.9) < rest < dt.timedelta(seconds=2.1)
    # It rests, and the minute goes on from the first time.
    assert not tried(world, item)
    change(world, RESTED)
    assert tried(world, item)
    assert held(world, item).troubled_since == row.troubled_since
    assert states.stored(world, item.id).status == "SUSPENDED"
    assert (noted(world), told(world), stopped(world)) == ([], [], {})


def test_it_is_told_once_when_it_has_lasted_for_a_minute_and_once_more_when_it_is_over(
    world: World, broken: pytest.MonkeyPatch
) -> None:
    fails(broken, Trouble("jq cannot be started\nDETAIL: of somebody"))
    item, other = on_hold(world), on_hold(world)
    change(world, f"troubled_since = ledger_now() - interval '59 seconds', {RESTED}")
    assert tried(world, item)
    assert (noted(world), told(world)) == ([], [])
    long = f"troubled_since = ledger_now() - interval '60 seconds', {RESTED}"
    for _ in range(2):
        for each in (item, other):
            change(world, long)
            assert tried(world, each)
    since = stopped(world)[HOLDS]
    kept = {"detail": HOLDS, "since": since, "cause": "Trouble: jq cannot be started"}
    assert noted(world) == [(STOPPED, kept)]
    assert told(world) == ["admin", "operator"]
    broken.undo()
    change(world, RESTED)
    assert tried(world, item)
    assert states.stored(world, item.id).status == "IN_PROGRESS"
    # The other is in trouble yet.
    assert [action for action, _said in noted(world)] == [STOPPED]
    assert tried(world, other)
    assert noted(world) == [(STOPPED, kept), (RESUMED, {"detail": HOLDS})]
    assert (stopped(world), told(world)) == ({}, ["admin", "operator"])
    assert states.actions_of(world, "work_item", item.id).count("resumed") == 1


def test_what_is_told_is_on_the_page_in_the_api_and_in_the_figures(
    world: World, broken: pytest.MonkeyPatch
) -> None:
    item = on_hold(world)
    tenant = world.system.tenant_id
    page, figures = "/ledger/health/", "/api/v1/ledger/metrics"
    assert "is not done" not in text_of(browser(world.operator).get(page).content)
    assert api(world.auditor).get("/api/v1/ledger/health").json()["due_work_stopped"] == []
    assert "due_work" not in api(world.auditor).get(figures).content.decode()
    fails(broken, Trouble("jq cannot be started"))
    change(world, "troubled_since = ledger_now() - interval '2 minutes'")
    assert tried(world, item)
    shown = text_of(browser(world.operator).get(page).content)
    assert "What falls due and is not done" in shown
    assert "Tasks on hold that go on by themselves since" in shown
    said = api(world.auditor).get("/api/v1/ledger/health").json()["due_work_stopped"]
    assert said == [{"work": HOLDS, "since": stopped(world)[HOLDS]}]
    line = f'amends_ledger_due_work_stopped{{tenant="{tenant}",source="{HOLDS}"}} 1\n'
    assert line in api(world.auditor).get(figures).content.decode()
    drain()
    notice = text_of(browser(world.operator).get("/notifications/").content)
    assert "What falls due is not done" in notice
    assert "Tasks on hold that go on by themselves" in notice


def test_trouble_that_people_have_ended_is_over_with_the_next_look(
    world: World, broken: pytest.MonkeyPatch
) -> None:
    item = on_hold(world)
    fails(broken, Trouble("jq cannot be started"))
    change(world, "troubled_since = ledger_now() - interval '2 minutes'")
    assert tried(world, item)
    broken.undo()
    look(world)
    assert [action for action, _said in noted(world)] == [STOPPED]
    actions.resume(item.id, call=Call(world.analyst))
    look(world)
    look(world)
    assert [action for action, _said in noted(world)] == [STOPPED, RESUMED]
    assert stopped(world) == {}


def test_a_fault_of_a_program_is_kept_too_and_leaves_its_lease_to_run_out(
    world: World, broken: pytest.MonkeyPatch
) -> None:
    item = on_hold(world)
    fails(broken, KeyError("nobody thought of it"))
    assert tried(world, item)
    row = held(world, item)
    assert row.troubled_since is not None
    assert row.leased_until is not None
    assert row.leased_until > now()
    assert not tried(world, item)
    change(world, "leased_until = NULL, troubled_since = ledger_now() - interval '60 seconds'")
    assert tried(world, item)
    ((action, said),) = noted(world)
    assert (action, said["cause"]) == (STOPPED, "KeyError: 'nobody thought of it'")


def test_a_lease_that_another_worker_has_taken_over_stays_its_own(
    world: World, broken: pytest.MonkeyPatch
) -> None:
    item, token = on_hold(world), new_token()
    theirs = f"lease_token = '{token}', leased_until = ledger_now() + interval '1 minute'"

    def taken_over(_type: str) -> None:
        beside(lambda: change(world, theirs))
        raise Trouble("jq cannot be started")

    broken.setattr(work_on_hold, "subject_of", taken_over)
    assert tried(world, item)
    row = held(world, item)
    assert row.lease_token == token
    assert row.leased_until is not None
    assert row.leased_until > now() + dt.timedelta(seconds=50)
    assert row.due_at < now()
    # The other has not failed, and what it ends nobody would take back.
    assert row.troubled_since is None


def test_every_source_keeps_trouble_and_has_words() -> None:
    assert {each.name for each in sources()} == DUE_WORK_WORDS.keys()


def test_every_source_may_keep_trouble_and_take_it_back(world: World) -> None:
    tenant = world.system.tenant_id
    for each in sources():
        for gives_back in (True, False):
            since = each.table.troubled(tenant, new_id(), new_token(), gives_back=gives_back)
            assert since is None, each.name
        each.table.untroubled(tenant, new_id())
        with tenant_scope(tenant):
            assert each.table.in_trouble(tenant) is False, each.name
