"""What a case has done, with the cases below it that its rollback undoes, however deep.

Read level by level, each in as many statements as there are kinds of work: never case by case.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from cases.actions.open_work import lock_open_work_of
from cases.actions.sub_case_parts import begun_after, done_in, nests, places_of, sub_case_part
from cases.definitions import CompiledDefinition, undo_policy
from cases.lifecycle import CANCELLABLE
from cases.models import Case, PlanItem
from cases.selectors import compiled_all
from compensation.locking import lock_many, lock_rows
from compensation.planning import SEQ_OF_UNORDERED, Part
from compensation.subject import part_of, read_rows
from verbs.row_reading import read

_ITEMS = "r.tenant_id = %s AND r.case_id = ANY(%s) AND r.target_id IS NOT NULL"
_ABOVE = """r.tenant_id = %(tenant)s AND r.id = ANY(ARRAY(
    WITH RECURSIVE above AS (
        SELECT c.parent_id FROM cases_case c
        WHERE c.tenant_id = %(tenant)s AND c.id = %(case)s
        UNION ALL
        SELECT c.parent_id FROM above a
        JOIN cases_case c ON c.tenant_id = %(tenant)s AND c.id = a.parent_id)
    SELECT parent_id FROM above WHERE parent_id IS NOT NULL))"""


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
    in them and in the case, waited for or not, before it is asked what has been done there: nothing
    can be finished in between and be called undone. What was finished in a case below is read:
    nobody but a rollback changes it, and of these there is one in a tree.
    """
    tree = _Tree(cases={case.id: case})
    _descend(tree, [case], lock=lock)
    if lock and len(tree.cases) > 1:
        lock_open_work_of(case, _unawaited(tree, case))
    below = [id_ for id_ in tree.cases if id_ != case.id]
    tree.done = done_in(case, below)
    own = [item.work for item in tree.items[case.id] if not item.is_case]
    tree.rows = (lock_rows if lock else read_rows)(case.tenant_id, own)
    others = [i.work for id_ in below for i in tree.items.get(id_, ()) if not i.is_case]
    if others:
        tree.rows |= read_rows(case.tenant_id, others)
    return _parts(tree, case)


def later_above(case: Case) -> list[Part]:
    """Return what the cases above a case have done after it: what was finished later than the step
    that it, or the case above it, is there, and what has no place in that order yet; of a step that
    has none itself, all but what had been finished when it began. Each with what is below it.

    Nothing is locked, and nothing read where none is above. Else it is one statement, and those of
    a plan, once for all that are above.
    """
    if case.parent_id is None:
        return []
    above = read(Case, _ABOVE, {"tenant": case.tenant_id, "case": case.id})
    tree = _Tree(cases={row.id: row for row in (*above, case)})
    path = set(tree.cases)
    _descend(tree, above, lock=False)
    tree.done = done_in(case, set(tree.cases) - path)
    work = [item.work for items in tree.items.values() for item in items if not item.is_case]
    tree.rows = read_rows(case.tenant_id, work)
    return [part for row in above for part in _later(tree, row, path)]


def _later(tree: _Tree, above: Case, path: Collection[uuid.UUID]) -> list[Part]:
    """Return what one case above has done after the step of which the case is on the path."""
    items = tree.items[above.id]
    step = next(item for item in items if item.target_id in path)
    place = step.completion_seq
    if place is None:
        place = begun_after(step, items)
    others = _parts(tree, above, but=step)
    return [part for part in others if part.seq == SEQ_OF_UNORDERED or part.seq > place]


def _descend(tree: _Tree, level: Sequence[Case], *, lock: bool) -> None:
    """Read the levels of a tree from here to the leaves, and lock the cases below if asked."""
    while level:
        case = level[0]
        items = read(PlanItem, _ITEMS, [case.tenant_id, [row.id for row in level]])
        for row in level:
            tree.items[row.id] = []
        for item in items:
            tree.items[item.case_id].append(item)
        definitions = {row.definition_id for row in level} - set(tree.definitions)
        if definitions:
            tree.definitions |= compiled_all(case.tenant_id, definitions)
        level = _below(tree, case, items, lock=lock)


def _unawaited(tree: _Tree, case: Case) -> list[Case]:
    """Return the cases below that go on although nobody waits for them, and would be undone."""
    rows = [row for id_, row in tree.cases.items() if id_ in tree.items and id_ != case.id]
    return [row for row in rows if not row.awaited and row.status in CANCELLABLE]


def _below(tree: _Tree, case: Case, items: Sequence[PlanItem], *, lock: bool) -> list[Case]:
    """Return the cases of these plan items that would be undone, and were not known to the tree;
    all are then."""
    steps = {
        item.target_id: item
        for item in items
        if item.is_case and item.target_id and item.target_id not in tree.cases
    }
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


def _parts(tree: _Tree, case: Case, *, but: PlanItem | None = None) -> list[Part]:
    items = tree.items[case.id]
    found, places = [], places_of(items)
    for item in items:
        if item is but:
            continue
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
                begun_after=_begun_after(item, items),
            )
        )  # fmt: skip
    return found


def _begun_after(item: PlanItem, items: Sequence[PlanItem]) -> int:
    return SEQ_OF_UNORDERED if item.completion_seq is not None else begun_after(item, items)


def part_in_case(item: PlanItem, row: Any, definition: CompiledDefinition) -> Part:
    """Return one plan item's work. In a case, what nobody declared is not undone by guesswork."""
    binding = definition.binding(item.binding)
    return part_of(
        row, undo_policy(definition, binding), name=item.binding, undo=binding.compensate or "",
        order=binding.compensation_order,
        aliases=(str(item.id),),
    )  # fmt: skip
