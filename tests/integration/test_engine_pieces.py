"""News heard together ends a case as it does one by one: what fails, is tried again or comes in
during a rollback ends what was decided so far."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cases import actions
from cases.actions.engine import handle
from cases.models import PlanItem
from compensation.actions.plan_execution import execute
from executions.actions import record_result
from ledger.dispatch.consumer_registry import Event
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, open_item, opened, plan_for, plan_items, run_row
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.engine_news import news_of
from tests.states import work
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.actions import reject, start

# What it gives to the context, of a task that ended with outcome BAD, is no object.
MAPPING = 'if .outcome == "BAD" then 42 else {%s: .} end'
ONLY_X = {"kind": "steps", "steps": ["x"], "only_this": True}


def task(name: str) -> dict[str, Any]:
    return human(name, humanTask={"title": f"Do {name}", "outputMapping": MAPPING % name})


def refuse(world: World, case_id: uuid.UUID, name: str) -> uuid.UUID:
    id_ = open_item(world.analyst, case_id, name).id
    start(id_, call=Call(world.analyst))
    reject(id_, call=Call(world.analyst), reason="bad")
    return id_


def end(world: World, case_id: uuid.UUID, name: str, outcome: str = "DONE") -> uuid.UUID:
    id_ = open_item(world.analyst, case_id, name).id
    work(world.analyst, id_, outcome)
    return id_


def answer(world: World, case_id: uuid.UUID, name: str, **how: Any) -> uuid.UUID:
    id_ = plan_items(world, case_id)[name].work[1]
    record_result(id_, call=Call(world.operator), **how)
    return id_


def a_case(world: World, *bindings: dict[str, Any], **ends: str) -> uuid.UUID:
    deploy(world, definition("pieces", *bindings, **ends))
    return opened(world, "tests/pieces")


def rolled_back(world: World, case_id: uuid.UUID, **how: Any) -> uuid.UUID:
    """Start a rollback of the program alone, which waits for its result."""
    plan = plan_for(world, case_id, scope=ONLY_X)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest), **how)
    drain()
    return run.id


def statuses(world: World, case_id: uuid.UUID) -> dict[str, str]:
    return {name: str(item.status) for name, item in plan_items(world, case_id).items()}


def test_a_failure_after_the_end_of_a_rollback_is_not_lost(world: World) -> None:
    case_id = a_case(world, human("a"), automated("x", "erp.x", "true", "{n: 1}"))
    run_id = rolled_back(world, case_id, resume_after=True)
    assert run_row(world, run_id).status == "RUNNING"
    x = answer(world, case_id, "x", outcome="failed", error="no")
    a = refuse(world, case_id, "a")
    handle([news_of(world, x), news_of(world, a)], lambda: None)
    assert run_row(world, run_id).status == "COMPLETED"
    assert plan_items(world, case_id)["x"].error == "x: faulted, no"
    for _ in range(2):
        case = case_row(world, case_id)
        assert (case.status, case.fault) == ("FAULTED", "a: rejected, bad")
        assert statuses(world, case_id) == {"a": "REJECTED", "x": "FAULTED"}
        drain()
    verify()


def test_a_retry_is_not_swallowed_by_a_failure_behind_it(world: World) -> None:
    case_id = a_case(world, human("a"), human("b"))
    refuse(world, case_id, "a")
    drain()
    assert case_row(world, case_id).fault == "a: rejected, bad"
    actions.retry_case(case_id, call=Call(world.operator))
    retried = news_of(world, case_id)
    b = refuse(world, case_id, "b")
    handle([retried, news_of(world, b)], lambda: None)
    assert statuses(world, case_id) == {"a": "ACTIVE", "b": "REJECTED"}
    case = case_row(world, case_id)
    assert (case.status, case.fault) == ("FAULTED", "b: rejected, bad")


def test_a_goal_that_was_reached_is_not_undone_by_an_unusable_result(world: World) -> None:
    case_id = a_case(world, task("a"), task("b"), success=".a != null")
    a, b = end(world, case_id, "a"), end(world, case_id, "b", "BAD")
    handle([news_of(world, a), news_of(world, b)], lambda: None)
    case = case_row(world, case_id)
    assert (case.status, case.fault, set(case.context)) == ("COMPLETED", "", {"a"})
    assert statuses(world, case_id) == {"a": "COMPLETED", "b": "COMPLETED"}


def test_a_goal_reached_after_a_failure_is_too_late(world: World) -> None:
    case_id = a_case(world, task("a"), task("b"), success=".a != null")
    b, a = refuse(world, case_id, "b"), end(world, case_id, "a")
    handle([news_of(world, b), news_of(world, a)], lambda: None)
    case = case_row(world, case_id)
    assert (case.status, case.fault, set(case.context)) == ("FAULTED", "b: rejected, bad", {"a"})


Act = Callable[[World, uuid.UUID], uuid.UUID]


def acts_on(name: str) -> dict[str, Act]:
    """Return the ways in which a task ends."""
    return {
        f"{name} done": lambda world, case_id: end(world, case_id, name),
        f"{name} unusable": lambda world, case_id: end(world, case_id, name, "BAD"),
        f"{name} rejected": lambda world, case_id: refuse(world, case_id, name),
    }


def retried(world: World, case_id: uuid.UUID) -> uuid.UUID:
    actions.retry_case(case_id, call=Call(world.operator))
    return case_id


def x_failed(world: World, case_id: uuid.UUID) -> uuid.UUID:
    return answer(world, case_id, "x", outcome="failed", error="no")


def x_done(world: World, case_id: uuid.UUID) -> uuid.UUID:
    return answer(world, case_id, "x", outcome="succeeded", output={"n": 2})


def failed_before(world: World, case_id: uuid.UUID) -> None:
    refuse(world, case_id, "f")
    drain()


def rolling_back(**how: bool) -> Callable[[World, uuid.UUID], Any]:
    return lambda world, case_id: rolled_back(world, case_id, **how)


A, B = acts_on("a"), acts_on("b")
# How the case stands before; and which acts there are.
KINDS: dict[str, tuple[Callable[[World, uuid.UUID], Any], Sequence[dict[str, Act]]]] = {
    "plain": (lambda _world, _case_id: None, [A, B]),
    "failed": (failed_before, [A, B, {"retried": retried}]),
    "put on hold": (rolling_back(), [A, B, {"x failed": x_failed, "x done": x_done}]),
    "goes on": (rolling_back(resume_after=True), [A, B, {"x failed": x_failed, "x done": x_done}]),
}


def some_orders(kind: str, most: int = 8) -> list[tuple[tuple[str, Act], ...]]:
    """Return some of all orders of all combinations of a kind's acts, the same every time."""
    combined = itertools.product(*(each.items() for each in KINDS[kind][1]))
    orders = [order for acts in combined for order in itertools.permutations(acts)]
    return random.Random(kind).sample(orders, min(most, len(orders)))  # noqa: S311  -- no secret


def ended(world: World, case_id: uuid.UUID) -> tuple[Any, ...]:
    """Return how a case and all its plan items are."""
    case = case_row(world, case_id)
    with tenant_scope(world.operator.tenant_id):
        rows = PlanItem.objects.filter(case_id=case_id).order_by("binding", "created_at", "id")
        items = [(row.binding, str(row.status), row.error) for row in rows]
    context = set(case.context)
    if case.status == "COMPLETED":
        # One by one a step may be tried again in between, and a result come after the last.
        context, items = set(), list({each[0]: each for each in reversed(items)}.values())
    return str(case.status), case.fault, context, items


@pytest.mark.parametrize("success", [".a != null", ".b != null and .a != null"], ids=["a", "both"])
@pytest.mark.parametrize("kind", KINDS)
def test_together_as_one_by_one(world: World, kind: str, success: str) -> None:
    bindings = [task("a"), task("b"), human("f"), automated("x", "erp.x", "true", "{n: 1}")]
    deploy(world, definition("pieces", *bindings, success=success))
    before, _ = KINDS[kind]
    for order in some_orders(kind):
        together, apart = (opened(world, "tests/pieces") for _ in range(2))
        news: dict[uuid.UUID, list[Event]] = {}
        for case_id in (together, apart):
            before(world, case_id)
        for case_id in (together, apart):
            news[case_id] = [news_of(world, act(world, case_id)) for _, act in order]
        handle(news[together], lambda: None)
        for event in news[apart]:
            handle([event], lambda: None)
        said = ", ".join(name for name, _ in order)
        assert ended(world, together) == ended(world, apart), said
        drain()
        assert ended(world, together) == ended(world, apart), f"{said}, then all the rest"
