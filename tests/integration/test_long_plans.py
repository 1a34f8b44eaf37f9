"""What planning a long case costs: as many statements as a short one, and work that is linear."""

from __future__ import annotations

import dataclasses
import gc
import itertools
import re
import time
import uuid

import pytest

from compensation.models import CompensationPlan
from ledger.tenancy import tenant_scope
from tests.bank import open_bank
from tests.casework import counted, deploy, finish, opened, plan_for
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.lanes import statements
from tests.subcases import below, children
from tests.unit.test_cases_planning import part, plan
from tests.world import World

#: A third of the two seconds that a plan of a thousand steps may take.
CPU_SECONDS = 2 / 3
_WRITES = re.compile(r"\bINSERT INTO\b|\bDELETE FROM\b|\bUPDATE \"?\w+\"? SET\b", re.IGNORECASE)


def paid(world: World, name: str, number: int) -> uuid.UUID:
    """Return a case of so many payments, all made, that goes on. They say the same: a definition
    has only so many expressions of its own."""
    say = {"outputMapping": "{s: .}"}
    pays = [
        automated(f"s{n}", "test.pay", ".s == null", "{amount: 5}") | {"when": ".s == null"} | say
        for n in range(number)
    ]
    deploy(world, definition(name, *pays, success=".never"))
    case_id = opened(world, f"tests/{name}")
    drain()
    return case_id


def plan_cost(world: World, case_id: uuid.UUID) -> tuple[int, list[str]]:
    """Plan. Return how many steps that has, and the statements that planning sent."""
    made: list[CompensationPlan] = []
    sent = statements(lambda: made.append(plan_for(world, case_id)))
    return len(made[0].content["steps"]), sent


@pytest.mark.timeout(240)
def test_a_plan_of_three_hundred_steps_asks_no_more_than_one_of_ten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_bank(monkeypatch)
    short, long = paid(world, "short", 10), paid(world, "long", 300)
    few, few_asked = plan_cost(world, short)
    many, many_asked = plan_cost(world, long)
    assert (few, many) == (10, 300)
    assert len(many_asked) == len(few_asked), "\n".join(many_asked)


def test_a_plan_with_many_cases_below_asks_no_more_than_one_with_few(world: World) -> None:
    """A level of a tree is read at once, however many cases it has."""
    deploy(world, definition("leaf", human("task"), success=".task != null"))
    asked = {}
    for number in (2, 8):
        pairs = [below(f"b{n}", "leaf", groupId="all") for n in range(number)]
        deploy(world, definition(f"tree{number}", *pairs))
        top = opened(world, f"tests/tree{number}")
        for low in children(world, top):
            finish(world.analyst, low.id, "task", "OK")
        steps, sent = plan_cost(world, top)
        assert steps == number
        asked[number] = len(sent)
    assert asked[8] == asked[2]


def test_a_preview_writes_its_own_row_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_bank(monkeypatch)
    case_id = paid(world, "short", 3)
    before = counted(world)
    steps, sent = plan_cost(world, case_id)
    written = [text for text in sent if _WRITES.search(text)]
    assert (steps, len(written), counted(world)) == (3, 1, before)
    assert "compensation_compensationplan" in written[0]
    with tenant_scope(world.operator.tenant_id):
        assert CompensationPlan.objects.count() == 1


@pytest.mark.parametrize("orders", [[None], [1.0], [1.0, 2.0], [1.0, None]])
def test_a_thousand_steps_are_planned_within_their_time(orders: list[float | None]) -> None:
    parts = [
        dataclasses.replace(part(seq), order=order)
        for seq, order in zip(range(1, 1001), itertools.cycle(orders), strict=False)
    ]
    # What other tests have left is not collected in this one's time, nor do their threads count.
    gc.collect()
    begun = time.thread_time()
    content = plan(parts)
    took = time.thread_time() - begun
    assert len(content.steps) == 1000
    assert took < CPU_SECONDS
