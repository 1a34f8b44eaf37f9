"""Whatever a definition looks like and in whatever order its work was done: it is undone backwards.

Random trees of cases, three deep: tasks, programs and what somebody outside does, one after the
other, side by side and in loops; sub-cases alone, in groups that need all or some, in several
instances, and for which nobody waits; some steps with a declared order of undoing. They are done in
random orders, all of it or a part, some at one and the same moment. What a preview says is compared
with what then happens.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cases.models import Case, PlanItem
from compensation.models import CompensationAttempt
from executions import capability_registry
from executions.actions import record_result
from executions.capability_registry import Invocation, Result, agent_capability, capability
from executions.models import Execution
from ledger.clock import now
from ledger.tenancy import tenant_scope
from tests.casework import opened, plan_for, roll_back
from tests.draining import drain
from tests.random_trees import (
    DEEPEST,
    MADE,
    OUTSIDE,
    UNMADE,
    Tree,
    cases_in,
    deployed,
    order_of,
    tasks_in,
    trees,
    waiting_in,
)
from tests.states import work
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem

Ids = set[uuid.UUID]
# Of a tree that fails no smaller one is looked for: that takes minutes.
DRAWN: Any = {
    "deadline": None, "derandomize": True, "database": None, "phases": [Phase.generate],
    "suppress_health_check": [HealthCheck.too_slow],
}  # fmt: skip


@dataclasses.dataclass
class Undoing:
    """What has been undone so far, in that order, and what must have been before each."""

    before: dict[uuid.UUID, Ids] = dataclasses.field(default_factory=dict)
    done: list[uuid.UUID] = dataclasses.field(default_factory=list)
    # Told at the end: what a program raises is taken for an unknown effect, and tried again.
    wrong: list[str] = dataclasses.field(default_factory=list)
    seen: set[str] = dataclasses.field(default_factory=set)

    def clear(self) -> None:
        """Begin anew, with another tree."""
        self.before.clear()
        self.done.clear()

    def begins(self, original: uuid.UUID) -> None:
        """Its undo has begun: what comes before it is over."""
        if early := self.before.get(original, set()) - set(self.done):
            self.wrong.append(f"{original} did not wait for {early}")

    def ends(self, original: uuid.UUID) -> None:
        """It is undone."""
        self.begins(original)
        if original in self.done:
            self.wrong.append(f"{original} was undone twice")
        self.done.append(original)


@pytest.fixture
def undoing(monkeypatch: pytest.MonkeyPatch) -> Undoing:
    """What is undone, by programs too, which are known for one test."""
    made = Undoing()
    known = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known)

    def unmake(call: Invocation) -> Result:
        assert call.undoes is not None
        made.ends(call.undoes[1])
        return Result({})

    capability(UNMADE)(unmake)
    capability(MADE, undone_by=UNMADE)(lambda _call: Result({"made": 1}))
    agent_capability(OUTSIDE, undone_by=UNMADE)
    return made


def report(world: World, made: Execution) -> None:
    """Let somebody outside have done what they were asked for."""
    record_result(made.id, call=Call(world.operator), outcome="succeeded", output={"made": 1})


def do(world: World, root: uuid.UUID, data: Any, most: int | None = None) -> list[uuid.UUID]:
    """Do tasks, in an order of hypothesis's choice, until none is open or so many are done; loops
    go round once more. Return what was done, in that order."""
    looped: set[Any] = set()
    did: list[uuid.UUID] = []
    while most is None or most > 0:
        most = None if most is None else most - 1
        some = [*tasks_in(world, root, "TASK"), *waiting_in(world, root)]
        if not some:
            break
        chosen = data.draw(st.sampled_from(some))
        did.append(chosen.id)
        if isinstance(chosen, Execution):
            report(world, chosen)
        else:
            key = (chosen.case_id, chosen.binding)
            again = chosen.binding.startswith("l") and key not in looped
            looped.add(key)
            work(world.analyst, chosen.id, "AGAIN" if again else "OK")
        drain()
    return did


def undo(world: World, root: uuid.UUID, undoing: Undoing, data: Any) -> None:
    """Do undo tasks, in an order of hypothesis's choice where several wait, until none does."""
    while tasks := tasks_in(world, root, "COMPENSATION"):
        for each in tasks:
            assert each.undoes_id is not None
            undoing.begins(each.undoes_id)
        chosen = data.draw(st.sampled_from(tasks))
        undoing.ends(chosen.undoes_id)
        work(world.analyst, chosen.id, "REVERSED")
        drain()


def finished(world: World, root: uuid.UUID) -> Ids:
    """Return the finished work of a tree."""
    with tenant_scope(world.operator.tenant_id):
        items = WorkItem.objects.filter(case_id__in=cases_in(root), kind="TASK", status="COMPLETED")
        done = Execution.objects.filter(case_id__in=cases_in(root), status="SUCCEEDED")
        return {*items.values_list("id", flat=True), *done.values_list("id", flat=True)}


def leaves(step: dict[str, Any]) -> Iterator[uuid.UUID]:
    """Yield the work that a step of a plan undoes, of a case below all of it."""
    if step.get("nested"):
        for each in step["nested"]["steps"]:
            yield from leaves(each)
    else:
        yield uuid.UUID(step["original"]["id"])


def as_planned(steps: Iterable[dict[str, Any]], earlier: Ids, into: dict[uuid.UUID, Ids]) -> None:
    """Read from a plan what must be undone before each thing."""
    before: dict[int, Ids] = {}
    known: dict[int, Ids] = {}
    for step in steps:
        before[step["n"]] = set().union(
            *(before[each] | known[each] for each in step["depends_on"])
        )
        known[step["n"]] = set(leaves(step))
        if step.get("nested"):
            as_planned(step["nested"]["steps"], earlier | before[step["n"]], into)
        else:
            (only,) = known[step["n"]]
            into[only] = earlier | before[step["n"]]


@dataclasses.dataclass(frozen=True)
class Completed:
    """One thing that a case completed: when, what its definition says of its undo, and the work in
    it, which is itself unless it is a case."""

    case_id: uuid.UUID | None
    seq: int
    binding: str
    work: frozenset[uuid.UUID]

    def comes_before(self, other: Completed) -> bool:
        """Whether it is undone earlier: it was completed later, or says so. Of equal numbers only
        what is another time of the same step waits."""
        mine, theirs = order_of(self.binding), order_of(other.binding)
        if mine == theirs and (mine is None or self.binding == other.binding):
            return self.seq > other.seq
        return mine is not None and (theirs is None or mine < theirs)


def backwards(world: World, root: uuid.UUID) -> dict[uuid.UUID, Ids]:
    """Return from what is stored, and not from a plan, what of the same case must be undone before
    each thing."""
    with tenant_scope(world.operator.tenant_id):
        parents = dict(Case.objects.filter(root_id=root).values_list("id", "parent_id"))
        rows = [
            (row.case_id, row.completion_seq, row.binding, row.id)
            for model in (WorkItem, Execution)
            for row in model.objects.filter(case_id__in=parents, completion_seq__isnull=False)
        ]
        below = PlanItem.objects.filter(
            case_id__in=parents, type="sub_case", completion_seq__isnull=False
        )
        found = [
            Completed(case_id, seq or 0, binding, frozenset([id_]))
            for case_id, seq, binding, id_ in rows
        ] + [
            Completed(
                row.case_id, row.completion_seq or 0, row.binding, _work_in(row, rows, parents)
            )
            for row in below
        ]
    before: dict[uuid.UUID, Ids] = {}
    for one in found:
        earlier = [
            other.work
            for other in found
            if other.case_id == one.case_id and other.comes_before(one)
        ]
        for each in one.work:
            before.setdefault(each, set()).update(*earlier)
    return before


def _work_in(item: PlanItem, rows: Iterable[Any], parents: dict[Any, Any]) -> frozenset[uuid.UUID]:
    inside = {item.target_id}
    while more := {id_ for id_, parent in parents.items() if parent in inside} - inside:
        inside |= more
    return frozenset(id_ for case_id, _seq, _binding, id_ in rows if case_id in inside)


def _check_numbers(world: World, did: list[uuid.UUID]) -> None:
    """Of each case the number of completion rises as its work was done."""
    with tenant_scope(world.operator.tenant_id):
        rows = {
            row.id: row
            for model in (WorkItem, Execution)
            for row in model.objects.filter(id__in=did)
        }
    last: dict[uuid.UUID | None, int] = {}
    for row in (rows[id_] for id_ in did):
        assert (row.completion_seq or 0) > last.get(row.case_id, 0)
        last[row.case_id] = row.completion_seq or 0


def _undone_as_planned(world: World, root: uuid.UUID, undoing: Undoing, data: Any) -> None:
    done = finished(world, root)
    plan = plan_for(world, root)
    steps = plan.content["steps"]
    order = [each for step in steps for each in leaves(step)]
    assert sorted(order) == sorted(done)
    as_planned(steps, set(), undoing.before)
    for place, each in enumerate(order):
        assert undoing.before[each] <= set(order[:place]), "shown in an order in which it can run"
    undoing.seen |= _goes_on(world, root)
    run = roll_back(world, root)
    assert run.plan.digest == plan.digest
    assert tasks_in(world, root, "TASK") == [], "open work is called off when it begins"
    late = _report_late(world, root, data)
    undo(world, root, undoing, data)
    assert undoing.wrong == []
    assert sorted(undoing.done) == sorted(done | late), "each finished thing once, nothing else"
    if not late and not any(order_of(step["original"]["name"]) for step in _all(steps)):
        assert undoing.done == order, "what was shown is what ran"
        undoing.seen.add("one after the other")
    at = {id_: place for place, id_ in enumerate(undoing.done)}
    for original, earlier in backwards(world, root).items():
        assert all(at[each] < at[original] for each in earlier), "backwards"
    _check_ends(world, root, done | late)
    undoing.seen |= {"late"} if late else set()


def _goes_on(world: World, root: uuid.UUID) -> set[str]:
    """Return whether cases go on for which nobody waits, and how far below."""
    with tenant_scope(world.operator.tenant_id):
        rows = Case.objects.filter(root_id=root, awaited=False, status="RUNNING")
        above = set(rows.exclude(id=root).values_list("parent_id", flat=True))
    return {"free one" if each == root else "free one far below" for each in above}


def _report_late(world: World, root: uuid.UUID, data: Any) -> Ids:
    """What was in flight is awaited, and undone with the rest."""
    told: Ids = set()
    while late := waiting_in(world, root):
        awaited = {each.case_id for each in late}
        assert not [
            task for task in tasks_in(world, root, "COMPENSATION") if task.case_id in awaited
        ]
        chosen = data.draw(st.sampled_from(late))
        told.add(chosen.id)
        report(world, chosen)
        drain()
    return told


def _all(steps: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield step
        yield from _all(step["nested"]["steps"] if step.get("nested") else ())


def _check_ends(world: World, root: uuid.UUID, done: Ids) -> None:
    with tenant_scope(world.operator.tenant_id):
        top = Case.objects.get(id=root)
        every = {
            id_
            for model in (WorkItem, Execution)
            for id_ in model.objects.filter(case_id__in=cases_in(root)).values_list("id", flat=True)
        }
        attempts = CompensationAttempt.objects.filter(original_id__in=every)
        assert (str(top.status), attempts.count()) == ("COMPENSATED", len(done))
        undos = Execution.objects.filter(undoes_id__in=done)
        assert {each.attempts for each in undos} <= {1}
        assert not Case.objects.filter(root_id=root, status="COMPENSATING").exists()
    verify()


def _shape(tree: Tree) -> set[str]:
    """Return what a tree has that is worth having been seen."""
    said = {f"{tree.deep} deep", *(step.kind for step in tree.steps)}
    said |= {"instances"} if tree.twice and tree.waited_for else set()
    said |= {"free"} if tree.waited_for != tree.below else set()
    said |= {"declared"} if tree.declares else set()
    return said.union(*(_shape(each) for each in tree.below))


def test_all_of_it_is_undone_backwards_and_once(world: World, undoing: Undoing) -> None:
    @settings(max_examples=16, **DRAWN)
    @given(tree=trees(DEEPEST), data=st.data(), at_once=st.booleans())
    def any_tree(tree: Tree, data: Any, *, at_once: bool) -> None:
        undoing.clear()
        root = opened(world, f"tests/{deployed(world, tree)}")
        with time_machine.travel(now(), tick=not at_once):
            did = do(world, root, data)
        _check_numbers(world, did)
        _undone_as_planned(world, root, undoing, data)
        undoing.seen |= _shape(tree)

    any_tree()
    assert undoing.seen == {
        "1 deep", "2 deep", "3 deep", "human", "loop", "program", "outside", "instances",
        "declared", "free", "one after the other",
    }  # fmt: skip


def test_what_was_done_of_a_tree_is_undone_and_the_rest_called_off(
    world: World, undoing: Undoing
) -> None:
    @settings(max_examples=20, **DRAWN)
    @given(tree=trees(DEEPEST), data=st.data(), most=st.integers(0, 6))
    def any_tree(tree: Tree, data: Any, most: int) -> None:
        undoing.clear()
        root = opened(world, f"tests/{deployed(world, tree)}")
        _check_numbers(world, do(world, root, data, most))
        _undone_as_planned(world, root, undoing, data)
        undoing.seen |= _shape(tree)

    any_tree()
    assert undoing.seen >= {
        "late", "one after the other", "3 deep", "free one", "free one far below",
    }  # fmt: skip
