"""Everything the page of a case says, read once: the same queries for a case of any size."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from accounts.selectors import Person, people
from cases import chain, selectors
from cases.describers import case_description, run_description
from cases.lifecycle import LIVE_RUNS
from cases.models import Case, CompensationRun, CompensationStep
from cases.selectors import ShownRun, ShownStep
from cases.shown.case import CaseWork
from cases.shown.run import RunShown, actors_of
from cases.shown.timeline import case_entries, told
from cases.words import title_of
from executions import selectors as executions
from ledger.selectors import Entry
from web.describers import Description, Subject, describe
from web.graph import Figure
from workitems import chain as drawing
from workitems import selectors as work_items


@dataclasses.dataclass(frozen=True, slots=True)
class Sheet:
    """A case with its work, its newest rollback, its other rollbacks and its entries."""

    work: CaseWork
    rows: list[Any]
    newest: RunShown | None
    others: list[CompensationRun]
    entries: list[Entry]
    described: dict[Subject, Description]
    named: dict[uuid.UUID, Person]

    @property
    def timeline(self) -> list[dict[str, Any]]:
        """`timeline` of the page."""
        return told(self.entries, described=self.described, named=self.named)

    def figure(self, *, label: str, table_url: str) -> Figure | None:
        """Return the drawing of the case, with what its live rollback has planned."""
        found = drawing.build_chain(
            [row for row in self.rows if row.subject_type == "work_item"],
            [row for row in self.rows if row.subject_type == "execution"],
        )
        if self.newest is not None and self.newest.shown.run.status in LIVE_RUNS:
            shown = self.newest.shown
            found = chain.with_planned(found, shown.steps, shown.run)
        if not found.nodes:
            return None
        return drawing.figure(found, label=label, table_url=table_url, described=self.described)


def read(case: Case, *, operates: bool, problems_only: bool = False) -> Sheet:
    """Read the sheet of a case, in the tenant's scope."""
    items = selectors.plan_items(case.id)
    rows = _rows(case.id)
    runs = selectors.runs_of_case(case.id)
    newest = next((run for run in runs if run.about_type == "case"), None)
    shown = None if newest is None else _shown(newest, rows)
    entries = case_entries(case.id, problems_only=problems_only)
    described = _described(case, rows, runs)
    by_id = {row.id: row for row in rows}
    named = people(_actors(rows, shown, entries))
    work = CaseWork(
        case=case,
        items=items,
        rows=by_id,
        described=described,
        named=named,
        definition=selectors.compiled(case.definition),
    )
    panel = None if shown is None else RunShown(shown, described, named, by_id, operates)
    others = [run for run in runs if run is not newest]
    return Sheet(work, rows, panel, others, entries, described, named)


def _rows(case_id: uuid.UUID) -> list[Any]:
    """Return every work item and execution of a case, undoing ones included."""
    items = work_items.in_case(case_id).prefetch_related(None)
    return [*items.prefetch_related("candidate_groups"), *executions.of_case(case_id)]


def _shown(run: CompensationRun, rows: list[Any]) -> ShownRun:
    """Return a run with its steps; an attempt is known by the task or execution it opened."""
    undos: dict[uuid.UUID, list[Any]] = {}
    for row in rows:
        if row.undoes_id is not None:
            undos.setdefault(row.undoes_id, []).append(row)
    steps = sorted(
        CompensationStep.objects.filter(run_id=run.id),
        key=lambda step: (-(step.completion_seq or 0), step.n),
    )
    return ShownRun(
        run,
        [
            ShownStep(
                step,
                [
                    undo
                    for undo in undos.get(step.original_id, ())
                    if undo.run_id == run.id or undo.id == step.compensation_id
                ],
            )
            for step in steps
        ],
        selectors.progress(steps),
    )


def _described(
    case: Case, rows: list[Any], runs: list[CompensationRun]
) -> dict[Subject, Description]:
    found = describe((row.subject_type, row.id) for row in rows)
    for row in rows:
        if row.subject_type == "execution" and row.binding:
            known = found[row.subject_type, row.id]
            found[row.subject_type, row.id] = dataclasses.replace(
                known, title=title_of(row.binding)
            )
    found["case", case.id] = case_description(case.id, case.title, str(case.status))
    for run in runs:
        about = found.get((run.about_type, run.about_id))
        what = about.title if about else case.title
        found["compensation_run", run.id] = run_description(run.id, str(run.status), what)
    return found


def _actors(rows: list[Any], shown: ShownRun | None, entries: list[Entry]) -> set[uuid.UUID]:
    found = {entry.actor_id for entry in entries}
    if shown is not None:
        found |= actors_of(shown, rows)
    return found | {
        actor
        for row in rows
        for actor in (getattr(row, "completed_by_id", None), getattr(row, "assignee_id", None))
        if actor is not None
    }
