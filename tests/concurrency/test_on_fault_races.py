"""A rollback on failure and the end of the one in its way, heard in two lanes at once: neither is
lost, and nobody waits in a circle."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from cases.actions import undone_on_fault
from cases.actions.changes import lock_case
from cases.actions.engine import handle
from cases.events import SETTLED
from compensation.actions.plan_execution import execute
from compensation.events import ENGINE_LANE
from compensation.facts import live_run
from ledger.dispatch.lanes import Lane
from ledger.dispatch.runner import work_lane
from ledger.models import LedgerEntry
from ledger.tenancy import set_tenant, tenant_scope
from tests.casework import deploy, finish, open_item, open_undo, opened, preview, undo
from tests.definitions import definition, human
from tests.draining import drain
from tests.engine_news import event_of
from tests.integration.test_undone_on_fault import failed, in_order, runs, says
from tests.integration.test_work_handover import wait_for_a_lock
from tests.states import actions_of, work
from tests.subcases import below, chain, child, statuses
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.actions import reject, start


def entry(world: World, subject_id: uuid.UUID, action: str) -> LedgerEntry:
    with tenant_scope(world.operator.tenant_id):
        return LedgerEntry.objects.get(subject_id=subject_id, action=action)


def apart(call: Callable[[], object]) -> threading.Thread:
    """Return what makes a call on a connection of its own, once it is started."""

    def calling() -> None:
        try:
            call()
        finally:
            connection.close()

    return threading.Thread(target=calling)


def work_of_case(world: World, case_id: uuid.UUID) -> None:
    """Do what is due in the lane of one case, and nothing else."""
    work_lane(Lane(world.operator.tenant_id, ENGINE_LANE, case_id))


def test_the_end_of_what_is_in_its_way_waits_until_that_is_on_record(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The case has found a rollback in its way and not said so yet; meanwhile that has ended."""
    deploy(world, definition("low", human("a"), success=".a != null"))
    last = human("last", ".low != null and .last == null")
    deploy(world, says([human("own"), below("low", "low"), last]))
    top = opened(world, "tests/failing")
    finish(world.analyst, top, "own", "OK")
    low = child(world, top).id
    done = finish(world.analyst, low, "a", "OK")
    alone = preview(("work_item", done), call=Call(world.operator), reason="Forged")
    first = execute(alone.id, call=Call(world.operator, digest=alone.digest))
    drain()
    item = open_item(world.analyst, top, "last")
    start(item.id, call=Call(world.analyst))
    reject(item.id, call=Call(world.analyst), reason="No papers")
    handle([event_of(entry(world, item.id, "rejected"))], lambda: None)
    assert statuses(world, top) == ["FAULTED", "COMPLETED"]
    work(world.analyst, open_undo(world.analyst, low).id, "REVERSED")
    work_of_case(world, low)
    with tenant_scope(world.operator.tenant_id):
        end = LedgerEntry.objects.filter(subject_id=first.id).latest("subject_seq")
    assert ([run.status for run in runs(world)], end.to_status) == (["COMPLETED"], "COMPLETED")
    ending = apart(lambda: undone_on_fault.hear([event_of(end)], lambda: None))
    asked: list[object] = []
    plainly = live_run

    def too_early(*given: Any) -> Any:
        """Find it live, once: its end was not committed yet."""
        asked.append(given)
        return first if len(asked) == 1 else plainly(*given)

    def meanwhile() -> None:
        ending.start()
        wait_for_a_lock()

    monkeypatch.setattr("compensation.actions.automatic_runs.live_run", too_early)
    undone_on_fault.hear([event_of(entry(world, top, "faulted"))], meanwhile)
    ending.join(60)
    assert not ending.is_alive()
    assert [(run.about_id, run.trigger) for run in runs(world)] == [
        (done, "operator"), (top, "fault"),
    ]  # fmt: skip
    assert actions_of(world, "case", top).count("compensation_refused") == 1
    drain()
    begun = [run.about_id for run in runs(world) if run.parent_run_id is None]
    assert begun == [done, top], "and it has begun once"
    undo(world.analyst, top)
    assert statuses(world, top)[0] == "COMPENSATED"
    verify()


def test_nothing_below_is_held_while_a_case_above_is_waited_for(world: World) -> None:
    """Of one batch the failure of a case came first, and then an end that reaches above it."""
    deploy(world, says(in_order()) | {"name": "low"})
    deploy(world, says([human("mine"), below("low", "low"), human("b")]) | {"name": "middle"})
    deploy(world, says([human("own"), below("middle", "middle"), human("last")]))
    top = opened(world, "tests/failing")
    finish(world.analyst, top, "own", "OK")
    middle, low = (case.id for case in chain(world, top)[1:])
    finish(world.analyst, middle, "mine", "OK")
    failed(world, low, "b")
    drain()
    assert statuses(world, top) == ["FAULTED", "FAULTED", "COMPENSATING"]
    work(world.analyst, open_undo(world.analyst, low).id, "REVERSED")
    work_of_case(world, low)
    assert statuses(world, top) == ["FAULTED", "FAULTED", "COMPENSATED"]
    batch = [
        event_of(entry(world, middle, "faulted")), event_of(entry(world, low, SETTLED)),
    ]  # fmt: skip
    hearing = apart(lambda: undone_on_fault.hear(batch, lambda: None))
    with transaction.atomic():
        set_tenant(world.operator.tenant_id)
        assert lock_case(world.operator.tenant_id, top) is not None
        hearing.start()
        wait_for_a_lock()
        with connection.cursor() as cursor:
            held = "SELECT 1 FROM cases_case WHERE tenant_id = %s AND id = %s FOR UPDATE NOWAIT"
            cursor.execute(held, [world.operator.tenant_id, middle])
    hearing.join(60)
    assert not hearing.is_alive()
    assert [run.about_id for run in runs(world) if run.parent_run_id is None] == [low, top]
    drain()
    verify()
