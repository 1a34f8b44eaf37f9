"""How many statements a human step of a case takes: start, complete, and what the engine does then.

BEGIN and COMMIT aside; a SAVEPOINT counts. The counts are exact: one more is a decision.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.acting import system_of
from cases.actions.engine import handle
from cases.actions.firing import MAX_FIRINGS
from cases.plan_state import read_case, read_plan
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, open_item, opened, plan_items, work
from tests.definitions import definition, human
from tests.engine_news import news_of
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.models import WorkItem

STEPS = ("one", "two", "three", "four", "five")


def sent(work: Callable[[], Any]) -> list[str]:
    """Return the statements that `work` sends."""
    with CaptureQueriesContext(connection) as captured:
        work()
    return [
        query["sql"]
        for query in captured.captured_queries
        if not query["sql"].startswith(("BEGIN", "COMMIT"))
    ]


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
    started = sent(lambda: actions.start(item.id, call=Call(world.analyst)))
    completed = sent(lambda: actions.complete(item.id, call=Call(world.analyst), outcome="DONE"))
    event = news_of(world, item.id)
    handled = sent(lambda: handle([event], lambda: None))
    assert plan_items(world, case_id)["three"].status == "ACTIVE"
    assert (len(started), len(completed), len(handled)) == (5, 6, 7), "\n".join(handled)


def test_the_last_step_ends_the_case(world: World) -> None:
    case_id = a_case(world, done=4)
    item = open_item(world.analyst, case_id, "five")
    work(world.analyst, item.id, "DONE")
    event = news_of(world, item.id)
    # The case twice: what it learnt, and that it is over.
    assert len(sent(lambda: handle([event], lambda: None))) == 8
    assert case_row(world, case_id).status == "COMPLETED"


def test_news_that_is_none_writes_and_locks_nothing(world: World) -> None:
    case_id = a_case(world)
    with tenant_scope(world.operator.tenant_id):
        done = WorkItem.objects.get(case_id=case_id, binding="one")
    repeated = sent(lambda: handle([news_of(world, done.id)], lambda: None))
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
