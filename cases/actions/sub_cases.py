"""Sub-cases: steps that are cases of their own, seen from the case above. Engine only.

See ADR 0024. The case above opens them, in its own transaction; nobody writes upwards: what became
of one is news in the lane of the case above, which reads it without a lock.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from cases.actions.awaited_cases import release
from cases.actions.changes import change_case
from cases.actions.milestone_moves import dues_of_opening
from cases.actions.open import unasked
from cases.actions.open_work import OpenWork
from cases.actions.step_schedules import first_moments
from cases.actions.sub_case_groups import Group, check_group
from cases.definitions import CompiledDefinition, SubCase
from cases.lifecycle import OPEN_ITEMS, CaseStatus, PlanItemStatus, PlanItemType
from cases.models import Case, CaseDefinition, PlanItem
from cases.numbers import next_number, prefix_of
from cases.plan_state import work_of
from cases.selectors import compiled_of, versions
from cases.versions import default_of, precedence
from compensation.counters import next_completion
from compensation.locking import lock_many
from compensation.subject import Cause
from ledger.clock import now
from ledger.errors import Invalid
from ledger.ids import new_id
from ledger.statements import fetched
from verbs.move import Moves

#: So many cases may stand above one.
MOST_ABOVE = 20
#: So many may stand below one root.
MOST_IN_TREE = 1_000
GROUP_MET = "So many as its group asks for are done without it."
_FIELD = "/subCase"
_ABOVE = """
WITH RECURSIVE above AS (
    SELECT c.parent_id, c.definition_id, 1 AS place FROM cases_case c
    WHERE c.tenant_id = %(tenant)s AND c.id = %(case)s
    UNION ALL
    SELECT c.parent_id, c.definition_id, a.place + 1 FROM above a
    JOIN cases_case c ON c.tenant_id = %(tenant)s AND c.id = a.parent_id
    WHERE a.place <= %(most)s)
SELECT count(*), count(*) FILTER (WHERE d.namespace = %(namespace)s AND d.name = %(name)s),
    (SELECT count(*) FROM cases_case t
     WHERE t.tenant_id = %(tenant)s AND t.root_id = %(root)s AND t.parent_id IS NOT NULL)
FROM above a JOIN cases_casedefinition d
    ON d.tenant_id = %(tenant)s AND d.id = a.definition_id
"""
# What became of a sub-case, by its status; in all others it has not ended.
_ENDINGS = {
    CaseStatus.COMPLETED: PlanItemStatus.COMPLETED,
    CaseStatus.FAULTED: PlanItemStatus.FAULTED,
    CaseStatus.CANCELLED: PlanItemStatus.CANCELLED,
    # Undone before it was done: nothing of it will ever come.
    CaseStatus.COMPENSATED: PlanItemStatus.CANCELLED,
    CaseStatus.PARTIALLY_COMPENSATED: PlanItemStatus.CANCELLED,
}
# A step that failed is tried again in one of these, and not by another.
_TRIED_AGAIN = frozenset({CaseStatus.RUNNING, CaseStatus.SUSPENDED, CaseStatus.FAULTED})
_SAID = {
    PlanItemStatus.COMPLETED: "sub_case_completed",
    PlanItemStatus.FAULTED: "sub_case_failed",
    PlanItemStatus.CANCELLED: "sub_case_cancelled",
}


@dataclasses.dataclass(frozen=True, slots=True)
class NewSubCase:
    """A case to be opened for a step; `waits`: the case above waits for its end."""

    id: uuid.UUID
    definition: CaseDefinition
    context: dict[str, Any]
    step: str
    waits: bool


def new_sub_case(
    case: Case, definition: CompiledDefinition, step: str, target: SubCase, context: dict[str, Any]
) -> NewSubCase:
    """Return the case that a step opens. Raises Invalid with the sentence why it cannot."""
    check_group(definition, step)
    namespace = target.namespace or definition.namespace
    rows = versions(case.tenant_id, namespace, target.name)
    if not rows:
        said = _("no case definition %(name)s is deployed")
        raise Invalid.field(_FIELD, said % {"name": f"{namespace}/{target.name}"}, code="unknown")
    found = _meant(rows, target.version)
    _check_depth(case, found, target.max_recursion_depth)
    broken = unasked(found, context)
    if broken:
        said = _("What it is opened with does not fit %(name)s.")
        raise Invalid(said % {"name": str(found)}, errors=broken)
    waits = target.wait_for_completion or target.group_id is not None
    return NewSubCase(new_id(), found, context, step, waits)


def _meant(rows: Sequence[CaseDefinition], version: str | None) -> CaseDefinition:
    """Return the version that is named, or else the highest."""
    if version is not None:
        wanted = precedence(version)
        exact = next((row for row in rows if row.version == version), None)
        alike = next((row for row in rows if precedence(row.version) == wanted), None)
        if exact or alike:
            return exact or alike or rows[0]
    return default_of(rows)


def _check_depth(case: Case, found: CaseDefinition, most: int | None) -> None:
    """Raise Invalid where another one would stand too deep, or be one too many.

    Two of one tree that open at the same moment do not see each other: the bound of the tree is one
    against growth without end, and may be passed by as many as open at once.
    """
    ((above, alike, below),) = fetched(
        _ABOVE,
        {
            "tenant": case.tenant_id, "case": case.id, "root": case.root_id, "most": MOST_ABOVE,
            "namespace": found.namespace, "name": found.name,
        },
    )  # fmt: skip
    said = {"name": found.key, "most": most, "house": MOST_ABOVE, "tree": MOST_IN_TREE}
    if most is not None and alike > most:
        words = _("%(name)s would stand in itself more than %(most)s deep (maxRecursionDepth)")
        raise Invalid.field(_FIELD, words % said, code="too_deep")
    if above > MOST_ABOVE:
        words = _("%(name)s would stand more than %(house)s cases deep")
        raise Invalid.field(_FIELD, words % said, code="too_deep")
    if below >= MOST_IN_TREE:
        words = _("more than %(tree)s cases would stand below one")
        raise Invalid.field(_FIELD, words % said, code="too_many")


def numbers_for(news: Iterable[NewSubCase]) -> dict[uuid.UUID, str]:
    """Draw the numbers of new cases, by id.

    In the order of their prefixes: two engines that draw several never wait for each other.
    """
    at = now()
    patterns = {
        new.id: compiled_of(new.definition.tenant_id, new.definition.id).case_number for new in news
    }
    ordered = sorted(patterns.items(), key=lambda each: (prefix_of(each[1], at), each[0]))
    tenants = {new.id: new.definition.tenant_id for new in news}
    return {id_: next_number(tenants[id_], pattern, at) for id_, pattern in ordered}


def open_sub_case(case: Case, new: NewSubCase, number: str, *, cause: Cause, moves: Moves) -> None:
    """Open a case below a locked one, with an entry of both."""
    found = new.definition
    kind = f"{found.key} {found.version}"
    entry = change_case(
        case, "sub_case_opened", moves=moves, cause=cause, also={"has_children": True},
        payloads={"step": new.step, "case": str(new.id), "definition": kind},
    )  # fmt: skip
    child = Case(
        id=new.id,
        tenant_id=case.tenant_id,
        definition=found,
        number=number,
        title=found.title or found.name,
        context=new.context,
        parent_id=case.id,
        root_id=case.root_id,
        awaited=new.waits,
        opened_by_id=cause.by.id,
        created_at=now(),
    )
    moves.insert(
        child, "opened", by=cause.by, caused_by=entry.ref,
        payloads={
            "number": number, "title": child.title, "context": new.context,
            "definition": kind, "parent": str(case.id),
        },
    )  # fmt: skip
    definition = compiled_of(case.tenant_id, found.id)
    moves.add_many(dues_of_opening(child, definition))
    moves.add_many(first_moments(child, definition))


def end_of(row: Case, to_status: str) -> PlanItemStatus | None:
    """Return how the step of a sub-case has ended, by how that stands now; None: it goes on.

    `to_status`: what its news says of it, for one that was closed before anybody heard.
    """
    status = to_status if row.status == CaseStatus.CLOSED else row.status
    return _ENDINGS.get(CaseStatus(status))


def draw_completion(case: Case, item: PlanItem) -> None:
    """Draw the number of a sub-case that is done: its place in the order of the case above."""
    if item.status == PlanItemStatus.COMPLETED and item.completion_seq is None:
        item.completion_seq = next_completion(case.id, case.tenant_id)


def tell_end(case: Case, item: PlanItem, *, cause: Cause, moves: Moves) -> None:
    """Enter on a locked case how one below it has ended."""
    said = {"step": item.binding, "case": str(item.target_id)}
    change_case(
        case, _SAID[PlanItemStatus(item.status)], moves=moves, cause=cause, payloads=said,
        completion_seq=item.completion_seq,
    )  # fmt: skip


def open_below(case: Case) -> list[tuple[PlanItem, Case]]:
    """Return the open steps of a case that are sub-cases, with these as committed now."""
    items = list(
        PlanItem.objects.filter(
            tenant_id=case.tenant_id, case_id=case.id, type=PlanItemType.SUB_CASE,
            status__in=OPEN_ITEMS,
        )
    )  # fmt: skip
    rows = work_of(items)
    return [(item, rows[item.work[1]]) for item in items]


def goes_on_below(failed: Sequence[PlanItem]) -> list[tuple[PlanItem, Case]]:
    """Return those of failed steps that are tried again in the sub-case they have: what is done
    there is not done once more."""
    items = [item for item in failed if item.is_case and item.target_id is not None]
    rows = work_of(items)
    return [
        (item, rows[item.work[1]]) for item in items if rows[item.work[1]].status in _TRIED_AGAIN
    ]


def reopen(case: Case, item: PlanItem, row: Case, *, cause: Cause, moves: Moves) -> None:
    """Wait for a sub-case again; where it has failed, it is tried again too."""
    for child in lock_many(Case, Case.subject_type, case.tenant_id, [row.id]):
        if child.status == CaseStatus.FAULTED:
            entry = change_case(
                child, "retried", moves=moves, cause=cause, step=child.retry,
                also={"fault": "", "ended_at": None, "held_by": None},
            )  # fmt: skip
            if child.has_children:
                # What was held with it before it failed goes on with it.
                moves.record()
                release(child, cause=Cause(cause.by, entry.ref))
    item.status, item.error, item.ended_at = PlanItemStatus.ACTIVE, "", None
    item.case_version = case.version
    moves.save(item, ("status", "error", "ended_at", "case_version"))


def meet_group(
    case: Case, group: Group, rest: OpenWork | None, *, cause: Cause, moves: Moves
) -> None:
    """Enter on a locked case that a group is met, once and for all, and call off its open rest."""
    entry = change_case(
        case, "group_met", moves=moves, cause=cause,
        also={"groups_met": sorted({*case.groups_met, group.name})},
        payloads={"group": group.name, "required": group.required, "total": group.total},
    )  # fmt: skip
    if rest is not None:
        moves.record()
        rest.call_off(cause=Cause(cause.by, entry.ref), reason=GROUP_MET)
