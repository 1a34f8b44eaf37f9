"""Everything the page of a case says, read once: the same queries for a case of any size.

Runs in the tenant's scope.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.html import format_html, strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.selectors import Person
from cases import selectors
from cases.case_chain import nodes_of
from cases.case_progress import CaseProgress, progress_of_steps
from cases.case_work import CaseWork
from cases.declared_values import schema_of_context
from cases.definitions import CompiledDefinition, needs, undo_policy
from cases.fault_words import of_step, why_it_failed
from cases.lifecycle import OPEN_ITEMS, ROLLING_BACK, CaseStatus, PlanItemStatus
from cases.models import Case, PlanItem
from cases.subject import NAMED as CASES
from cases.subject import CaseFacts
from compensation.lifecycle import LIVE_RUNS
from compensation.models import CompensationRun, CompensationStep
from compensation.news import is_problem, is_quiet, newest, told
from compensation.run_context import RunContext, actors_of, asked_by_name, run_description
from compensation.selectors import RunWithSteps, StepWithAttempts, given_up, progress, runs_in
from compensation.sentences import few, sentence, title_of
from compensation.subject import is_undoable
from executions import selectors as executions
from executions.lifecycle import ExecutionStatus
from executions.subject import NAMED as EXECUTIONS
from ledger.selectors import Entry, entries_of_case
from verbs.subject import Description, Ref
from web.graph import Figure
from web.templatetags.amends import label_of
from web.values import (
    Reader,
    is_identifier,
    is_person,
    members_of,
    properties_of,
    reader_of,
    value_words,
)
from workitems import chain as drawing
from workitems import selectors as work_items
from workitems.around.case_reports import reports_of, with_reports
from workitems.subject import WORK_ITEM as TASKS
from workitems.subject import describe_item

# What undoes it tells the same, and who did that.
_TOLD_BY_UNDO = frozenset({"compensation_started", "compensation_completed"})
# The rollback's own entries tell the same.
_QUIET = frozenset({"rollback_started", "rollback_settled", "compensation_resumed"})


#: In these a case is what a rollback made of it.
UNDOING = frozenset({*ROLLING_BACK, CaseStatus.COMPENSATED, CaseStatus.PARTIALLY_COMPENSATED})
# Values of so many characters tell something on one line.
_TELLING, _MOST_TELLING = 40, 3


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
    #: Who reads it, with everybody whom the page names.
    reader: Reader
    #: What is declared of the values of its context.
    schema: Mapping[str, Any]
    #: How far it is.
    progress: CaseProgress

    @property
    def named(self) -> dict[uuid.UUID, Person]:
        """Everybody whom the page names."""
        return self.reader.actors

    @property
    def undoing(self) -> RunContext | None:
        """The rollback its work is shown with: one that is live, or that made it what it is."""
        if self.newest is None:
            return None
        live = self.newest.found.run.status in LIVE_RUNS
        return self.newest if live or self.case.status in UNDOING else None

    @property
    def above(self) -> Description | None:
        """The case that this one is a part of, if it is."""
        id_ = self.case.parent_id
        return None if id_ is None else self.described.get((Case.subject_type, id_))

    @property
    def past_runs(self) -> list[CompensationRun]:
        """The rollbacks that its work is not shown with, newest first."""
        if self.newest is None or self.undoing is not None:
            return self.others
        return [self.newest.found.run, *self.others]

    @property
    def work(self) -> CaseWork:
        """Its work, and what becomes of it."""
        return CaseWork(self.items, self.rows, self.described, self.named, self.undoing)

    @property
    def telling(self) -> list[SafeString]:
        """The most telling values of the context, for one line: short ones, people by name, the
        rest as its schema declares it, with its title."""
        found = []
        for name, label, value, schema in members_of(self.case.context, self.schema):
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                continue
            words = value_words(value, schema, self.reader, name)
            text = strip_tags(words)
            person = isinstance(value, str) and self.reader.person(
                value, declared=is_person(schema)
            )
            if 0 < len(text) <= _TELLING and (person or not is_identifier(text)):
                number = not isinstance(value, str)
                found.append(format_html("{} {}", label, words) if number else words)
        return found[:_MOST_TELLING]

    @property
    def invalidated(self) -> list[str]:
        """What of the context was undone since."""
        own = properties_of(self.schema)
        return [_title(own.get(key)) or title_of(key) for key in self.case.invalidated]

    @property
    def waits(self) -> dict[str, Any] | None:
        """`waits` of the page: what a running case with nothing open waits for."""
        busy = any(item.status in OPEN_ITEMS for item in self.items)
        if busy or self.case.status != CaseStatus.RUNNING or self.case.stopped_since:
            return None
        found = needs(self.definition, self.case.context)
        if found is None:
            return None
        return {
            "missing": [(path, _path_words(path, self.schema)) for path in found.missing],
            "looks_at": [(path, _path_words(path, self.schema)) for path in found.looks_at],
            "steps": [title_of(name) for name in found.steps],
            "ends": found.ends,
        }

    @property
    def undeclared(self) -> list[str]:
        """Bindings of finished work that nobody declared an undo for."""
        return [
            item.binding
            for item in self.items
            if item.target_id is not None and not item.is_case
            for row in [self.rows[item.target_id]]
            if item.status == PlanItemStatus.COMPLETED
            and not row.policy
            and undo_policy(self.definition, self.definition.binding(item.binding)) is None
            and row.reversibility in {"compensable", "unspecified"}
        ]

    @property
    def summary(self) -> str:
        """How far a case is that is not being rolled back, as a sentence."""
        if self._has_failed:
            said = why_it_failed(self.case.fault).sentence
            later = _("When the case goes on, it fails, and what was done is undone.")
            return said if self.case.status == CaseStatus.FAULTED else f"{said} {later}"
        if not self.items:
            return _("Nothing has started yet.")
        done = sum(item.completion_seq is not None for item in self.items)
        waiting = sum(item.status in OPEN_ITEMS for item in self.items)
        parts = [ngettext("%(n)s step done", "%(n)s steps done", done) % {"n": few(done)}]
        if waiting:
            parts.append(ngettext("%(n)s open", "%(n)s open", waiting) % {"n": few(waiting)})
        return sentence(", ".join(parts)) + "."

    @property
    def _has_failed(self) -> bool:
        """Whether it has failed; of one on hold, whether it will once it goes on."""
        failed = self.case.status in {CaseStatus.FAULTED, CaseStatus.SUSPENDED}
        return failed and bool(self.case.fault)

    @property
    def technical(self) -> list[tuple[str, str]]:
        """What stands folded for whoever wrote the definition, word for word: the title of the step
        ("" for the case), and what was stored."""
        told = {
            (title_of(item.binding), text)
            for item in self.items
            if item.error and (text := of_step(item.binding, item.error).technical)
        }
        own = why_it_failed(self.case.fault).technical if self._has_failed else ""
        said = {text for _title, text in told}
        return ([("", own)] if own and own not in said else []) + sorted(told)

    @property
    def _in_doubt(self) -> list[Any]:
        return [
            row
            for row in self.rows.values()
            if row.status == ExecutionStatus.UNCERTAIN and row.undoes_id is None
        ]

    @property
    def unclear(self) -> list[dict[str, Any]]:
        """The steps of which nobody knows whether they happened, and where that is settled."""
        return [
            {"title": title_of(row.binding), "url": self.described[row.subject_type, row.id].url}
            for row in self._in_doubt
        ]

    @property
    def facts(self) -> CaseFacts:
        """What its verbs must know beside it, from what was read."""
        found = CaseFacts(self.case)
        # Where `cached_property` keeps what it has read.
        found.__dict__["unclear"] = [executions.awaited(row.binding, row) for row in self._in_doubt]
        return found

    @property
    def timeline(self) -> list[dict[str, Any]]:
        """Its entries as a person would tell them on its own page: without its name."""
        names = {Case.subject_type: _("this case"), "compensation_run": _("the rollback")}
        itself = {ref: names[ref[0]] for ref in self.described if ref[0] in names}
        return told(self.entries, described=self.described, named=self.named, itself=itself)

    def figure(self, *, label: str, table_url: str) -> Figure | None:
        """Return the drawing of the case, with what its live rollback has planned."""
        found = drawing.build_chain(self.case.tenant_id, self.rows.values(), ())
        found = drawing.with_forward(found, nodes_of(self.items))
        if self.newest is not None and self.newest.found.run.status in LIVE_RUNS:
            steps = [each.step for each in self.newest.found.steps]
            found = drawing.with_planned(found, steps)
        if not found.nodes:
            return None
        return drawing.figure(found, label=label, table_url=table_url, described=self.described)


def case_context(
    case: Case, me: uuid.UUID, *, operates: bool, problems_only: bool = False
) -> CaseContext:
    """Read what the page of a case says to an actor."""
    items = list(selectors.plan_items(case.tenant_id, case.id))
    asked_of = work_items.with_candidates(work_items.in_case(case.tenant_id, case.id))
    tasks = list(with_reports(asked_of))
    work: list[Any] = [*tasks, *executions.of_case(case.tenant_id, case.id)]
    rows = {row.id: row for row in work}
    runs = runs_in(case.tenant_id, case.id)
    last = next((run for run in runs if run.about_whole), None)
    entries = _entries(case, problems_only=problems_only)
    described = _described(case, rows.values(), runs)
    for other in selectors.beside(case, items).values():
        described[Case.subject_type, other.id] = CASES.of(other)
    began = set() if last is None else {last.requested_by_id}
    found = None if last is None else _with_steps(last, rows.values())
    stays = {} if found is None else given_up(found)
    said = {actor for entry in (*entries, *stays.values()) for actor in entry.people}
    actors = began | said | actors_of(rows.values())
    definition = selectors.compiled_of(case.tenant_id, case.definition_id)
    schema = schema_of_context(definition)
    asked = {"username": [] if found is None else asked_by_name(found)}
    reader = reader_of(case.tenant_id, me, asked, actors=actors, under=[(case.context, schema)])
    named = reader.actors
    panel = None
    if found is not None:
        panel = RunContext(found, described, named, rows, operates, stays, called=reader.people)
    others = [run for run in runs if run is not last]
    return CaseContext(
        case, items, rows, definition, panel, others, entries, described, reader, schema,
        progress_of_steps(items, reports_of(tasks)),
    )  # fmt: skip


def _with_steps(run: CompensationRun, rows: Iterable[Any]) -> RunWithSteps:
    """Return a run with its steps; an attempt is known by the task or execution it opened."""
    undos: dict[uuid.UUID, list[Any]] = {}
    for row in rows:
        if row.undoes_id is not None:
            undos.setdefault(row.undoes_id, []).append(row)
    steps = sorted(
        CompensationStep.objects.filter(tenant_id=run.tenant_id, run_id=run.id),
        key=lambda step: step.place,
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
    found = {(row.subject_type, row.id): _page_of(row) for row in rows}
    found["case", case.id] = CASES.of(case)
    for run in runs:
        about = found.get((run.about_type, run.about_id))
        what = about.title if about else case.name
        found["compensation_run", run.id] = run_description(run.id, str(run.status), what)
    return found


def _page_of(row: Any) -> Description:
    """Describe a row that was read: a piece of the case is called by its step."""
    if row.subject_type == TASKS.subject_type:
        title = title_of(row.binding) if row.binding else row.title
        return describe_item(row.id, title, str(row.status), row.kind)
    return EXECUTIONS.of(row)


def _entries(case: Case, *, problems_only: bool) -> list[Entry]:
    """Return what is told of a case and all its parts, newest first."""
    return newest(
        entry
        for entry in entries_of_case(case.tenant_id, case.id)
        if not (entry.subject_type == Case.subject_type and entry.action in _QUIET)
        and not (
            entry.action in _TOLD_BY_UNDO
            and is_undoable(entry.subject_type)
            and entry.actor_type == "SYSTEM"
        )
        and not is_quiet(entry)
        and (is_problem(entry) or not problems_only)
    )


def _path_words(path: str, schema: Any) -> str:
    """Return a path of the context as people read it: `credit_check.outcome`; what has a title is
    called by it."""
    words = []
    for key in path.split("."):
        schema = properties_of(schema).get(key)
        words.append(_title(schema) or label_of(key).lower())
    return ", ".join(words)


def _title(schema: Any) -> str:
    return str(schema.get("title") or "") if isinstance(schema, Mapping) else ""
