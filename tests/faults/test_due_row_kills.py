"""A worker that is killed around a due row: its work is done once, and by nobody before the lease
of the dead one is over; and what people are told of its trouble is told all the same, once."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from audit.actions.due_work import RESUMED, STOPPED
from ledger.dispatch.consumer_registry import source_named, sources
from ledger.dispatch.lease_table import LeaseTable
from ledger.dispatch.runner import work_row
from ledger.tenancy import system_scope, tenant_scope
from tests import states
from tests.faults.due_rows import LEFT_OUT, PREPARED
from tests.faults.kills import Runner
from tests.faults.test_failpoints import PATHS
from tests.integration.test_ledger_watch import look
from tests.sealed import forget_anchors, troubled
from tests.verifying import verify
from tests.world import World

#: The sources that one world and one runner are made for: to make both costs more than a row.
TOGETHER = 6
GROUPS = [[*PREPARED][at : at + TOGETHER] for at in range(0, len(PREPARED), TOGETHER)]


@pytest.fixture(autouse=True)
def _outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Let workers put checkpoints outside, and let no tree miss them afterwards."""
    folder = tmp_path / "anchors"
    folder.mkdir()
    monkeypatch.setenv("AMENDS_ANCHOR_DIR", str(folder))
    yield
    forget_anchors()


def table_of(name: str) -> LeaseTable:
    source = source_named(name)
    assert source is not None
    return source.table


def change(name: str, id_: uuid.UUID, what: str) -> int:
    """Change a row of a source; how many that were."""
    table = table_of(name)
    statement = f"UPDATE {table.table} SET {what.format(due_at=table.due_at, key=table.key)}"  # noqa: S608  -- own words
    with system_scope(table.scope), connection.cursor() as cursor:
        cursor.execute(statement, [id_])
        return int(cursor.rowcount)


def lease_runs_out(name: str, id_: uuid.UUID) -> int:
    """Let the lease of a row be over; how many that were."""
    over = "leased_until = ledger_now() - interval '1 second'"
    return change(name, id_, over + " WHERE {key} = %s AND leased_until >= ledger_now()")


def rest_is_over(name: str, id_: uuid.UUID) -> None:
    """Let a row be due that rests, in trouble for two minutes."""
    long = "troubled_since = ledger_now() - interval '2 minutes'"
    ready = "leased_until = NULL, {due_at} = least({due_at}, ledger_now())"
    assert change(name, id_, f"{long}, {ready} WHERE {{key}} = %s") == 1


def in_trouble(name: str, tenant: uuid.UUID) -> bool:
    with tenant_scope(tenant):
        return table_of(name).in_trouble(tenant)


def said(world: World) -> list[str]:
    """Return what the organisation was told of what falls due."""
    found = states.actions_of(world, "tenant", world.system.tenant_id)
    return [each for each in found if each in {STOPPED, RESUMED}]


def test_every_source_is_prepared_or_left_out_with_a_reason() -> None:
    assert sorted([*PREPARED, *LEFT_OUT]) == sorted(each.name for each in sources())
    assert [name for name, why in LEFT_OUT.items() if not why] == []


@pytest.mark.parametrize("together", GROUPS, ids=lambda names: names[0])
def test_a_row_whose_worker_is_killed_anywhere_is_done_once(
    world: World, runner: Runner, together: list[str]
) -> None:
    for source in together:
        for point in PATHS["due"]:
            killed_once(world, runner, source, point)
    # What the watch was to find.
    troubled(world.system.tenant_id, "")
    verify()


def killed_once(world: World, runner: Runner, source: str, point: str) -> None:
    by, job, at = world.operator, f"due {source}", (source, point)
    row = PREPARED[source](world)
    assert row.settled() == 0, at
    if point == "row.done":
        rest_is_over(source, row.id)
    assert runner.do(job, row.id, by, point=point) == -signal.SIGKILL, at
    done = 1 if point == "row.done" else 0
    assert row.settled() == done, at
    # Nobody takes it before the lease of the dead one is over.
    assert work_row(source, by.tenant_id, row.id) is False, at
    assert row.settled() == done, at
    assert lease_runs_out(source, row.id) == 1 - done, at
    if point == "row.done":
        # It is out of trouble with what has settled it: nobody lives to see to that apart.
        assert not in_trouble(source, by.tenant_id), at
    for _ in range(2):
        assert runner.do(job, row.id, by) == 0, at
        assert row.settled() == 1, at
    assert row.effects is None or row.effects() == 1, at


@pytest.mark.parametrize("together", GROUPS, ids=lambda names: names[0])
def test_trouble_whose_worker_is_killed_is_told_once_and_ended_once(
    world: World, runner: Runner, together: list[str]
) -> None:
    for source in together:
        told_once(world, runner, source)
    troubled(world.system.tenant_id, "")
    verify()


def told_once(world: World, runner: Runner, source: str) -> None:
    by, tenant, before = world.operator, world.system.tenant_id, said(world)
    row = PREPARED[source](world)
    rest_is_over(source, row.id)
    for point in PATHS["trouble"]:
        job = f"fail {source}"
        assert runner.do(job, row.id, by, point=point) == -signal.SIGKILL, (source, point)
        # It is kept, and nobody was told.
        assert in_trouble(source, tenant), (source, point)
        assert said(world) == before, (source, point)
        # The next failure tells it; and the one after that tells nothing more.
        for _ in range(2):
            rest_is_over(source, row.id)
            assert runner.do(job, row.id, by) == 0, (source, point)
            assert said(world) == [*before, STOPPED], (source, point)
    assert row.settled() == 0, source
    rest_is_over(source, row.id)
    for point in PATHS["out of trouble"]:
        job = f"due {source}"
        assert runner.do(job, row.id, by, point=point) == -signal.SIGKILL, (source, point)
        assert row.settled() == 1, (source, point)
        # It is out of trouble, and nobody was told.
        assert not in_trouble(source, tenant), (source, point)
        assert said(world) == [*before, STOPPED], (source, point)
    # The next look of the watch tells it, and the one after that nothing more.
    for _ in range(2):
        look(world)
        assert said(world) == [*before, STOPPED, RESUMED], source
    assert row.settled() == 1, source
