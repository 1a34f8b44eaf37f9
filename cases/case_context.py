"""Everything the page of a case says, read once: the same queries for a case of any size.

Runs in the tenant's scope.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.selectors import Person, people
from cases import selectors
from cases.case_chain import with_planned
from cases.definitions import CompiledDefinition, undo_policy
from cases.lifecycle import OPEN_ITEMS, PlanItemStatus
from cases.models import Case, PlanItem
from cases.subject import describe_case
from compensation.lifecycle import LIVE_RUNS
from compensation.models import CompensationRun, CompensationStep
from compensation.news import is_problem, is_quiet, newest, told
from compensation.run_context import RunContext, actors_of, run_description
from compensation.selectors import RunWithSteps, StepWithAttempts, progress, runs_in
from compensation.sentences import few, joined, sentence, title_of
from executions import selectors as executions
from executions.lifecycle import ExecutionStatus
from ledger.selectors import Entry, entries_of_case
from verbs.subject import Description, Ref, describe
from web.graph import Figure
from workitems import chain as drawing
from workitems import selectors as work_items

# The rollback's own entries tell the same.
_QUIET = frozenset({"rollback_started", "rollback_settled", "compensation_resumed"})


@dataclasses.dataclass(frozen=True, slots=True)
class CaseContext:
    """A case with its work, its newest rollback, its other rollbacks and its entries.

    `rows`: every work item and execution by id, undoing ones included.
    """

    case: Case
    items: list[PlanItem]
    rows: dict[uuid.UUID, Any]
    definition: CompiledDefinition
    newest: RunContext | None
    others: list[CompensationRun]
    entries: list[Entry]
    described: dict[Ref, Description]
    named: dict[uuid.UUID, Person]

    def plan_items(self, items: Iterable[PlanItem]) -> list[dict[str, Any]]:
        """Return `plan_items` of `cases/detail.html` for some of the items."""
        return [
            _not_begun(item)
            if item.target_id is None
            else self._row(item, self.rows[item.target_id])
            for item in items
        ]

    @property
    def context(self) -> dict[str, Any]:
        """What the case knows, people called by name."""
        names = {str(id_): person.name for id_, person in self.named.items()}
        return {key: _readable(value, names) for key, value in self.case.context.items()}

    @property
    def undeclared(self) -> list[str]:
        """Bindings of finished work that nobody declared an undo for."""
        return [
            item.binding
            for item in self.items
            if item.target_id is not None
            for row in [self.rows[item.target_id]]
            if item.status == PlanItemStatus.COMPLETED
            and not row.policy
            and undo_policy(self.definition, self.definition.binding(item.binding)) is None
            and row.reversibility in {"compensable", "unspecified"}
        ]

    @property
    def summary(self) -> str:
        """How far a case is that is not being rolled back, as a sentence."""
        if self.case.fault and self.case.status == "FAULTED":
            return self.case.fault
        if not self.items:
            return _("Nothing has started yet.")
        done = sum(item.completion_seq is not None for item in self.items)
        waiting = sum(item.status in OPEN_ITEMS for item in self.items)
        parts = [ngettext("%(n)s step done", "%(n)s steps done", done) % {"n": few(done)}]
        if waiting:
            parts.append(ngettext("%(n)s open", "%(n)s open", waiting) % {"n": few(waiting)})
        return sentence(", ".join(parts)) + "."

    @property
    def unclear(self) -> list[dict[str, Any]]:
        """The steps of which nobody knows whether they happened, and where that is settled."""
        return [
            {"title": title_of(row.binding), "url": self.described[row.subject_type, row.id].url}
            for row in self.rows.values()
            if row.status == ExecutionStatus.UNCERTAIN and row.undoes_id is None
        ]

    @property
    def timeline(self) -> list[dict[str, Any]]:
        """`timeline` of the page."""
        return told(self.entries, described=self.described, named=self.named)

    def figure(self, *, label: str, table_url: str) -> Figure | None:
        """Return the drawing of the case, with what its live rollback has planned."""
        found = drawing.build_chain(self.case.tenant_id, self.rows.values(), ())
        if self.newest is not None and self.newest.found.run.status in LIVE_RUNS:
            found = with_planned(found, self.newest.found)
        if not found.nodes:
            return None
        return drawing.figure(found, label=label, table_url=table_url, described=self.described)

    def _row(self, item: PlanItem, row: Any) -> dict[str, Any]:
        at = getattr(row, "completed_at", None) or row.ended_at
        # A plan item follows its work a moment later; what is over is over.
        in_doubt = row.status == ExecutionStatus.UNCERTAIN
        over = item.status in OPEN_ITEMS and row.status in {"COMPLETED", "SUCCEEDED"}
        return {
            "title": title_of(item.binding),
            "url": self.described[item.work].url,
            "type": item.type,
            "type_label": _("Task") if item.type == "work_item" else _("Automatic"),
            "status": str(
                row.status if in_doubt else PlanItemStatus.COMPLETED if over else item.status
            ),
            "status_of": "execution" if in_doubt else "plan_item",
            "compensation_state": row.compensation_state,
            "completion_seq": item.completion_seq,
            "who": self._who(item, row),
            "at": at if isinstance(at, dt.datetime) else None,
            "undoes": None,
        }

    def _who(self, item: PlanItem, row: Any) -> str:
        if item.type == "execution":
            return str(row.capability)
        actor = row.completed_by_id or row.assignee_id
        if actor in self.named:
            return self.named[actor].name
        return joined(sorted(group.name for group in row.candidate_groups.all()))


def _not_begun(item: PlanItem) -> dict[str, Any]:
    """Return the row of a step that could not begin: there is no work to lead to."""
    return {
        "title": title_of(item.binding),
        "url": "",
        "type": item.type,
        "type_label": item.error,
        "status": str(item.status),
        "status_of": "plan_item",
        "compensation_state": item.compensation_state,
        "completion_seq": None,
        "who": "",
        "at": item.ended_at,
        "undoes": None,
    }


def case_context(case: Case, *, operates: bool, problems_only: bool = False) -> CaseContext:
    """Read what the page of a case says."""
    items = list(selectors.plan_items(case.tenant_id, case.id))
    tasks = work_items.in_case(case.tenant_id, case.id)
    tasks = tasks.prefetch_related(None)
    tasks = tasks.prefetch_related(work_items.candidate_groups_of(case.tenant_id))
    work: list[Any] = [*tasks, *executions.of_case(case.tenant_id, case.id)]
    rows = {row.id: row for row in work}
    runs = runs_in(case.tenant_id, case.id)
    last = next((run for run in runs if run.about_whole), None)
    entries = _entries(case, problems_only=problems_only)
    described = _described(case, rows.values(), runs)
    asked = set() if last is None else {last.requested_by_id}
    named = people(
        case.tenant_id, asked | {entry.actor_id for entry in entries} | actors_of(rows.values())
    )
    panel = None
    if last is not None:
        panel = RunContext(_with_steps(last, rows.values()), described, named, rows, operates)
    others = [run for run in runs if run is not last]
    definition = selectors.compiled_of(case.definition_id)
    return CaseContext(case, items, rows, definition, panel, others, entries, described, named)


def _with_steps(run: CompensationRun, rows: Iterable[Any]) -> RunWithSteps:
    """Return a run with its steps; an attempt is known by the task or execution it opened."""
    undos: dict[uuid.UUID, list[Any]] = {}
    for row in rows:
        if row.undoes_id is not None:
            undos.setdefault(row.undoes_id, []).append(row)
    steps = sorted(
        CompensationStep.objects.filter(tenant_id=run.tenant_id, run_id=run.id),
        key=lambda step: (-(step.completion_seq or 0), step.n),
    )
    tried = []
    for step in steps:
        made = undos.get(step.original_id, ())
        own = [undo for undo in made if undo.run_id == run.id or undo.id == step.compensation_id]
        tried.append(StepWithAttempts(step, own))
    return RunWithSteps(run, tried, progress(steps))


def _described(
    case: Case, rows: Iterable[Any], runs: list[CompensationRun]
) -> dict[Ref, Description]:
    found = describe(case.tenant_id, ((row.subject_type, row.id) for row in rows))
    for row in rows:
        if row.subject_type == "execution" and row.binding:
            place = (row.subject_type, row.id)
            found[place] = dataclasses.replace(found[place], title=title_of(row.binding))
    found["case", case.id] = describe_case(case)
    for run in runs:
        about = found.get((run.about_type, run.about_id))
        what = about.title if about else case.name
        found["compensation_run", run.id] = run_description(run.id, str(run.status), what)
    return found


def _entries(case: Case, *, problems_only: bool) -> list[Entry]:
    """Return what is told of a case and all its parts, newest first."""
    return newest(
        entry
        for entry in entries_of_case(case.tenant_id, case.id)
        if not (entry.subject_type == Case.subject_type and entry.action in _QUIET)
        and not is_quiet(entry)
        and (is_problem(entry) or not problems_only)
    )


def _readable(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _readable(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_readable(inner, names) for inner in value]
    return names.get(value, value) if isinstance(value, str) else value
