"""What the app registers at start: the engine, and cases as something that is rolled back."""

from __future__ import annotations

import dataclasses

from django.utils.translation import gettext_lazy as _

from cases import watched, words
from cases.actions import (
    event_rounds,
    milestone_moves,
    missed_news,
    results_read,
    step_schedules,
    stopping,
    sub_case_news,
    undone_on_fault,
)
from cases.actions.engine import handle
from cases.api import case_shapes
from cases.case_chain import sub_cases_in
from cases.case_search import by_number, cases_called
from cases.declared_values import declared_in_entries
from cases.events import CONTEXT_CHANGED, ENGINE, ENGINE_NEWS, FAULTED, ON_FAULT, SUB_CASES
from cases.lifecycle import CaseStatus
from cases.models import Case
from cases.personal import TABLES, cases_inside
from cases.selectors import undoes_something
from cases.stopped_cases import STOPPED_CASES
from cases.subject import CASE, CASE_DEFINITION
from cases.undo_figures import ROLES
from compensation.actions.previewing import declare_plan_verb
from compensation.api.shapes import PLAN_RESULT
from compensation.events import ENGINE_LANE
from compensation.kept_for_runs import TREES_OF_OPEN_RUNS
from executions import undo_capabilities
from ledger.dispatch.consumer_registry import (
    Announced,
    Consumer,
    register_consumer,
    register_source,
)
from ledger.erasure.personal_data import declare, declare_inside
from ledger.erasure.retention import declare_kept
from ledger.verify import register_guarded
from verbs import subject
from web import decisions, live, nav, search
from web.nav import NavEntry
from workitems import chain


def _is_news(change: Announced) -> bool:
    """Whether an entry may change a case: of the case itself if it is RUNNING then, and no change
    of the context by the engine; of work if it is a step's, not an undo, which no plan item stands
    for."""
    if change.subject_type != Case.subject_type:
        in_case = change.case_id is not None and not change.in_batch
        return in_case and change.compensation is None
    by_undo = change.action != CONTEXT_CHANGED or change.compensation is not None
    return by_undo and change.to_status == CaseStatus.RUNNING


# A dead task of the engine holds its own case, and every undo in it: a case never skips a step.
ENGINE_CONSUMER = Consumer(
    name=ENGINE,
    wants=ENGINE_NEWS.__contains__,
    matters=_is_news,
    handle=handle,
    holds=True,
    lane=ENGINE_LANE,
    stopped=stopping.stopped,
    goes_on=stopping.goes_on,
)
# Chosen by the entry of a sub-case itself, which names the lane too.
SUB_CASE_CONSUMER = Consumer(
    name=SUB_CASES,
    wants=lambda _type: False,
    handle=sub_case_news.hear,
    holds=True,
    lane=ENGINE_LANE,
    stopped=sub_case_news.stopped,
    goes_on=sub_case_news.goes_on,
)
ON_FAULT_CONSUMER = Consumer(
    name=ON_FAULT,
    wants=FAULTED.__eq__,
    handle=undone_on_fault.hear,
    holds=True,
    lane=ENGINE_LANE,
    stopped=undone_on_fault.stopped,
    goes_on=undone_on_fault.goes_on,
)

# A case is at rest with all of its tree: what has ended below is a result of what goes on above.
_TREE_GOES_ON = f"""
EXISTS (SELECT 1 FROM cases_case c WHERE c.tenant_id = e.tenant_id
        AND c.id IN (e.case_id, CASE WHEN e.subject_type = 'case' THEN e.subject_id END)
        AND (c.root_id IN ({TREES_OF_OPEN_RUNS}) OR EXISTS (
            SELECT 1 FROM cases_case t WHERE t.tenant_id = c.tenant_id
            AND (t.id = c.root_id OR (t.root_id = c.root_id AND t.parent_id IS NOT NULL))
            AND t.status NOT IN
                ('COMPLETED', 'CANCELLED', 'COMPENSATED', 'PARTIALLY_COMPENSATED', 'CLOSED'))))
"""  # noqa: S608  -- own words


def register() -> None:
    """Register."""
    declare(*TABLES)
    declare_kept(_TREE_GOES_ON)
    declare_inside(cases_inside)
    whole = dataclasses.replace(
        CASE,
        shape=case_shapes.cases,
        declares=declared_in_entries,
        schema=case_shapes.CaseSchema,
        results={"compensation-plan": PLAN_RESULT},
    )
    subject.register(whole)
    subject.register(dataclasses.replace(CASE_DEFINITION, results={"deploy": case_shapes.DEPLOYED}))
    declare_plan_verb(whole.subject_type)
    undo_capabilities.register(undoes_something)
    chain.register_beside(sub_cases_in)
    decisions.register(STOPPED_CASES)
    search.register("cases", cases_called, order=10)
    search.register_numbered(whole.subject_type, by_number)
    register_consumer(ENGINE_CONSUMER)
    register_consumer(SUB_CASE_CONSUMER)
    register_consumer(ON_FAULT_CONSUMER)
    register_consumer(event_rounds.CONSUMER)
    register_consumer(results_read.CONSUMER)
    for module in (milestone_moves, event_rounds, step_schedules, missed_news):
        register_source(module.SOURCE)
    register_guarded("cases_case", whole.subject_type)
    live.register(*watched.PAGES)
    nav.register(
        NavEntry(key="cases", label=_("Cases"), icon="briefcase", url_name="cases:list", order=20)
    )
    nav.register(
        NavEntry(
            key="undo-figures", label=_("How undoing goes"), icon="chart-column",
            url_name="cases:undo-figures", order=42, roles=ROLES,
        )
    )  # fmt: skip
    words.register()
