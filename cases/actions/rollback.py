"""What a case is to undoing: a whole, whose work is rolled back as one (`WholeSubject`).

All functions run in the run's transaction, with the case locked.
"""

from __future__ import annotations

import dataclasses
import functools
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from django.db.models import OuterRef, Subquery

from cases.actions.changes import fault_case, plan_items_of, save_case
from cases.actions.deciding import result_of
from cases.actions.firing import why_failed
from cases.actions.forward import change_context
from cases.actions.open_work import call_off_if_forsaken, cancel_open_work, cancel_unawaited
from cases.actions.stopping import refuse_while_stopped
from cases.actions.sub_case_parts import open_sub_cases
from cases.actions.tree_parts import part_in_case
from cases.definitions import (
    CapabilityCall,
    CompiledDefinition,
    ContextChange,
    ExpressionFailed,
    HumanTask,
    context_after,
    input_for,
    names_of,
)
from cases.fault_words import UNDONE_IN_DOUBT
from cases.lifecycle import OPEN_ITEMS, CaseStatus, PlanItemStatus, PlanItemType
from cases.models import Case, PlanItem
from cases.plan_state import work_named
from cases.selectors import compiled_all, compiled_of
from compensation.actions import whole_moves
from compensation.errors import AlreadyCompensated, CaseClosed
from compensation.lifecycle import THROWN, AttemptOutcome, CompensationState
from compensation.models import CompensationAttempt
from compensation.plan_scope import leaves_rest
from compensation.planning import UNDO_OUTCOMES, Part, UndoRequest
from compensation.selectors import live_runs
from compensation.sentences import INPUT_UNKNOWN
from compensation.subject import Awaited, Cause, Standing, read_rows, undoable
from executions.selectors import awaited as awaited_execution
from ledger.clock import now, rfc3339
from ledger.durations import format_duration
from ledger.errors import Conflict, Refusal
from ledger.statements import fetched
from verbs.move import sharing
from verbs.row_reading import Beside, read_behind

# By the undo's own word, or by that of a person about it.
_UNDONE = frozenset({AttemptOutcome.DONE, AttemptOutcome.ATTESTED})
ROLLED_BACK = "rolled back"
_FIELDS = ("payload", "outcome", "resolution", "input", "output", "before", "after")


def standings(tenant_id: uuid.UUID, case_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Standing]:
    """Return how these cases stand in the way of undoing one of their items, in one query."""
    live = live_runs(tenant_id).filter(root_id=OuterRef("root_id")).values("id")[:1]
    rows = Case.objects.filter(tenant_id=tenant_id, id__in=list(case_ids))
    found = rows.annotate(live=Subquery(live)).only("status", "stopped_since")
    return {
        row.id: Standing(row.status == CaseStatus.CLOSED, row.live, refuse_while_stopped(row))
        for row in found
    }


def barred(case: Case) -> Refusal | None:
    """Return why nothing of a case may be undone: it is closed, or undone as a whole."""
    extra = {"current_status": str(case.status)}
    if case.status == CaseStatus.CLOSED:
        return CaseClosed(extra=extra)
    if case.status == CaseStatus.COMPENSATED:
        return AlreadyCompensated(extra=extra)
    return None


def part(case: Case, row: Any) -> Part | None:
    """Return one piece of a case's forward work; None for what is none (an undo task)."""
    item = plan_items_of(case).filter(target_id=row.id).first()
    return (
        None
        if item is None
        else part_in_case(item, row, compiled_of(case.tenant_id, case.definition_id))
    )


def undo_bound(rows: Sequence[Any]) -> set[uuid.UUID]:
    """Return which of these pieces of cases an undo binding undoes: two queries at most."""
    definitions: dict[uuid.UUID, CompiledDefinition] = {}
    for tenant_id in {row.tenant_id for row in rows}:
        cases = Case.objects.filter(tenant_id=tenant_id, id__in={row.case_id for row in rows})
        of = dict(cases.values_list("id", "definition_id"))
        known = compiled_all(tenant_id, of.values())
        definitions |= {id_: known[definition_id] for id_, definition_id in of.items()}
    return {
        row.id
        for row in rows
        if row.binding and definitions[row.case_id].binding(row.binding).compensate
    }


faulted = functools.partial(whole_moves.faulted, save_case)
goes_on = functools.partial(whole_moves.goes_on, save_case)


def started(case: Case, run: Any, rows: Mapping[uuid.UUID, Any], *, cause: Cause) -> None:
    """Turn the case COMPENSATING and call off what it has open in scope."""
    recorded = whole_moves.started(save_case, case, run, cause=cause)
    because = cause.after(recorded.ref)
    if not leaves_rest(run.plan.scope):
        cancel_open_work(case, cause=because, reason=ROLLED_BACK, rows=rows)
    for ids in _undone_below(run):
        cancel_unawaited(case, ids, cause=because, reason=ROLLED_BACK)


def _undone_below(run: Any) -> Iterator[list[uuid.UUID]]:
    """Yield the cases below that a run undoes, each as a step, level by level from the top: what
    went on in one of them until its own run begins would not be in the plan it has by now."""
    steps = run.plan.content["steps"]
    while below := [step for step in steps if step["original"]["type"] == Case.subject_type]:
        yield [uuid.UUID(step["original"]["id"]) for step in below]
        steps = [inner for step in below for inner in step["nested"]["steps"]]


def ended(case: Case, run: Any, *, partial: bool, bare: bool, cause: Cause) -> None:
    """Its run is over: bring the case where it belongs (DESIGN §6, Ends). `bare`: what stays is no
    more than what nobody declared an undo for."""
    also = {"prior_status": "", "ended_at": now()}
    whole, thrown = run.plan.scope["kind"] == "whole", run.trigger in THROWN
    # A step that throws speaks of what its author declared an undo for.
    partial = partial and not (thrown and bare)
    step: Callable[[], object] = case.settle_compensated
    if not partial and (run.resume_after if thrown else not whole):
        # Where it was, and ended when it had ended; with the case above on hold, as that is.
        resumes = run.resume_after and case.held_by is None
        step = functools.partial(case.settle_back, resume=resumes)
        del also["ended_at"]
    elif partial or not whole:
        step = case.settle_partially
    settled = save_case(
        case, "rollback_settled", cause=cause, step=step, also=also,
        compensation={"run": str(run.id)},
    )  # fmt: skip
    call_off_if_forsaken(case, cause=cause.after(settled.ref))


def open_work(case: Case) -> list[tuple[str, Any]]:
    """Return what is open in the case and would be called off, oldest first, as (type, row)."""
    items = list(plan_items_of(case).filter(status__in=OPEN_ITEMS).order_by("created_at", "id"))
    own = [item for item in items if not item.is_case]
    rows = read_rows(case.tenant_id, (item.work for item in own))
    return open_sub_cases(case, items) + [
        (item.type, rows[item.work[1]])
        for item in own
        if item.target_id in rows and undoable(item.type).is_open(rows[item.work[1]])
    ]


def awaited(case: Case) -> list[Awaited]:
    """Return the programs that owe a result, oldest first: dispatched ones, and those whose result
    the engine has yet to take in."""
    items = plan_items_of(case).filter(type=PlanItemType.EXECUTION, status__in=OPEN_ITEMS)
    owed = list(items.order_by("created_at", "id"))
    rows = read_rows(case.tenant_id, (item.work for item in owed))
    return [awaited_execution(item.binding, rows[item.work[1]]) for item in owed]


def request(case: Case, row: Any, plain: UndoRequest) -> UndoRequest:
    """Return what the undo of a piece is told, in a run or by itself: what its undo binding says.

    Whoever asks for a person instead of the binding's program, or the reverse, does without it.
    Raises Conflict when the binding's input is no object or cannot be computed.
    """
    definition = compiled_of(case.tenant_id, case.definition_id)
    name = definition.binding(row.binding).compensate if row.binding else None
    target = None if name is None else definition.binding(name).target
    if name is None or not isinstance(target, HumanTask | CapabilityCall):
        return plain
    if isinstance(target, CapabilityCall) != (plain.mode == "automated"):
        return plain
    given = {"original": _original(row), "context": case.context, "reason": plain.reason}
    try:
        value = input_for(target, given)
    except ExpressionFailed as problem:
        raise _no_input(why_failed(problem)) from problem
    if not isinstance(value, dict):
        raise _no_input(f"{name}: the inputMapping must give an object")
    if isinstance(target, CapabilityCall):
        return dataclasses.replace(plain, binding=name, task_input=value)
    return dataclasses.replace(
        plain,
        binding=name,
        task_input=value,
        title=target.title,
        outcomes=names_of(target.outcomes) or UNDO_OUTCOMES,
        resolution_schema=dict(target.resolution_schema) if target.resolution_schema else None,
        form=target.form,
        priority=target.priority,
        due_in=format_duration(target.expires_in) if target.expires_in else "",
    )


def _no_input(said: str) -> Conflict:
    return Conflict(f"{INPUT_UNKNOWN} {said}", code="undo_input_failed")


def _original(row: Any) -> dict[str, Any]:
    """Return `original` as an undo binding's inputMapping sees it; what does not apply is null."""
    kind = undoable(row.subject_type)
    by, at = kind.finished_by(row), kind.finished_at(row)
    return {
        "type": row.subject_type,
        "id": str(row.id),
        "name": row.binding,
        **{field: getattr(row, field, None) for field in _FIELDS},
        "completed_by": str(by) if by else None,
        "completed_at": rfc3339(at) if at else None,
        "completion_seq": row.completion_seq,
    }


def pieces(case: Case, ids: Collection[uuid.UUID]) -> Callable[[], dict[uuid.UUID, PlanItem]]:
    """Read the plan items of this work by its ids, right behind the next statement; an undo has
    none."""
    where = "r.tenant_id = %s AND r.case_id = %s AND r.target_id = ANY(%s)"
    items = read_behind(PlanItem, where, [case.tenant_id, case.id, list(ids)], _STATED_SINCE)
    return lambda: {item.work[1]: item for item in items()}


def heard(
    case: Case,
    item: PlanItem | None,
    row: Any,
    attempt: CompensationAttempt | None,
    *,
    cause: Cause,
) -> None:
    """The undo of a piece moved: show it on the plan item; once undone, mark what it had stated.

    A key that a later step has stated since, and that still stands, is that step's. Where the undo
    itself changed the context of a RUNNING case, the engine hears of it: bindings answer to that.
    """
    if item is None or item.compensation_state == row.compensation_state:
        return
    item.compensation_state = row.compensation_state
    undone = row.compensation_state == CompensationState.COMPENSATED
    if undone and item.status in OPEN_ITEMS and not item.is_case:
        # Undone as if it had happened: no result of it will ever come, and nothing goes on by
        # itself (of a case below its own end is heard). A case that is not being rolled back fails
        # with that, and can be tried again.
        item.status, item.ended_at, item.error = PlanItemStatus.FAULTED, now(), UNDONE_IN_DOUBT
        item.completion_seq = row.completion_seq
        fault_case(case, f"{item.binding}: {item.error}", cause=cause, moves=cause.moves)
    fields = ["compensation_state", "status", "ended_at", "completion_seq", "error"]
    with sharing(cause.moves) as own:
        own.save(item, fields)
    if not undone:
        return
    change, problem = ContextChange(dict(case.context)), ""
    try:
        change = _after_undo(case, item, row, attempt)
    except ExpressionFailed as failed:
        # The undo itself stands; only what it reports could not be taken over.
        problem = why_failed(failed)
    others = {*change.stated, *(_stated_since(item) if item.written else ())}
    undone = [key for key in item.written if key not in others]
    change_context(
        case, change, cause=cause, step=item.binding, invalidated=undone, problem=problem,
        moves=cause.moves,
    )  # fmt: skip


# By its result, or as it fired: then that has not come yet, or never will.
_LATER = f"""
SELECT DISTINCT jsonb_array_elements_text(p.written) FROM cases_planitem p
WHERE p.tenant_id = {{tenant}} AND p.case_id = {{case}}
  AND (coalesce(p.taken_version, p.case_version), coalesce(p.completion_seq, {2**63 - 1}))
    > ({{written}}, {{seq}})
  AND p.compensation_state <> '{CompensationState.COMPENSATED}'
"""  # noqa: S608  -- own words
_LATER_OF_ONE = _LATER.format(tenant="%s", case="%s", written="%s", seq="%s")
# Beside an item whose undo is under way: it is asked for when that is over.
_STATED_SINCE = Beside(
    f""", CASE WHEN r.compensation_state = '{CompensationState.COMPENSATING}'
        AND r.ended_at IS NOT NULL AND r.written <> '[]' THEN ARRAY({_LATER.format(
            tenant="r.tenant_id", case="r.case_id",
            written="coalesce(r.taken_version, r.case_version)",
            seq="coalesce(r.completion_seq, 0)",
        )}) END AS stated_since""",
    "",
)  # fmt: skip


def _stated_since(item: PlanItem) -> set[str]:
    """Return the keys that later work of the case, which was not undone, has stated."""
    known: list[str] | None = vars(item).get("stated_since")
    if known is not None:
        return set(known)
    written = item.case_version if item.taken_version is None else item.taken_version
    given = [item.tenant_id, item.case_id, written, item.completion_seq or 0]
    return {key for (key,) in fetched(_LATER_OF_ONE, given)}


def _after_undo(
    case: Case, item: PlanItem, row: Any, attempt: CompensationAttempt | None
) -> ContextChange:
    """Return the context after the undo binding's outputMapping, if it has one."""
    definition = compiled_of(case.tenant_id, case.definition_id)
    name = definition.binding(item.binding).compensate
    binding = None if name is None else definition.binding(name)
    mapping = None if binding is None else binding.target.output_mapping
    if binding is None or mapping is None or attempt is None or attempt.outcome not in _UNDONE:
        return ContextChange(dict(case.context))
    found = work_named(case.tenant_id, attempt.compensation_type, [attempt.compensation_id])
    undo = next(iter(found), None)
    if undo is None or undo.compensation_state != row.compensation_state:
        return ContextChange(dict(case.context))
    deep = binding.conflict_strategy == "DEEP_MERGE"
    return context_after(case.context, result_of(undo), mapping=mapping, undo=True, deep=deep)
