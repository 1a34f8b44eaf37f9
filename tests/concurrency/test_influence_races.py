"""An undo, and what is made of its source at the same moment: whichever commits last, marks it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

from ledger.models import LedgerEntry, OutboxTask
from ledger.statements import server
from ledger.tenancy import tenant_scope
from tests import states
from tests.draining import drain
from tests.integration.test_work_handover import wait_for_a_lock
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.around.additions import ADD
from workitems.listener_tables import Derivation
from workitems.models import WorkItem

PATIENCE_SECONDS = 30


class Beside:
    """Something that is done by a connection of its own; `wait` returns what came of it."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._done = self._pool.submit(self._run, act)

    def wait(self) -> Any:
        with self._pool:
            return self._done.result(PATIENCE_SECONDS)

    @staticmethod
    def _run(act: Callable[[], Any]) -> Any:
        try:
            return act()
        finally:
            connection.close()


def beside(act: Callable[[], Any]) -> Any:
    return Beside(act).wait()


def undo_of(world: World, source: WorkItem) -> Any:
    """Return the undo task of a source, begun: its completion undoes the source."""
    task = states.compensate(source, world.operator).attempt.compensation_id
    actions.start(task, call=Call(world.analyst))
    return task


def finish(world: World, task: Any, last_act: Callable[[Any], None] | None = None) -> WorkItem:
    call = Call(world.analyst) if last_act is None else Call(world.analyst, last_act=last_act)
    return actions.complete(task, call=call, outcome="REVERSED")


def derive(world: World, source: WorkItem, **more: Any) -> WorkItem:
    return states.new_item(
        world.operator, derived_from=[{"type": "work_item", "id": str(source.id)}], **more
    )


def marked_once(world: World, item: WorkItem) -> None:
    assert states.stored(world, item.id).tainted
    assert states.actions_of(world, "work_item", item.id).count("tainted") == 1
    with tenant_scope(world.system.tenant_id):
        [review] = WorkItem.objects.filter(kind="REVIEW")
        assert review.payload["work_item"] == str(item.id)
        assert [each.review_id for each in Derivation.objects.filter(item_id=item.id)] == [
            review.id
        ]


def test_an_item_committed_before_the_undo_that_did_not_see_it_is_marked(world: World) -> None:
    """The undo has looked for who wants to hear of it, when the first item of its tenant that says
    of what it was made is committed, and heard."""
    source = states.completed(world.analyst)
    task = undo_of(world, source)
    made: list[Any] = []
    hearing: list[Beside] = []

    def meanwhile(_result: Any) -> None:
        # What the undo writes goes with its commit, if nothing comes before: here it is first.
        server().flush()
        made.append(beside(lambda: derive(world, source)))
        hearing.append(Beside(drain))
        # Whoever hears of the item waits for what becomes of its source.
        wait_for_a_lock()

    finish(world, task, meanwhile)
    hearing[0].wait()
    # The undo itself is heard by nobody.
    with tenant_scope(world.system.tenant_id):
        [task] = OutboxTask.objects.filter(consumer="workitems.influence")
        entry = LedgerEntry.objects.get(id=task.event_id)
    assert (entry.action, entry.subject_id) == ("created", made[0].id)
    drain()
    marked_once(world, made[0])


def test_an_item_committed_after_an_undo_that_it_did_not_see_is_marked(world: World) -> None:
    """The item read its source before that was undone; the undo is heard before it commits."""
    source = states.completed(world.analyst)
    task = undo_of(world, source)

    def meanwhile(_result: Any) -> None:
        assert beside(lambda: finish(world, task)).status == "COMPLETED"
        beside(drain)

    made = [{"type": "work_item", "id": str(source.id)}]
    item = actions.create_work_item(
        call=Call(world.operator, last_act=meanwhile), title="Value it", derived_from=made
    )
    assert states.stored(world, source.id).status == "COMPENSATED"
    assert not states.stored(world, item.id).tainted
    drain()
    marked_once(world, item)


def relate(world: World, item: WorkItem, source: WorkItem, **how: Any) -> Any:
    return ADD["relation"](
        item.id, call=Call(world.surveyor, **how), type="DERIVED_FROM",
        target={"type": "work_item", "id": str(source.id)},
    )  # fmt: skip


def test_an_undo_at_the_same_moment_as_a_relation_to_its_source_waits_and_marks(
    world: World,
) -> None:
    source = states.completed(world.analyst)
    task, item = undo_of(world, source), states.new_item(world.operator)
    undoing: list[Beside] = []

    def meanwhile(_result: Any) -> None:
        undoing.append(Beside(lambda: finish(world, task)))
        wait_for_a_lock()

    relate(world, item, source, last_act=meanwhile)
    assert undoing[0].wait().status == "COMPLETED"
    drain()
    marked_once(world, item)


def test_a_relation_at_the_same_moment_as_the_undo_of_its_source_waits_and_marks(
    world: World,
) -> None:
    source = states.completed(world.analyst)
    task, item = undo_of(world, source), states.new_item(world.operator)
    relating: list[Beside] = []

    def meanwhile(_result: Any) -> None:
        relating.append(Beside(lambda: relate(world, item, source)))
        wait_for_a_lock()

    finish(world, task, meanwhile)
    drain()
    relating[0].wait()
    drain()
    marked_once(world, item)


def test_both_heard_at_once_mark_once(world: World) -> None:
    source = states.completed(world.analyst)
    task, item = undo_of(world, source), derive(world, source)
    finish(world, task)
    # The news of both is there: several workers hear it.
    workers = [Beside(drain) for _ in range(4)]
    for each in workers:
        each.wait()
    drain()
    marked_once(world, item)


def test_what_is_made_of_a_source_that_stays_done_is_not_marked(world: World) -> None:
    """The undo is still open, then comes to nothing, while the item is heard."""
    source = states.completed(world.analyst)
    task = undo_of(world, source)
    item = derive(world, source)
    drain()
    actions.complete(task, call=Call(world.analyst), outcome="CANNOT_REVERSE", reason="It is gone")
    drain()
    assert not states.stored(world, item.id).tainted
    assert "tainted" not in states.actions_of(world, "work_item", item.id)
    with tenant_scope(world.system.tenant_id):
        assert not WorkItem.objects.filter(kind="REVIEW").exists()
