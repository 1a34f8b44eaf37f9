"""No expression is evaluated while rows are locked, whoever asks: the engine, a person, a run."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection

from executions.actions import record_result
from ledger.clock import now
from ledger.tenancy import tenant_scope
from tests import states
from tests.casework import (
    case_row,
    deploy,
    open_item,
    opened,
    plan_items,
    roll_back,
    run_row,
    undo,
)
from tests.concurrency.test_undo_without_lock import MADE, TOLD, undone_by, watch
from tests.definitions import automated, definition
from tests.draining import drain
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems import actions, listening_input
from workitems.actions import compensate, reject, start
from workitems.models import WorkItem
from workitems.schedules.schedule_due import make_due
from workitems.schedules.schedule_tables import Schedule

# What a transaction that has locked or changed rows of a table holds until it ends.
_HELD = """
SELECT relation::regclass::text, mode FROM pg_locks
WHERE pid = pg_backend_pid() AND relation IS NOT NULL
  AND mode IN ('RowShareLock', 'RowExclusiveLock')
"""


def _held() -> list[tuple[Any, ...]]:
    if not connection.in_atomic_block:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_HELD)
        return list(cursor.fetchall())


def test_whoever_asks_holds_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A case in whose definition nothing is simple: forward steps, several and failing ones at
    once, undone alone and by a rollback that is amended by a late result."""
    held: list[Any] = []
    exchanges = watch(monkeypatch, lambda asked: held.extend((asked, each) for each in _held()))

    def never(name: str) -> str:
        return f"(has({name!r}) | not)".replace("'", '"')

    names = ("a", "b", "c")
    mapping = {"outputMapping": "{%s: (.outcome | ascii_downcase)}", "inputMapping": "{k: keys}"}
    bindings: list[dict[str, Any]] = []
    for name in names:
        task, undone = undone_by(name, made=MADE)
        task["humanTask"] = {
            "title": name, **mapping, "outputMapping": mapping["outputMapping"] % name,
        }  # fmt: skip
        bindings += [{**task, "when": never(name)}, undone]
    outside = {
        **automated("late", "erp.late", never("late"), "{k: keys}"),
        "compensation": {"mode": "human"}, "outputMapping": "{late: keys}",
    }  # fmt: skip
    deploy(world, definition("nothing-simple", *bindings, outside))
    case_id = opened(world, "tests/nothing-simple")
    tasks = [open_item(world.analyst, case_id, name).id for name in names]
    states.work(world.analyst, tasks[0], "DONE")
    states.work(world.analyst, tasks[1], "DONE")
    # Both results in one handling, and then what fails: it is decided afresh, the case locked.
    start(tasks[2], call=Call(world.analyst))
    reject(tasks[2], call=Call(world.analyst), reason="No papers")
    drain()
    assert case_row(world, case_id).status == "FAULTED"
    compensate(tasks[1], call=Call(world.operator), reason="forged")
    undo(world.analyst, case_id)
    run = roll_back(world, case_id)
    owed = plan_items(world, case_id)["late"].work[1]
    record_result(owed, call=Call(world.operator), outcome="succeeded", output={"n": 1})
    drain()
    undo(world.operator, case_id)
    undo(world.analyst, case_id)
    assert run_row(world, run.id).status == "COMPLETED"
    assert {text for asked in exchanges for text in asked} >= {
        TOLD, MADE, never("a"), "{k: keys}", "{late: keys}", mapping["outputMapping"] % "a",
    }  # fmt: skip
    assert held == []
    verify()


def test_nobody_holds_anything_while_a_stored_filter_is_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is made of a template is checked whole, its filters too: by people, and at the moment of
    a schedule. A process that has not seen a filter yet asks jq about it."""
    on = [{"type": "protocol.violated", "filter": '(.data.x | ascii_downcase) == "a"'}]
    call = Call(world.operator)
    said = {"name": "Check", "title": "Check the till", "candidate_groups": ["analysts"]}
    row = actions.add_template(call=call, **said, compensate_on=on)
    of = str(row.id)
    whole = states.new_item(world.operator)
    daily = {"name": "Daily", "template": of, "cron": "0 8 * * *", "zone": "UTC"}
    schedule = actions.add_schedule(call=call, **daily)
    with tenant_scope(schedule.tenant_id):
        Schedule.objects.filter(id=schedule.id).update(due_at=now() - dt.timedelta(minutes=1))
    held: list[Any] = []
    exchanges = watch(monkeypatch, lambda asked: held.extend((asked, each) for each in _held()))
    for act in (
        lambda: make_due(schedule.tenant_id, schedule.id),
        lambda: actions.instantiate(row.id, call=call),
        lambda: actions.spawn(whole.id, call=call, children=[{"template": of}, {"template": of}]),
        lambda: actions.spawn(whole.id, call=call, children=[{"title": "A", "compensate_on": on}]),
        lambda: actions.edit_schedule(schedule.id, call=call, cron="0 9 * * *"),
        lambda: actions.add_schedule(call=call, **{**daily, "name": "Other"}),
    ):
        listening_input._checked.cache_clear()  # noqa: SLF001  -- as in a new process
        exchanges.clear()
        assert act()
        assert (exchanges, held) == ([[on[0]["filter"]]], [])
    with tenant_scope(schedule.tenant_id):
        made = WorkItem.objects.filter(compensate_on=on)
        assert made.count() == 5
        assert Schedule.objects.get(id=schedule.id).last_problem == ""
