"""Cases that hypothesis draws: what their definitions are made of, and what is open in them."""

from __future__ import annotations

import dataclasses
import itertools
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

from cases.models import Case
from executions.models import Execution
from ledger.tenancy import tenant_scope
from tests.casework import deploy
from tests.definitions import automated, definition, human
from tests.subcases import below
from tests.world import World
from workitems.models import WorkItem

DEEPEST = 3
OPEN = ("PENDING", "ASSIGNED", "IN_PROGRESS")
# What a program does, and what somebody outside does and reports.
MADE, OUTSIDE, UNMADE = "test.make", "test.make-outside", "test.unmake"
_NAMES = itertools.count()
_KEYS = {"human": "h", "loop": "l", "program": "p", "outside": "o"}


@dataclasses.dataclass(frozen=True)
class Step:
    """One step: what does it, whether it waits for the step before it, and the number by which its
    undo is ordered, if its definition declares one."""

    kind: str
    waits: bool
    order: int | None


@dataclasses.dataclass(frozen=True)
class Tree:
    """What one definition has: its steps, and the definitions of the cases below.

    Those below count as a group where there are several, of which `required` must end well; the
    rest is called off (`cancels`) or goes on. The first one is made in two instances where `twice`.
    `order` is by which its own undo is ordered where it is below another, if that declares one;
    `free` there says that nobody waits for it: it is in no group, and goes on by itself.
    """

    steps: tuple[Step, ...]
    below: tuple[Tree, ...]
    required: int
    cancels: bool
    twice: bool
    order: int | None
    free: bool

    @property
    def waited_for(self) -> tuple[Tree, ...]:
        """The definitions of the cases below for which it waits."""
        return tuple(each for each in self.below if not each.free)

    @property
    def deep(self) -> int:
        """How many levels it has."""
        return 1 + max((each.deep for each in self.below), default=0)

    @property
    def declares(self) -> bool:
        """Whether the undo of anything in it is ordered by a number."""
        own = [step.order for step in self.steps] + [each.order for each in self.below]
        return any(order is not None for order in own) or any(each.declares for each in self.below)


_ORDERS = st.sampled_from([None, None, None, 1, 2])
_STEPS = st.builds(
    Step,
    st.sampled_from(["human", "human", "human", "loop", "program", "outside"]),
    st.booleans(),
    _ORDERS,
)


def trees(deep: int) -> st.SearchStrategy[Tree]:
    """Draw definitions, `deep` levels of them at most."""
    deeper = st.just(()) if deep == 1 else st.lists(trees(deep - 1), max_size=deep - 1).map(tuple)
    steps = st.lists(_STEPS, min_size=1, max_size=4).map(tuple)
    flags = (st.booleans(), st.booleans(), _ORDERS, st.booleans())
    return st.builds(Tree, steps, deeper, st.integers(1, 2), *flags)


def deployed(world: World, tree: Tree) -> str:
    """Deploy a tree of definitions and return the name of its top."""
    inner = [deployed(world, each) for each in tree.below]
    name = f"tree-{next(_NAMES)}"
    keys = [_key(f"{_KEYS[step.kind]}{at}", step.order) for at, step in enumerate(tree.steps)]
    below_ = list(enumerate(tree.below))
    names = [_key(f"{'u' if each.free else 'c'}{at}", each.order) for at, each in below_]
    bindings = []
    for at, step in enumerate(tree.steps):
        before = f"({done(keys[at - 1])})" if at and step.waits else "true"
        bindings.append(_binding(step, keys[at], before))
    opens = dict(zip(names, inner, strict=True))
    free = {key: opens.pop(key) for key, each in zip(names, tree.below, strict=True) if each.free}
    bindings += [*_below(tree, opens), *_free(free)]
    wanted = [done(key) for key in keys]
    if opens:
        ended = ", ".join(f".{each}" for each in opens)
        enough = min(tree.required, len(opens))
        wanted.append(f"([{ended}] | map(select(. != null)) | length) >= {enough}")
        if tree.twice:
            wanted.append(f".{next(iter(opens))}_again != null")
    deploy(world, definition(name, *bindings, success=" and ".join(wanted)))
    return name


def _key(name: str, order: int | None) -> str:
    return name if order is None else f"{name}_first_{order}"


def order_of(binding: str) -> int | None:
    """Return the number by which the undo of a step is ordered, if it has one."""
    _, has, order = binding.partition("_first_")
    return int(order) if has else None


def done(key: str) -> str:
    """Return the condition that a step has been done, and is not to be done again."""
    return f'.{key} != null and .{key}.outcome != "AGAIN"'


def _binding(step: Step, key: str, before: str) -> dict[str, Any]:
    order = _ordered(key)
    if step.kind in {"program", "outside"}:
        by = MADE if step.kind == "program" else OUTSIDE
        return automated(key, by, before, "{}", **order)
    still = f'(.{key} == null or .{key}.outcome == "AGAIN")'
    return human(key, when=f"{before} and {still}", **order)


def _below(tree: Tree, inner: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the steps that wait for cases; the first of them in two instances, one after the
    other."""
    total = len(inner) + tree.twice
    group: dict[str, Any] = {}
    if total > 1:
        enough = total if tree.twice else min(tree.required, total)
        met = "CANCEL" if tree.cancels else "KEEP"
        group = {
            "groupId": "all", "totalInGroup": total, "requiredCount": enough,
            "onThresholdReached": met,
        }  # fmt: skip
    for at, (key, child) in enumerate(inner.items()):
        more, still = dict(group), f".{key} == null"
        if at == 0 and tree.twice:
            more["outputMapping"] = f"if .first then {{{key}: .}} else {{{key}_again: .}} end"
            more["inputMapping"] = f"{{first: (.{key} == null)}}"
            still = f".{key} == null or .{key}_again == null"
        yield below(key, child, still, **more) | _ordered(key)


def _free(inner: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the steps that open a case once, and do not wait for it."""
    for key, child in inner.items():
        opened = f"{key}_open"
        write = {opened: True}
        step = below(key, child, f".{opened} == null", contextWrite=write, waitForCompletion=False)
        yield step | _ordered(key)


def _ordered(key: str) -> dict[str, Any]:
    order = order_of(key)
    return {} if order is None else {"compensationOrder": order}


def tasks_in(world: World, root: uuid.UUID, kind: str) -> list[WorkItem]:
    """Return the open work items of a kind in a tree of cases, in a stable order."""
    with tenant_scope(world.operator.tenant_id):
        rows = WorkItem.objects.filter(case_id__in=cases_in(root), kind=kind, status__in=OPEN)
        return list(rows.order_by("id"))


def waiting_in(world: World, root: uuid.UUID) -> list[Execution]:
    """Return what somebody outside is asked to do in a tree of cases and has not reported."""
    with tenant_scope(world.operator.tenant_id):
        rows = Execution.objects.filter(case_id__in=cases_in(root), status="WAITING")
        return list(rows.order_by("id"))


def cases_in(root: uuid.UUID) -> Any:
    """Return the ids of a case and of all below it, to be asked for within a scope."""
    return Case.objects.filter(root_id=root).values("id")
