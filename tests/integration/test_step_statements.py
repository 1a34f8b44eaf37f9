"""How many statements a human step of a case takes: start, complete, and what the engine does then.

BEGIN and COMMIT aside; a SAVEPOINT counts. The counts are exact: one more is a decision.
"""

from __future__ import annotations

import uuid
from typing import Any

from accounts.acting import system_of
from cases.actions.engine import handle
from cases.actions.firing import MAX_FIRINGS
from cases.plan_state import read_case, read_plan
from compensation.events import ENGINE_LANE
from ledger.dispatch.lanes import Lane
from ledger.dispatch.runner import work_lane
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, open_item, opened, plan_items
from tests.definitions import definition, human
from tests.draining import drain
from tests.engine_news import news_of
from tests.lanes import Cost, statements, waiting
from tests.states import work
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.models import WorkItem

# Start, complete, lease, engine, notices (DESIGN §11).
MOST_STATEMENTS, MOST_TRANSACTIONS = 30, 5
STEPS = ("one", "two", "three", "four", "five")


def in_sequence(*names: str) -> dict[str, Any]:
    """Return a definition of human tasks, each after the one before, for two groups."""
    bindings, before = [], "true"
    for name in names:
        task = {
            "title": f"Do {name}",
            "candidateGroups": ["analysts", "surveyors"],
            "inputMapping": "{applicant: .applicant}",
            "outputMapping": f"{{{name}: .}}",
        }
        bindings.append(human(name, f"{before} and .{name} == null", humanTask=task))
        before = f".{name} != null"
    return definition("sequence", *bindings, success=before)


def a_case(world: World, done: int = 1, names: tuple[str, ...] = STEPS) -> uuid.UUID:
    """Return a case of five tasks with some of them done, which warms what is kept."""
    system_of(world.system.tenant_id)
    deploy(world, in_sequence(*names))
    case_id = opened(world, "tests/sequence", {"applicant": "R. Vega"})
    for name in names[:done]:
        finish(world.analyst, case_id, name, "DONE")
    return case_id


def test_a_human_step(world: World) -> None:
    case_id = a_case(world)
    item = open_item(world.analyst, case_id, "two")
    started = statements(lambda: actions.start(item.id, call=Call(world.analyst)))
    completed = statements(
        lambda: actions.complete(item.id, call=Call(world.analyst), outcome="DONE")
    )
    event = news_of(world, item.id)
    handled = statements(lambda: handle([event], lambda: None))
    assert plan_items(world, case_id)["three"].status == "ACTIVE"
    assert (len(started), len(completed), len(handled)) == (3, 4, 5), "\n".join(handled)


def test_all_that_a_human_step_costs(world: World) -> None:
    """Leases and notices included, as one worker does it that goes on with what follows."""
    case_id, cost = a_case(world), Cost()
    drain()
    item = open_item(world.analyst, case_id, "two")
    cost.of(lambda: actions.start(item.id, call=Call(world.analyst)))
    cost.of(lambda: actions.complete(item.id, call=Call(world.analyst), outcome="DONE"))
    lane = Lane(world.system.tenant_id, ENGINE_LANE, case_id)
    cost.of(lambda: work_lane(lane, goes_on=lambda _work: True))
    assert plan_items(world, case_id)["three"].status == "ACTIVE"
    assert waiting(world) == {}
    assert len(cost.statements) <= MOST_STATEMENTS, "\n".join(cost.statements)
    assert cost.transactions <= MOST_TRANSACTIONS


def test_the_last_step_ends_the_case(world: World) -> None:
    case_id = a_case(world, done=4)
    item = open_item(world.analyst, case_id, "five")
    work(world.analyst, item.id, "DONE")
    event = news_of(world, item.id)
    # The case twice: what it learnt, and that it is over.
    assert len(statements(lambda: handle([event], lambda: None))) == 6
    assert case_row(world, case_id).status == "COMPLETED"


def test_news_that_is_none_writes_and_locks_nothing(world: World) -> None:
    case_id = a_case(world)
    with tenant_scope(world.operator.tenant_id):
        done = WorkItem.objects.get(case_id=case_id, binding="one")
    repeated = statements(lambda: handle([news_of(world, done.id)], lambda: None))
    assert [each.split()[0] for each in repeated].count("SELECT") == len(repeated)
    assert not [each for each in repeated if "FOR UPDATE" in each]


def test_a_long_case_is_not_read_whole(world: World) -> None:
    """Rows of the plan that a step brings to the engine, after one step and after twenty."""
    names = tuple(f"s{number}" for number in range(25))
    case_id = a_case(world, done=0, names=names)
    brought = []
    for name in names[:20]:
        with tenant_scope(world.operator.tenant_id):
            case = read_case(world.operator.tenant_id, case_id)
            assert case is not None
            target = open_item(world.analyst, case_id, name).id
            brought.append(len(read_plan(case, {target}, most=MAX_FIRINGS).fired))
        finish(world.analyst, case_id, name, "DONE")
    assert set(brought) == {1}
