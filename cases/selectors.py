"""Reads of definitions, cases, plans and runs. Every function runs in the caller's tenant scope."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from cases.definitions import CompiledDefinition
from cases.lifecycle import (
    DONE_STEPS,
    FAILED_STEPS,
    LIVE_RUNS,
    UNDER_WAY,
    CaseStatus,
    StepStatus,
)
from cases.models import (
    Case,
    CaseDefinition,
    CompensationPlan,
    CompensationRun,
    CompensationStep,
    PlanItem,
)
from cases.originals import read_many
from compensation.actions import attempts_of
from ledger.errors import NotFound
from ledger.selectors import Entry, entries_of, entries_of_case
from workitems.runs import Standing

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations


class Live(TypedDict):
    """What `cases` adds to each row: the run that is live in it."""

    live_run: uuid.UUID | None
    live_status: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is; `done + failed + waiting + remaining == total`."""

    done: int
    failed: int
    waiting: int
    remaining: int
    total: int

    def to_json(self) -> dict[str, int]:
        """Return `undo_progress`."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, slots=True)
class ShownStep:
    """A step with every attempt made for it, by id and not by time."""

    step: CompensationStep
    attempts: Sequence[Any]


@dataclasses.dataclass(frozen=True, slots=True)
class ShownRun:
    """A run with its steps in the order of undoing, and its progress."""

    run: CompensationRun
    steps: Sequence[ShownStep]
    progress: Progress


def definitions() -> QuerySet[CaseDefinition]:
    """Return every deployed version, newest first."""
    return CaseDefinition.objects.order_by("-created_at", "-id")


def definition(namespace: str, name: str, version: str) -> CaseDefinition:
    """Return one deployed version. Raises NotFound."""
    found = CaseDefinition.objects.filter(namespace=namespace, name=name, version=version).first()
    if found is None:
        raise NotFound("There is no such definition.")
    return found


def compiled(row: CaseDefinition) -> CompiledDefinition:
    """Return a deployed version as the engine uses it."""
    return CompiledDefinition.from_json(row.compiled)


def cases() -> QuerySet[WithAnnotations[Case, Live]]:
    """Return every case, newest first, with its definition.

    `live_run` and `live_status` are the id and the status of the run that is live in it, or None.
    """
    live = _live().filter(root_case_id=OuterRef("root_id"))
    return (
        Case.objects.select_related("definition")
        .annotate(
            live_run=Subquery(live.values("id")[:1]),
            live_status=Subquery(live.values("status")[:1]),
        )
        .order_by("-created_at", "-id")
    )


def case(case_id: uuid.UUID) -> WithAnnotations[Case, Live]:
    """Return one case as `cases` does. Raises NotFound."""
    found = cases().filter(id=case_id).first()
    if found is None:
        raise NotFound("There is no such case.")
    return found


def plan_items(case_id: uuid.UUID) -> list[PlanItem]:
    """Return a case's plan items in the order in which they were opened."""
    return list(PlanItem.objects.filter(case_id=case_id).order_by("created_at", "id"))


def progress_of_cases(case_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, tuple[int, int]]:
    """Return (completed, opened) plan items of each case, in one query."""
    rows = PlanItem.objects.filter(case_id__in=list(case_ids)).values("case_id")
    counted = rows.annotate(done=Count("id", filter=Q(status="COMPLETED")), total=Count("id"))
    return {row["case_id"]: (row["done"], row["total"]) for row in counted}


def targets(items: Sequence[PlanItem]) -> dict[uuid.UUID, Any]:
    """Return the work items and executions behind plan items, by id, one query for each kind."""
    return read_many((item.type, item.target_id) for item in items)


def timeline(case_id: uuid.UUID, *, limit: int = 500) -> list[Entry]:
    """Return the newest `limit` entries of a case and all its parts, oldest first."""
    return entries_of_case(case_id, limit=limit)


def history(case_id: uuid.UUID) -> list[Entry]:
    """Return the entries of the case itself, oldest first."""
    return entries_of("case", case_id)


def plan(plan_id: uuid.UUID) -> CompensationPlan:
    """Return one plan. Raises NotFound."""
    found = CompensationPlan.objects.filter(id=plan_id).first()
    if found is None:
        raise NotFound("There is no such plan.")
    return found


def runs() -> QuerySet[CompensationRun]:
    """Return every run, newest first."""
    return CompensationRun.objects.select_related("plan").order_by("-started_at", "-id")


def run(run_id: uuid.UUID) -> CompensationRun:
    """Return one run. Raises NotFound."""
    found = runs().filter(id=run_id).first()
    if found is None:
        raise NotFound("There is no such run.")
    return found


def runs_of_case(case_id: uuid.UUID) -> list[CompensationRun]:
    """Return the runs in a case, newest first."""
    return list(runs().filter(case_id=case_id))


def standings(case_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Standing]:
    """Return how these cases stand in the way of undoing one of their items, by case: one query."""
    found = cases().select_related(None).order_by()
    rows = found.filter(id__in=list(case_ids)).only("id", "status")
    return {row.id: Standing(row.live_run, row.status == CaseStatus.CLOSED) for row in rows}


def live_run_rows(root_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, CompensationRun]:
    """Return the live run of each case tree that has one, by its root: id and status only."""
    rows = _live().filter(root_case_id__in=list(root_ids)).only("root_case_id", "status")
    return {row.root_case_id: row for row in rows if row.root_case_id is not None}


def run_of_plan(plan_id: uuid.UUID) -> CompensationRun | None:
    """Return the run that executes or executed a plan, if any."""
    return runs().filter(plan_id=plan_id).first()


def show_runs(listed: Sequence[CompensationRun]) -> list[ShownRun]:
    """Return runs with steps, attempts and progress: two queries, however many they are."""
    rows: dict[uuid.UUID, list[CompensationStep]] = {}
    for step in CompensationStep.objects.filter(run_id__in=[each.id for each in listed]):
        rows.setdefault(step.run_id, []).append(step)
    originals = {step.original_id for steps in rows.values() for step in steps}
    tries: dict[uuid.UUID, list[Any]] = {}
    for attempt in attempts_of(originals):
        tries.setdefault(attempt.original_id, []).append(attempt)
    return [_shown(each, rows.get(each.id, []), tries) for each in listed]


def show_run(run_row: CompensationRun) -> ShownRun:
    """Return one run with steps, attempts and progress."""
    return show_runs([run_row])[0]


def _live() -> QuerySet[CompensationRun]:
    return CompensationRun.objects.filter(status__in=LIVE_RUNS, parent_run__isnull=True)


def _shown(
    run_row: CompensationRun, steps: list[CompensationStep], tries: dict[uuid.UUID, list[Any]]
) -> ShownRun:
    ordered = sorted(steps, key=_order)
    return ShownRun(
        run_row,
        [ShownStep(step, _made_for(step, tries.get(step.original_id, []))) for step in ordered],
        progress(ordered),
    )


def _order(step: CompensationStep) -> tuple[int, int]:
    return (-(step.completion_seq or 0), step.n)


def _made_for(step: CompensationStep, tries: list[Any]) -> list[Any]:
    """Return the attempts of this step: those of its run, and the one it adopted."""
    return [
        each
        for each in tries
        if each.run_id == step.run_id or each.compensation_id == step.compensation_id
    ]


def progress(steps: Sequence[CompensationStep]) -> Progress:
    """Count a run's steps. A step that a person abandoned counts as failed: its effect stays."""
    states = [StepStatus(step.status) for step in steps]
    done = sum(state in DONE_STEPS for state in states)
    failed = sum(state in FAILED_STEPS for state in states)
    waiting = sum(state in UNDER_WAY for state in states)
    return Progress(done, failed, waiting, len(states) - done - failed - waiting, len(states))
