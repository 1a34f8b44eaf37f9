"""How many statements a verb takes. The counts are exact: one more is a decision, not an accident.

BEGIN and COMMIT are not counted; a verb of one subject may take eight, each further subject five.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.acting import authority_of, system_of
from compensation.locking import lock_with_original
from executions.actions import endings, request_execution, settle_outcome
from ledger.ids import new_id
from ledger.record import ActorRef
from ledger.tenancy import set_tenant, tenant_scope
from tests import states
from tests.world import World
from verbs.call import Call
from workitems import actions, selectors
from workitems.actions.item_opening import NewWorkItem, open_item
from workitems.models import WorkItem

ONE_SUBJECT = 8
FURTHER_SUBJECT = 5
Verb = Callable[[], Any]


def statements(verb: Verb) -> list[str]:
    """Return the statements `verb` sends, without those that open and close the transaction."""
    with CaptureQueriesContext(connection) as captured:
        verb()
    words = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    return [q["sql"] for q in captured.captured_queries if not q["sql"].startswith(words)]


def in_a_case(world: World) -> WorkItem:
    """Return an item in progress that belongs to a case."""
    case_id = new_id()
    with transaction.atomic(durable=True):
        set_tenant(world.system.tenant_id)
        item = open_item(
            NewWorkItem(
                tenant_id=world.system.tenant_id,
                title="Check the credit",
                created_by=world.operator.actor_id,
                case_id=case_id,
                binding="credit-check",
            ),
            by=authority_of(system_of(world.system.tenant_id)).ref(),
        )
    return actions.start(item.id, call=Call(world.operator))


def _completed_in_a_case(world: World) -> WorkItem:
    return actions.complete(in_a_case(world).id, call=Call(world.operator), outcome="PASSED")


def _complete(item: WorkItem, world: World) -> Verb:
    return lambda: actions.complete(item.id, call=Call(world.operator), outcome="PASSED")


def _claim(item: WorkItem, world: World) -> Verb:
    return lambda: actions.claim(item.id, call=Call(world.operator))


def _settle(item: WorkItem, world: World) -> Verb:
    begun = states.compensate(states.completed(world.operator), world.operator)
    actions.start(begun.attempt.compensation_id, call=Call(world.operator))
    task: uuid.UUID = begun.attempt.compensation_id
    return lambda: actions.complete(task, call=Call(world.operator), outcome="REVERSED")


def _compensate(item: WorkItem, world: World) -> Verb:
    return lambda: states.compensate(item, world.operator)


def _uncertain(world: World, id_: uuid.UUID) -> Verb:
    """Let all attempts at an execution end without a word; then an operator settles it."""
    tenant_id = world.operator.tenant_id
    with tenant_scope(tenant_id):
        locked = lock_with_original(tenant_id, "execution", id_)
        assert locked is not None
        locked.row.outcome_unknown = True
        system = ActorRef(world.system.actor_id, "SYSTEM", "system")
        endings.give_up(locked.row, locked.others, "no answer", by=system)
    said = {"happened": True, "evidence": "statement"}
    return lambda: settle_outcome(id_, call=Call(world.operator), **said)


def _asked(world: World) -> uuid.UUID:
    given = {"capability": "demo.slow", "input": {"seconds": 0}}
    return request_execution(call=Call(world.operator), **given).id


def _undo_of(world: World) -> uuid.UUID:
    item = states.completed(
        world.operator, compensation={"capability": "demo.slow"}, payload={"seconds": 0}
    )
    undo_id: uuid.UUID = states.compensate(item, world.operator).attempt.compensation_id
    return undo_id


# The verb, how many statements it takes, and of how many subjects.
COUNTS: dict[str, tuple[Callable[[World], Verb], int, int]] = {
    "claim": (lambda w: _claim(states.new_item(w.operator), w), 3, 1),
    "complete": (lambda w: _complete(states.in_progress(w.operator), w), 3, 1),
    "complete in a case": (lambda w: _complete(in_a_case(w), w), 4, 1),
    "settle": (lambda w: _settle(states.new_item(w.operator), w), 4, 2),
    "compensate by a person": (lambda w: _compensate(states.completed(w.operator), w), 4, 2),
    "compensate in a case": (lambda w: _compensate(_completed_in_a_case(w), w), 6, 2),
    "compensate by a program": (
        lambda w: _compensate(
            states.completed(w.operator, compensation={"capability": "demo.slow"},
                             payload={"seconds": 0}), w,
        ), 3, 2,
    ),
    "settle an outcome": (lambda w: _uncertain(w, _asked(w)), 4, 1),
    # The undo, its original, and what was begun since.
    "settle the outcome of an undo": (lambda w: _uncertain(w, _undo_of(w)), 9, 3),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_the_statements_of(world: World, name: str) -> None:
    prepare, count, subjects = COUNTS[name]
    system_of(world.system.tenant_id)
    sent = statements(prepare(world))
    assert len(sent) == count, "\n".join(sent)
    assert count <= ONE_SUBJECT + FURTHER_SUBJECT * (subjects - 1)


def test_the_statements_do_not_grow_with_the_chain(world: World) -> None:
    item = states.new_item(world.operator)
    counts = set()
    for _ in range(5):
        for verb in (actions.start, actions.release):
            counts.add(
                (
                    verb.name,
                    len(statements(lambda verb=verb: verb(item.id, call=Call(world.operator)))),  # type: ignore[misc]
                )
            )
    assert len(counts) == 2


def test_listing_does_not_grow_with_the_items(world: World) -> None:
    by = world.operator

    def shown() -> int:
        with tenant_scope(by.tenant_id):
            authority = authority_of(by)
            rows = selectors.visible(by.tenant_id)
            return len(statements(lambda: selectors.show(list(rows), authority)))

    states.faulted(by)
    states.compensating(by)
    first = shown()
    for _ in range(3):
        states.faulted(by)
        states.compensating(by)
    assert shown() == first
