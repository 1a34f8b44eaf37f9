"""What a case has done, with the cases below it that its rollback undoes, however deep.

Read level by level, each in as many statements as there are kinds of work: never case by case.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any

from cases.actions.open_work import lock_open_work
from cases.actions.sub_case_parts import done_in, nests, places_of, sub_case_part
from cases.definitions import CompiledDefinition, undo_policy
from cases.models import Case, PlanItem
from cases.selectors import compiled_all
from compensation.locking import lock_many, lock_rows
from compensation.planning import Part
from compensation.subject import part_of, read_rows
from verbs.row_reading import read

_ITEMS = "r.tenant_id = %s AND r.case_id = ANY(%s) AND r.target_id IS NOT NULL"


@dataclasses.dataclass(slots=True)
class _Tree:
    """Cases by id, with their plan items, definitions and work."""

    items: dict[uuid.UUID, list[PlanItem]] = dataclasses.field(default_factory=dict)
    cases: dict[uuid.UUID, Case] = dataclasses.field(default_factory=dict)
    definitions: dict[uuid.UUID, CompiledDefinition] = dataclasses.field(default_factory=dict)
    rows: dict[uuid.UUID, Any] = dataclasses.field(default_factory=dict)
    done: set[uuid.UUID] = dataclasses.field(default_factory=set)


def parts_with_below(case: Case, *, lock: bool) -> list[Part]:
    """Return every piece of a case's forward work, and each case below it with its own.

    `lock`: the case is locked. Then so are the cases below that would be undone, and what is open
    in them and in the case, before it is asked what has been done there: nothing can be finished
    in between and be called undone. What was finished in a case below is read: nobody but a
    rollback changes it, and of these there is one in a tree.
    """
    tree = _Tree(cases={case.id: case})
    _descend(tree, case, lock=lock)
    if lock and len(tree.cases) > 1:
        lock_open_work(case)
    below = [id_ for id_ in tree.cases if id_ != case.id]
    tree.done = done_in(case, below)
    own = [item.work for item in tree.items[case.id] if not item.is_case]
    tree.rows = (lock_rows if lock else read_rows)(case.tenant_id, own)
    others = [i.work for id_ in below for i in tree.items.get(id_, ()) if not i.is_case]
    if others:
        tree.rows |= read_rows(case.tenant_id, others)
    return _parts(tree, case)


def _descend(tree: _Tree, case: Case, *, lock: bool) -> None:
    """Read the levels of a tree from the root to the leaves, and lock their cases if asked."""
    level: Sequence[Case] = [case]
    while level:
        items = read(PlanItem, _ITEMS, [case.tenant_id, [row.id for row in level]])
        for row in level:
            tree.items[row.id] = []
        for item in items:
            tree.items[item.case_id].append(item)
        definitions = {row.definition_id for row in level} - set(tree.definitions)
        if definitions:
            tree.definitions |= compiled_all(case.tenant_id, definitions)
        level = _below(tree, case, items, lock=lock)


def _below(tree: _Tree, case: Case, items: Sequence[PlanItem], *, lock: bool) -> list[Case]:
    """Return the cases of these plan items that would be undone; all are known to the tree."""
    steps = {item.target_id: item for item in items if item.is_case and item.target_id}
    if not steps:
        return []
    ids = list(steps)
    rows = (
        lock_many(Case, Case.subject_type, case.tenant_id, ids)
        if lock
        else read(Case, "r.tenant_id = %s AND r.id = ANY(%s)", [case.tenant_id, ids])
    )
    tree.cases |= {row.id: row for row in rows}
    return [row for row in rows if nests(row, _binding(tree, steps[row.id]).reversibility)]


def _binding(tree: _Tree, item: PlanItem) -> Any:
    return tree.definitions[tree.cases[item.case_id].definition_id].binding(item.binding)


def _parts(tree: _Tree, case: Case) -> list[Part]:
    found, places = [], places_of(tree.items[case.id])
    for item in tree.items[case.id]:
        _type, id_ = item.work
        if not item.is_case:
            found.append(part_in_case(item, tree.rows[id_], tree.definitions[case.definition_id]))
            continue
        row = tree.cases[id_]
        below = _parts(tree, row) if id_ in tree.items else ()
        found.append(
            sub_case_part(
                item, row, _binding(tree, item), done=id_ in tree.done, below=below,
                place=places[item.id],
            )
        )  # fmt: skip
    return found


def part_in_case(item: PlanItem, row: Any, definition: CompiledDefinition) -> Part:
    """Return one plan item's work. In a case, what nobody declared is not undone by guesswork."""
    binding = definition.binding(item.binding)
    return part_of(
        row, undo_policy(definition, binding), name=item.binding, undo=binding.compensate or "",
        order=binding.compensation_order,
        aliases=(str(item.id),),
    )  # fmt: skip
