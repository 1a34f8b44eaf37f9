"""Whatever a definition looks like and in whatever order its work was done: it is undone backwards.

Random trees of cases (sequences, branches side by side, loops, groups of sub-cases, three deep) and
random orders of completion. What a preview says is compared with what then happens.
"""

from __future__ import annotations

import dataclasses
import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cases.models import Case
from compensation.models import CompensationAttempt
from ledger.tenancy import tenant_scope
from tests.casework import deploy, opened, plan_for, roll_back
from tests.definitions import definition, human
from tests.draining import drain
from tests.states import work
from tests.subcases import below
from tests.verifying import verify
from tests.world import World
from workitems.models import WorkItem

DEEPEST = 3
OPEN = ("PENDING", "ASSIGNED", "IN_PROGRESS")
_NAMES = itertools.count()


@dataclasses.dataclass(frozen=True)
class Tree:
    """What one definition has: tasks one after the other, side by side and twice over; and the
    definitions of the cases below, which count as a group where there are several."""

    in_sequence: int
    beside: int
    loops: int
    below: tuple[Tree, ...]


def trees(deep: int) -> st.SearchStrategy[Tree]:
    """Draw definitions, `deep` levels of them at most."""
    deeper = st.just(()) if deep == 1 else st.lists(trees(deep - 1), max_size=deep - 1).map(tuple)
    return st.builds(
        Tree, st.integers(1, 2), st.integers(0, 1), st.integers(0, 1), deeper
    )  # fmt: skip


def deployed(world: World, tree: Tree) -> str:
    """Deploy a tree of definitions and return the name of its top."""
    inner = [deployed(world, each) for each in tree.below]
    name, bindings = f"tree-{next(_NAMES)}", []
    for at in range(tree.in_sequence):
        before = f".s{at - 1} != null and " if at else ""
        bindings.append(human(f"s{at}", when=f"{before}.s{at} == null"))
    bindings += [human(f"b{at}") for at in range(tree.beside)]
    again = '.l{0} == null or .l{0}.outcome == "AGAIN"'
    bindings += [human(f"l{at}", when=again.format(at)) for at in range(tree.loops)]
    group = {"groupId": "all"} if inner[1:] else {}
    bindings += [
        below(f"c{at}", child, success_of(f"c{at}", is_open=True), **group)
        for at, child in enumerate(inner)
    ]
    done = " and ".join(
        f'.{each["name"]} != null and .{each["name"]}.outcome != "AGAIN"' for each in bindings
    )
    deploy(world, definition(name, *bindings, success=done))
    return name


def success_of(key: str, *, is_open: bool) -> str:
    """Return the condition that something has not been done yet, or that it has."""
    return f".{key} == null" if is_open else f".{key} != null"


def open_in(world: World, root: uuid.UUID, kind: str) -> list[WorkItem]:
    """Return the open work items of a kind in a tree of cases, in a stable order."""
    with tenant_scope(world.operator.tenant_id):
        cases = Case.objects.filter(root_id=root).values("id")
        rows = WorkItem.objects.filter(case_id__in=cases, kind=kind, status__in=OPEN)
        return list(rows.order_by("created_at", "id"))


def do_all(world: World, root: uuid.UUID, choose: Callable[[Sequence[WorkItem]], WorkItem]) -> None:
    """Do tasks until none is open, in an order of somebody's choice; loops go round once more."""
    looped = set()
    while tasks := open_in(world, root, "TASK"):
        item = choose(tasks)
        again = item.binding.startswith("l") and (item.case_id, item.binding) not in looped
        looped.add((item.case_id, item.binding))
        work(world.analyst, item.id, "AGAIN" if again else "OK")
        drain()


def undo_all(world: World, root: uuid.UUID) -> list[uuid.UUID]:
    """Do undo tasks until none is open, and return what was undone, in that order."""
    undone = []
    while tasks := open_in(world, root, "COMPENSATION"):
        (item,) = tasks
        assert item.undoes_id is not None
        undone.append(item.undoes_id)
        work(world.analyst, item.id, "REVERSED")
        drain()
    return undone


def previewed(steps: Sequence[dict[str, Any]]) -> Iterator[uuid.UUID]:
    """Yield what a plan says is undone, in that order, at all levels."""
    for step in steps:
        if step.get("nested"):
            yield from previewed(step["nested"]["steps"])
        else:
            yield uuid.UUID(step["original"]["id"])


@settings(
    max_examples=4, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(tree=trees(DEEPEST), data=st.data())
def test_all_of_it_is_undone_backwards_and_once(world: World, tree: Tree, data: Any) -> None:
    root = opened(world, f"tests/{deployed(world, tree)}")
    do_all(world, root, lambda tasks: data.draw(st.sampled_from(tasks)))
    done = completed(world, root)
    plan = plan_for(world, root)
    order = list(previewed(plan.content["steps"]))
    roll_back(world, root)
    undone = undo_all(world, root)
    assert undone == order, "what was previewed is what happened"
    assert sorted(undone) == sorted(done), "each finished task once, and nothing else"
    for case_id in {case_id for case_id, _seq in done.values()}:
        numbers = [done[id_][1] for id_ in undone if done[id_][0] == case_id]
        assert numbers == sorted(numbers, reverse=True), "backwards within each case"
    with tenant_scope(world.operator.tenant_id):
        statuses = set(Case.objects.filter(root_id=root).values_list("status", flat=True))
        attempts = CompensationAttempt.objects.filter(original_id__in=list(done))
        assert attempts.count() == len(done)
    assert statuses == {"COMPENSATED"}
    verify()


def completed(world: World, root: uuid.UUID) -> dict[uuid.UUID, tuple[uuid.UUID | None, int]]:
    """Return the finished tasks of a tree: the case and the completion number of each."""
    with tenant_scope(world.operator.tenant_id):
        cases = Case.objects.filter(root_id=root).values("id")
        rows = WorkItem.objects.filter(case_id__in=cases, kind="TASK", status="COMPLETED")
        return {row.id: (row.case_id, row.completion_seq or 0) for row in rows}


@settings(
    max_examples=3, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(tree=trees(DEEPEST), data=st.data())
def test_what_was_done_in_half_a_tree_is_undone_and_the_rest_called_off(
    world: World, tree: Tree, data: Any
) -> None:
    root = opened(world, f"tests/{deployed(world, tree)}")
    left = data.draw(st.integers(1, 4))
    looped = set()
    for _ in range(left):
        tasks = open_in(world, root, "TASK")
        if not tasks:
            break
        item = data.draw(st.sampled_from(tasks))
        again = item.binding.startswith("l") and (item.case_id, item.binding) not in looped
        looped.add((item.case_id, item.binding))
        work(world.analyst, item.id, "AGAIN" if again else "OK")
        drain()
    done = completed(world, root)
    order = list(previewed(plan_for(world, root).content["steps"]))
    roll_back(world, root)
    assert open_in(world, root, "TASK") == [], "open work is called off when it begins"
    undone = undo_all(world, root)
    assert undone == order
    assert sorted(undone) == sorted(done), "what was finished, and nothing that was not"
    with tenant_scope(world.operator.tenant_id):
        top = Case.objects.get(id=root)
        compensated = Case.objects.filter(root_id=root, status="COMPENSATING").count()
    assert (str(top.status), compensated) == ("COMPENSATED", 0)
    verify()
