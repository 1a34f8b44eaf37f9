"""Reads of plans and runs. Every function runs in the caller's tenant scope."""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db.models import Count, Q, QuerySet, Subquery
from django.db.models.fields.json import KeyTransform
from django.utils.translation import gettext as _

from accounts.acting import ActingUser
from compensation.attempt_reasons import NEW_ATTEMPTS
from compensation.lifecycle import (
    DONE_STEPS,
    FAILED_STEPS,
    LIVE_RUNS,
    PLAN_OPERATION,
    UNDER_WAY,
    StepStatus,
)
from compensation.models import (
    CompensationAttempt,
    CompensationPlan,
    CompensationRun,
    CompensationStep,
)
from compensation.subject import is_undoable, undoable
from ledger.errors import NotFound
from ledger.selectors import Entry, all_entries, open_entries
from ledger.statements import fetched
from verbs import catalogue
from verbs.row_reading import read
from verbs.shell import Verb
from verbs.subject import Ref, all_subjects
from web.counts import bounded_count

_COUNTED = ("done", "failed", "waiting", "remaining", "total")


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is; `done + failed + waiting + remaining == total`."""

    done: int
    failed: int
    waiting: int
    remaining: int
    total: int
    #: Of those that failed, what somebody decided to leave as it is.
    given_up: int = 0

    def to_json(self) -> dict[str, int]:
        """Return `undo_progress`."""
        return {name: getattr(self, name) for name in _COUNTED}


@dataclasses.dataclass(frozen=True, slots=True)
class StepWithAttempts:
    """A step with every attempt made for it, by id and not by time."""

    step: CompensationStep
    attempts: Sequence[Any]
    #: The newest attempt at undoing its original, of whatever run.
    last: CompensationAttempt | None = None

    @property
    def error(self) -> str:
        """Why it failed: of its own undo, what is known of that by now."""
        wanted = self.step.compensation_id
        own = [each for each in self.attempts if getattr(each, "compensation_id", "") == wanted]
        said = own[-1].error if own and self.step.status == StepStatus.FAILED else ""
        return said or self.step.error


@dataclasses.dataclass(frozen=True, slots=True)
class RunWithSteps:
    """A run with its steps in the order of undoing, and its progress."""

    run: CompensationRun
    steps: Sequence[StepWithAttempts]
    progress: Progress


def given_up(found: RunWithSteps) -> dict[uuid.UUID, Entry]:
    """Return the entries that say why originals of a run stay as they are, by original: two
    queries, and none where nothing was given up. It may have been at the original itself."""
    return given_up_in(found, decided(found))


def decided(found: RunWithSteps, begun_of: Ref | None = None) -> list[Entry]:
    """Return the entries with which steps of a run were given up, and those with which attempts at
    undoing `begun_of` began, oldest first: two queries, and none where there is neither."""
    steps = [each.step for each in found.steps if each.step.status == StepStatus.ABANDONED]
    if not steps and begun_of is None:
        return []
    run = found.run
    wanted = Q(
        subject_type__in={run.subject_type, *(step.original_type for step in steps)},
        subject_id__in=[run.id, *{step.original_id for step in steps}],
        action__in=["compensation_abandoned", "compensation_step_abandoned"],
    )
    if begun_of is not None:
        type_, id_ = begun_of
        wanted |= Q(subject_type=type_, subject_id=id_, action__in=sorted(NEW_ATTEMPTS))
    return open_entries(all_entries(run.tenant_id).filter(wanted).order_by("at", "id"))


def given_up_in(found: RunWithSteps, entries: Iterable[Entry]) -> dict[uuid.UUID, Entry]:
    """Return those of the entries that say why originals of a run stay, by original."""
    originals = {
        each.step.original_id for each in found.steps if each.step.status == StepStatus.ABANDONED
    }
    by_original: dict[uuid.UUID, Entry] = {}
    for entry in entries:
        undoing = (entry.compensation or {}).get("undoing") or {}
        original = uuid.UUID(undoing["id"]) if undoing else entry.subject_id
        is_of_it = entry.action not in NEW_ATTEMPTS and original in originals
        if entry.payloads.get("reason") and is_of_it:
            by_original[original] = entry
    return by_original


def attempts_of(originals: Sequence[Any]) -> list[CompensationAttempt]:
    """Return every attempt at undoing any of these rows, oldest first."""
    return attempts_at({row.tenant_id for row in originals}, {row.id for row in originals})


def attempts_at(
    tenants: Collection[uuid.UUID], ids: Collection[uuid.UUID]
) -> list[CompensationAttempt]:
    """Return every attempt at undoing any of these originals, oldest first."""
    if not ids:
        return []
    rows = CompensationAttempt.objects.filter(tenant_id__in=tenants, original_id__in=ids)
    return list(rows.order_by("original_id", "round", "number"))


def run_ref(run_id: uuid.UUID) -> Ref:
    """Return how a run is named where things of many kinds are."""
    return CompensationRun.subject_type, run_id


_UNDONE = """
WITH RECURSIVE tree AS (
    SELECT id, id AS top FROM compensation_compensationrun
    WHERE tenant_id = %(tenant)s AND id = ANY(%(runs)s)
    UNION ALL
    SELECT r.id, tree.top FROM compensation_compensationrun r
    JOIN tree ON r.parent_run_id = tree.id WHERE r.tenant_id = %(tenant)s)
SELECT tree.top, s.original_type, s.original_id
FROM tree JOIN compensation_compensationstep s
    ON s.tenant_id = %(tenant)s AND s.run_id = tree.id
WHERE s.status = ANY(%(done)s)
"""


def undone_in(tenant_id: uuid.UUID, run_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[Ref]]:
    """Return what each of some runs undid, itself or by those below it, by an attempt of its own
    or on somebody's word: one statement."""
    done = [str(StepStatus.DONE), str(StepStatus.RESOLVED)]
    given = {"tenant": tenant_id, "runs": list(run_ids), "done": done}
    found: dict[uuid.UUID, list[Ref]] = {}
    for run_id, type_, id_ in fetched(_UNDONE, given) if run_ids else ():
        if is_undoable(type_):
            found.setdefault(run_id, []).append((type_, id_))
    return found


def finishers(tenant_id: uuid.UUID, refs: Iterable[Ref]) -> dict[uuid.UUID, uuid.UUID | None]:
    """Return who did pieces of work, by their ids: one narrow query for each kind of them."""
    wanted: dict[str, list[uuid.UUID]] = {}
    for type_, id_ in refs:
        wanted.setdefault(type_, []).append(id_)
    return dict(
        itertools.chain.from_iterable(
            fetched(_who_finished(type_), [tenant_id, ids]) for type_, ids in wanted.items()
        )
    )


@functools.cache
def _who_finished(type_: str) -> str:
    kind = undoable(type_)
    table = kind.model._meta.db_table
    return f"SELECT id, {kind.finisher} FROM {table} WHERE tenant_id = %s AND id = ANY(%s)"  # noqa: S608  -- names of the model


def plan(tenant_id: uuid.UUID, plan_id: uuid.UUID) -> CompensationPlan:
    """Return one plan. Raises NotFound."""
    found = read(CompensationPlan, "r.tenant_id = %s AND r.id = %s", [tenant_id, plan_id])
    if not found:
        raise NotFound(_("There is no such plan."))
    plan_: CompensationPlan = found[0]
    return plan_


def plan_with(tenant_id: uuid.UUID, plan_id: uuid.UUID, **beside: Any) -> CompensationPlan:
    """Return one plan with what is to be read `beside` it, for its page. Raises NotFound."""
    rows = CompensationPlan.objects.filter(tenant_id=tenant_id, id=plan_id)
    found = rows.annotate(**beside).first()
    if found is None:
        raise NotFound(_("There is no such plan."))
    return found


def runs(tenant_id: uuid.UUID) -> QuerySet[CompensationRun]:
    """Return every run of the tenant, newest first."""
    rows = CompensationRun.objects.filter(tenant_id=tenant_id)
    return rows.order_by("-started_at", "-id")


def run(tenant_id: uuid.UUID, run_id: uuid.UUID) -> CompensationRun:
    """Return one run. Raises NotFound."""
    found = runs(tenant_id).filter(id=run_id).first()
    if found is None:
        raise NotFound(_("There is no such run."))
    return found


def runs_in(tenant_id: uuid.UUID, whole_id: uuid.UUID) -> list[CompensationRun]:
    """Return the runs in a whole, about it or about one of its pieces, newest first; `excluded` is
    what the plan of each left out."""
    excluded = KeyTransform("excluded", "plan__content")
    return list(runs(tenant_id).filter(whole_id=whole_id).annotate(excluded=excluded))


def live_steps_in(tenant_id: uuid.UUID, whole_id: uuid.UUID) -> list[CompensationStep]:
    """Return the steps of the newest run under way in a whole, in the order of undoing."""
    newest = runs(tenant_id).filter(whole_id=whole_id, status__in=LIVE_RUNS).values("id")[:1]
    rows = CompensationStep.objects.filter(tenant_id=tenant_id, run_id=Subquery(newest))
    return sorted(rows, key=lambda step: step.place)


def trail_of(tenant_id: uuid.UUID, run_id: uuid.UUID) -> list[CompensationStep]:
    """Return the steps of a run in the order of undoing, with what says how they stand."""
    rows = CompensationStep.objects.filter(tenant_id=tenant_id, run_id=run_id).only(
        "n",
        "original_type",
        "original_id",
        "original_name",
        "completion_seq",
        "undo_order",
        "status",
        "mode",
        "spec",
        "ended_at",
    )
    return sorted(rows, key=lambda step: step.place)


def live_runs(tenant_id: uuid.UUID) -> QuerySet[CompensationRun]:
    """Return the root runs of the tenant that are under way."""
    return CompensationRun.objects.filter(
        tenant_id=tenant_id, status__in=LIVE_RUNS, parent_run__isnull=True
    )


def live_count(acting_user: ActingUser) -> int:
    """Return how many rollbacks are under way, as far as they are counted."""
    rows = runs(acting_user.tenant_id).filter(status__in=LIVE_RUNS)
    return bounded_count(rows)


def preview_verbs() -> list[Verb[Any]]:
    """Return the verb that makes a plan of each kind of thing that has one, in lock order."""
    return [
        verb
        for subject in all_subjects()
        for verb in catalogue.verbs_of(subject.subject_type)
        if verb.operation is PLAN_OPERATION
    ]


def run_of_plan(plan: CompensationPlan) -> CompensationRun | None:
    """Return the run that executes or executed a plan, if any."""
    return runs(plan.tenant_id).filter(plan_id=plan.id).first()


def runs_at(
    plan: CompensationPlan, root: uuid.UUID | None
) -> tuple[CompensationRun | None, CompensationRun | None]:
    """Return the run that a plan was executed as, and the live one that is in its way, of the tree
    of `root` or of its subject: one query."""
    about = {"about_type": plan.subject_type, "about_id": plan.subject_id}
    slot = Q(root_id=root) if root is not None else Q(**about)
    in_the_way = slot & Q(status__in=LIVE_RUNS, parent_run__isnull=True)
    found = runs(plan.tenant_id).filter(Q(plan_id=plan.id) | in_the_way)
    own, others = None, None
    for each in found:
        own, others = (each, others) if each.plan_id == plan.id else (own, each)
    return own, others


def with_steps(
    listed: Sequence[CompensationRun], *, without: Sequence[str] = ()
) -> list[RunWithSteps]:
    """Return runs with steps, attempts and progress: two queries, however many they are. Of steps
    the columns `without` are not read."""
    rows: dict[uuid.UUID, list[CompensationStep]] = {}
    by_id = {each.id: each for each in listed}
    tenants = {each.tenant_id for each in listed}
    found = CompensationStep.objects.filter(tenant_id__in=tenants, run_id__in=list(by_id))
    for step in found.defer(*without):
        step.run = by_id[step.run_id]
        rows.setdefault(step.run_id, []).append(step)
    tries = _tries([step for steps in rows.values() for step in steps])
    return [_with_steps(each, rows.get(each.id, []), tries) for each in listed]


def with_its_steps(tenant_id: uuid.UUID, run_id: uuid.UUID) -> RunWithSteps:
    """Return the same of one run that nobody has read yet, without its own words. Raises NotFound
    for one without steps."""
    found = CompensationStep.objects.filter(tenant_id=tenant_id, run_id=run_id)
    apart = ("reason", "regulatory_basis", "stopped_error")
    steps = list(found.select_related("run").defer(*(f"run__{each}" for each in apart)))
    if not steps:
        raise NotFound(_("There is no such step."))
    for step in steps:
        step.run = steps[0].run
    return _with_steps(steps[0].run, steps, _tries(steps))


def one_with_steps(run_row: CompensationRun) -> RunWithSteps:
    """Return one run with steps, attempts and progress."""
    return with_steps([run_row])[0]


def _tries(steps: Sequence[CompensationStep]) -> dict[uuid.UUID, list[Any]]:
    """Return the attempts at undoing the originals of steps, by original."""
    tries: dict[uuid.UUID, list[Any]] = {}
    tenants = {step.tenant_id for step in steps}
    for attempt in attempts_at(tenants, {step.original_id for step in steps}):
        tries.setdefault(attempt.original_id, []).append(attempt)
    return tries


def _with_steps(
    run_row: CompensationRun, steps: list[CompensationStep], tries: dict[uuid.UUID, list[Any]]
) -> RunWithSteps:
    shown = [
        StepWithAttempts(
            step,
            # Those of its run, and the one it adopted.
            [
                each
                for each in tries.get(step.original_id, ())
                if each.run_id == step.run_id or each.compensation_id == step.compensation_id
            ],
            next(reversed(tries.get(step.original_id, ())), None),
        )
        for step in sorted(steps, key=lambda step: step.place)
    ]
    return RunWithSteps(run_row, shown, progress(steps))


def progress(steps: Sequence[CompensationStep]) -> Progress:
    """Count a run's steps. A step that a person abandoned counts as failed: its effect stays."""
    return _counted(collections.Counter(str(step.status) for step in steps))


def progress_of(tenant_id: uuid.UUID, run_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Progress]:
    """Return how far each of these runs is, in one query that reads no step."""
    steps = CompensationStep.objects.filter(tenant_id=tenant_id, run_id__in=list(run_ids))
    counts: dict[uuid.UUID, collections.Counter[str]] = {
        id_: collections.Counter() for id_ in run_ids
    }
    for run_id, status, number in steps.values_list("run_id", "status").annotate(n=Count("id")):
        counts[run_id][str(status)] = number
    return {run_id: _counted(each) for run_id, each in counts.items()}


def _counted(states: collections.Counter[str]) -> Progress:
    done, failed, waiting = (
        sum(states[status] for status in kind) for kind in (DONE_STEPS, FAILED_STEPS, UNDER_WAY)
    )
    total = states.total()
    remaining = total - done - failed - waiting
    return Progress(done, failed, waiting, remaining, total, states[StepStatus.ABANDONED.value])
