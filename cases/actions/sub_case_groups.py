"""Groups of sub-cases: so many of so many have to end well. Engine only; nothing is written here.

A group belongs to one case and has the steps that name it. It is met once, which the case keeps
(`groups_met`). Its plan items change in the one lane that hears of the case: what is counted
without a lock stands as long as the case has not moved.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Sequence

from django.utils.translation import gettext as _

from cases.definitions import Binding, CompiledDefinition, SubCase
from cases.lifecycle import PlanItemStatus
from cases.models import Case, PlanItem
from ledger.errors import Invalid

_NOT_DONE = frozenset({PlanItemStatus.FAULTED, PlanItemStatus.CANCELLED})


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """A group as its steps declare it, the first that says so counts; `steps` by name."""

    name: str
    steps: tuple[str, ...]
    total: int
    required: int
    cancels: bool

    @property
    def spare(self) -> int:
        """How many may fail."""
        return self.total - self.required


def _members(definition: CompiledDefinition) -> Iterator[tuple[str, SubCase]]:
    for binding in definition.forward_bindings:
        if isinstance(binding.target, SubCase) and binding.target.group_id is not None:
            yield binding.name, binding.target


def groups_of(definition: CompiledDefinition) -> dict[str, Group]:
    """Return the groups of a definition by the names of their steps."""
    of: dict[str, list[tuple[str, SubCase]]] = {}
    for name, target in _members(definition):
        of.setdefault(str(target.group_id), []).append((name, target))
    found = {}
    for group_id, members in of.items():
        steps = tuple(name for name, _ in members)
        targets = [target for _, target in members]
        total = next(filter(None, (each.total_in_group for each in targets)), len(steps))
        required = next(filter(None, (each.required_count for each in targets)), total)
        said = next(filter(None, (each.on_threshold_reached for each in targets)), "KEEP")
        group = Group(group_id, steps, total, required, said == "CANCEL")
        found.update(dict.fromkeys(steps, group))
    return found


def check_group(definition: CompiledDefinition, step: str) -> None:
    """Raise Invalid where the group of a step could never be met: a definition that was deployed
    before such a group was refused may have one."""
    group = groups_of(definition).get(step)
    if group is not None and group.spare < 0:
        said = {"group": group.name, "required": group.required, "total": group.total}
        words = _("group %(group)s asks for %(required)d of %(total)d")
        raise Invalid.field("/subCase/requiredCount", words % said)


@dataclasses.dataclass(slots=True)
class GroupCount:
    """How a group of a case stands, and how it does after each end that is added."""

    group: Group
    met: bool
    newest: dict[str, str] = dataclasses.field(default_factory=dict)
    completed: list[str] = dataclasses.field(default_factory=list)

    def add(self, item: PlanItem) -> None:
        """Count how a step stands."""
        if item.status == PlanItemStatus.COMPLETED:
            self.completed.append(item.binding)
        self.newest[item.binding] = str(item.status)

    @property
    def done(self) -> int:
        """How many are done: each step once, however often it fired, unless the group is larger
        than it has steps."""
        several = self.group.total > len(self.group.steps)
        return len(self.completed if several else set(self.completed))

    @property
    def failed(self) -> int:
        """How many steps were not done, by the last try of each."""
        return sum(status in _NOT_DONE for status in self.newest.values())

    @property
    def can_do_without(self) -> bool:
        """Whether it is met, or still can be."""
        return self.met or self.failed <= self.group.spare

    @property
    def why_not(self) -> str:
        """The sentence of a group that cannot be met any more."""
        said = {
            "group": self.group.name, "failed": self.failed, "total": self.group.total,
            "required": self.group.required,
        }  # fmt: skip
        words = _(
            "group %(group)s can no longer be met: %(failed)d of %(total)d were not done, and"
            " %(required)d are required"
        )
        return words % said


def counted(
    case: Case, definition: CompiledDefinition, ending: Collection[PlanItem]
) -> dict[str, GroupCount]:
    """Return the groups of these items, by step, as they stood before these ended: one query."""
    groups = groups_of(definition)
    wanted = {groups[item.binding].name for item in ending if item.binding in groups}
    if not wanted:
        return {}
    counts = {
        group.name: GroupCount(group, group.name in case.groups_met) for group in groups.values()
    }
    ids = {item.id for item in ending}
    steps = [step for step, group in groups.items() if group.name in wanted]
    for item in _items(case, steps):
        if item.id not in ids:
            counts[groups[item.binding].name].add(item)
    return {step: counts[groups[step].name] for step in steps}


def may_fire(
    case: Case,
    definition: CompiledDefinition,
    bindings: Sequence[Binding],
    *,
    met: Iterable[Group],
    again: Collection[str],
    ended: Iterable[PlanItem],
) -> list[Binding]:
    """Return those of bindings that their groups allow to fire: none of a group that was met and
    cancels the rest, and none that was not done, unless it is tried `again`.

    `met`: groups that are met by what has `ended` just now.
    """
    targets = ((each.name, each.target) for each in bindings)
    asked = {name for name, it in targets if isinstance(it, SubCase) and it.group_id is not None}
    if not asked:
        return list(bindings)
    groups = groups_of(definition)
    over = {*case.groups_met, *(group.name for group in met)}
    newest = {item.binding: str(item.status) for item in _items(case, sorted(asked))}
    newest |= {item.binding: str(item.status) for item in ended}
    barred = {
        name
        for name in asked
        if (groups[name].cancels and groups[name].name in over)
        or (newest.get(name) in _NOT_DONE and name not in again)
    }
    return [each for each in bindings if each.name not in barred]


def _items(case: Case, steps: Collection[str]) -> Iterable[PlanItem]:
    rows = PlanItem.objects.filter(
        tenant_id=case.tenant_id, case_id=case.id, binding__in=steps
    )  # fmt: skip
    return rows.only("id", "binding", "status").order_by("created_at", "id")
